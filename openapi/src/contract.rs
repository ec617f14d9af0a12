//! The document as types.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde_json::Value;

use crate::pointer;
use crate::words::{Change, SystemKind};

/// The contract: the document and, read from it, its operations and security schemes.
#[derive(Clone, Debug)]
pub struct Contract {
    document: Value,
    operations: Vec<Operation>,
    schemes: BTreeMap<String, Scheme>,
    base_paths: BTreeMap<SystemKind, String>,
}

impl Contract {
    /// Returns the contract that this crate carries.
    pub fn embedded() -> &'static Contract {
        static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
            // The text is a file of this crate and held current and readable by a test; it is no input from outside.
            let document = serde_json::from_str(crate::JSON).expect("openapi.json is JSON");
            Contract::from_value(document).expect("openapi.json is a contract")
        });
        &CONTRACT
    }

    /// Reads a contract from a document.
    ///
    /// # Errors
    /// The first thing that keeps the document from being a contract, with its JSON pointer. The contract tool's
    /// `check` finds all of them.
    pub fn from_value(document: Value) -> Result<Contract, ContractError> {
        let reader = Reader { document: &document };
        if document.get("servers").is_some() {
            reader.only_machines("/servers")?;
        }
        let base_paths = reader.base_paths()?;
        let operations = reader.operations(&base_paths)?;
        let schemes = reader.schemes()?;
        Ok(Contract { document, operations, schemes, base_paths })
    }

    /// Returns the whole document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Returns all operations, in the order of the document.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Returns the operation of that `operationId`.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// Returns the security scheme of that name.
    pub fn scheme(&self, name: &str) -> Option<&Scheme> {
        self.schemes.get(name)
    }

    /// Returns the path in which a system's base URLs end: `/pod` for Symphony, else empty.
    pub fn base_path(&self, system: SystemKind) -> &str {
        self.base_paths.get(&system).map_or("", String::as_str)
    }

    /// Returns the value at a JSON pointer, after following `$ref`.
    pub fn resolve(&self, pointer: &str) -> Option<&Value> {
        Reader { document: &self.document }.resolve(pointer).ok().map(|(_, value)| value)
    }
}

/// One operation: a method on a path of one system.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The `operationId`.
    pub id: String,
    /// The system that the operation belongs to.
    pub system: SystemKind,
    /// The HTTP method, in capitals.
    pub method: String,
    /// The method of the source's own sample, where it is another: a server that is true to the source accepts it too.
    pub sample_method: Option<String>,
    /// The path template below [`Contract::base_path`], such as `/api/users/{UserID}/status`. The document has both in
    /// one.
    pub path: String,
    /// The JSON pointer of the operation.
    pub pointer: String,
    /// Its idempotence: whether it may be sent twice.
    pub idempotence: Idempotence,
    /// The canonical changes that it can express.
    pub changes: Vec<Change>,
    /// Path, query and header parameters.
    pub parameters: Vec<Parameter>,
    /// The request body, if the operation has one.
    pub request_body: Option<RequestBody>,
    /// The documented responses by status code.
    pub responses: BTreeMap<u16, Response>,
    /// Alternatives; each is a set of names of [`Scheme`]s that are needed together.
    pub security: Vec<Vec<String>>,
}

/// The idempotence of an operation: whether it may be sent twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotence {
    /// A second call changes nothing.
    Always,
    /// A second call may undo the first.
    Never,
    /// A second call changes nothing if the request body has these members.
    WhenBodyHas(Vec<String>),
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name as it is written in the document.
    pub name: String,
    /// Where it travels.
    pub location: Location,
    /// `true` if it is required.
    pub required: bool,
    /// The JSON pointer of the parameter.
    pub pointer: String,
    /// The JSON pointer of its schema.
    pub schema: String,
    /// `true` if its schema is of type `integer`.
    pub integer: bool,
}

/// Where a parameter travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// A segment of the path.
    Path,
    /// The query string.
    Query,
    /// A header.
    Header,
}

