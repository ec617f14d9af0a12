//! A world as a document: what `--world` reads, and what a snapshot is.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use user_status_openapi::{SystemKind, pointer};

use super::clock::in_years;
use crate::bounds;
use crate::contract::{contract, validator};
use crate::fault::Fault;
use crate::model::Quirks;
use crate::systems::{Credentials, Fidelity, Systems, quirks};

/// A world as a document: users and credentials of each system, and how the mock behaves. What a document leaves out is
/// as in the default world.
///
/// ```
/// use user_status_mock::{Options, StandaloneServer, SystemKind, WorldState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let world = WorldState::from_yaml(
///     "
/// systems:
///   symphony:
///     sessions: [{ token: the-token-of-my-tests }]
///     users:
///       1001: { status: DISABLED }
/// ",
/// )?;
/// let server = StandaloneServer::start_with(Options::new().world(world)).await?;
/// assert_eq!(server.status(SystemKind::Symphony, "1001").unwrap().enabled, Some(false));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct WorldState {
    /// Seed of everything that happens by chance.
    pub(crate) seed: u64,
    /// `true` if a body that the contract does not allow is refused; else only what is wrong in it is ignored.
    pub(crate) strict: bool,
    /// The time at which the clock stands still; that of the machine if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<Timestamp>,
    /// The systems.
    pub(crate) systems: Systems,
    /// Faults that strike from the start.
    #[serde(serialize_with = "each")]
    pub(crate) faults: Vec<Arc<Fault>>,
}

fn each<S: Serializer>(faults: &[Arc<Fault>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(faults.iter().map(|fault| &**fault))
}

/// The same as it is read, before it is held to the contract.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    seed: u64,
    strict: bool,
    clock: Option<Timestamp>,
    systems: Systems,
    faults: Vec<Fault>,
}

impl Default for Document {
    fn default() -> Self {
        Document { seed: 0, strict: true, clock: None, systems: Systems::default(), faults: Vec::new() }
    }
}

impl From<Document> for WorldState {
    fn from(Document { seed, strict, clock, systems, faults }: Document) -> Self {
        let faults = faults.into_iter().map(Arc::new).collect();
        let mut world = WorldState { seed, strict, clock, systems, faults };
        world.fill();
        world
    }
}

impl Default for WorldState {
    /// The default world.
    fn default() -> Self {
        Document::default().into()
    }
}

