//! What the targets share: the engine, its accounts and credentials, and what an answer has to be.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use user_status_mock::{AccountStatus, Engine, Options, SystemKind, world};
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, MediaType, Operation};

pub mod json;
pub mod xml;

/// The engine of the process. What it costs to make one is paid once; so its accounts are those that the inputs before
/// have left. Its admin API, which may change everything, asks for a token that no input has.
fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> =
        LazyLock::new(|| Engine::with(Options::new().admin_token(fastrand::u128(..).to_string())));
    &ENGINE
}

fn validator() -> &'static Validator {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Contract::embedded()).unwrap());
    &VALIDATOR
}

/// A credential of the default world.
pub struct Credential {
    /// The placeholder for it in an input, so that inputs outlive the values.
    pub placeholder: &'static str,
    pub value: String,
    /// `true` if an account can be changed with it.
    pub changes: bool,
}

/// All credentials. Nothing else here knows where they come from.
pub fn credentials() -> &'static [Credential] {
    static CREDENTIALS: LazyLock<Vec<Credential>> = LazyLock::new(|| {
        let known = engine().world().credentials();
        [
            ("$userdocks.api_key", known.userdocks.api_key, true),
            ("$userdocks.read_key", known.userdocks.read_key, false),
            ("$userdocks.client_id", known.userdocks.client_id, false),
            ("$userdocks.access_token", known.userdocks.access_token, true),
            ("$akana.session_cookie", known.akana.session_cookie, true),
            ("$akana.csrf_token", known.akana.csrf_token, false),
            ("$akana.member_session_cookie", known.akana.member_session_cookie, false),
            ("$akana.member_csrf_token", known.akana.member_csrf_token, false),
            ("$mediconnect.token", known.mediconnect.token, true),
            ("$mediconnect.patient_token", known.mediconnect.patient_token, false),
            ("$symphony.session_token", known.symphony.session_token, true),
            ("$symphony.unentitled_session_token", known.symphony.unentitled_session_token, false),
            ("$clearsquare.token", known.clearsquare.token, true),
            ("$scim.token", known.scim.token, true),
            ("$scim.unentitled_token", known.scim.unentitled_token, false),
        ]
        .map(|(placeholder, value, changes)| Credential { placeholder, value, changes })
        .into()
    });
    &CREDENTIALS
}

/// Puts the credentials where their placeholders are.
pub fn fill(text: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(&first) = rest.first() {
        let credential = match first {
            b'$' => credentials().iter().find(|credential| rest.starts_with(credential.placeholder.as_bytes())),
            _ => None,
        };
        match credential {
            Some(credential) => {
                filled.extend_from_slice(credential.value.as_bytes());
                rest = &rest[credential.placeholder.len()..];
            }
            None => {
                filled.push(first);
                rest = &rest[1..];
            }
        }
    }
    filled
}

/// Headers that authenticate a call of the system, with placeholders.
pub fn authentication(system: SystemKind) -> &'static [(&'static str, &'static str)] {
    match system {
        SystemKind::Userdocks => {
            &[("x-api-key", "$userdocks.api_key"), ("x-api-key-type", "write"), ("x-client-id", "$userdocks.client_id")]
        }
        SystemKind::Akana => &[
            ("cookie", "AtmoAuthToken_acmepaymentscorp=$akana.session_cookie"),
            ("x-csrf-token_acmepaymentscorp", "$akana.csrf_token"),
        ],
        SystemKind::Mediconnect => &[("authorization", "Bearer $mediconnect.token")],
        SystemKind::Symphony => &[("sessiontoken", "$symphony.session_token")],
        SystemKind::Clearsquare => &[("authorization", "Bearer $clearsquare.token")],
        SystemKind::Scim => &[("authorization", "Bearer $scim.token")],
    }
}

/// All users of the default world.
pub fn users() -> &'static [(SystemKind, String)] {
    static USERS: LazyLock<Vec<(SystemKind, String)>> = LazyLock::new(|| {
        vec![
            (SystemKind::Userdocks, world::USERDOCKS_USER.to_string()),
            (SystemKind::Userdocks, world::USERDOCKS_SECOND_USER.to_string()),
            (SystemKind::Akana, world::AKANA_USER.to_string()),
            (SystemKind::Mediconnect, world::MEDICONNECT_USER.to_string()),
            (SystemKind::Mediconnect, world::MEDICONNECT_ADMIN.to_string()),
            (SystemKind::Symphony, world::SYMPHONY_USER.to_string()),
            (SystemKind::Symphony, world::SYMPHONY_KEYMANAGER.to_string()),
            (SystemKind::Symphony, world::SYMPHONY_CESERVICE.to_string()),
            (SystemKind::Clearsquare, world::CLEARSQUARE_USER.to_string()),
        ]
    });
    &USERS
}

/// Returns what the accounts are now, in the order of [`users`].
pub fn accounts() -> Vec<AccountStatus> {
    let status = |(system, user): &(SystemKind, String)| {
        engine().world().status(*system, user).unwrap_or_else(|| panic!("{system} has lost its user {user}"))
    };
    users().iter().map(status).collect()
}

/// Returns which accounts are not what they were.
pub fn changed(before: &[AccountStatus], after: &[AccountStatus]) -> Vec<String> {
    let pairs = users().iter().zip(before.iter().zip(after)).filter(|(_, (before, after))| before != after);
    pairs.map(|((system, user), (before, after))| format!("{system} {user}: {before:?} -> {after:?}")).collect()
}

