//! The contract is changed in hundreds of small ways, and each is noticed by something that is not just a copy of it.
//!
//! A slip in the contract is generated into the SDK, embedded into the mock server and printed in the documentation; that
//! these three agree says nothing about it. What notices is listed in `DETECTORS`. That a copy of the document differs
//! does not count. What nothing notices is listed in `SURVIVORS`, each with the reason for which that is right.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use serde_json::{Value, json};
use user_status_openapi::tool::{self, Code};
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, pointer};

use crate::exchanges::Exchange;
use crate::{contract, exchanges, schemas, shapes};

/// What notices, in the order of the report.
const DETECTORS: [&str; 5] = ["check", "tables", "shapes", "traffic", "code"];

/// Of each kind of mutant so many, chosen by a generator that always begins alike.
const OF_EACH: usize = 8;
const SEED: u64 = 0x5eed_0005_7a7c_0de5;

/// Mutants that nothing notices, and why nothing should.
const SURVIVORS: &[(&str, &str)] = &[
    ("example-text /components/examples/AkanaLockedUser/value Favorites", OF_AN_ACCOUNT),
    ("example-text /components/examples/AkanaLockedUser/value UserName", OF_AN_ACCOUNT),
    (
        "example-text /paths/~1api~1admin~1users~1{id}/get/responses/200/content/application~1json/examples/suspended/value email",
        OF_AN_ACCOUNT,
    ),
    (
        "example-text /paths/~1api~1admin~1users~1{id}/get/responses/200/content/application~1json/examples/suspended/value role",
        "Roles are an open set: an account of any role may be shown.",
    ),
    (
        "example-text /paths/~1api~1admin~1users~1{id}/get/responses/200/content/application~1json/examples/suspended/value suspensionReason",
        "A reason is a text for people: any may be shown.",
    ),
    (
        "example-text /paths/~1api~1v1~1users~1{userId}~1access-status~1{accessStatus}/put/responses/500/content/application~1json/examples/failed/value error",
        FOR_PEOPLE,
    ),
    (
        "example-text /paths/~1v1~1users~1{userId}/get/responses/500/content/application~1json/examples/failed/value error",
        FOR_PEOPLE,
    ),
];

const OF_AN_ACCOUNT: &str = "Any account may be shown. The mock server answers from its world, and `documents` holds those \
                             answers to the samples of the source.";

const FOR_PEOPLE: &str =
    "What went wrong is told in a text for people, which the source does not give: any may be shown.";

/// A change of the contract.
struct Mutant {
    kind: &'static str,
    /// The kind and the place: `enum-add /components/schemas/Vendor/enum`.
    id: String,
    document: Value,
}

