//! Walks two documents side by side, through references, and asks the tables about every difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use user_status_openapi::pointer;

use super::rules::{self, Classification, Rule, Table};
use super::{Class, ContractChange, Side};

/// Every change between two documents, those that break something first, then by pointer.
pub(super) fn changes(old: &Value, new: &Value) -> Vec<ContractChange> {
    let closed = closed_enums(old);
    let mut walk = Walk { old, new, closed, found: BTreeMap::new(), open: Vec::new() };
    let root = Found { at: String::new(), value: Some(old) };
    let pair = Pair { old: root, new: Found { at: String::new(), value: Some(new) }, side: None, operation: None };
    walk.members(&pair, rules::DOCUMENT);
    let mut changes: Vec<ContractChange> = walk.found.into_values().collect();
    changes.sort_by(|a, b| (b.class, &a.pointer, a.side).cmp(&(a.class, &b.pointer, b.side)));
    changes
}

pub(super) struct Walk<'a> {
    old: &'a Value,
    new: &'a Value,
    /// The pointers of the schemas whose generated enumeration is closed.
    closed: BTreeSet<String>,
    /// By place, side and rule: what several operations share is one change, of all of them.
    found: BTreeMap<(String, Option<Side>, bool, &'static str), ContractChange>,
    /// The schemas that are being compared, from the outermost inwards: a schema may contain itself.
    open: Vec<(String, String, Option<Side>)>,
}

/// A value of one of the two documents, or the place where it would be.
#[derive(Clone)]
pub(super) struct Found<'a> {
    pub(super) at: String,
    pub(super) value: Option<&'a Value>,
}

/// The same place in both documents.
#[derive(Clone)]
pub(super) struct Pair<'a> {
    pub(super) old: Found<'a>,
    pub(super) new: Found<'a>,
    pub(super) side: Option<Side>,
    operation: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn member(&self, name: &str) -> Found<'a> {
        Found { at: pointer::join(&self.at, name), value: self.value.and_then(|value| value.get(name)) }
    }

    /// The value that a reference leads to, if there is one. `structure::check` has seen to it that all lead somewhere.
    fn resolve(&self, document: &'a Value) -> Found<'a> {
        let mut found = self.clone();
        // A chain of references longer than this is a circle.
        for _ in 0..16 {
            let target = found.value.and_then(|value| value.get("$ref")?.as_str()?.strip_prefix('#'));
            let Some(target) = target else { break };
            found = Found { at: target.to_owned(), value: document.pointer(target) };
        }
        found
    }

    /// The members of an object; none of what is no object.
    fn names(&self) -> impl Iterator<Item = &'a String> + use<'a> {
        self.value.and_then(Value::as_object).into_iter().flat_map(|members| members.keys())
    }

    fn items(&self) -> &'a [Value] {
        self.value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Pair<'a> {
    pub(super) fn member(&self, name: &str) -> Pair<'a> {
        Pair { old: self.old.member(name), new: self.new.member(name), ..self.clone() }
    }

    pub(super) fn on(&self, side: Side) -> Pair<'a> {
        Pair { side: Some(side), ..self.clone() }
    }

    /// The names of the members of either, in the order of the documents.
    fn names(&self) -> Vec<&'a String> {
        let mut names: Vec<&String> = self.old.names().collect();
        names.extend(self.new.names().filter(|name| self.old.member(name).value.is_none()));
        names
    }

    pub(super) fn differs(&self) -> bool {
        self.old.value != self.new.value
    }

    /// Returns whether it is there in the newer document only.
    pub(super) fn is_added(&self) -> bool {
        self.old.value.is_none()
    }

    /// Returns whether it was there in the older document only.
    pub(super) fn is_removed(&self) -> bool {
        self.new.value.is_none()
    }
}

impl<'a> Walk<'a> {
    pub(super) fn record(&mut self, pair: &Pair<'_>, verdict: Classification) {
        self.record_as(pair, pair.old.value.cloned(), pair.new.value.cloned(), verdict);
    }

