//! Answers of whoever stands between: gateways, caches, and what leads elsewhere.

use std::time::Duration;

use jiff::Timestamp;

use crate::answers::{About, Answer};
use crate::bodies;
use crate::random::Random;
use crate::systems::System;
use crate::truth::{State, Word};
use crate::xml;

impl About<'_> {
    /// Every status code, with a body of every kind.
    pub(crate) fn any_status(&self, tempting: &State, random: &mut Random) -> Answer {
        let status = 201 + random.below(399) as u16;
        let own = status >= 400 && random.percent(25);
        let members = if own { bodies::no(self.system(), "not carried out") } else { self.members(tempting, random) };
        let body = match random.below(5) {
            0 => String::new(),
            1 => "{}".to_owned(),
            2 => "<html><body>Something</body></html>".to_owned(),
            _ if self.is_xml() => xml::document(if own { "Fault" } else { "User" }, &members, random),
            _ => bodies::json(&members, random),
        };
        let media = *random.pick(&[self.media(), self.media(), "text/html", ""]);
        // An undocumented code with the system's own words, or a documented one with few of them.
        let documented = bodies::refuses(self.system(), status);
        let word = match status {
            400..500 if (own || documented) && media == self.media() && !body.starts_with("<html") => Word::Unclear,
            _ => Word::Nothing,
        };
        Answer::new(status, media, body, word, "any status code")
    }

    /// Returns what stands before a system says so by itself; the system may have done what was asked.
    pub(crate) fn gateway(&self, random: &mut Random) -> Answer {
        let codes = [
            400, 401, 403, 404, 405, 408, 409, 413, 421, 423, 425, 429, 429, 431, 444, 451, 460, 494, 495, 499, 499,
            500, 502, 503, 503, 503, 504, 508, 511, 520, 521, 522, 523, 524, 525, 526, 527, 530, 561, 598, 599,
        ];
        let status = *random.pick(&codes);
        let (media, body) = match random.below(6) {
            0 => (
                "text/html",
                "<html><head><title>Backend fetch failed</title></head><body>Guru Meditation</body></html>",
            ),
            1 => ("text/html; charset=utf-8", "<!doctype html><h1>Access denied</h1>"),
            2 => ("text/plain", "upstream request timeout"),
            3 => ("", ""),
            4 => ("application/problem+json", "{\"title\":\"Denied\",\"status\":403}"),
            _ => (
                "application/json",
                "{\"fault\":{\"faultstring\":\"Gateway Timeout\",\"detail\":{\"errorcode\":\"x\"}}}",
            ),
        };
        // Symphony's refusals need no member at all.
        let lenient = self.system() == System::Symphony && media == "application/json" && status < 500;
        let word = if lenient { Word::Unclear } else { Word::Nothing };
        let answer = Answer::new(status, media, body, word, "gateway");
        let past = http_date(self.now - Duration::from_secs(60));
        let soon = http_date(self.now + Duration::from_secs(1));
        match random.below(14) {
            0..5 => answer.header("retry-after", random.pick::<&str>(&["0", "1", "2"])),
            5 => answer.header(
                "retry-after",
                random.pick::<&str>(&["soon", "-1", "1.5", "", "0x1", "99999999999999999999999", "1e1"]),
            ),
            6 => answer.header("retry-after", &past),
            7 => answer.header("retry-after", &soon),
            8 => answer.header("retry-after", "1").header("retry-after", "soon"),
            9 => answer.header("via", "1.1 varnish").header("x-varnish", "5").header("retry-after", "1"),
            _ => answer,
        }
    }

    /// Elsewhere, or here again.
    pub(crate) fn redirect(&self, tempting: &State, random: &mut Random) -> Answer {
        let status = *random.pick(&[300, 301, 302, 303, 304, 305, 307, 308, 301, 302, 307, 308]);
        let dead = "http://127.0.0.1:1/".to_owned();
        let [same, beside, trap] = &self.targets;
        let to = *random.pick(&[same, beside, trap, &dead, same]);
        let body =
            if random.percent(50) { bodies::json(&self.members(tempting, random), random) } else { String::new() };
        let answer = Answer::new(status, "application/json", body, Word::Nothing, "redirect");
        if random.percent(95) { answer.header("location", to) } else { answer }
    }

    /// Returns what the account was when a cache asked, and how that shows.
    pub(crate) fn cached(&self, tempting: &State, random: &mut Random) -> Answer {
        let date = |ago: u64| http_date(self.now - Duration::from_secs(ago));
        let state = if random.percent(60) { self.was } else { tempting };
        let answer =
            self.whole(200, &self.members(state, random), Word::Cached, "a read out of a cache", random).showing(state);
        match random.below(6) {
            0 => answer.header("age", "60").header("via", "1.1 varnish (Varnish/7.1)"),
            1 => answer.header("age", &(1 + random.below(3000)).to_string()),
            2 => answer.header(
                "x-cache",
                random.pick::<&str>(&["HIT", "Hit from cloudfront", "TCP_HIT from a.example", "hit, miss"]),
            ),
            // Clocks may differ by a minute, as the limits in README.md say.
            3 => answer.header("date", &date(62 + random.below(3000) as u64)),
            4 => answer.header("x-cache", "MISS, HIT").header("age", "7"),
            _ => answer.header("date", &date(600)).header("age", "600").header("x-varnish", "32770 3"),
        }
    }
}

/// Such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
