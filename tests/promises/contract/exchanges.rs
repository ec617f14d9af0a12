//! What the SDK sends and the mock server answers is what the contract describes, by a third reading of the contract:
//! neither that of the generator nor that of the mock.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use user_status::systems::{
    Akana, Mediconnect, Scim, Symphony, Userdocks, akana, mediconnect, scim, symphony, userdocks,
};
use user_status::{AccountSystem, CallOptions, RetryPolicy, StatusChange};
use user_status_mock::{Fault, StandaloneServer, world};
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, Location, MediaType, Operation, Parameter, SchemeKind};
use user_status_tests::{Message, Relay};

use crate::support::systems::{
    akana_builder, clearsquare, mediconnect_builder, options, scim_builder, suspend_until, symphony_builder, userdocks,
};

/// A request of a system's client, and its answer.
pub(crate) struct Exchange {
    system: &'static str,
    request: Message,
    answer: Message,
}

/// The headers that HTTP and every client bring along.
const COMMON: [&str; 9] = [
    "accept",
    "accept-encoding",
    "host",
    "user-agent",
    "content-type",
    "content-length",
    "cache-control",
    "pragma",
    "connection",
];

impl Exchange {
    /// The operation of a contract that this is an exchange of, if the contract allows all of it.
    pub(crate) fn fits<'a>(&self, contract: &'a Contract, validator: &Validator) -> Result<&'a Operation, String> {
        let reading = Reading { contract, validator };
        let operation = reading.operation(self)?;
        let here = |problem: String| format!("{} {}: {problem}", operation.id, self.request.first_line);
        reading.credentials(operation, &self.request).map_err(here)?;
        match &operation.request_body {
            Some(body) => reading.body(&body.content, &self.request).map_err(here)?,
            None if self.request.body.is_empty() => {}
            None => return Err(here("has a body".to_owned())),
        }
        let status = self.answer.status();
        let response = operation.responses.get(&status).ok_or_else(|| here(format!("answers {status}")))?;
        match response.content.is_empty() {
            true if self.answer.body.is_empty() => {}
            true => return Err(here(format!("has a body in {status}"))),
            false => reading.body(&response.content, &self.answer).map_err(|e| here(format!("in {status}: {e}")))?,
        }
        Ok(operation)
    }
}

struct Reading<'a, 'b> {
    contract: &'a Contract,
    validator: &'b Validator,
}

