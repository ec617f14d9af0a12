//! The proxy on the way to a system, as the environment names it.
//!
//! The variables are read and judged here, and the HTTP client gets what came of it: on its own it passes over an address
//! that it cannot use, and a system that must be reached by a proxy would be called past it.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use reqwest::header::HeaderValue;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::{Host, Url};

/// A proxy, with the credentials that it takes.
#[derive(Clone)]
pub(crate) struct Proxy {
    /// Without the credentials.
    url: Url,
    /// As `Proxy-Authorization` has them.
    authorization: Option<HeaderValue>,
    /// The variable that named it.
    variable: &'static str,
}

/// The problem with a variable; never its value, in which there may be a password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadProxy {
    variable: &'static str,
    problem: String,
}

impl fmt::Display for BadProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; write it as in {RIGHT}", self.variable, self.problem)
    }
}

/// The form of an address of a proxy.
const RIGHT: &str = "http://proxy.example:3128, or http://name:password@proxy.example:3128 with special characters in \
                     name and password percent-encoded (@ is %40)";

/// The variables that name a proxy for `https`; the first that is there and not empty counts.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The variables that name what is reached without a proxy.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl Proxy {
    /// The proxy for this address; `None` if it is reached without one. Plain `http` always is: a proxy would get the
    /// credentials in clear.
    ///
    /// # Errors
    /// If an address of a proxy is there and cannot be used.
    pub(crate) fn of_environment(target: &Url) -> Result<Option<Proxy>, BadProxy> {
        Proxy::find(target, |name| std::env::var_os(name))
    }

    fn find(target: &Url, get: impl Fn(&str) -> Option<OsString>) -> Result<Option<Proxy>, BadProxy> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| Some((*name, get(name).filter(|value| !value.is_empty())?)))
        };
        let Some((variable, value)) = first(&VARIABLES).filter(|_| target.scheme() == "https") else {
            return Ok(None);
        };
        if let Some((_, exceptions)) = first(&EXCEPTIONS)
            && is_excepted(target, &exceptions.to_string_lossy())
        {
            return Ok(None);
        }
        let bad = |problem: String| BadProxy { variable, problem };
        let value = value.to_str().ok_or_else(|| bad("the address of the proxy is not UTF-8".to_owned()))?;
        let (url, authorization) = read(value.trim()).map_err(bad)?;
        Ok(Some(Proxy { url, authorization, variable }))
    }

    /// As the HTTP client takes it.
    pub(crate) fn for_client(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        Ok(match &self.authorization {
            Some(authorization) => proxy.custom_http_auth(authorization.clone()),
            None => proxy,
        })
    }

    /// Returns whether it gets a name and a password.
    pub(crate) fn has_credentials(&self) -> bool {
        self.authorization.is_some()
    }

    /// Returns what named it.
    pub(crate) fn variable(&self) -> &'static str {
        self.variable
    }

    fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// Asks it for a tunnel, and gives back the status code of its response. The HTTP client says of one that it did not get
    /// only that.
    pub(crate) async fn answer(&self, target: &Url, tls: &Arc<ClientConfig>) -> io::Result<u16> {
        let host = self.url.host().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let stream = match &host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), self.port())).await?,
            Host::Ipv4(address) => TcpStream::connect((*address, self.port())).await?,
            Host::Ipv6(address) => TcpStream::connect((*address, self.port())).await?,
        };
        if self.url.scheme() == "http" {
            return self.connect(stream, target).await;
        }
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name).map_err(io::Error::other)?,
            Host::Ipv4(address) => IpAddr::from(address).into(),
            Host::Ipv6(address) => IpAddr::from(address).into(),
        };
        let stream = tokio_rustls::TlsConnector::from(tls.clone()).connect(name, stream).await?;
        self.connect(stream, target).await
    }

    async fn connect(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, target: &Url) -> io::Result<u16> {
        let place = place(target);
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend([b"Proxy-Authorization: ", authorization.as_bytes(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        stream.write_all(&request).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        let code = head.strip_prefix(b"HTTP/1.").and_then(|rest| str::from_utf8(rest.get(2..5)?).ok()?.parse().ok());
        code.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Its host and port, and what named it.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", place(&self.url), self.variable)
    }
}

/// Without the credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Such as `acme.symphony.com:443`.
pub(crate) fn place(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// Reads an address of a proxy: `http` or `https`, perhaps a name and a password, a host, perhaps a port.
fn read(text: &str) -> Result<(Url, Option<HeaderValue>), String> {
    let no = |problem: &str| Err(problem.to_owned());
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return no("the address of the proxy has white space or control characters in it");
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("http".to_owned(), text),
    };
    match scheme.as_str() {
        "http" | "https" => {}
        "socks4" | "socks4a" | "socks5" | "socks5h" => {
            return Err(format!("a proxy of the kind {scheme} is not supported, only one that takes CONNECT"));
        }
        _ => return no("the address of the proxy has a scheme that is neither http nor https"),
    }
    let (credentials, host) = match rest.rsplit_once('@') {
        Some((credentials, host)) => (Some(credentials), host),
        None => (None, rest),
    };
    let host = host.strip_suffix('/').unwrap_or(host);
    // Also what is behind a `/`, `?` or `#` in a password that is not percent-encoded.
    if credentials.is_some_and(|credentials| credentials.contains(['@', '/', '?', '#', '\\'])) {
        return no("the name or the password of the proxy has a character in it that must be percent-encoded");
    }
    if host.contains(['/', '?', '#', '\\']) {
        return no("the address of the proxy goes on after its host and port");
    }
    // `on`, `none` or a name that is cut off: nobody can tell which port is meant.
    let bare = !text.contains("://") && host.rsplit_once(':').is_none_or(|(host, _)| host.is_empty());
    let url = Url::parse(&format!("{scheme}://{host}/"));
    let (Ok(url), false) = (url, bare) else {
        return no("this is not the address of a proxy");
    };
    if url.port() == Some(0) {
        return no("the port of the proxy is 0");
    }
    let Some(credentials) = credentials else { return Ok((url, None)) };
    let (name, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let (Some(name), Some(password)) = (decoded(name), decoded(password)) else {
        return no("the name or the password of the proxy has a % in it that begins no percent-encoded character");
    };
    let basic = BASE64_STANDARD.encode([&*name, b":", &*password].concat());
    let mut authorization = HeaderValue::try_from(format!("Basic {basic}")).map_err(|e| e.to_string())?;
    authorization.set_sensitive(true);
    Ok((url, Some(authorization)))
}

/// Without percent-encoding; `None` if a `%` begins none.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let hexadecimal = |at: Option<&u8>| at.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let whole = |at: usize| hexadecimal(bytes.get(at + 1)) && hexadecimal(bytes.get(at + 2));
    let good = bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || whole(at));
    good.then(|| percent_decode_str(text).collect())
}

/// Returns whether a list of exceptions has this address: `*` is everything; an IP address, or a block of them as in `10.0.0.0/8`;
/// a name, which stands for all below it as well, with or without `.` or `*.` before it; each perhaps with a port.
fn is_excepted(target: &Url, exceptions: &str) -> bool {
    let (Some(host), port) = (target.host(), target.port_or_known_default()) else { return false };
    let address = match host {
        Host::Ipv4(address) => Some(IpAddr::from(address)),
        Host::Ipv6(address) => Some(IpAddr::from(address)),
        Host::Domain(_) => None,
    };
    let name = target.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    exceptions.split([',', ' ', '\t', '\n']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let (Ok(block), Some(address)) = (entry.parse::<IpNet>(), address) {
            return block.contains(&address);
        }
        // An address of version 6 has colons of its own; only brackets can have a port behind them.
        let (entry, only) = match entry.rsplit_once(':') {
            _ if entry.parse::<IpAddr>().is_ok() => (entry, None),
            Some((before, digits)) if before.ends_with(']') || !before.contains(':') => match digits.parse::<u16>() {
                Ok(only) => (before, Some(only)),
                Err(_) => return false,
            },
            _ => (entry, None),
        };
        if only.is_some_and(|only| Some(only) != port) {
            return false;
        }
        let entry = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
        if let Some(address) = address {
            return entry.parse::<IpAddr>().is_ok_and(|entry| entry == address);
        }
        let entry = entry.strip_prefix('*').unwrap_or(entry).trim_matches('.');
        // Names of other scripts, as addresses have them.
        let Ok(Host::Domain(entry)) = Host::parse(entry) else { return false };
        name.strip_suffix(entry.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(target: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, BadProxy> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Proxy::find(&target.parse().unwrap(), value)
    }

    #[test]
    fn the_first_variable_that_is_there_names_the_proxy() {
        let place =
            |variables: &[(&str, &str)]| found("https://a.example", variables).unwrap().map(|proxy| proxy.to_string());
        assert_eq!(place(&[]), None);
        assert_eq!(place(&[("HTTP_PROXY", "http://p:1"), ("http_proxy", "http://p:1")]), None);
        assert_eq!(place(&[("HTTPS_PROXY", ""), ("all_proxy", "http://p:1")]).unwrap(), "p:1 (all_proxy)");
        assert_eq!(place(&[("https_proxy", "p:1/"), ("ALL_PROXY", "q:1")]).unwrap(), "p:1 (https_proxy)");
        assert_eq!(place(&[("HTTPS_PROXY", " https://[::1]\n")]).unwrap(), "[::1]:443 (HTTPS_PROXY)");
        assert_eq!(place(&[("HTTPS_PROXY", "HTTP://p")]).unwrap(), "p:80 (HTTPS_PROXY)");
        let plain = found("http://127.0.0.1:1", &[("HTTPS_PROXY", "garbage"), ("ALL_PROXY", "http://p:1")]);
        assert!(plain.unwrap().is_none());
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_being_shown() {
        for value in [
            "garbage",
            "none",
            "hunter2",
            ":3128",
            "http://",
            "http//proxy:3128",
            "http:proxy:3128",
            "http://proxy:port",
            "http://proxy:0",
            "http://proxy:70000",
            "http://proxy:3128/hunter2",
            "http://proxy:3128?hunter2",
            "http://u:hunter2@ss@proxy:3128",
            "http://u:hunter2/ss@proxy:3128",
            "http://u:123/hunter2@proxy:3128",
            "http://u:hunter2#@proxy:3128",
            "http://u:hunter2%zz@proxy:3128",
            "http://u:hunter2%2@proxy:3128",
            "http://u:hunter2 @proxy:3128",
            "http://pro xy:3128",
            "socks5://u:hunter2@proxy:1080",
            "socks5h://proxy:1080",
            "ftp://proxy:3128",
            "hunter2://proxy:3128",
        ] {
            let bad = found("https://a.example", &[("HTTPS_PROXY", value)]).expect_err(value).to_string();
            assert!(bad.starts_with("HTTPS_PROXY: "), "{value}: {bad}");
            assert!(bad.contains("http://proxy.example:3128") && !bad.contains("hunter2"), "{value}: {bad}");
        }
        let socks = found("https://a.example", &[("ALL_PROXY", "socks5://proxy:1080")]).unwrap_err().to_string();
        assert!(socks.starts_with("ALL_PROXY: a proxy of the kind socks5 is not supported"), "{socks}");
    }

    #[test]
    fn name_and_password_are_decoded_and_nowhere_shown() {
        for (value, expected) in [
            ("http://Aladdin:opensesame@proxy:3128", Some("Aladdin:opensesame")),
            ("http://u:p%40ss%3a%2F%25@proxy:3128", Some("u:p@ss:/%")),
            ("u:p:q@proxy:3128", Some("u:p:q")),
            ("http://token@proxy:3128", Some("token:")),
            ("http://proxy:3128", None),
        ] {
            let proxy = found("https://a.example", &[("HTTPS_PROXY", value)]).unwrap().unwrap();
            let expected = expected.map(|expected| format!("Basic {}", BASE64_STANDARD.encode(expected)));
            assert_eq!(proxy.authorization.as_ref().map(|value| value.to_str().unwrap()), expected.as_deref());
            assert_eq!(format!("{proxy:?}"), "proxy:3128 (HTTPS_PROXY)");
        }
    }

    #[test]
    fn what_the_exceptions_name_is_reached_without_a_proxy() {
        for (target, exceptions, excepted) in [
            ("https://a.example", "*", true),
            ("https://10.1.2.3", "*", true),
            ("https://[::1]:8443", "x, *", true),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://11.1.2.3", "10.0.0.0/8", false),
            ("https://10.1.2.3:8443", "10.1.2.3:8443", true),
            ("https://10.1.2.3:8443", "10.1.2.3:443", false),
            ("https://10.1.2.3", "1.2.3", false),
            ("https://[fd00::1]", "fd00::1", true),
            ("https://[fd00::1]", "[fd00::1]", true),
            ("https://[fd00::1]", "fd00:0::0:1", true),
            ("https://[fd00::1]", "fd00::/8", true),
            ("https://[fd00::1]:8443", "[fd00::1]:8443", true),
            ("https://[fd00::1]", "[fd00::1]:8443", false),
            ("https://acme.example", "acme.example", true),
            ("https://ACME.example", "Acme.Example.", true),
            ("https://pod.acme.example", "acme.example", true),
            ("https://pod.acme.example", ".acme.example", true),
            ("https://acme.example", ".acme.example", true),
            ("https://pod.acme.example", "*.acme.example", true),
            ("https://notacme.example", "acme.example", false),
            ("https://acme.example.org", "acme.example", false),
            ("https://acme.example", "acme.example:443", true),
            ("https://acme.example", "acme.example:8443", false),
            ("https://acme.example:8443", "acme.example", true),
            ("https://b\u{fc}cher.example", "b\u{fc}cher.example", true),
            ("https://acme.example", "localhost 127.0.0.1 acme.example", true),
            ("https://acme.example", " , ,", false),
            ("https://acme.example", "", false),
            ("https://acme.example", "example.acme,10.0.0.0/99,[,:,a:b:c", false),
        ] {
            let proxy = found(target, &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", exceptions)]).unwrap();
            assert_eq!(proxy.is_none(), excepted, "{target} with NO_PROXY={exceptions}");
        }
        let lower = found("https://10.1.2.3", &[("HTTPS_PROXY", "garbage"), ("NO_PROXY", ""), ("no_proxy", "*")]);
        assert!(lower.unwrap().is_none());
    }
}
