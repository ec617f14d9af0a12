//! What is true of one system's responses and of no other's.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value};

use crate::model::conclusion::Conclusion;

/// The conventions of a system's responses: what its status codes prove, how its error bodies look, and what it means by
/// them.
///
/// [`new`](Conventions::new) knows nothing, which is always safe: whatever a failed change is answered with, its outcome
/// is unknown. Each rule that is added is a promise of the system, and says where the system makes it.
///
/// ```
/// use user_status::Conclusion;
/// use user_status::dialect::Conventions;
///
/// const PAYROLL: Conventions = Conventions::new()
///     .with_refusals(
///         &[
///             (404, Conclusion::Refused, "its handbook, section 4"),
///             (429, Conclusion::RefusedForNow, "its handbook, section 9"),
///         ],
///         |members| members.contains_key("errorCode"),
///     );
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Conventions {
    pub(crate) media_types: &'static [&'static str],
    pub(crate) refusals: &'static [(u16, Conclusion, &'static str)],
    pub(crate) is_fault: fn(&Map<String, Value>) -> bool,
    pub(crate) message: fn(&Map<String, Value>) -> Option<String>,
    pub(crate) meaning: fn(&str) -> Option<&'static str>,
    pub(crate) retries_500: bool,
    pub(crate) expired_403: Option<&'static str>,
    pub(crate) own_not_found: bool,
    pub(crate) is_rate_limit: fn(&Map<String, Value>) -> bool,
}

impl Default for Conventions {
    fn default() -> Self {
        Conventions::new()
    }
}

impl Conventions {
    /// Creates the conventions of a system of which nothing is known but that it speaks `application/json`.
    pub const fn new() -> Conventions {
        Conventions {
            media_types: &["application/json"],
            refusals: &[],
            is_fault: |_| false,
            message: |_| None,
            meaning: |_| None,
            retries_500: false,
            expired_403: None,
            own_not_found: false,
            is_rate_limit: |_| false,
        }
    }

    /// Sets the media types of the responses. A refusal in another one is not the system's own.
    pub const fn with_media_types(mut self, media_types: &'static [&'static str]) -> Conventions {
        self.media_types = media_types;
        self
    }

    /// Sets the status codes that prove that nothing was changed, each with the place where the system says so, and the
    /// test that tells the system's own error body from that of a gateway on the way, by the members of the JSON object. A
    /// status code that is not listed proves nothing, and neither does one whose body fails the test.
    pub const fn with_refusals(
        mut self,
        refusals: &'static [(u16, Conclusion, &'static str)],
        is_error: fn(&Map<String, Value>) -> bool,
    ) -> Conventions {
        self.refusals = refusals;
        self.is_fault = is_error;
        self
    }

    /// Sets how the text for people is taken out of an error body. Without one, the usual members are looked at:
    /// `error`, `errors[0].message`, `faultstring` and `message`.
    pub const fn with_message(mut self, message: fn(&Map<String, Value>) -> Option<String>) -> Conventions {
        self.message = message;
        self
    }

    /// Sets what the texts of the system mean, for those who do not speak its language.
    pub const fn with_meanings(mut self, meaning: fn(&str) -> Option<&'static str>) -> Conventions {
        self.meaning = meaning;
        self
    }

    /// Retries idempotent requests after a 500. Not done by default: most systems mean a fault that stays.
    pub const fn with_retries_after_500(mut self) -> Conventions {
        self.retries_500 = true;
        self
    }

    /// Sets the text with which the system says 403 for expired credentials, where others say 401.
    pub const fn with_expired_403(mut self, text: &'static str) -> Conventions {
        self.expired_403 = Some(text);
        self
    }

    /// Sets how a 403 that says that there were too many requests is told from others, by the members of the JSON object. It is
    /// then taken for a 429: for [`RateLimited`](crate::ErrorKind::RateLimited), and repeated later.
    ///
    /// ```
    /// use user_status::dialect::Conventions;
    ///
    /// // As Google's Directory API says it.
    /// const CONVENTIONS: Conventions = Conventions::new().with_rate_limit_403(|members| {
    ///     let reason = members["error"]["errors"][0]["reason"].as_str();
    ///     matches!(reason, Some("rateLimitExceeded" | "userRateLimitExceeded"))
    /// });
    /// ```
    pub const fn with_rate_limit_403(mut self, is_rate_limit: fn(&Map<String, Value>) -> bool) -> Conventions {
        self.is_rate_limit = is_rate_limit;
        self
    }

    /// Takes a 404 for "no such user" only if it is in the system's own words. Of a system whose base URL is the path of an
    /// application, any other 404 says that there is no such path.
    pub const fn with_own_not_found(mut self) -> Conventions {
        self.own_not_found = true;
        self
    }

    /// Returns what a response with this status code and these headers proves, as far as its body does not say otherwise.
    pub(crate) fn conclude(&self, status: u16, headers: &HeaderMap) -> Conclusion {
        let Some((_, conclusion, _)) = self.refusals.iter().find(|(listed, ..)| *listed == status) else {
            return Conclusion::Unknown;
        };
        let documented = self.media_types.iter().any(|media_type| is_of(headers, media_type));
        // What a cache kept is no answer to this request.
        if documented && crate::policy::freshness::from_cache(headers).is_none() {
            *conclusion
        } else {
            Conclusion::Unknown
        }
    }

    /// The text for people in an error body.
    pub(crate) fn message(&self, body: Option<&Value>) -> String {
        let Some(Value::Object(members)) = body else { return String::new() };
        (self.message)(members).or_else(|| usual_message(members)).unwrap_or_default()
    }
}

/// The text for people in an error body that is of no system in particular, such as a gateway's.
pub(crate) fn usual_message(members: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let listed = members.get("errors").and_then(|errors| errors.get(0)?.get("message")?.as_str());
    text("error").or(listed).or_else(|| text("faultstring")).or_else(|| text("message")).map(str::to_owned)
}

/// Returns whether a response says of itself that it is of this media type.
pub(crate) fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}