/// A request body.
#[derive(Clone, Debug)]
pub struct RequestBody {
    /// `true` if it is required.
    pub required: bool,
    /// Its media types.
    pub content: Vec<MediaType>,
}

/// A documented response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The JSON pointer of the response.
    pub pointer: String,
    /// Its media types; none for a response without a body.
    pub content: Vec<MediaType>,
}

/// One media type of a body.
#[derive(Clone, Debug)]
pub struct MediaType {
    /// The name, such as `application/json`.
    pub name: String,
    /// The JSON pointer of the media type object.
    pub pointer: String,
    /// The JSON pointer of its schema.
    pub schema: String,
}

impl MediaType {
    /// Returns the media type that a client of JSON speaks: `application/json`, or else the first whose name ends in `+json`
    /// (RFC 6839).
    pub fn json(content: &[MediaType]) -> Option<&MediaType> {
        let named = |is: &dyn Fn(&str) -> bool| content.iter().find(|media_type| is(&media_type.name));
        named(&|name| name == "application/json").or_else(|| named(&|name| name.ends_with("+json")))
    }
}

/// A security scheme.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// The way in which the credential travels.
    pub kind: SchemeKind,
    /// For a name that depends on the tenant: the rule, with `{tenant}` in it.
    pub name_template: Option<String>,
}

/// The way in which a credential travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemeKind {
    /// In a header of this name.
    Header(String),
    /// In a cookie of this name.
    Cookie(String),
    /// As `Authorization: Bearer …`.
    Bearer,
}

/// Why a document is not a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractError {
    pointer: String,
    problem: String,
}

impl ContractError {
    /// Returns the JSON pointer of the place.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns the problem, and what would be right.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}: {}", self.pointer, self.problem)
    }
}

impl std::error::Error for ContractError {}

/// The methods of a path item, in the order of the OpenAPI specification.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The extension of a tag that says in what the base URLs of its system end.
pub const BASE_PATH: &str = "x-base-path";

/// Reads the parts of a document, each with its pointer.
struct Reader<'a> {
    document: &'a Value,
}

type Read<T> = Result<T, ContractError>;

impl<'a> Reader<'a> {
    fn operations(&self, base_paths: &BTreeMap<SystemKind, String>) -> Read<Vec<Operation>> {
        let mut operations = Vec::new();
        for (path, item) in self.object("/paths")? {
            let item_pointer = pointer::join("/paths", path);
            for method in METHODS {
                if item.get(method).is_none() {
                    continue;
                }
                let mut operation = self.operation(path, method, &item_pointer)?;
                let base_path = base_paths.get(&operation.system).map_or("", String::as_str);
                let Some(below) = path.strip_prefix(base_path).filter(|below| below.starts_with('/')) else {
                    let problem = format!("must begin with `{base_path}/`, as {BASE_PATH} of its tag says");
                    return Err(error(&item_pointer, problem));
                };
                operation.path = below.to_owned();
                operations.push(operation);
            }
            self.only_machines(&format!("{item_pointer}/servers"))?;
        }
        Ok(operations)
    }

