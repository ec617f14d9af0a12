//! What a valid request asks.

use serde_json::Value;

/// The parameters and the body of a request that the contract allows.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Those of the path, the query and the headers, by their names.
    pub(crate) parameters: Vec<(&'static str, Value)>,
    pub(crate) body: Value,
}

impl Arguments {
    /// A path parameter as text.
    pub(crate) fn path(&self, name: &str) -> String {
        match self.parameter(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// A path parameter as a number; 0, which no id is, if it is none.
    pub(crate) fn path_number(&self, name: &str) -> i64 {
        self.parameter(name).and_then(Value::as_i64).unwrap_or_default()
    }

    /// A parameter of the query or the headers as text; `None` if it was left out.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.parameter(name).and_then(Value::as_str)
    }

    /// A parameter of the query or the headers as a number; `None` if it was left out.
    pub(crate) fn given_number(&self, name: &str) -> Option<i64> {
        self.parameter(name).and_then(Value::as_i64)
    }

    fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A member of the body.
    pub(crate) fn body(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    /// A member of the body as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body(name).and_then(Value::as_str)
    }

    /// A member of the body as a boolean.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.body(name).and_then(Value::as_bool)
    }

    /// Returns whether the body has none of these members.
    pub(crate) fn lacks_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.body(name).is_none())
    }
}
