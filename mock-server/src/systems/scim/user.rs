//! A user, and the attributes that the service knows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Refused;

pub(super) const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The longest name, in characters.
const LONGEST: usize = 256;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct User {
    pub(super) user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    /// `None` if the service leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) active: Option<bool>,
    /// Counts the changes.
    pub(super) version: u64,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
}

impl Default for User {
    fn default() -> Self {
        User {
            user_name: String::new(),
            external_id: None,
            display_name: None,
            active: Some(true),
            version: 1,
            created: MADE,
            modified: MADE,
        }
    }
}

/// When the users that every world has were made: 2024-01-01T00:00:00Z.
const MADE: Timestamp = Timestamp::constant(1_704_067_200, 0);

/// An attribute that the service knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    UserName,
    ExternalId,
    DisplayName,
    Active,
    /// One that only the service sets.
    ReadOnly,
}

impl Attribute {
    /// The attribute of that name, which is not case-sensitive.
    pub(super) fn of(name: &str) -> Option<Attribute> {
        match attribute(name).to_lowercase().as_str() {
            "username" => Some(Attribute::UserName),
            "externalid" => Some(Attribute::ExternalId),
            "displayname" => Some(Attribute::DisplayName),
            "active" => Some(Attribute::Active),
            "id" | "meta" | "schemas" => Some(Attribute::ReadOnly),
            _ => None,
        }
    }
}

/// The name of an attribute without the schema that it may be written with.
pub(super) fn attribute(name: &str) -> &str {
    let name = name.trim();
    let prefix = name.get(..USER_SCHEMA.len()).filter(|prefix| prefix.eq_ignore_ascii_case(USER_SCHEMA));
    prefix.and_then(|prefix| name[prefix.len()..].strip_prefix(':')).unwrap_or(name)
}

impl User {
    /// An enabled user.
    pub(super) fn of(user_name: &str, display_name: &str, external_id: &str) -> User {
        User {
            user_name: user_name.to_owned(),
            display_name: Some(display_name.to_owned()),
            external_id: Some(external_id.to_owned()),
            ..User::default()
        }
    }

    /// A user as the body of a request has it: all attributes that the service knows, and no others.
    pub(super) fn read(body: &Value) -> Result<User, Refused> {
        let Some(members) = body.as_object() else {
            return Err(Refused::new(400, "invalidSyntax", "the body must be an object"));
        };
        let mut user = User::default();
        for (name, value) in members {
            match Attribute::of(name) {
                Some(Attribute::ReadOnly) | None => {}
                Some(_) if value.is_null() => {}
                Some(attribute) => user.set(attribute, value)?,
            }
        }
        match user.user_name.is_empty() {
            true => Err(Refused::new(400, "invalidValue", "userName is required")),
            false => Ok(user),
        }
    }

    /// Gives an attribute a value.
    pub(super) fn set(&mut self, attribute: Attribute, value: &Value) -> Result<(), Refused> {
        let text = || {
            let text =
                value.as_str().filter(|text| text.chars().count() <= LONGEST && !text.contains(char::is_control));
            let problem = format!("must be a string of at most {LONGEST} characters, none of them a control character");
            text.map(str::to_owned).ok_or_else(|| Refused::new(400, "invalidValue", format!("{attribute:?} {problem}")))
        };
        match attribute {
            Attribute::UserName => match text()? {
                name if name.is_empty() || name.contains(char::is_whitespace) => {
                    let problem = "userName must have a character, and no white space";
                    return Err(Refused::new(400, "invalidValue", problem));
                }
                name => self.user_name = name,
            },
            Attribute::ExternalId => self.external_id = Some(text()?),
            Attribute::DisplayName => self.display_name = Some(text()?),
            Attribute::Active => match value.as_bool() {
                Some(active) => self.active = Some(active),
                None => return Err(Refused::new(400, "invalidValue", "active must be a boolean")),
            },
            Attribute::ReadOnly => return Err(Refused::new(400, "mutability", "only the service sets this attribute")),
        }
        Ok(())
    }

    /// Takes the value of an attribute away.
    pub(super) fn clear(&mut self, attribute: Attribute) -> Result<(), Refused> {
        match attribute {
            Attribute::ExternalId => self.external_id = None,
            Attribute::DisplayName => self.display_name = None,
            Attribute::Active => self.active = None,
            Attribute::UserName => return Err(Refused::new(400, "invalidValue", "userName is required")),
            Attribute::ReadOnly => return Err(Refused::new(400, "mutability", "only the service sets this attribute")),
        }
        Ok(())
    }

    /// The attributes of the user, without those that only the service sets.
    pub(super) fn attributes(&self) -> Map<String, Value> {
        let all = [
            ("userName", Some(Value::from(self.user_name.as_str()))),
            ("externalId", self.external_id.as_deref().map(Value::from)),
            ("displayName", self.display_name.as_deref().map(Value::from)),
            ("active", self.active.map(Value::from)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// Gives a user of a document the name that it may leave out.
    pub(super) fn fill(&mut self, id: &str) {
        if self.user_name.is_empty() {
            self.user_name = format!("user-{id}");
        }
    }

    /// The schema of the attributes.
    pub(super) fn schema() -> Value {
        let attribute = |name: &str, kind: &str, required: bool, uniqueness: &str, description: &str| {
            json!({
                "name": name,
                "type": kind,
                "multiValued": false,
                "description": description,
                "required": required,
                "caseExact": false,
                "mutability": "readWrite",
                "returned": "default",
                "uniqueness": uniqueness,
            })
        };
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": USER_SCHEMA,
            "name": "User",
            "description": "A user account",
            "attributes": [
                attribute("userName", "string", true, "server", "The name used to sign in"),
                attribute("displayName", "string", false, "none", "The name for people to read"),
                attribute("active", "boolean", false, "none", "Whether the user is enabled"),
            ],
        })
    }
}