/// The kinds, each with all its mutants.
fn mutants(document: &Value) -> BTreeMap<&'static str, Vec<Mutant>> {
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
        if is_schema && (object.get("type").is_some()) {
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
            let vendor: String =
                target.chars().take(1).chain(target.chars().skip(1).take_while(|c| c.is_lowercase())).collect();
            let names = self.document["components"]["schemas"].as_object().unwrap().keys();
            let mut others = names.filter(|name| name.starts_with(&vendor) && *name != target);
            if let Some(other) = others.next() {
                let other = format!("#/components/schemas/{other}");
                self.add("ref-other", at, |value| value["$ref"] = other.into());
            }
        }
        if at == "/paths" {
            for path in object.as_object().unwrap().keys() {
                let path = path.clone();
                let (head, tail) = path.rsplit_once("/users").or_else(|| path.rsplit_once("/user")).unwrap();
                let renamed = format!("{head}/accounts{tail}");
                self.rename("path", at, &path, &renamed);
            }
        }
        if at.starts_with("/paths/") && at.matches('/').count() == 2 {
            let methods = ["get", "put", "post", "patch"];
            let method = methods.into_iter().find(|method| object.get(method).is_some()).unwrap();
            self.rename("method", at, method, if method == "put" { "post" } else { "put" });
            self.add("base-path", at, |item| {
                let url = item["servers"][0]["url"].as_str().unwrap().trim_end_matches("/pod").to_owned();
                item["servers"][0]["url"] = format!("{url}/v9").into();
            });
        }
        if at.ends_with("/responses") {
            for code in object.as_object().unwrap().keys().filter(|code| *code != "200") {
                self.rename("status-other", at, code, "418");
                self.add("status-gone", at, |responses| drop(responses.as_object_mut().unwrap().shift_remove(code)));
            }
            self.add("status-new", at, |responses| responses["409"] = responses["400"].clone());
        }
        if at.ends_with("/content") {
            let names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
            let last = names.last().unwrap();
            self.rename("media-type-other", at, last, "application/cbor");
            if names.len() > 1 {
                self.add("media-type-gone", at, |content| drop(content.as_object_mut().unwrap().shift_remove(last)));
            }
            self.add("media-type-new", at, |content| content["text/json"] = content["application/json"].clone());
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
        for (kind, wider, narrower) in
            [("minLength", -1, 1), ("minimum", -1, 1), ("minProperties", -1, 1), ("maxLength", 1, -1)]
        {
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
        for keyword in
            ["pattern", "format", "x-credential", "x-known-values", "x-enum-varnames", "xml", "maxLength", "enum"]
        {
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

/// A generator of numbers that has no state but its own: SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
    }
}

/// So many of each kind, always the same.
fn chosen(kinds: BTreeMap<&'static str, Vec<Mutant>>) -> Vec<Mutant> {
    let mut dice = Dice(SEED);
    let mut chosen = Vec::new();
    for (_, mut mutants) in kinds {
        while mutants.len() > OF_EACH {
            mutants.swap_remove(dice.below(mutants.len()));
        }
        mutants.sort_by(|a, b| a.id.cmp(&b.id));
        chosen.extend(mutants);
    }
    chosen
}

/// What is generated and compiled from the contract as it is; copies of the document do not count.
static CODE: LazyLock<Code> = LazyLock::new(|| tool::code(Contract::embedded().document(), None).unwrap());

/// Of each detector, whether it notices.
fn noticed(mutant: &Value, exchanges: &[Exchange]) -> [bool; DETECTORS.len()] {
    let check = !tool::check_document(mutant).is_empty();
    // What can only be checked, and not be read, the others do not see.
    let Ok(read) = Contract::from_value(mutant.clone()) else { return [check, false, false, false, false] };
    let tables = contract::what_the_documents_say(&read).is_err()
        || contract::what_the_sdk_says(&read).is_err()
        || schemas::the_types_have_the_schemas_of(&read).is_err();
    let (shapes, traffic) = match Validator::new(&read) {
        Ok(validator) => (
            shapes::what_the_schemas_take(&read, &validator).is_err(),
            exchanges.iter().any(|exchange| exchange.fits(&read, &validator).is_err()),
        ),
        Err(_) => (false, false),
    };
    // From a contract that is wrong nothing is generated.
    let code = !check && tool::code(mutant, Some(&CODE)).map_or(true, |code| code.files != CODE.files);
    [check, tables, shapes, traffic, code]
}

#[tokio::test]
async fn every_mutant_of_the_contract_is_noticed() {
    let document = Contract::embedded().document();
    let exchanges = exchanges::recorded().await;
    assert_eq!(noticed(document, &exchanges), [false; DETECTORS.len()], "the contract itself is not noticed");
    let mutants = chosen(mutants(document));
    assert!(mutants.len() > 300, "{}", mutants.len());

    let half = mutants.len() / 2;
    let judge = |mutants: &[Mutant]| -> Vec<[bool; DETECTORS.len()]> {
        mutants.iter().map(|mutant| noticed(&mutant.document, &exchanges)).collect()
    };
    let results = std::thread::scope(|scope| {
        let first = scope.spawn(|| judge(&mutants[..half]));
        let second = judge(&mutants[half..]);
        [first.join().unwrap(), second].concat()
    });

    let report = Report::of(&mutants, &results);
    report.print();
    report.write();
    let wrong = report.wrong();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The results by kind.
struct Report<'a> {
    mutants: &'a [Mutant],
    results: &'a [[bool; DETECTORS.len()]],
}

impl<'a> Report<'a> {
    fn of(mutants: &'a [Mutant], results: &'a [[bool; DETECTORS.len()]]) -> Report<'a> {
        Report { mutants, results }
    }

    /// By kind: how many there are, how many each detector notices, how many any does. `alone` are those that one only
    /// notices.
    fn rows(&self) -> BTreeMap<&'static str, Vec<usize>> {
        let mut rows: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
        for (mutant, result) in self.mutants.iter().zip(self.results) {
            let alone = result.iter().filter(|noticed| **noticed).count() == 1;
            for kind in [mutant.kind, "all", "alone"].into_iter().filter(|kind| *kind != "alone" || alone) {
                let row = rows.entry(kind).or_insert_with(|| vec![0; DETECTORS.len() + 2]);
                row[0] += 1;
                result.iter().enumerate().for_each(|(i, noticed)| row[i + 1] += usize::from(*noticed));
                row[DETECTORS.len() + 1] += usize::from(result.contains(&true));
            }
        }
        rows
    }

    fn survivors(&self) -> Vec<&str> {
        let pairs = self.mutants.iter().zip(self.results);
        pairs.filter(|(_, result)| !result.contains(&true)).map(|(mutant, _)| mutant.id.as_str()).collect()
    }

    fn print(&self) {
        println!("{:22} mutants  {}  any", "", DETECTORS.map(|name| format!("{name:>8}")).join(" "));
        for (kind, row) in self.rows() {
            let counts: Vec<String> = row[1..].iter().map(|count| format!("{count:8}")).collect();
            println!("{kind:22} {:7}  {}", row[0], counts.join(" "));
        }
        self.survivors().iter().for_each(|id| println!("survives: {id}"));
    }

    /// For programs: `mutants.json` in the folder that Cargo has for files of tests.
    fn write(&self) {
        let mutants: Vec<Value> = self
            .mutants
            .iter()
            .zip(self.results)
            .map(|(mutant, result)| {
                let by = DETECTORS.iter().zip(result).filter(|(_, noticed)| **noticed).map(|(name, _)| *name);
                let argument = SURVIVORS.iter().find(|(id, _)| *id == mutant.id).map(|(_, argument)| *argument);
                json!({ "id": mutant.id, "kind": mutant.kind, "noticed_by": by.collect::<Vec<_>>(), "survives_because": argument })
            })
            .collect();
        let noticed = mutants.len() - self.survivors().len();
        let kinds: serde_json::Map<String, Value> = self
            .rows()
            .into_iter()
            .map(|(kind, row)| {
                let by: serde_json::Map<String, Value> =
                    DETECTORS.iter().zip(&row[1..]).map(|(name, count)| (name.to_string(), json!(count))).collect();
                (kind.to_owned(), json!({ "mutants": row[0], "noticed": row[DETECTORS.len() + 1], "by": by }))
            })
            .collect();
        let (mutants_count, seed) = (mutants.len(), SEED);
        let report =
            json!({ "mutants": mutants_count, "noticed": noticed, "seed": seed, "kinds": kinds, "each": mutants });
        fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants.json"), format!("{report:#}\n")).unwrap();
    }

    /// What is not as `SURVIVORS` says.
    fn wrong(&self) -> Vec<String> {
        let survivors = self.survivors();
        let listed = |id: &str| SURVIVORS.iter().any(|(known, _)| *known == id);
        let unlisted = survivors.iter().filter(|id| !listed(id)).map(|id| format!("nothing notices {id}"));
        let stale = SURVIVORS.iter().filter(|(id, _)| !survivors.contains(id)).map(|(id, _)| {
            let chosen = self.mutants.iter().any(|mutant| mutant.id == *id);
            format!("{id} is listed as a survivor, and {}", if chosen { "is noticed" } else { "is no mutant" })
        });
        let alone = self.rows().remove("alone").unwrap_or_else(|| vec![0; DETECTORS.len() + 2]);
        let idle = DETECTORS.iter().zip(&alone[1..]).filter(|(_, count)| **count == 0);
        let idle = idle.map(|(name, _)| format!("{name} notices nothing that no other does: is it broken?"));
        unlisted.chain(stale).chain(idle).collect()
    }
}