impl WorldState {
    /// Reads a document in YAML, or in JSON, which is YAML.
    ///
    /// # Errors
    /// The first thing that is wrong, with line, column and the place in the document.
    pub fn from_yaml(text: &str) -> Result<WorldState, WorldError> {
        let mut track = serde_path_to_error::Track::new();
        // A quoted line of the document could show a credential.
        // How much a world may have is said by its own bounds; the size of the text is for the caller, whose file it is.
        let budget = serde_saphyr::budget! {
            max_nodes: usize::MAX, max_events: usize::MAX, max_total_scalar_bytes: usize::MAX
        };
        let options = serde_saphyr::options! { with_snippet: false, budget: budget };
        let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |document| {
            Document::deserialize(serde_path_to_error::Deserializer::new(document, &mut track))
        });
        let read = read.map_err(|e| WorldError { at: place(&track.path()), problem: e.to_string() })?;
        WorldState::from(read).validate()
    }

    /// Reads a document in JSON, as [`to_json`](WorldState::to_json) writes it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place in the document.
    pub fn from_json(document: &Value) -> Result<WorldState, WorldError> {
        let read: Result<Document, _> = serde_path_to_error::deserialize(document);
        let read = read.map_err(|e| WorldError { at: place(e.path()), problem: e.inner().to_string() })?;
        WorldState::from(read).validate()
    }

    /// Returns the document in JSON. It has the world's credentials in it.
    pub fn to_json(&self) -> Value {
        // Maps with keys of numbers and strings, and nothing else that JSON does not have.
        serde_json::to_value(self).expect("a world is JSON")
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> WorldState {
        self.seed = seed;
        self
    }

    /// Ignores what the contract does not allow in a body, instead of refusing the request.
    #[must_use]
    pub fn lenient(mut self) -> WorldState {
        self.strict = false;
        self
    }

    /// Refuses what the contract does not allow. The default.
    #[must_use]
    pub fn strict(mut self) -> WorldState {
        self.strict = true;
        self
    }

    /// Userdocks and MediConnect as they were observed to behave, where that differs from what is documented; see
    /// [`Fidelity`].
    #[must_use]
    pub fn fidelity(mut self, fidelity: Fidelity) -> WorldState {
        for &system in SystemKind::ALL {
            self.systems.of_mut(system).set_fidelity(fidelity);
        }
        self
    }

    /// Credentials that work.
    pub(crate) fn credentials(&self) -> Credentials {
        self.systems.typed()
    }

    /// Credentials that work, by system and by the name under which they travel.
    #[cfg(feature = "docs")]
    pub(crate) fn listed_credentials(&self) -> Vec<(String, Value)> {
        let now = self.clock.unwrap_or_else(Timestamp::now);
        SystemKind::ALL.iter().map(|&system| (system.to_string(), self.systems.of(system).credentials(now))).collect()
    }

    /// All users of all systems.
    pub(crate) fn users(&self) -> impl Iterator<Item = Value> {
        let of = |&kind: &SystemKind| {
            let model = self.systems.of(kind);
            model.users().into_iter().filter_map(|user| model.get(&user))
        };
        SystemKind::ALL.iter().flat_map(of)
    }

    /// All credentials of all systems.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        SystemKind::ALL.iter().flat_map(|&system| self.systems.of(system).secrets())
    }

    fn fill(&mut self) {
        for &system in SystemKind::ALL {
            self.systems.of_mut(system).fill_defaults();
        }
    }

    /// Holds the document to the contract.
    fn validate(self) -> Result<WorldState, WorldError> {
        if self.clock.is_some_and(|clock| !in_years(clock)) {
            let problem = "must be in the years 1 to 9999".to_owned();
            return Err(WorldError { at: "/clock".to_owned(), problem });
        }
        let most = |at: String, what: &str, most: usize, found: usize| match found > most {
            true => Err(WorldError { at, problem: format!("must have at most {most} {what}, and has {found}") }),
            false => Ok(()),
        };
        for &kind in SystemKind::ALL {
            let (model, at) = (self.systems.of(kind), format!("/systems/{kind}"));
            most(at.clone(), "credentials", bounds::CREDENTIALS, model.secrets().len())?;
            most(format!("{at}/users"), "users", bounds::USERS, model.count())?;
            if let Some(problem) = model.problem() {
                return Err(WorldError { at, problem: problem.to_owned() });
            }
            for user in model.users() {
                self.check_user(kind, &user).map_err(|problem| WorldError {
                    at: pointer::join(&format!("/systems/{kind}/users"), &user),
                    problem,
                })?;
            }
        }
        most("/faults".to_owned(), "faults", bounds::FAULTS, self.faults.len())?;
        for (i, fault) in self.faults.iter().enumerate() {
            fault.check().map_err(|e| WorldError { at: format!("/faults/{i}"), problem: e.to_string() })?;
        }
        Ok(self)
    }

    /// Holds one user to the contract.
    pub(crate) fn check_user(&self, kind: SystemKind, user: &str) -> Result<(), String> {
        let model = self.systems.of(kind);
        let &Quirks { id_schema, user_schema, id_member, own_members, .. } = quirks(kind);
        let number = contract().resolve(id_schema).is_some_and(|schema| schema["type"] == "integer");
        let id = match user.parse::<i64>() {
            Ok(id) if number => Value::from(id),
            _ => Value::from(user),
        };
        if let Some(violation) = validator().validate(id_schema, &id).first() {
            return Err(format!("the id {} (by #{})", violation.message, violation.contract));
        }
        let (most, size) = (bounds::BYTES, user.len() + model.get(user).as_ref().map_or(0, bounds::size));
        if size > most {
            return Err(format!("a user must have at most {most} bytes with its id, and has {size}"));
        }
        if let (Some(schema), Some(value)) = (user_schema, model.get(user)) {
            if let Some(violation) = validator().validate(schema, &value).first() {
                return Err(format!("{violation} (by #{})", violation.contract));
            }
            let documented = contract().resolve(&format!("{schema}/properties"));
            for (name, member) in value.as_object().into_iter().flatten() {
                if documented.is_some_and(|documented| documented.get(name).is_none())
                    && !own_members.contains(&name.as_str())
                {
                    return Err(format!("`{}` is no member of a user", name.escape_debug()));
                }
                if member.as_str().is_some_and(|text| text.chars().any(|c| c.is_control() && c != '\n')) {
                    return Err(format!("/{name} must not have control characters"));
                }
            }
            if let Some(name) = id_member.filter(|name| value.get(name).is_some_and(|shown| *shown != id)) {
                return Err(format!("/{name} must be the id under which the user is, or left out"));
            }
        }
        Ok(())
    }
}

fn place(path: &serde_path_to_error::Path) -> String {
    path.iter()
        .map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
            serde_path_to_error::Segment::Map { key } => pointer::join("", key),
            _ => String::new(),
        })
        .collect()
}

/// Why a document is no world, or why a world, a user or credentials are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldError {
    /// JSON pointer into the document.
    at: String,
    problem: String,
}

impl WorldError {
    /// Of no place in particular.
    pub(crate) fn new(problem: impl Into<String>) -> WorldError {
        WorldError { at: String::new(), problem: problem.into() }
    }

    /// Returns the JSON pointer to the place in the document.
    pub fn pointer(&self) -> &str {
        &self.at
    }
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.at, self.problem) }
    }
}

impl Error for WorldError {}