    /// The path in which the base URLs of each system end, as its tag has it.
    fn base_paths(&self) -> Read<BTreeMap<SystemKind, String>> {
        let mut base_paths = BTreeMap::new();
        for (i, tag) in self.array("/tags")?.iter().enumerate() {
            if tag.get(BASE_PATH).is_none() {
                continue;
            }
            let (name, at) = (format!("/tags/{i}/name"), format!("/tags/{i}/{BASE_PATH}"));
            let system = self.string(&name)?.parse::<SystemKind>().map_err(|e| error(&name, e.to_string()))?;
            let path = self.string(&at)?;
            let plain = |segment: &str| {
                let known = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
                !matches!(segment, "" | "." | "..") && segment.chars().all(known)
            };
            if !path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain)) {
                return Err(error(&at, "must be a path such as /pod, without a slash at its end"));
            }
            base_paths.insert(system, path.to_owned());
        }
        Ok(base_paths)
    }

    /// Servers are machines. Of a path in the URL of a server many tools know nothing: they read the servers of the
    /// whole document, and put the path of the operation behind their URL.
    fn only_machines(&self, servers: &str) -> Read<()> {
        self.get(&format!("{servers}/0"))?;
        for (i, _) in self.array(servers)?.iter().enumerate() {
            let at = format!("{servers}/{i}/url");
            let path = path_of_url(self.string(&at)?);
            if !path.is_empty() {
                let problem = format!("must have no path: put `{path}` before each path, and {BASE_PATH} into the tag");
                return Err(error(&at, problem));
            }
        }
        Ok(())
    }

    fn operation(&self, path: &str, method: &str, item_pointer: &str) -> Read<Operation> {
        let here = pointer::join(item_pointer, method);
        let system_pointer = format!("{here}/tags/0");
        let system =
            self.string(&system_pointer)?.parse::<SystemKind>().map_err(|e| error(&system_pointer, e.to_string()))?;
        let mut changes = Vec::new();
        for (i, _) in self.array(&format!("{here}/x-changes"))?.iter().enumerate() {
            let at = format!("{here}/x-changes/{i}");
            changes.push(self.string(&at)?.parse::<Change>().map_err(|e| error(&at, e.to_string()))?);
        }
        let mut parameters = Vec::new();
        let list = format!("{here}/parameters");
        if self.document.pointer(&list).is_some() {
            for (i, _) in self.array(&list)?.iter().enumerate() {
                parameters.push(self.parameter(&format!("{list}/{i}"))?);
            }
        }
        let body_pointer = format!("{here}/requestBody");
        let request_body = match self.document.pointer(&body_pointer) {
            None => None,
            Some(_) => {
                let (at, body) = self.resolve(&body_pointer)?;
                Some(RequestBody {
                    required: body.get("required").and_then(Value::as_bool).unwrap_or(false),
                    content: self.content(&at)?,
                })
            }
        };
        let mut responses = BTreeMap::new();
        let responses_pointer = format!("{here}/responses");
        for code in self.object(&responses_pointer)?.keys() {
            let at = pointer::join(&responses_pointer, code);
            let number = code
                .parse::<u16>()
                .ok()
                .filter(|code| (100..600).contains(code))
                .ok_or_else(|| error(&at, format!("`{code}` is no status code; write one such as '404'")))?;
            let (at, response) = self.resolve(&at)?;
            let content = if response.get("content").is_some() { self.content(&at)? } else { Vec::new() };
            responses.insert(number, Response { content, pointer: at });
        }
        let mut security = Vec::new();
        let security_pointer = format!("{here}/security");
        for (i, _) in self.array(&security_pointer)?.iter().enumerate() {
            security.push(self.object(&format!("{security_pointer}/{i}"))?.keys().cloned().collect());
        }
        Ok(Operation {
            id: self.string(&format!("{here}/operationId"))?.to_owned(),
            system,
            method: method.to_uppercase(),
            sample_method: self.sample_method(&here)?,
            path: path.to_owned(),
            idempotence: self.idempotence(&format!("{here}/x-idempotent"))?,
            changes,
            parameters,
            request_body,
            responses,
            security,
            pointer: here,
        })
    }

    fn sample_method(&self, operation: &str) -> Read<Option<String>> {
        let at = format!("{operation}/x-sample-method");
        if self.document.pointer(&at).is_none() {
            return Ok(None);
        }
        match self.string(&at)? {
            method if METHODS.contains(&method.to_lowercase().as_str()) => Ok(Some(method.to_uppercase())),
            _ => Err(error(&at, "must be an HTTP method")),
        }
    }

    fn idempotence(&self, at: &str) -> Read<Idempotence> {
        match self.get(at)? {
            Value::Bool(true) => Ok(Idempotence::Always),
            Value::Bool(false) => Ok(Idempotence::Never),
            other if other.get("when-body-has").is_none() => {
                Err(error(at, "must be true, false, or { when-body-has: [members] }"))
            }
            _ => {
                let list = format!("{at}/when-body-has");
                let members = self.array(&list)?;
                (0..members.len())
                    .map(|i| self.string(&format!("{list}/{i}")).map(str::to_owned))
                    .collect::<Read<Vec<_>>>()
                    .map(Idempotence::WhenBodyHas)
            }
        }
    }

    fn parameter(&self, at: &str) -> Read<Parameter> {
        let (at, parameter) = self.resolve(at)?;
        let location = match self.string(&format!("{at}/in"))? {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            other => return Err(error(&format!("{at}/in"), format!("`{other}`; use path, query or header"))),
        };
        let (schema, described) = self.resolve(&format!("{at}/schema"))?;
        Ok(Parameter {
            name: self.string(&format!("{at}/name"))?.to_owned(),
            location,
            required: parameter.get("required").and_then(Value::as_bool).unwrap_or(false),
            integer: described.get("type").and_then(Value::as_str) == Some("integer"),
            schema,
            pointer: at,
        })
    }

    fn content(&self, at: &str) -> Read<Vec<MediaType>> {
        let content = format!("{at}/content");
        self.object(&content)?
            .keys()
            .map(|name| {
                let pointer = pointer::join(&content, name);
                let schema = self.resolve(&format!("{pointer}/schema"))?.0;
                Ok(MediaType { name: name.clone(), pointer, schema })
            })
            .collect()
    }

    fn schemes(&self) -> Read<BTreeMap<String, Scheme>> {
        let all = "/components/securitySchemes";
        self.object(all)?
            .iter()
            .map(|(name, scheme)| {
                let at = pointer::join(all, name);
                let word = |key: &str| scheme.get(key).and_then(Value::as_str);
                let kind = match (word("type"), word("in"), word("scheme"), word("name")) {
                    (Some("apiKey"), Some("header"), _, Some(name)) => SchemeKind::Header(name.to_owned()),
                    (Some("apiKey"), Some("cookie"), _, Some(name)) => SchemeKind::Cookie(name.to_owned()),
                    (Some("http"), _, Some("bearer"), _) => SchemeKind::Bearer,
                    _ => return Err(error(&at, "use an apiKey in a header or cookie, or http with scheme bearer")),
                };
                Ok((name.clone(), Scheme { kind, name_template: word("x-name-template").map(str::to_owned) }))
            })
            .collect()
    }

    /// The value at a pointer after following `$ref`, with the pointer of where it stands.
    fn resolve(&self, at: &str) -> Read<(String, &'a Value)> {
        let mut at = at.to_owned();
        // A chain of references longer than this is a circle.
        for _ in 0..16 {
            let value = self.get(&at)?;
            let Some(target) = value.get("$ref").and_then(Value::as_str) else { return Ok((at, value)) };
            let Some(target) = target.strip_prefix('#') else {
                return Err(error(
                    &at,
                    format!("`{target}` is in another document; use a reference that starts with #"),
                ));
            };
            if self.document.pointer(target).is_none() {
                return Err(error(&at, format!("`#{target}` does not exist")));
            }
            at = target.to_owned();
        }
        Err(error(&at, "the references go in a circle"))
    }

    fn get(&self, at: &str) -> Read<&'a Value> {
        self.document.pointer(at).ok_or_else(|| error(at, "missing"))
    }

    fn string(&self, at: &str) -> Read<&'a str> {
        self.get(at)?.as_str().ok_or_else(|| error(at, "must be a string"))
    }

    fn array(&self, at: &str) -> Read<&'a Vec<Value>> {
        self.get(at)?.as_array().ok_or_else(|| error(at, "must be an array"))
    }

    fn object(&self, at: &str) -> Read<&'a serde_json::Map<String, Value>> {
        self.get(at)?.as_object().ok_or_else(|| error(at, "must be an object"))
    }
}

/// Returns the path of the URL of a server, without a slash at the end.
pub fn path_of_url(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("", |slash| &after_scheme[slash..]).trim_end_matches('/')
}

fn error(pointer: &str, problem: impl Into<String>) -> ContractError {
    ContractError { pointer: pointer.to_owned(), problem: problem.into() }
}