    fn record_as(&mut self, pair: &Pair<'_>, was: Option<Value>, is: Option<Value>, (class, why): Classification) {
        let pointer = if pair.is_removed() { &pair.old.at } else { &pair.new.at };
        let operations = BTreeSet::new();
        let change = || ContractChange { class, pointer: pointer.clone(), side: pair.side, operations, was, is, why };
        let change = self.found.entry((pointer.clone(), pair.side, pair.is_removed(), why)).or_insert_with(change);
        change.operations.extend(pair.operation.map(str::to_owned));
    }

    /// Every member of an object, by a table. What is in no table breaks something until somebody has thought about it.
    pub(super) fn members(&mut self, pair: &Pair<'a>, table: Table) {
        for name in pair.names() {
            let member = pair.member(name);
            match table.iter().find(|(known, _)| known == name).map(|(_, rule)| rule) {
                Some(Rule::Into(compare)) => compare(self, &member),
                Some(Rule::Elsewhere) => {}
                _ if !member.differs() => {}
                Some(Rule::Is(class, why)) => self.record(&member, (*class, why)),
                Some(Rule::Judge(judge)) => {
                    let verdict = judge(self, &member);
                    self.record(&member, verdict);
                }
                Some(Rule::Items(judge)) => self.items(&member, *judge),
                None => self.record(&member, rules::UNKNOWN),
            }
        }
    }

    /// A list that is a set: each item that only one of the two has.
    pub(super) fn items(&mut self, pair: &Pair<'a>, judge: for<'b> fn(&Walk<'b>, &Pair<'b>) -> Classification) {
        let mut differ = false;
        for (i, item) in pair.old.items().iter().enumerate().filter(|(_, item)| !pair.new.items().contains(item)) {
            let old = Found { at: format!("{}/{i}", pair.old.at), value: Some(item) };
            let gone = Pair { old, new: Found { at: pair.new.at.clone(), value: None }, ..pair.clone() };
            let verdict = judge(self, &gone);
            self.record(&gone, verdict);
            differ = true;
        }
        for (i, item) in pair.new.items().iter().enumerate().filter(|(_, item)| !pair.old.items().contains(item)) {
            let new = Found { at: format!("{}/{i}", pair.new.at), value: Some(item) };
            let added = Pair { old: Found { at: pair.old.at.clone(), value: None }, new, ..pair.clone() };
            let verdict = judge(self, &added);
            self.record(&added, verdict);
            differ = true;
        }
        if !differ {
            self.record(pair, (Class::Documentation, "the order, or a repetition, in a list that is a set"));
        }
    }

    /// Every entry of a map: one that only one of the two has is judged, and what both have is compared.
    pub(super) fn each(
        &mut self,
        pair: &Pair<'a>,
        judge: fn(&Walk<'a>, &Pair<'a>) -> Classification,
        compare: fn(&mut Walk<'a>, &Pair<'a>),
    ) {
        for name in pair.names() {
            let entry = pair.member(name);
            if entry.is_added() || entry.is_removed() {
                let verdict = judge(self, &entry);
                self.record(&entry, verdict);
            } else {
                compare(self, &entry);
            }
        }
    }

