//! The ways in which a contract can be changed, each at every place where it can.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use user_status_openapi::pointer;

/// A change of the contract.
pub(super) struct Mutant {
    pub(super) kind: &'static str,
    /// The kind and the place: `enum-add /components/schemas/SystemKind/enum`.
    pub(super) id: String,
    pub(super) document: Value,
}

/// The kinds, each with all its mutants.
pub(super) fn mutants(document: &Value) -> BTreeMap<&'static str, Vec<Mutant>> {
    let mut growing = Growing { document, mutants: BTreeMap::new() };
    let mut places = Vec::new();
    objects(document, String::new(), &mut places);
    for at in &places {
        growing.at(at);
    }
    growing.mutants
}

/// The pointers of all objects.
fn objects(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| objects(item, format!("{at}/{i}"), found)),
        Value::Object(members) => {
            found.push(at.clone());
            members.iter().for_each(|(name, member)| objects(member, pointer::join(&at, name), found));
        }
        _ => {}
    }
}

struct Growing<'a> {
    document: &'a Value,
    mutants: BTreeMap<&'static str, Vec<Mutant>>,
}

impl Growing<'_> {
    fn add(&mut self, kind: &'static str, at: &str, change: impl FnOnce(&mut Value)) {
        let mut document = self.document.clone();
        change(document.pointer_mut(at).unwrap());
        assert_ne!(document, *self.document, "{kind} {at} changes nothing");
        self.mutants.entry(kind).or_default().push(Mutant { kind, id: format!("{kind} {at}"), document });
    }

    /// All mutants of the object at this place.
    fn at(&mut self, at: &str) {
        let object = self.document.pointer(at).unwrap();
        let is_schema = at.starts_with("/components/schemas/") || at.ends_with("/schema");
        if at.contains("/example") || at.contains("/x-") && !at.starts_with("/x-") {
            return self.example(at, object);
        }
        if is_schema && object.get("type").is_some_and(Value::is_string) {
            self.schema(at, object);
        }
        if object.get("operationId").is_some() {
            self.operation(at, object);
        }
        if at.starts_with("/components/securitySchemes/") {
            self.scheme(at, object);
        }
        if let Some(target) =
            object.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/components/schemas/"))
        {
            let system: String =
                target.chars().take(1).chain(target.chars().skip(1).take_while(|c| c.is_lowercase())).collect();
            let names = self.document["components"]["schemas"].as_object().unwrap().keys();
            let mut others = names.filter(|name| name.starts_with(&system) && *name != target);
            if let Some(other) = others.next() {
                let other = format!("#/components/schemas/{other}");
                self.add("ref-other", at, |value| value["$ref"] = other.into());
            }
        }
        if at == "/paths" {
            for path in object.as_object().unwrap().keys() {
                let path = path.clone();
                let named = ["/users", "/user", "/Users", "/ServiceProviderConfig"];
                let (head, tail) = named.into_iter().find_map(|name| path.rsplit_once(name)).unwrap();
                let renamed = format!("{head}/accounts{tail}");
                self.rename("path", at, &path, &renamed);
            }
        }
        if at.starts_with("/paths/") && at.matches('/').count() == 2 {
            let methods = ["get", "put", "post", "patch"];
            let method = methods.into_iter().find(|method| object.get(method).is_some()).unwrap();
            self.rename("method", at, method, if method == "put" { "post" } else { "put" });
            self.add("base-path", at, |item| {
                let url = item["servers"][0]["url"].as_str().unwrap().to_owned();
                item["servers"][0]["url"] = format!("{url}/v9").into();
            });
        }
        if at.starts_with("/tags/") && object.get("x-base-path").is_some() {
            self.add("base-path-tag", at, |tag| tag["x-base-path"] = "/v9".into());
            self.add("base-path-tag", at, |tag| drop(tag.as_object_mut().unwrap().shift_remove("x-base-path")));
        }
        if at.ends_with("/responses") {
            for code in object.as_object().unwrap().keys().filter(|code| *code != "200") {
                self.rename("status-other", at, code, "418");
                self.add("status-gone", at, |responses| drop(responses.as_object_mut().unwrap().shift_remove(code)));
            }
            self.add("status-new", at, |responses| responses["418"] = responses["401"].clone());
        }
        if at.ends_with("/content") {
            let names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
            let last = names.last().unwrap();
            self.rename("media-type-other", at, last, "application/cbor");
            if names.len() > 1 {
                self.add("media-type-gone", at, |content| drop(content.as_object_mut().unwrap().shift_remove(last)));
            }
            self.add("media-type-new", at, |content| content["text/json"] = content[last.as_str()].clone());
        }
        if at.contains("/parameters/") && object.get("in").is_some() {
            self.add("parameter-name", at, |parameter| {
                parameter["name"] = format!("{}x", parameter["name"].as_str().unwrap()).into();
            });
            self.add("parameter-required", at, |parameter| {
                let required = parameter["required"].as_bool().unwrap();
                parameter["required"] = (!required).into();
            });
            self.add("parameter-place", at, |parameter| {
                parameter["in"] = if parameter["in"] == "header" { "query" } else { "header" }.into();
            });
        }
        if at.ends_with("/requestBody") {
            self.add("body-optional", at, |body| body["required"] = false.into());
        }
    }

    fn rename(&mut self, kind: &'static str, at: &str, from: &str, to: &str) {
        self.add(kind, at, |value| {
            let members = value.as_object_mut().unwrap();
            *members = std::mem::take(members)
                .into_iter()
                .map(|(name, member)| (if name == from { to.to_owned() } else { name }, member))
                .collect();
        });
        let last = self.mutants.get_mut(kind).and_then(|mutants| mutants.last_mut()).unwrap();
        last.id = format!("{kind} {}", pointer::join(at, from));
    }

    fn operation(&mut self, at: &str, operation: &Value) {
        self.add("operation-id", at, |o| {
            o["operationId"] = format!("{}Again", o["operationId"].as_str().unwrap()).into()
        });
        self.add("tag", at, |o| o["tags"] = json!([if o["tags"][0] == "akana" { "symphony" } else { "akana" }]));
        for value in [json!(true), json!(false), json!({ "when-body-has": ["status"] })] {
            if operation["x-idempotent"] != value {
                self.add("x-idempotent", at, |o| o["x-idempotent"] = value.clone());
                let last = self.mutants.get_mut("x-idempotent").and_then(|mutants| mutants.last_mut()).unwrap();
                last.id = format!("x-idempotent {at} {value}");
            }
        }
        for gone in 0..operation["x-changes"].as_array().unwrap().len() {
            self.add("x-changes-gone", &format!("{at}/x-changes"), |changes| {
                changes.as_array_mut().unwrap().remove(gone);
            });
            self.name_last("x-changes-gone", gone);
        }
        for word in ["lock", "suspend", "toggle"] {
            let known = operation["x-changes"].as_array().unwrap();
            if !known.contains(&json!(word)) {
                self.add("x-changes-new", &format!("{at}/x-changes"), |changes| {
                    changes.as_array_mut().unwrap().push(json!(word));
                });
                self.name_last("x-changes-new", word);
            }
        }
        for (i, alternative) in operation["security"].as_array().unwrap().iter().enumerate() {
            for name in alternative.as_object().unwrap().keys() {
                self.add("security-scheme-gone", &format!("{at}/security/{i}"), |alternative| {
                    alternative.as_object_mut().unwrap().shift_remove(name);
                });
                self.name_last("security-scheme-gone", name);
            }
            self.add("security-scheme-new", &format!("{at}/security/{i}"), |alternative| {
                let other = if alternative.get("symphonySession").is_some() { "akanaCsrf" } else { "symphonySession" };
                alternative[other] = json!([]);
            });
            self.add("security-gone", &format!("{at}/security"), |security| {
                drop(security.as_array_mut().unwrap().remove(i))
            });
            self.name_last("security-gone", i);
        }
        self.add("security-new", &format!("{at}/security"), |security| {
            let known = security[0].get("clearsquareToken").is_some();
            let other = if known { json!({ "symphonySession": [] }) } else { json!({ "clearsquareToken": [] }) };
            security.as_array_mut().unwrap().push(other);
        });
        for extension in ["x-source", "x-decisions", "x-contradictions", "x-sample-method", "x-changes"] {
            if operation.get(extension).is_some() {
                self.add("x-gone", at, |o| drop(o.as_object_mut().unwrap().shift_remove(extension)));
                self.name_last("x-gone", extension);
            }
        }
    }

    fn name_last(&mut self, kind: &'static str, what: impl std::fmt::Display) {
        let last = self.mutants.get_mut(kind).and_then(|mutants| mutants.last_mut()).unwrap();
        let _ = write!(last.id, " {what}");
    }

    fn scheme(&mut self, at: &str, scheme: &Value) {
        if scheme.get("name").is_some() {
            self.add("credential-name", at, |s| s["name"] = format!("{}2", s["name"].as_str().unwrap()).into());
            self.add("credential-place", at, |s| {
                s["in"] = if s["in"] == "header" { "cookie" } else { "header" }.into()
            });
            self.add("credential-type", at, |s| *s = json!({ "type": "http", "scheme": "bearer" }));
        } else {
            self.add("credential-type", at, |s| *s = json!({ "type": "apiKey", "in": "header", "name": "X-Token" }));
        }
        if scheme.get("x-name-template").is_some() {
            self.add("x-name-template", at, |s| drop(s.as_object_mut().unwrap().shift_remove("x-name-template")));
        }
    }

    fn schema(&mut self, at: &str, schema: &Value) {
        let other = |kind: &str| if kind == "string" { "boolean" } else { "string" };
        self.add("type", at, |s| s["type"] = other(s["type"].as_str().unwrap()).into());
        match schema.get("nullable") {
            Some(_) => self.add("nullable-gone", at, |s| drop(s.as_object_mut().unwrap().shift_remove("nullable"))),
            None => self.add("nullable-new", at, |s| s["nullable"] = true.into()),
        }
        for (kind, wider, narrower) in [
            ("minLength", -1, 1),
            ("minimum", -1, 1),
            ("minItems", -1, 1),
            ("minProperties", -1, 1),
            ("maxItems", 1, -1),
            ("maxLength", 1, -1),
        ] {
            if let Some(bound) = schema.get(kind).and_then(Value::as_i64) {
                self.add("bound-wider", at, |s| s[kind] = (bound + wider).into());
                self.name_last("bound-wider", kind);
                self.add("bound-narrower", at, |s| s[kind] = (bound + narrower).into());
                self.name_last("bound-narrower", kind);
            }
        }
        if schema["type"] == "string" && schema.get("maxLength").is_none() {
            self.add("bound-new", at, |s| s["maxLength"] = 3.into());
        }
        for keyword in [
            "pattern",
            "format",
            "x-credential",
            "x-read-leniently",
            "x-known-values",
            "x-enum-varnames",
            "xml",
            "maxLength",
            "enum",
        ] {
            if schema.get(keyword).is_some() {
                self.add("keyword-gone", at, |s| drop(s.as_object_mut().unwrap().shift_remove(keyword)));
                self.name_last("keyword-gone", keyword);
            }
        }
        if schema.get("pattern").is_some() {
            self.add("pattern", at, |s| s["pattern"] = "^[a-z0-9.-]+$".into());
        }
        if schema.get("format").is_none() && schema["type"] == "string" && schema.get("enum").is_none() {
            self.add("format-new", at, |s| s["format"] = "date-time".into());
        }
        for list in ["enum", "x-known-values"] {
            let Some(words) = schema.get(list).and_then(Value::as_array) else { continue };
            self.add("word-new", at, |s| s[list].as_array_mut().unwrap().push(json!("ARCHIVED")));
            for i in 0..words.len() {
                self.add("word-gone", at, |s| drop(s[list].as_array_mut().unwrap().remove(i)));
                self.name_last("word-gone", i);
                self.add("word-other", at, |s| s[list][i] = format!("{}S", s[list][i].as_str().unwrap()).into());
                self.name_last("word-other", i);
            }
        }
        if let Some(name) = schema.pointer("/xml/name").and_then(Value::as_str) {
            self.add("xml-name", at, |s| s["xml"]["name"] = format!("{name}Element").into());
        }
        self.members(at, schema);
    }

    fn members(&mut self, at: &str, schema: &Value) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.add("closed", at, |s| s["additionalProperties"] = false.into());
        self.add("member-new-required", at, |s| {
            s["properties"]["added"] = json!({ "type": "string", "description": "New." });
            match s["required"].as_array_mut() {
                Some(list) => list.push(json!("added")),
                None => s["required"] = json!(["added"]),
            }
        });
        for name in properties.keys() {
            self.add("member-renamed", at, |s| {
                let members = s["properties"].as_object_mut().unwrap();
                let value = members.shift_remove(name).unwrap();
                members.insert(format!("{name}2"), value);
                for required in s["required"].as_array_mut().into_iter().flatten().filter(|required| *required == name)
                {
                    *required = json!(format!("{name}2"));
                }
            });
            self.name_last("member-renamed", name);
            self.add("member-gone", at, |s| {
                s["properties"].as_object_mut().unwrap().shift_remove(name);
                if let Some(list) = s["required"].as_array_mut() {
                    list.retain(|required| required != name);
                }
            });
            self.name_last("member-gone", name);
            if required.contains(&name.as_str()) {
                self.add("required-gone", at, |s| {
                    s["required"].as_array_mut().unwrap().retain(|required| required != name);
                    if s["required"] == json!([]) {
                        s.as_object_mut().unwrap().shift_remove("required");
                    }
                });
                self.name_last("required-gone", name);
            } else {
                self.add("required-new", at, |s| match s["required"].as_array_mut() {
                    Some(list) => list.push(json!(name)),
                    None => s["required"] = json!([name]),
                });
                self.name_last("required-new", name);
            }
        }
    }

    /// A value in an example: of another type, or plausible and another.
    fn example(&mut self, at: &str, object: &Value) {
        if !at.ends_with("/value") {
            return;
        }
        for (name, value) in object.as_object().unwrap() {
            let other = match value {
                Value::String(_) => json!(7),
                Value::Null => continue,
                _ => json!("text"),
            };
            self.add("example-type", at, |example| example[name] = other);
            self.name_last("example-type", name);
            if let Value::String(text) = value {
                self.add("example-text", at, |example| example[name] = format!("{text} x").into());
                self.name_last("example-text", name);
            }
        }
    }
}
