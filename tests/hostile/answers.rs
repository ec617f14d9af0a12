//! A grammar of answers. Each is made by a rule that knows what it is: the contract's yes, the system's own no, or
//! something from which nothing follows.

use jiff::Timestamp;

use crate::bodies::{self, Members, Val, raw, text};
use crate::encodings;
use crate::random::Random;
use crate::secrets::{echo, secrets};
use crate::systems::{BODY_LIMIT, Kind, System};
use crate::truth::{State, Word};
use crate::xml;

/// An answer before it is put on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) word: Word,
    pub(crate) class: &'static str,
    pub(crate) shows: Option<State>,
    /// `true` if status code and media type are those of a refusal that the system documents.
    pub(crate) is_refusal_by_its_head: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, media: &str, body: impl Into<Vec<u8>>, word: Word, class: &'static str) -> Answer {
        let headers = Vec::from_iter((!media.is_empty()).then(|| ("content-type".to_owned(), media.to_owned())));
        Answer { status, headers, body: body.into(), word, class, shows: None, is_refusal_by_its_head: false }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn showing(self, state: &State) -> Answer {
        Answer { shows: Some(state.clone()), ..self }
    }
}

/// What is answered, as a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Yes,
    No,
    YesAndNo,
    Another,
    Unreadable,
    UnreadableAndNo,
    Shapeless,
    Media,
    Encoded,
    AnyStatus,
    Gateway,
    Redirect,
    Echo,
    /// Of reads only.
    Behind,
    Cached,
    NotUnderstood,
}

use Rule::*;

/// The kind of a read of which one fact is there, in words that the contract does not have.
pub(crate) const IN_OTHER_WORDS: &str = "a fact in other words";

impl Rule {
    pub(crate) fn of_write(random: &mut Random) -> Rule {
        random.weighed(&[
            (24, Yes),
            (6, No),
            (12, YesAndNo),
            (5, Another),
            (4, Unreadable),
            (10, UnreadableAndNo),
            (5, Shapeless),
            (3, Media),
            (4, Encoded),
            (6, AnyStatus),
            (9, Gateway),
            (4, Redirect),
            (8, Echo),
        ])
    }

    pub(crate) fn of_read(random: &mut Random) -> Rule {
        random.weighed(&[
            (46, Yes),
            (2, No),
            (9, YesAndNo),
            (4, Another),
            (3, Unreadable),
            (6, UnreadableAndNo),
            (2, Shapeless),
            (1, Media),
            (2, Encoded),
            (2, AnyStatus),
            (3, Gateway),
            (2, Redirect),
            (5, Echo),
            (5, Behind),
            (7, Cached),
            (3, NotUnderstood),
        ])
    }
}

/// What an answer is about.
#[derive(Debug)]
pub(crate) struct About<'a> {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    /// Of the credentials that came with the request.
    pub(crate) generation: u64,
    pub(crate) user: &'a str,
    /// `true` if a change is asked for.
    pub(crate) write: bool,
    /// What the account is.
    pub(crate) is: &'a State,
    /// What it was a moment ago.
    pub(crate) was: &'a State,
    /// What whoever asks would like to see.
    pub(crate) wanted: &'a State,
    pub(crate) now: Timestamp,
    /// Where else a redirect can lead: this very request, the same server, and one that nobody may ask.
    pub(crate) targets: [String; 3],
}