    /// Two lists whose items have keys: parameters, tags.
    pub(super) fn keyed(
        &mut self,
        pair: &Pair<'a>,
        key: fn(&Value) -> Vec<&Value>,
        judge: fn(&Walk<'a>, &Pair<'a>) -> Classification,
        compare: fn(&mut Walk<'a>, &Pair<'a>),
    ) {
        let find = |list: &Found<'a>, document: &'a Value, wanted: Option<&Value>| -> Vec<Found<'a>> {
            let places = list.items().iter().enumerate();
            let items =
                places.map(|(i, item)| Found { at: format!("{}/{i}", list.at), value: Some(item) }.resolve(document));
            items.filter(|item| wanted.is_none_or(|wanted| item.value.map(key) == Some(key(wanted)))).collect()
        };
        let none = |list: &Found<'a>| Found { at: list.at.clone(), value: None };
        let mut entries = Vec::new();
        for old in find(&pair.old, self.old, None) {
            let new = find(&pair.new, self.new, old.value).into_iter().next().unwrap_or_else(|| none(&pair.new));
            entries.push(Pair { old, new, ..pair.clone() });
        }
        for new in find(&pair.new, self.new, None) {
            if find(&pair.old, self.old, new.value).is_empty() {
                entries.push(Pair { old: none(&pair.old), new, ..pair.clone() });
            }
        }
        for entry in entries {
            if entry.is_added() || entry.is_removed() {
                let verdict = judge(self, &entry);
                self.record(&entry, verdict);
            } else {
                compare(self, &entry);
            }
        }
    }

    /// Operations are the same if their ids are, wherever they are; or, with another id, if they are in the same place.
    pub(super) fn operations(&mut self, pair: &Pair<'a>) {
        let old = operations(&pair.old);
        let new = operations(&pair.new);
        let id = |operation: &Found<'a>| operation.value.and_then(|value| value.get("operationId"));
        let same_id = |a: &Found<'a>, b: &Found<'a>| id(a).is_some() && id(a) == id(b);
        let mut taken = BTreeSet::new();
        for (old_item, before) in &old {
            let by_id = new.iter().find(|(_, after)| same_id(before, after));
            let by_place = || {
                let unknown = |after: &Found<'a>| !old.iter().any(|(_, before)| same_id(before, after));
                let place = Address::of(self.old, &before.at).whole;
                new.iter().find(|(_, after)| Address::of(self.new, &after.at).whole == place && unknown(after))
            };
            let operation = id(before).and_then(Value::as_str);
            let Some((new_item, after)) = by_id.or_else(by_place) else {
                let gone = Found { at: pair.new.at.clone(), value: None };
                let gone = Pair { old: before.clone(), new: gone, operation, side: None };
                self.record_as(&gone, call(before), None, (Class::Breaking, "whoever calls it cannot any more"));
                continue;
            };
            taken.insert(after.at.clone());
            let both = Pair { old: before.clone(), new: after.clone(), operation, side: None };
            if before.at != after.at {
                let verdict = match self.addresses(&both) {
                    (old, new) if old.whole == new.whole => super::classify::SAME_URL,
                    _ => (Class::Breaking, "the request goes elsewhere, or by another method"),
                };
                self.record_as(&both, call(before), call(after), verdict);
            }
            let items = Pair { old: old_item.clone(), new: new_item.clone(), operation, side: None };
            self.members(&items, rules::PATH);
            self.members(&both, rules::OPERATION);
        }
        for (_, after) in new.iter().filter(|(_, after)| !taken.contains(&after.at)) {
            let none = Found { at: pair.old.at.clone(), value: None };
            let operation = id(after).and_then(Value::as_str);
            let added = Pair { old: none, new: after.clone(), operation, side: None };
            self.record_as(&added, None, call(after), (Class::Compatible, "nobody calls it yet"));
        }
    }

    /// Where the requests go of what is at a place below `paths`, by either document.
    pub(super) fn addresses(&self, pair: &Pair<'_>) -> (Address, Address) {
        (Address::of(self.old, &pair.old.at), Address::of(self.new, &pair.new.at))
    }

    /// In what the base URLs of a system end, by either document: `pair` is a member of its tag.
    pub(super) fn bases(&self, pair: &Pair<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
        let of = |document: &'a Value, found: &Found<'_>| {
            let tag = found.at.rsplit_once('/').and_then(|(tag, _)| document.pointer(tag)).unwrap_or(&Value::Null);
            let paths = Found { at: "/paths".to_owned(), value: document.get("paths") };
            let of_tag = operations(&paths).into_iter().map(|(_, operation)| operation);
            let of_tag =
                of_tag.filter(|operation| operation.value.is_some_and(|value| value["tags"][0] == tag["name"]));
            of_tag.map(|operation| Address::of(document, &operation.at).base).collect()
        };
        (of(self.old, &pair.old), of(self.new, &pair.new))
    }

    /// A schema, through its references.
    pub(super) fn schema(&mut self, pair: &Pair<'a>) {
        let resolved = self.resolved(pair);
        let reference = pair.member("$ref");
        if reference.differs() {
            self.record(&reference, (Class::Breaking, "the generated type has the name of the schema"));
        }
        let kind = |found: &Found<'a>| {
            let named = found.at.starts_with("/components/schemas/") && found.at.matches('/').count() == 3;
            found.value.filter(|_| named).and_then(crate::codegen::kind)
        };
        if kind(&resolved.old) != kind(&resolved.new) {
            self.record(
                &resolved,
                (Class::Breaking, "an id, a set of words or plain data: the generated type is of another kind"),
            );
        }
        let place = (resolved.old.at.clone(), resolved.new.at.clone(), resolved.side);
        if self.open.contains(&place) {
            return;
        }
        self.open.push(place);
        self.members(&resolved, rules::SCHEMA);
        self.open.pop();
    }

    pub(super) fn resolved(&self, pair: &Pair<'a>) -> Pair<'a> {
        Pair { old: pair.old.resolve(self.old), new: pair.new.resolve(self.new), ..pair.clone() }
    }

    /// Returns whether the enumeration that is generated from the schema at this pointer knows its values only.
    pub(super) fn is_closed(&self, schema: &str) -> bool {
        self.closed.contains(schema)
    }
}

