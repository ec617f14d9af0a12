//! What the journal keeps of an exchange as text, without credentials.

use bytes::Bytes;
use http::Request;
use user_status_openapi::Operation;

use super::redact;
use super::secrets::Secrets;

/// The most of a response that the journal keeps.
const ANSWER_KEPT: usize = 4096;

/// The texts of an exchange, one behind the other: making one string is a fraction of the work of making six.
#[derive(Debug, Default)]
pub(crate) struct TextArena {
    pub(super) all: String,
    /// Where each ends.
    ends: [usize; Text::Response as usize + 1],
}

/// The texts, in their order.
#[derive(Clone, Copy)]
pub(crate) enum Text {
    Method,
    Target,
    /// `name: value` lines.
    Headers,
    /// Empty if there is none.
    Body,
    /// Empty if there is none.
    User,
    Response,
}

impl Text {
    const ALL: [Text; Text::Response as usize + 1] =
        [Text::Method, Text::Target, Text::Headers, Text::Body, Text::User, Text::Response];
}

impl TextArena {
    /// The texts that are written in turn, in room for so many bytes.
    pub(crate) fn written(room: usize, mut write: impl FnMut(Text, &mut String)) -> TextArena {
        let mut texts = TextArena { all: String::with_capacity(room), ends: Default::default() };
        for text in Text::ALL {
            write(text, &mut texts.all);
            texts.ends[text as usize] = texts.all.len();
        }
        texts
    }

    pub(super) fn get(&self, text: Text) -> &str {
        let start = (text as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[text as usize]]
    }

    /// The texts without credentials.
    pub(crate) fn without(self, secrets: &Secrets<'_>) -> TextArena {
        if !secrets.are_in(&self.all) {
            return self;
        }
        TextArena::written(self.all.len(), |text, all| {
            let kept = self.get(text);
            all.push_str(&match text {
                _ if kept.is_empty() => String::new(),
                Text::Target => secrets.taken_out_of_target(kept),
                Text::Headers => secrets.taken_out_of_lines(kept),
                Text::Body => secrets.taken_out_of_body(kept),
                Text::Method | Text::User | Text::Response => secrets.taken_out_of(kept),
            });
        })
    }
}

/// Returns what the journal keeps of an exchange as text.
pub(crate) fn texts(
    (operation, path): (Option<&Operation>, &str),
    request: &Request<Bytes>,
    (body, user): (&str, &str),
    response: &[u8],
    secrets: &Secrets<'_>,
) -> TextArena {
    let mut response = String::from_utf8_lossy(response);
    if response.len() > ANSWER_KEPT {
        // A credential that the end cuts through would not be known again.
        let mut whole = response.into_owned();
        if secrets.are_in(&whole) {
            whole = secrets.taken_out_of(&whole);
        }
        let end = (0..=ANSWER_KEPT.min(whole.len())).rev().find(|end| whole.is_char_boundary(*end));
        whole.truncate(end.unwrap_or_default());
        response = whole.into();
    }
    // So that almost all fit at once.
    let room = path.len() + body.len() + user.len() + response.len() + 48 * request.headers().len();
    let texts = TextArena::written(room, |text, all| match text {
        Text::Method => all.push_str(request.method().as_str()),
        Text::Target => redact::target(path, request.uri().query(), operation, all),
        Text::Headers => redact::headers(request.headers(), all),
        Text::Body => all.push_str(body),
        Text::User => all.push_str(user),
        Text::Response => all.push_str(&response),
    });
    texts.without(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::secrets::Known;

    #[test]
    fn each_text_is_kept_by_itself_and_none_with_a_credential() {
        let known = Known::of(["a-secret-token"]);
        let texts = |target: &str, user: &str, body: &str| {
            let texts = TextArena::written(0, |text, all| match text {
                Text::Method => all.push_str("POST"),
                Text::Target => all.push_str(target),
                Text::Body => all.push_str(body),
                Text::User => all.push_str(user),
                Text::Headers => all.push_str("host: a\nA-SECRET-TOKEN: b\n"),
                Text::Response => {}
            });
            let texts = texts.without(&Secrets::of(&known, std::iter::empty()));
            Text::ALL.map(|text| texts.get(text).to_owned())
        };
        let headers = "host: a\n[redacted]: b\n";
        assert_eq!(texts("/a", "42", "{}"), ["POST", "/a", headers, "{}", "42", ""]);
        assert_eq!(texts("/a-secret-token?b", "42", "{}"), ["POST", "/[redacted]?b", headers, "{}", "42", ""]);
        let twice = "/%61-secret-token/a-secret-token/b%20c";
        assert_eq!(texts(twice, "42", "{}")[1], "/[redacted]/[redacted]/b%20c");
        assert_eq!(texts("/a-secret/-token", "42", "{}")[1], "/[redacted]/-token");
        assert_eq!(texts("/a%20b", "of a-secret-token", "{}")[4], "of [redacted]");
        assert_eq!(
            texts("/", "", r#"{"a-secret-token":1,"a":"secret-t","b":"\u0061-secret-token","c":2}"#)[3],
            r#"{"[redacted]":1,"a":"[redacted]","b":"[redacted]","c":2}"#
        );
    }
}
