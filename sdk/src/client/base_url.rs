//! The address of a system, checked before anything is sent there.

use url::{Host, Url};

use crate::model::error::{Error, Result};
use crate::model::kind::SystemKind;

/// Reads a base URL: `http` or `https`, a host, perhaps a path; no credentials, no query, no fragment. Plain `http` is
/// for the machine itself, unless the caller allows it.
pub(crate) fn parse(system: SystemKind, text: &str, allow_plain_http: bool) -> Result<Url> {
    let refuse = |problem: &str| Err(Error::invalid_input(system, format!("base_url: {problem}")));
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(e) => {
            return refuse(&format!("{e}; write it as in https://host.example/path"));
        }
    };
    if !matches!(url.scheme(), "http" | "https") {
        // What stands before the first colon may be half a credential.
        return refuse("the scheme must be https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not have a user name or password; credentials have their own setting");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must end with the path; `?` and `#` have no meaning there");
    }
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return refuse("has no host"),
    };
    if url.scheme() == "http" && !local && !allow_plain_http {
        return refuse(
            "plain http would send the credentials in clear to another machine; use https, or allow_plain_http(true)",
        );
    }
    Ok(url)
}

/// The form that generated clients append a path to: without a slash at the end.
pub(crate) fn for_client(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones_are_kept_without_a_slash_at_the_end() {
        for (text, kept) in [
            ("https://api.userdocks.com", "https://api.userdocks.com"),
            ("https://acme.symphony.com/pod/", "https://acme.symphony.com/pod"),
            ("http://127.0.0.1:4010/pod", "http://127.0.0.1:4010/pod"),
            ("http://localhost:4010", "http://localhost:4010"),
            ("http://[::1]:4010", "http://[::1]:4010"),
        ] {
            assert_eq!(for_client(&parse(SystemKind::SYMPHONY, text, false).unwrap()), kept);
        }
    }

    #[test]
    fn bad_ones_are_refused_with_what_would_be_right() {
        for (text, part) in [
            ("", "write it as in https://"),
            ("acme.symphony.com/pod", "write it as in https://"),
            ("ftp://acme.symphony.com", "the scheme must be https"),
            ("https://admin:hunter2@acme.symphony.com", "credentials have their own setting"),
            ("https://acme.symphony.com/?x=1", "must end with the path"),
            ("https://acme.symphony.com/#x", "must end with the path"),
            ("http://acme.symphony.com/pod", "allow_plain_http(true)"),
            ("http://127.0.0.1.evil.example", "allow_plain_http(true)"),
        ] {
            let error = parse(SystemKind::SYMPHONY, text, false).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(parse(SystemKind::SYMPHONY, "http://mock:4010", true).is_ok());
    }
}