/// Where a request goes, without the machine: the same wherever a document writes the base path.
#[derive(PartialEq)]
pub(super) struct Address {
    /// The method, if one is known, and the whole path.
    whole: String,
    /// The path in which the base URL ends that callers give.
    base: String,
}

impl Address {
    /// Of what is at this place below `paths`.
    fn of(document: &Value, at: &str) -> Address {
        let mut tokens = at.split('/').skip(2).map(|token| token.replace("~1", "/").replace("~0", "~"));
        let (path, below) = (tokens.next().unwrap_or_default(), tokens.next().unwrap_or_default());
        let item = &document["paths"][&path];
        let method = user_status_openapi::METHODS.into_iter().find(|method| *method == below);
        let mut methods = method.into_iter().chain(user_status_openapi::METHODS);
        let operation = methods.find_map(|method| item.get(method)).unwrap_or(&Value::Null);
        let servers = item.get("servers").or_else(|| document.get("servers")).unwrap_or(&Value::Null);
        let mount = user_status_openapi::path_of_url(servers[0]["url"].as_str().unwrap_or_default());
        let mut tags = document["tags"].as_array().into_iter().flatten();
        let tag = tags.find(|tag| tag["name"] == operation["tags"][0]).unwrap_or(&Value::Null);
        let base = tag[user_status_openapi::BASE_PATH].as_str().unwrap_or_default();
        Address { whole: format!("{} {mount}{path}", method.unwrap_or_default()), base: format!("{mount}{base}") }
    }
}

/// The operations of a document, each after its path item.
fn operations<'a>(paths: &Found<'a>) -> Vec<(Found<'a>, Found<'a>)> {
    let items = paths.names().map(|path| paths.member(path));
    let operations = items.flat_map(|item| {
        let methods = user_status_openapi::METHODS.iter().map(move |method| (item.clone(), item.member(method)));
        methods.filter(|(_, operation)| operation.value.is_some()).collect::<Vec<_>>()
    });
    operations.collect()
}

/// An operation in words, such as `PUT /api/users/{UserID}/status`: the whole of it would say less.
fn call(operation: &Found<'_>) -> Option<Value> {
    let (path, method) = operation.at.strip_prefix("/paths/")?.rsplit_once('/')?;
    Some(format!("{} {}", method.to_uppercase(), path.replace("~1", "/").replace("~0", "~")).into())
}

/// Schemas of parameters: a word in a path can name another resource, so there the generated enumeration is closed.
fn closed_enums(document: &Value) -> BTreeSet<String> {
    let paths = Found { at: "/paths".to_owned(), value: document.get("paths") };
    let parameters = operations(&paths).into_iter().flat_map(|(_, operation)| {
        let list = operation.member("parameters");
        (0..list.items().len()).map(|i| format!("{}/{i}/schema", list.at)).collect::<Vec<_>>()
    });
    parameters.map(|at| Found { value: document.pointer(&at), at }.resolve(document).at).collect()
}