impl<'a> Reading<'a, '_> {
    fn operation(&self, exchange: &Exchange) -> Result<&'a Operation, String> {
        let mut words = exchange.request.first_line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut problem = format!("{method} {path} is no operation");
        for operation in self.contract.operations().iter().filter(|operation| operation.method == method) {
            let template = format!("{}{}", self.contract.base_path(operation.system), operation.path);
            let (there, here): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
            let fits = |(there, here): (&&str, &&str)| there == here || there.starts_with('{') && !here.is_empty();
            if there.len() != here.len() || !there.iter().zip(&here).all(fits) {
                continue;
            }
            if operation.system.as_str() != exchange.system {
                problem = format!(
                    "{} is an operation of {}, and sent to {}",
                    operation.id, operation.system, exchange.system
                );
                continue;
            }
            let given = there
                .iter()
                .zip(&here)
                .filter_map(|(there, here)| Some((there.strip_prefix('{')?.strip_suffix('}')?, here.to_string())));
            match self.parameters(operation, given.collect(), query, &exchange.request) {
                Ok(()) => return Ok(operation),
                Err(e) => problem = format!("{}: {e}", operation.id),
            }
        }
        Err(problem)
    }

    fn parameters(
        &self,
        operation: &Operation,
        path: Vec<(&str, String)>,
        query: &str,
        request: &Message,
    ) -> Result<(), String> {
        let query: Vec<(String, String)> = reqwest::Url::parse(&format!("http://localhost/?{query}"))
            .map_err(|e| e.to_string())?
            .query_pairs()
            .into_owned()
            .collect();
        for (name, _) in &query {
            let known = |parameter: &Parameter| parameter.location == Location::Query && parameter.name == *name;
            if !operation.parameters.iter().any(known) {
                return Err(format!("{name} is no parameter"));
            }
        }
        for parameter in &operation.parameters {
            let given = match parameter.location {
                Location::Path => path.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone()),
                Location::Header => request.header(&parameter.name).first().map(|value| value.to_string()),
                Location::Query => {
                    query.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone())
                }
            };
            let Some(text) = given else {
                if parameter.required { return Err(format!("{} is missing", parameter.name)) } else { continue }
            };
            let number = text.parse::<i64>().ok().filter(|_| parameter.integer).map(Value::from);
            let violations = self.validator.validate(&parameter.schema, &number.unwrap_or(Value::from(text)));
            if let Some(violation) = violations.first() {
                return Err(format!("{}: {violation}", parameter.name));
            }
        }
        Ok(())
    }

    /// Returns what travels is one of the alternatives, the whole of it and nothing beside it.
    fn credentials(&self, operation: &Operation, request: &Message) -> Result<(), String> {
        let mut sent: BTreeSet<String> = BTreeSet::new();
        for (name, value) in &request.headers {
            let name = name.to_lowercase();
            let known = |parameter: &&Parameter| {
                parameter.location == Location::Header && parameter.name.eq_ignore_ascii_case(&name)
            };
            if name == "cookie" {
                let cookies = value.split(';').filter_map(|cookie| cookie.trim().split_once('='));
                sent.extend(cookies.map(|(cookie, _)| format!("cookie {cookie}")));
            } else if name == "authorization" && value.starts_with("Bearer ") {
                sent.insert("bearer".to_owned());
            } else if !COMMON.contains(&name.as_str()) && !operation.parameters.iter().any(|p| known(&p)) {
                sent.insert(format!("header {name}"));
            }
        }
        let asked = self.asked(operation);
        // A client of Akana has one set of credentials, and sends the whole of it with a read, too.
        let written = self.contract.operations().iter().filter(|other| other.system == operation.system);
        let of_writes = || written.clone().flat_map(|other| self.asked(other)).any(|alternative| alternative == sent);
        let more = operation.method == "GET" && asked.iter().any(|some| some.is_subset(&sent)) && of_writes();
        if asked.contains(&sent) || more {
            Ok(())
        } else {
            Err(format!("sends {sent:?}, and is asked for one of {asked:?}"))
        }
    }

    /// The alternatives of an operation, each as what travels.
    fn asked(&self, operation: &Operation) -> Vec<BTreeSet<String>> {
        let travels = |name: &String| match self.contract.scheme(name).map(|scheme| &scheme.kind) {
            Some(SchemeKind::Header(name)) => format!("header {}", name.to_lowercase()),
            Some(SchemeKind::Cookie(name)) => format!("cookie {name}"),
            Some(SchemeKind::Bearer) => "bearer".to_owned(),
            None => format!("unknown {name}"),
        };
        operation.security.iter().map(|alternative| alternative.iter().map(travels).collect()).collect()
    }

    fn body(&self, content: &[MediaType], message: &Message) -> Result<(), String> {
        let name = message.header("content-type").first().map(|name| name.split(';').next().unwrap_or_default());
        let name = name.ok_or("there is no content type")?;
        let media_type = content.iter().find(|media_type| media_type.name == name);
        let media_type = media_type.ok_or_else(|| format!("{name} is not documented"))?;
        let value = if name.ends_with("xml") {
            self.read_xml(&media_type.schema, &message.text())?
        } else {
            serde_json::from_slice(&message.body).map_err(|e| e.to_string())?
        };
        match self.validator.validate(&media_type.schema, &value).first() {
            Some(violation) => Err(violation.to_string()),
            None => Ok(()),
        }
    }

    /// A flat document whose root is called as the schema says: no attributes, no namespaces, no escapes are needed here.
    fn read_xml(&self, schema: &str, text: &str) -> Result<Value, String> {
        let described = self.contract.resolve(schema).ok_or("no schema")?;
        let root = described["xml"]["name"].as_str().ok_or("the schema says no name in XML")?;
        let text = text.split_once("?>").map_or(text, |(_, rest)| rest).trim();
        let rest = text.strip_prefix(&format!("<{root}>")).and_then(|rest| rest.strip_suffix(&format!("</{root}>")));
        let mut rest = rest.ok_or_else(|| format!("the root is not {root}"))?;
        let mut value = json!({});
        while let Some((name, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            if let Some(name) = name.strip_suffix('/') {
                value[name] = json!("");
                rest = after;
                continue;
            }
            let (content, after) = after.split_once(&format!("</{name}>")).ok_or("an element does not end")?;
            let boolean = described["properties"][name]["type"] == "boolean";
            value[name] = if boolean { json!(content == "true") } else { json!(content) };
            rest = after;
        }
        if rest.is_empty() { Ok(value) } else { Err("there is text between the elements".to_owned()) }
    }
}