impl About<'_> {
    pub(crate) fn answer(&self, rule: Rule, random: &mut Random) -> Answer {
        let mut answer = self.of_rule(rule, random);
        let own = answer.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with(self.media()));
        answer.is_refusal_by_its_head = own && bodies::refuses(self.system(), answer.status);
        answer
    }

    fn of_rule(&self, rule: Rule, random: &mut Random) -> Answer {
        let tempting = if random.percent(85) { self.wanted } else { self.is };
        match rule {
            Yes => self.whole(200, &self.members(self.is, random), Word::Yes, "yes", random).showing(self.is),
            Behind => self
                .whole(200, &self.members(self.was, random), Word::Behind, "a read that is behind", random)
                .showing(self.was),
            No => {
                let status = *random.pick(bodies::refusals(self.system()));
                self.whole(status, &bodies::no(self.system(), "not carried out"), Word::No, "no", random)
            }
            YesAndNo => self.yes_and_no(tempting, random),
            Another => self.another(tempting, random),
            Unreadable => {
                if self.is_xml() {
                    return self.document(xml::odd(&self.members(self.is, random), random), Word::Unclear, "odd XML");
                }
                let mut members = self.members(self.is, random);
                bodies::mix(&mut members, vec![bodies::unreadable(random)], random);
                self.whole(200, &members, Word::Unclear, "yes, with what some cannot read", random).showing(self.is)
            }
            UnreadableAndNo => {
                let mut members = self.members(tempting, random);
                if self.is_xml() {
                    let mut fault = bodies::no(self.system(), "not carried out");
                    fault.push(("detail".to_owned(), raw("\u{fffd}")));
                    return self.document(xml::refused(&members, &fault, random), Word::Nothing, "XML, yes and no");
                }
                let place = if random.percent(60) { &mut members } else { bodies::inner(&mut members) };
                bodies::mix(place, bodies::sign(self.system(), random), random);
                bodies::mix(&mut members, vec![bodies::unreadable(random)], random);
                self.whole(200, &members, Word::Nothing, "yes and no, with what some cannot read", random)
            }
            Shapeless => self.shapeless(tempting, random),
            Media => {
                let media = *random.pick(&[
                    "text/html",
                    "text/plain",
                    "",
                    "application/octet-stream",
                    "application/json5x",
                    "application/soap",
                ]);
                let members = self.members(tempting, random);
                let body = bodies::json(&members, random);
                let xml = random.percent(30) && !self.is_xml();
                match xml {
                    true => Answer::new(
                        200,
                        "application/xml",
                        xml::document("User", &members, random),
                        Word::Nothing,
                        "another media type",
                    ),
                    false => Answer::new(200, media, body, Word::Nothing, "another media type"),
                }
            }
            Encoded => self.encoded(tempting, random),
            AnyStatus => self.any_status(tempting, random),
            Gateway => self.gateway(random),
            Redirect => self.redirect(tempting, random),
            Echo => self.echo(random),
            Cached => self.cached(tempting, random),
            NotUnderstood => self.not_understood(random),
        }
    }

    pub(crate) fn system(&self) -> System {
        self.kind.system()
    }

    pub(crate) fn is_xml(&self) -> bool {
        self.system() == System::Akana && self.kind.media_type().as_str().ends_with("xml")
    }

    pub(crate) fn media(&self) -> &'static str {
        match self.system() {
            System::Akana => self.kind.media_type().as_str(),
            _ => "application/json",
        }
    }

    /// The members of a yes.
    pub(crate) fn members(&self, state: &State, random: &mut Random) -> Members {
        match self.write {
            true => bodies::yes(self.system(), self.user, state, random),
            false => bodies::account(self.system(), self.user, state),
        }
    }

    /// In the representation that was asked for.
    pub(crate) fn whole(
        &self,
        status: u16,
        members: &Members,
        word: Word,
        class: &'static str,
        random: &mut Random,
    ) -> Answer {
        let root = if status < 300 { "User" } else { "Fault" };
        let body = match self.is_xml() {
            true => xml::document(root, members, random),
            false => bodies::json(members, random),
        };
        let charset = *random.pick(&["", "", "", ";charset=utf-8", "; charset=UTF-8"]);
        Answer::new(status, &format!("{}{charset}", self.media()), body, word, class)
    }

    fn document(&self, xml: String, word: Word, class: &'static str) -> Answer {
        Answer::new(200, self.media(), xml, word, class)
    }

    fn yes_and_no(&self, tempting: &State, random: &mut Random) -> Answer {
        let system = self.system();
        let mut members = self.members(tempting, random);
        if self.is_xml() {
            let fault = bodies::no(system, "not carried out");
            return self.document(xml::refused(&members, &fault, random), Word::Nothing, "XML, yes and no");
        }
        let nested = random.percent(40);
        let class = if nested { "yes and no, nested" } else { "yes and no" };
        let place = if nested { bodies::inner(&mut members) } else { &mut members };
        bodies::mix(place, bodies::sign(system, random), random);
        self.whole(200, &members, Word::Nothing, class, random)
    }

    /// About another account than the one asked for. Userdocks, Symphony and ClearSquare name none in their yes.
    fn another(&self, tempting: &State, random: &mut Random) -> Answer {
        let named = matches!(self.system(), System::Akana | System::Mediconnect)
            || (self.system() == System::Userdocks && !self.write);
        if !named {
            return self.yes_and_no(tempting, random);
        }
        let other = match self.system() {
            System::Mediconnect => raw(43),
            _ => text("somebody.else"),
        };
        let name = if self.system() == System::Akana { "UserID" } else { "id" };
        let mut members = self.members(tempting, random);
        let nested = members.iter().any(|(_, value)| matches!(value, Val::Object(_)));
        match random.below(3) {
            // Beside the account itself, where that is an object in the answer.
            0 if nested => bodies::mix(&mut members, vec![(name.to_owned(), other)], random),
            1 if !nested => bodies::mix(&mut members, vec![(name.to_owned(), other)], random),
            _ => {
                for (known, value) in bodies::inner(&mut members) {
                    if known == name {
                        *value = other.clone();
                    }
                }
            }
        }
        self.whole(200, &members, Word::Nothing, "another account", random)
    }

    fn shapeless(&self, tempting: &State, random: &mut Random) -> Answer {
        let members = self.members(tempting, random);
        if self.is_xml() {
            return self.document(xml::shapeless(&members, random), Word::Nothing, "XML, shapeless");
        }
        let json = bodies::json(&members, random);
        let no = bodies::json(&bodies::no(self.system(), "not carried out"), random);
        let body = match random.below(13) {
            0 => String::new(),
            1 => "{}".to_owned(),
            2 => "null".to_owned(),
            3 => "[]".to_owned(),
            4 => format!("[{json}]"),
            5 => format!("{json}{no}"),
            6 => format!("{json} trailing"),
            7 => json[..json.len() - 1].to_owned(),
            8 => "\"success\"".to_owned(),
            9 => "true".to_owned(),
            10 => format!("{}\u{0}", json),
            11 => format!("/* ok */{json}"),
            // Every boolean as a text, every text as a boolean.
            _ => {
                let turned = |(name, value): &(String, Val)| {
                    let value = match value {
                        Val::Raw(raw) if raw != "null" => text(raw),
                        Val::Object(_) => raw(7),
                        _ => raw(true),
                    };
                    (name.clone(), value)
                };
                bodies::json(&members.iter().map(turned).collect(), random)
            }
        };
        Answer::new(200, self.media(), body, Word::Nothing, "shapeless")
    }

    fn encoded(&self, tempting: &State, random: &mut Random) -> Answer {
        let refused = random.percent(50);
        let mut members = self.members(if refused { tempting } else { self.is }, random);
        if refused && !self.is_xml() {
            bodies::mix(&mut members, bodies::sign(self.system(), random), random);
        }
        let text = match (self.is_xml(), refused) {
            (true, true) => xml::refused(&members, &bodies::no(self.system(), "not carried out"), random),
            (true, false) => xml::document("User", &members, random),
            (false, _) => bodies::json(&members, random),
        };
        let word = if refused { Word::Nothing } else { Word::Unclear };
        let class = if refused { "yes and no, encoded" } else { "yes, encoded" };
        let answer = |body, charset: &str| Answer::new(200, &format!("{}{charset}", self.media()), body, word, class);
        match random.below(7) {
            0 | 1 => answer(encodings::gzip(text.as_bytes()), "").header("content-encoding", "gzip"),
            2 => answer(encodings::windows_1252(&text), "; charset=windows-1252"),
            3 => answer(encodings::utf_16(&text), "; charset=utf-16"),
            4 => answer([b"\xef\xbb\xbf", text.as_bytes()].concat(), ""),
            5 => answer(text.clone().into_bytes(), "").header("content-encoding", "gzip"),
            _ => answer(encodings::broken(&text, random), ""),
        }
    }

    /// A system that sends credentials back: those that it got, or those that the client had before.
    fn echo(&self, random: &mut Random) -> Answer {
        let all = secrets(self.seed, self.kind, self.generation.saturating_sub(random.below(2) as u64));
        let (secret, _) = echo(random.pick::<String>(&all), random);
        let said = format!("got {secret}, sorry");
        // Between the quotes as it is, so that escapes of its own are read.
        let dressed = if random.percent(50) { text(&said) } else { raw(format!("\"{said}\"")) };
        let system = self.system();
        let refuses = random.percent(60);
        let mut members = match refuses {
            true => bodies::no(system, "?"),
            false => self.members(self.is, random),
        };
        for name in ["error", "faultstring", "message", "suspensionReason", "UserName", "name"] {
            if let Some((_, value)) = bodies::inner(&mut members).iter_mut().find(|(known, _)| known == name) {
                *value = dressed.clone();
            }
        }
        match random.below(4) {
            0 => bodies::mix(&mut members, vec![("hint".to_owned(), dressed)], random),
            1 => bodies::mix(&mut members, vec![(said.replace('"', ""), raw(1))], random),
            2 => bodies::mix(&mut members, vec![bodies::unreadable(random)], random),
            _ => {}
        }
        let mut codes = bodies::refusals(system).to_vec();
        codes.extend([409, 429, 500, 502, 503]);
        let status = if refuses { *random.pick(&codes) } else { 200 };
        let own = refuses && bodies::refuses(system, status);
        let word = if own || !refuses { Word::Unclear } else { Word::Nothing };
        let mut answer = self.whole(status, &members, word, "credentials sent back", random);
        match random.below(8) {
            0 => answer = answer.header("x-request-id", &printable(&said)),
            1 => answer = answer.header("retry-after", &printable(&secret)).header("server", &printable(&secret)),
            2 => answer.headers[0].1 = format!("{}; x={}", self.media(), printable(&secret)),
            3 => answer = answer.header("location", &printable(&secret)).header("set-cookie", &printable(&secret)),
            4 => {
                // So that the end of what is read falls into it.
                let room = BODY_LIMIT - random.below(secret.len().min(60));
                answer.body = [" ".repeat(room).as_bytes(), secret.as_bytes(), &answer.body].concat();
                answer.word = if own { Word::Unclear } else { Word::Nothing };
            }
            5 => {
                answer.body = format!("<html>{said}</html>").into_bytes();
                answer.word = Word::Nothing;
            }
            _ => {}
        }
        answer
    }

    /// A read whose facts are there, and in words that the contract does not have.
    fn not_understood(&self, random: &mut Random) -> Answer {
        let mut members = self.members(self.is, random);
        let odd = match random.below(5) {
            0 => text("TERMINATED"),
            1 => text("LOCKED"),
            2 => raw("null"),
            3 => text("disabled"),
            _ => raw(2),
        };
        for (name, value) in bodies::inner(&mut members) {
            if ["status", "freezed", "Disabled", "isActive"].contains(&name.as_str()) {
                *value = odd.clone();
            }
        }
        self.whole(200, &members, Word::Unclear, IN_OTHER_WORDS, random).showing(self.is)
    }
}

/// As a header can carry it.
fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect()
}
