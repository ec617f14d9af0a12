//! Whether a response is of now: what a cache kept proves nothing of what an account is.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reqwest::header::{AGE, DATE, HeaderMap, HeaderName, VIA, WARNING};

/// The time by which a response may be older than the response to the last change of the same client: what the clocks of servers
/// behind one address differ by.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);
/// The time by which a response may be older than the moment at which its request was sent, by the clock of this machine, corrected
/// by what it differs from the clock of the system if that is known.
const OLD: Duration = Duration::from_secs(60);

/// The headers in which caches count how often they had what was asked for.
const HITS: HeaderName = HeaderName::from_static("x-cache-hits");
/// The header of RFC 9211.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Varnish: the number of this request and, if the response was kept, of the one that it was kept from.
const X_VARNISH: HeaderName = HeaderName::from_static("x-varnish");

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Returns which header shows that a response came from a cache, with its value; `None` if none does.
pub(crate) fn from_cache(headers: &HeaderMap) -> Option<String> {
    let kept = |name: &HeaderName, value: &str| match name {
        // Some caches send `Age: 0` with what they did not have.
        name if name == AGE => value.split(',').any(|age| age.trim().parse() != Ok(0u64)),
        name if name == WARNING => value
            .split(',')
            .any(|text| ["110", "111", "113"].iter().any(|code| text.trim().split(' ').next() == Some(code))),
        name if name == VIA => value.split('(').skip(1).any(has_hit) || traffic_server_hit(value),
        name if name == HITS => value.split(',').any(|hits| hits.trim().parse() != Ok(0u64)),
        name if name == CACHE_STATUS => value.split([',', ';']).any(|part| matches!(part.trim(), "hit" | "hit=?1")),
        name if name == X_VARNISH => value.split_whitespace().count() > 1,
        // Akamai's `cdn-cache; desc=HIT`.
        name if name == SERVER_TIMING => value.to_ascii_lowercase().contains("cache") && has_hit(value),
        name => names_a_cache(name.as_str()) && has_hit(value),
    };
    headers.iter().find_map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        kept(name, &value).then(|| format!("{name}: {}", value.chars().take(80).collect::<String>()))
    })
}

/// Why a response does not answer its request; `None` if no header shows that it came from a cache.
pub(crate) fn kept(headers: &HeaderMap) -> Option<String> {
    from_cache(headers).map(|header| format!("the response came from a cache ({header}) and proves nothing"))
}

/// `X-Cache`, `CF-Cache-Status`, `X-Proxy-Cache` and their like. Not `X-Cache-Lookup`, which a cache that was told to ask
/// sends as well.
fn names_a_cache(name: &str) -> bool {
    ["-cache", "-cache-status", "-cache-remote", "-cache-result"].iter().any(|end| name.ends_with(end))
}

/// Returns whether one of the words says that a cache had it. What was asked for anew before it was given is of now, as with
/// `REVALIDATED`, `TCP_REFRESH_HIT` and `RefreshHit from cloudfront`.
fn has_hit(value: &str) -> bool {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    words.map(str::to_ascii_lowercase).any(|word| {
        let hit = word == "hit" || word.split(['_', '-']).any(|part| part == "hit");
        let asked = word.contains("refresh") && !word.contains("fail");
        (hit && !asked) || word == "stale" || word == "updating"
    })
}

/// Apache Traffic Server writes what it found into `Via`, as in `[uScRs f p eN:t cCHi p sS]`: `cH` and `cR` are hits.
fn traffic_server_hit(via: &str) -> bool {
    via.split('[').skip(1).any(|codes| {
        let lookup = codes.as_bytes().get(2..4);
        codes.starts_with('u') && matches!(lookup, Some(b"cH" | b"cR"))
    })
}

/// The system's clock, as the responses to changes have shown it. No cache keeps those.
#[derive(Debug, Default)]
pub(crate) struct Freshness(Mutex<Option<Seen>>);

/// The response to a change.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Its `Date`.
    date: SystemTime,
    /// The time of this machine when it came.
    here: SystemTime,
}

/// The bounds on the age of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    at: SystemTime,
    change: Option<Seen>,
}

impl Freshness {
    /// A request is sent.
    pub(crate) fn sending(&self, now: Timestamp) -> Sent {
        Sent { at: now.into(), change: *self.0.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// A change was answered.
    pub(crate) fn changed(&self, headers: &HeaderMap, now: Timestamp) {
        let seen = date(headers).map(|date| Seen { date, here: now.into() });
        if seen.is_some() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        }
    }
}

impl Sent {
    /// Why a response with these headers is not of now; `None` if nothing shows that.
    pub(crate) fn stale(&self, headers: &HeaderMap) -> Option<String> {
        if let Some(why) = kept(headers) {
            return Some(why);
        }
        let date = date(headers)?;
        let older = |than: SystemTime, by: Duration| than.duration_since(date).is_ok_and(|age| age > by);
        let text = headers.get(DATE)?.to_str().ok()?;
        if self.change.is_some_and(|change| older(change.date, CLOCKS_DIFFER)) {
            let than = "the response to the last change";
            return Some(format!(
                "the response is older (Date: {text}) than {than}, as from a cache, and proves nothing"
            ));
        }
        let there = match self.change {
            // What that clock must show now, if it goes as this one does.
            Some(change) => match self.at.duration_since(change.here) {
                Ok(since) => change.date + since,
                Err(_) => return None,
            },
            None => self.at,
        };
        older(there, OLD).then(|| {
            format!(
                "the response is older (Date: {text}) than the request, as from a cache, and proves nothing; or the clock \
                 of this machine or of the system is wrong"
            )
        })
    }
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}
