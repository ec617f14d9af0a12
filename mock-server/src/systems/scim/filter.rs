//! The part of SCIM's filters that the service knows: one attribute, one operator, one value (RFC 7644, section 3.4.2.2).

use serde_json::Value;

use super::Refused;
use super::user::{User, attribute};

/// A filter.
#[derive(Debug)]
pub(super) struct Filter {
    /// In lower case.
    attribute: String,
    operator: Operator,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Present,
}

impl Filter {
    /// Reads a filter.
    pub(super) fn read(text: &str) -> Result<Filter, Refused> {
        let invalid = || {
            let detail = "must be an attribute (userName, externalId, id, displayName or active), one of eq, ne, co, sw, ew and pr, \
                          and a JSON value";
            Refused::new(400, "invalidFilter", format!("the filter {detail}"))
        };
        let mut words = text.trim().splitn(3, ' ');
        let (Some(name), Some(operator)) = (words.next(), words.next()) else { return Err(invalid()) };
        let operator = match operator.to_ascii_lowercase().as_str() {
            "eq" => Operator::Equal,
            "ne" => Operator::NotEqual,
            "co" => Operator::Contains,
            "sw" => Operator::StartsWith,
            "ew" => Operator::EndsWith,
            "pr" => Operator::Present,
            _ => return Err(invalid()),
        };
        let attribute = attribute(name).to_ascii_lowercase();
        let known = ["username", "externalid", "id", "displayname", "active"].contains(&attribute.as_str());
        let value = match (operator, words.next()) {
            (Operator::Present, None) => Value::Null,
            (Operator::Present, Some(_)) | (_, None) => return Err(invalid()),
            (_, Some(value)) => serde_json::from_str(value).map_err(|_| invalid())?,
        };
        if !known || value.is_array() || value.is_object() {
            return Err(invalid());
        }
        Ok(Filter { attribute, operator, value })
    }

    /// The user name that it asks for, if that is what it does.
    pub(super) fn user_name(&self) -> Option<&str> {
        let by_name = self.attribute == "username" && self.operator == Operator::Equal;
        self.value.as_str().filter(|_| by_name)
    }

    /// Returns whether it is met by a user.
    pub(super) fn is_met(&self, id: &str, user: &User) -> bool {
        let shown = match self.attribute.as_str() {
            "id" => Some(Value::from(id)),
            name => user
                .attributes()
                .into_iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value),
        };
        // `externalId` and `id` are case-sensitive (RFC 7643, section 3.1).
        let folded = |text: &str| match self.attribute.as_str() {
            "id" | "externalid" => text.to_owned(),
            _ => text.to_lowercase(),
        };
        let (Some(shown), wanted) = (shown, &self.value) else { return self.operator == Operator::NotEqual };
        let texts = shown.as_str().map(folded).zip(wanted.as_str().map(folded));
        let equal = texts.as_ref().map_or(shown == *wanted, |(shown, wanted)| shown == wanted);
        let holds = |holds: fn(&str, &str) -> bool| texts.as_ref().is_some_and(|(shown, wanted)| holds(shown, wanted));
        match self.operator {
            Operator::Equal => equal,
            Operator::NotEqual => !equal,
            Operator::Contains => holds(|shown, wanted| shown.contains(wanted)),
            Operator::StartsWith => holds(|shown, wanted| shown.starts_with(wanted)),
            Operator::EndsWith => holds(|shown, wanted| shown.ends_with(wanted)),
            Operator::Present => true,
        }
    }
}
