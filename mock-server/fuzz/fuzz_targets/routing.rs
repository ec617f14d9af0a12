//! Any request. See the README for the form of an input.

#![no_main]

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use libfuzzer_sys::{Corpus, fuzz_target};
use user_status_mock::SystemKind;
use user_status_mock_fuzz::{accounts, answer, authentication, changed, credentials, fill, is_own_error, users};
use user_status_openapi::Contract;

/// The parts of a request, before it is known whether they can be parts of one.
#[derive(Default)]
struct Parts {
    method: Vec<u8>,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// A request as it would be written for a person.
fn written(text: &[u8]) -> Parts {
    let mut lines = text.splitn(2, |byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut rest = lines.next().unwrap_or_default();
    let (method, target) = split(first, b' ');
    let mut parts = Parts { method: method.to_vec(), target: target.to_vec(), ..Parts::default() };
    while !rest.is_empty() {
        let (line, after) = split(rest, b'\n');
        rest = after;
        if line.is_empty() {
            break;
        }
        let (name, value) = split(line, b':');
        parts.headers.push((name.to_vec(), fill(value.trim_ascii())));
    }
    parts.body = fill(rest);
    parts
}

fn split(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == at) {
        Some(i) => (&text[..i], &text[i + 1..]),
        None => (text, &[]),
    }
}

const METHODS: [&str; 9] = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "put"];

const NAMES: [&str; 15] = [
    "accept",
    "content-type",
    "content-length",
    "sessionToken",
    "authorization",
    "cookie",
    "x-api-key",
    "x-api-key-type",
    "x-client-id",
    "x-csrf-token_acmepaymentscorp",
    "prefer",
    "x-mock-world",
    "x-http-method-override",
    "host",
    "expect",
];

const VALUES: [&str; 20] = [
    "application/json",
    "application/xml",
    "application/vnd.soa.v81+xml",
    "application/*;q=0.1, */*;q=0",
    "text/html",
    "application/json;q=NaN",
    "write",
    "read",
    "Bearer ",
    "bearer x",
    "Basic eDp5",
    "AtmoAuthToken_acmepaymentscorp=",
    "AtmoAuthToken_acmepaymentscorp=x; AtmoAuthToken_acmepaymentscorp=y",
    "code=500",
    "code=200, example=x",
    "dynamic=true",
    "default",
    "a",
    "",
    "100-continue",
];

/// A request near one of the contract.
fn built(u: &mut Unstructured<'_>) -> Result<Parts> {
    let operation = u.choose(Contract::embedded().operations())?;
    let method = match u.int_in_range(0..=9)? {
        0 => u.arbitrary::<&[u8]>()?.to_vec(),
        1 => u.choose(&METHODS)?.as_bytes().to_vec(),
        _ => operation.method.clone().into_bytes(),
    };
    let mut target = Contract::embedded().base_path(operation.system).as_bytes().to_vec();
    for segment in operation.path.split('/').skip(1) {
        if u.ratio(31, 32)? {
            target.push(b'/');
        }
        match u.int_in_range(0..=11)? {
            0 => target.extend_from_slice(u.arbitrary::<&[u8]>()?),
            1 => target
                .extend_from_slice(u.choose(&["..", ".", "", "%2e%2E", "%", "%ff", "%2F", "{id}", "0"])?.as_bytes()),
            _ if segment == "{accessStatus}" => target.push(*u.choose(b"0127")?),
            _ if segment == "{appId}" => target.extend_from_slice(&fill(b"$userdocks.client_id")),
            _ if segment.starts_with('{') => target.extend_from_slice(u.choose(users())?.1.as_bytes()),
            _ => target.extend_from_slice(segment.as_bytes()),
        }
    }
    if u.ratio(1, 8)? {
        target.push(b'?');
        target.extend_from_slice(u.arbitrary::<&[u8]>()?);
    }
    let mut headers = Vec::new();
    if u.arbitrary()? {
        let system = if u.ratio(3, 4)? { operation.system } else { *u.choose(SystemKind::ALL)? };
        for (name, value) in authentication(system) {
            headers.push((name.as_bytes().to_vec(), fill(value.as_bytes())));
        }
        if u.arbitrary()? {
            headers.push((b"content-type".to_vec(), b"application/json".to_vec()));
        }
    }
    while headers.len() < 12 && !u.is_empty() && u.ratio(2, 3)? {
        let name = if u.ratio(7, 8)? { u.choose(&NAMES)?.as_bytes() } else { u.arbitrary()? };
        let mut value = u.choose(&VALUES)?.as_bytes().to_vec();
        match u.int_in_range(0..=3)? {
            0 => value.extend_from_slice(u.arbitrary()?),
            1 => value.extend_from_slice(u.choose(credentials())?.value.as_bytes()),
            2 => value = u.choose(credentials())?.value.clone().into_bytes(),
            _ => {}
        }
        headers.push((name.to_vec(), value));
    }
    let body = match u.int_in_range(0..=3)? {
        0 => br#"{"UserStatus":"com.soa.user.status.locked","isActive":false,"status":"DISABLED"}"#.to_vec(),
        1 => fill(br#"{"id":"634441cecbb5901d133039f8","token":"$clearsquare.token"}"#),
        2 => br#"{"isSuspended":true,"suspensionReason":"x","suspended":true,"suspendedUntil":1}"#.to_vec(),
        _ => u.arbitrary::<&[u8]>()?.to_vec(),
    };
    Ok(Parts { method, target, headers, body })
}

fn request(parts: Parts) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::from(parts.body));
    *request.method_mut() = Method::from_bytes(&parts.method).ok()?;
    *request.uri_mut() = Uri::from_maybe_shared(Bytes::from(parts.target)).ok()?;
    for (name, value) in &parts.headers {
        // What can be no header is left out, and not the whole input.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            request.headers_mut().append(name, value);
        }
    }
    Some(request)
}

/// Returns whether there is anything with which an account can be changed.
fn may_change(request: &Request<Bytes>) -> bool {
    let mut keys = credentials().iter().filter(|credential| credential.changes).map(|known| known.value.as_bytes());
    keys.any(|key| {
        let holds = |value: &HeaderValue| value.as_bytes().windows(key.len()).any(|part| part == key);
        request.headers().values().any(holds)
    })
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let [shape, _, rest @ ..] = data else { return Corpus::Reject };
    let parts = if shape % 2 == 0 { Ok(written(rest)) } else { built(&mut Unstructured::new(rest)) };
    let Some(request) = parts.ok().and_then(request) else { return Corpus::Reject };

    let before = accounts();
    let response = answer(&request);
    let changed = changed(&before, &accounts());
    let status = response.status().as_u16();
    assert!((100..=599).contains(&status), "{status} is no status");
    assert!(!is_own_error(&response), "{request:?}: {}", String::from_utf8_lossy(response.body()));
    assert!(changed.is_empty() || may_change(&request), "{request:?} without a credential: {changed:?}");
    assert!(changed.is_empty() || status == 200, "{request:?}: {status} although changed: {changed:?}");
    Corpus::Keep
});