/// Calls of all kinds to all systems, through the typed clients and the interface that all share.
pub(crate) async fn recorded() -> Vec<Exchange> {
    let server = StandaloneServer::start_with(options()).await.unwrap();
    let mut exchanges = Vec::new();
    userdocks_calls(&server, &mut exchanges).await;
    akana_calls(&server, &mut exchanges).await;
    mediconnect_calls(&server, &mut exchanges).await;
    symphony_calls(&server, &mut exchanges).await;
    scim_calls(&server, &mut exchanges).await;
    let relay = Relay::start(&server.root()).await;
    let site = clearsquare(&relay.uri());
    call(&site, &[world::CLEARSQUARE_USER, "000000cecbb5901d133039f8"], &[StatusChange::toggle()]).await;
    let with_language = site.client().manage_user_status().accept_language("en-US,en;q=0.9");
    with_language.body_map(|body| body.id(world::CLEARSQUARE_USER)).send().await.unwrap();
    faults(&server, &site, "manageUserStatus", &[400, 401], json!({ "message": "m", "status": "error" })).await;
    keep("clearsquare", &relay, &mut exchanges);
    exchanges
}

fn keep(system: &'static str, relay: &Relay, exchanges: &mut Vec<Exchange>) {
    let exchanged = relay.exchanged().into_iter();
    exchanges.extend(exchanged.map(|(request, answer)| Exchange { system, request, answer }));
}

fn once() -> CallOptions {
    CallOptions::default().with_retry(RetryPolicy::never())
}

/// Each change of each account, and a look at it. What becomes of them is for other tests.
async fn call(system: &dyn AccountSystem, users: &[&str], changes: &[StatusChange]) {
    for user in users {
        for change in changes {
            let _ = system.apply_with(user, change, once()).await;
        }
        let _ = system.status_with(user, once()).await;
    }
}

/// Every failure that the documents name, once.
async fn faults(server: &StandaloneServer, system: &dyn AccountSystem, operation: &str, codes: &[u16], body: Value) {
    for code in codes {
        server.fault(Fault::response(*code, body.clone()).on_operation(operation).times(1)).unwrap();
        let change = match operation {
            "manageUserStatus" => StatusChange::toggle(),
            _ => StatusChange::disable(),
        };
        if operation == "findScimUsers" {
            system.find_with("userName:nobody", once()).await.unwrap_err();
        } else if operation.starts_with("get") {
            system.status_with("42", once()).await.unwrap_err();
        } else {
            system.apply_with("42", &change, once()).await.unwrap_err();
        }
    }
}