/// The digits `0`, `1`, … choose the first, the second, …; every other byte chooses one, too.
pub fn choose<T>(from: &[T], by: u8) -> &T {
    &from[usize::from(by.wrapping_sub(b'0')) % from.len()]
}

/// A content type of the operation's body that ends so: as the contract writes it, and in capitals with a parameter.
pub fn content_type(operation: &Operation, end: &str, by: u8) -> String {
    let known = operation.request_body.iter().flat_map(|body| &body.content).map(|media_type| &media_type.name);
    let forms = |name: &String| [name.clone(), format!("{} ;charset=utf-8", name.to_uppercase())];
    let all: Vec<String> = known.filter(|name| name.ends_with(end)).flat_map(forms).collect();
    choose(&all, by).clone()
}

/// A value for Accept: none, every type of the answer, and any type.
pub fn accept(operation: &Operation, by: u8) -> Option<&str> {
    let known = operation.responses[&200].content.iter().map(|media_type| Some(media_type.name.as_str()));
    let all: Vec<Option<&str>> = [None].into_iter().chain(known).chain([Some("*/*")]).collect();
    *choose(&all, by)
}

/// A valid call of an operation for a user, but for the body.
pub fn call(
    operation: &Operation,
    user: &str,
    content_type: &str,
    accept: Option<&str>,
    body: Vec<u8>,
) -> Request<Bytes> {
    let mut path = String::from(Contract::embedded().base_path(operation.system));
    for segment in operation.path.split('/').skip(1) {
        path.push('/');
        path.push_str(if segment.starts_with('{') { user } else { segment });
    }
    let mut request = Request::builder()
        .method(Method::from_bytes(operation.method.as_bytes()).unwrap())
        .uri(path)
        .header(header::CONTENT_TYPE, content_type);
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT, accept);
    }
    for (name, value) in authentication(operation.system) {
        request = request.header(*name, fill(value.as_bytes()));
    }
    request.body(Bytes::from(body)).unwrap()
}

/// Asks the engine. With `PRINT` in the environment, request and answer are printed.
pub fn answer(request: &Request<Bytes>) -> Response<Bytes> {
    static PRINT: LazyLock<bool> = LazyLock::new(|| std::env::var_os("PRINT").is_some());
    if *PRINT {
        eprintln!("{request:?}");
    }
    let response = engine().handle(request).response;
    if *PRINT {
        eprintln!("{} {:?}", response.status().as_u16(), response.body());
    }
    response
}

/// Makes a call that is authenticated and valid but for its body, and holds what comes of it to what is promised.
///
/// # Panics
/// On a finding.
pub fn hold(operation: &Operation, user: &str, request: &Request<Bytes>) {
    let before = accounts();
    let response = answer(request);
    let changed = changed(&before, &accounts());
    let status = response.status().as_u16();
    check_answer(operation, &response);
    if status == 200 {
        let named = format!("{} {user}: ", operation.system);
        assert!(changed.iter().all(|account| account.starts_with(&named)), "another account: {changed:?}");
    } else {
        assert!(changed.is_empty(), "{status} although an account was changed: {changed:?}");
    }
}

/// Returns whether the mock says that its own answer was not one of the contract.
pub fn is_own_error(response: &Response<Bytes>) -> bool {
    let says = |text: &[u8]| response.body().windows(text.len()).any(|part| part == text);
    response.status() == 500 && (says(b"the mock server made an answer") || says(b"\"violations\""))
}

/// Holds an answer to the contract.
fn check_answer(operation: &Operation, response: &Response<Bytes>) {
    let status = response.status().as_u16();
    let text = String::from_utf8_lossy(response.body());
    // No fault is registered, so that no 500 is wanted.
    assert_ne!(status, 500, "{text}");
    let Some(documented) = operation.responses.get(&status) else {
        panic!("{} does not have {status}: {text}", operation.id);
    };
    let content_type = response.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap());
    let media_type = documented.content.iter().find(|media_type| Some(media_type.name.as_str()) == content_type);
    let Some(MediaType { name, schema, .. }) = media_type else {
        panic!("{} {status} does not have {content_type:?}: {text}", operation.id);
    };
    if name.ends_with("xml") {
        if let Err(problem) = check_xml(response.body()) {
            panic!("{} {status} is not XML, {problem}: {text:?}", operation.id);
        }
    } else {
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_else(|e| panic!("not JSON, {e}: {text}"));
        let violations = validator().validate(schema, &body);
        assert!(violations.is_empty(), "{} {status}: {violations:?}: {text}", operation.id);
    }
}

/// Returns whether a text is one XML element that a strict reader takes. `quick_xml` does not look at the characters.
fn check_xml(body: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|e| e.to_string())?;
    let allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!("it has the character {c:?}, which XML does not allow"));
    }
    let mut reader = Reader::from_str(text);
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Event::Start(_) => {
                roots += usize::from(depth == 0);
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            Event::Empty(_) => roots += usize::from(depth == 0),
            Event::GeneralRef(reference) => {
                let predefined = matches!(&*reference, "lt" | "gt" | "amp" | "apos" | "quot");
                if !predefined && !matches!(reference.resolve_char_ref(), Ok(Some(_))) {
                    return Err(format!("it has the entity {:?}", &*reference));
                }
            }
            Event::Eof if depth == 0 && roots == 1 => return Ok(()),
            Event::Eof => return Err(format!("it has {roots} roots, {depth} elements are open")),
            _ => {}
        }
    }
}