async fn userdocks_calls(server: &StandaloneServer, exchanges: &mut Vec<Exchange>) {
    let relay = Relay::start(&server.root()).await;
    let docks = userdocks(&relay.uri());
    let changes = [StatusChange::disable(), StatusChange::enable()];
    call(&docks, &[world::USERDOCKS_USER, "nobody"], &changes).await;
    let app = "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10";
    let by_app = docks.client().set_app_access_status().app_id(app).user_id(world::USERDOCKS_USER);
    by_app.access_status("0").send().await.unwrap();
    let known = server.credentials().userdocks;
    for credentials in
        [userdocks::Credentials::access_token(known.access_token), userdocks::Credentials::api_key("wrong", app)]
    {
        let docks = Userdocks::builder().base_url(relay.uri()).credentials(credentials).build().unwrap();
        call(&docks, &[world::USERDOCKS_SECOND_USER, world::USERDOCKS_USER], &changes).await;
    }
    let body = json!({ "success": false, "error": "e", "message": null, "data": null });
    faults(server, &docks, "setAccessStatus", &[400, 401, 403, 500], body.clone()).await;
    faults(server, &docks, "getUser", &[400, 401, 403, 500], body).await;
    keep("userdocks", &relay, exchanges);
}

async fn akana_calls(server: &StandaloneServer, exchanges: &mut Vec<Exchange>) {
    let relay = Relay::start(&server.root()).await;
    let changes = [StatusChange::lock().with_comment("Left"), StatusChange::disable(), StatusChange::enable()];
    for media_type in akana::MediaType::ALL {
        let portal = akana_builder(&relay.uri()).media_type(*media_type).build().unwrap();
        call(&portal, &[world::AKANA_USER, "nobody.acmepaymentscorp"], &changes).await;
    }
    let stranger = Akana::builder().base_url(relay.uri()).tenant("acmepaymentscorp");
    let stranger = stranger.credentials(akana::Credentials::session("wrong", "wrong")).build().unwrap();
    call(&stranger, &[world::AKANA_USER], &changes).await;
    let portal = akana_builder(&relay.uri()).build().unwrap();
    let body = json!({ "faultcode": "Server", "faultstring": "why" });
    faults(server, &portal, "changeUserStatus", &[400, 401, 404, 500], body.clone()).await;
    faults(server, &portal, "getPlatformUser", &[400, 401, 404, 500], body).await;
    keep("akana", &relay, exchanges);
}

async fn mediconnect_calls(server: &StandaloneServer, exchanges: &mut Vec<Exchange>) {
    let relay = Relay::start(&server.root()).await;
    let clinic = mediconnect_builder(&relay.uri()).build().unwrap();
    let changes =
        [StatusChange::disable(), StatusChange::enable(), StatusChange::suspend("Leave"), StatusChange::unsuspend()];
    call(&clinic, &["42", "4242"], &changes).await;
    let stranger = Mediconnect::builder().base_url(relay.uri()).credentials(mediconnect::Credentials::token("wrong"));
    call(&stranger.build().unwrap(), &["42"], &changes[..1]).await;
    let body = json!({ "error": "why" });
    // A change begins with a look at the account, so that it can name both booleans.
    faults(server, &clinic, "toggleUserStatus", &[400, 401, 403, 404], body.clone()).await;
    faults(server, &clinic, "getAdminUser", &[400, 401, 403, 404], body).await;
    keep("mediconnect", &relay, exchanges);
}

async fn symphony_calls(server: &StandaloneServer, exchanges: &mut Vec<Exchange>) {
    let relay = Relay::start(&server.root()).await;
    let pod = symphony_builder(&format!("{}/pod", relay.uri())).build().unwrap();
    let changes = [
        StatusChange::disable(),
        StatusChange::enable(),
        StatusChange::suspend("Leave"),
        suspend_until(),
        StatusChange::unsuspend(),
    ];
    call(&pod, &["7215545078541", "1"], &changes).await;
    let stranger = Symphony::builder().base_url(format!("{}/pod", relay.uri()));
    let stranger = stranger.credentials(symphony::Credentials::session_token("wrong")).build().unwrap();
    call(&stranger, &["7215545078541"], &changes[..1]).await;
    let body = json!({ "code": 1, "message": "why" });
    faults(server, &pod, "updateUserStatus", &[400, 401, 403, 500], body.clone()).await;
    faults(server, &pod, "getUserStatus", &[400, 401, 403, 500], body).await;
    keep("symphony", &relay, exchanges);
}

async fn scim_calls(server: &StandaloneServer, exchanges: &mut Vec<Exchange>) {
    let relay = Relay::start(&server.root()).await;
    let uri = format!("{}/scim/v2", relay.uri());
    let users = [world::SCIM_USER, "userName:joe@acme.example", "externalId:nobody"];
    let changes = [StatusChange::disable(), StatusChange::enable()];
    for method in [scim::Method::Patch, scim::Method::Put] {
        call(&scim_builder(&uri).method(method).build().unwrap(), &users, &changes).await;
    }
    let stranger = Scim::builder().base_url(&*uri).credentials(scim::Credentials::bearer("wrong")).build().unwrap();
    call(&stranger, &[world::SCIM_USER], &changes[..1]).await;

    // A change comes after a read, which must find somebody.
    server.put_user(user_status_mock::SystemKind::Scim, "42", &json!({ "active": true })).unwrap();
    let error = |code: u16| {
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": code.to_string(), "detail": "why"
        })
    };
    let codes: [(&str, scim::Method, &[u16]); 4] = [
        ("getScimUser", scim::Method::Patch, &[400, 401, 403, 404, 429, 500]),
        ("findScimUsers", scim::Method::Patch, &[400, 401, 403, 429, 500]),
        ("patchScimUser", scim::Method::Patch, &[400, 401, 403, 404, 409, 412, 413, 429, 500, 501]),
        ("replaceScimUser", scim::Method::Put, &[400, 401, 403, 404, 409, 412, 413, 429, 500, 501]),
    ];
    for (operation, method, codes) in codes {
        let idp = scim_builder(&uri).method(method).build().unwrap();
        for code in codes {
            faults(server, &idp, operation, &[*code], error(*code)).await;
        }
    }
    server.fault(Fault::response(204, json!({})).on_operation("patchScimUser").times(1)).unwrap();
    scim_builder(&uri).build().unwrap().apply("42", &StatusChange::disable()).await.unwrap();
    for code in [400, 401, 403, 404, 429, 500] {
        server.fault(Fault::response(code, error(code)).on_operation("getScimConfig").times(1)).unwrap();
        let client = scim_builder(&uri).retry(RetryPolicy::never()).build().unwrap();
        client.client().get_scim_config().send().await.unwrap_err();
    }
    keep("scim", &relay, exchanges);
}

#[tokio::test]
async fn what_travels_is_in_the_contract() {
    let contract = Contract::embedded();
    let validator = Validator::new(contract).unwrap();
    let exchanges = recorded().await;
    let mut seen = BTreeSet::new();
    for exchange in &exchanges {
        let operation = exchange.fits(contract, &validator).unwrap_or_else(|problem| panic!("{problem}"));
        seen.insert((operation.id.clone(), exchange.answer.status()));
    }
    // All operations, and of each all codes that its document names; the current route of Userdocks answers alike.
    for operation in contract.operations().iter().filter(|operation| operation.id != "setAppAccessStatus") {
        for code in operation.responses.keys() {
            assert!(seen.contains(&(operation.id.clone(), *code)), "{} {code} did not travel", operation.id);
        }
    }
    assert!(seen.contains(&("setAppAccessStatus".to_owned(), 200)));

    // And the reading is one that finds something.
    let mut wrong = Vec::new();
    let strange = |change: fn(&mut Message, &mut Message)| {
        exchanges.iter().map(move |exchange| {
            let (mut request, mut answer) = (exchange.request.clone(), exchange.answer.clone());
            change(&mut request, &mut answer);
            Exchange { system: exchange.system, request, answer }
        })
    };
    wrong.extend(strange(|request, _| request.first_line = request.first_line.replacen(' ', " /x", 1)));
    wrong.extend(strange(|request, _| request.headers.push(("x-other".into(), "1".into()))));
    wrong.extend(strange(|_, answer| answer.first_line = "HTTP/1.1 418 X".into()));
    wrong.extend(strange(|_, answer| answer.body = b"7".to_vec()));
    for exchange in &wrong {
        assert!(exchange.fits(contract, &validator).is_err(), "{}", exchange.request.first_line);
    }
}
