//! What the five systems say, by their documents: yes and no, to a change and to a read. And what makes a yes none.

use crate::random::Random;
use crate::systems::System;
use crate::truth::State;

/// The value of a member.
#[derive(Clone, Debug)]
pub(crate) enum Val {
    Text(String),
    /// As it is written in JSON, whatever it is.
    Raw(String),
    Object(Members),
}

/// The members of an answer, in their order; a name may be there twice.
pub(crate) type Members = Vec<(String, Val)>;

pub(crate) fn text(value: &str) -> Val {
    Val::Text(value.to_owned())
}

pub(crate) fn raw(value: impl ToString) -> Val {
    Val::Raw(value.to_string())
}

fn members<const N: usize>(list: [(&str, Val); N]) -> Members {
    list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The contract's yes to a change that left an account so.
pub(crate) fn yes(system: System, user: &str, state: &State, random: &mut Random) -> Members {
    match system {
        System::Userdocks => members([
            ("success", raw(true)),
            ("message", text("Users access status updated successfully")),
            ("error", raw("null")),
            ("data", raw("null")),
        ]),
        System::Symphony => match random.below(3) {
            0 => members([("message", text("OK"))]),
            1 => members([("format", text("TEXT")), ("message", text("OK"))]),
            _ => members([("format", text("XML")), ("message", text("<messageML>OK</messageML>"))]),
        },
        System::Clearsquare => {
            members([("message", text("User status updated successfully")), ("status", text("success"))])
        }
        System::Akana => account(system, user, state),
        System::Mediconnect => match random.percent(30) {
            // As the deployed system has it.
            true => {
                members([("message", text("Usuario actualizado")), ("user", Val::Object(account(system, user, state)))])
            }
            false => account(system, user, state),
        },
    }
}

/// Returns what a read of an account says.
pub(crate) fn account(system: System, user: &str, state: &State) -> Members {
    match system {
        System::Userdocks => {
            let data = members([("id", text(user)), ("freezed", raw(!state.enabled)), ("deleted", raw(false))]);
            members([
                ("success", raw(true)),
                ("message", raw("null")),
                ("error", raw("null")),
                ("data", Val::Object(data)),
            ])
        }
        System::Akana => members([
            ("UserID", text(user)),
            ("UserName", text("PhilipPirrip")),
            ("HasPicture", raw(false)),
            ("Disabled", raw(!state.enabled)),
            ("Locked", raw(state.locked)),
        ]),
        System::Mediconnect => {
            let reason = state.reason.as_deref().map_or(raw("null"), text);
            members([
                ("id", raw(user)),
                ("name", text("María Pérez")),
                ("email", text("maria@example.com")),
                ("role", text("PATIENT")),
                ("isActive", raw(state.enabled)),
                ("isSuspended", raw(state.suspended)),
                ("suspensionReason", reason),
                ("createdAt", text("2025-01-01T00:00:00.000Z")),
                ("updatedAt", text("2026-01-01T00:00:00.000Z")),
            ])
        }
        _ => {
            let mut members = members([
                ("status", text(if state.enabled { "ENABLED" } else { "DISABLED" })),
                ("suspended", raw(state.suspended)),
            ]);
            members.extend(state.until.map(|until| ("suspendedUntil".to_owned(), raw(until))));
            members.extend(state.reason.as_deref().map(|reason| ("suspensionReason".to_owned(), text(reason))));
            members
        }
    }
}

/// The system's own refusal, with this text.
pub(crate) fn no(system: System, why: &str) -> Members {
    match system {
        System::Userdocks => {
            members([("success", raw(false)), ("message", raw("null")), ("error", text(why)), ("data", raw("null"))])
        }
        System::Akana => members([("faultcode", text("Client")), ("faultstring", text(why))]),
        System::Mediconnect => members([("error", text(why))]),
        System::Symphony => members([("code", raw(400)), ("message", text(why))]),
        System::Clearsquare => members([("message", text(why)), ("status", text("error"))]),
    }
}

/// The status codes with which a system refuses a change or a read, by its document.
pub(crate) fn refusals(system: System) -> &'static [u16] {
    match system {
        System::Userdocks | System::Symphony => &[400, 401, 403],
        System::Akana => &[400, 401, 404],
        System::Mediconnect => &[400, 401, 403, 404],
        System::Clearsquare => &[400, 401],
    }
}

/// Returns whether a status code is a refusal by what is known of the system beside its document: the page of the platform's
/// response codes, and MediConnect's published code.
pub(crate) fn refuses(system: System, status: u16) -> bool {
    let besides: &[u16] = match system {
        System::Akana => &[403, 405],
        System::Mediconnect => &[413, 429],
        _ => &[],
    };
    refusals(system).contains(&status) || besides.contains(&status)
}

/// A sign of refusal in one of the forms that the system's document or its observed deviations have: what to add to a
/// yes.
pub(crate) fn sign(system: System, random: &mut Random) -> Members {
    let why = "not carried out";
    let own = match system {
        System::Userdocks => match random.below(6) {
            0 => members([("success", raw(false))]),
            1 => members([("error", text(why))]),
            2 => members([("errors", raw(format!("[{{\"message\":\"{why}\"}}]")))]),
            3 => members([("kind", text("errors"))]),
            4 => members([("error", raw(format!("{{\"message\":\"{why}\"}}")))]),
            _ => members([("kind", text("errors")), ("itemsLength", raw(1)), ("errors", raw("[{}]"))]),
        },
        System::Akana => match random.below(4) {
            0 => members([("faultstring", text(why))]),
            1 => members([("faultcode", text("Server"))]),
            2 => members([("Fault", Val::Object(no(system, why)))]),
            _ => no(system, why),
        },
        System::Mediconnect => match random.below(4) {
            0 => members([("error", text(why)), ("code", text("RATE_LIMITED"))]),
            1 => members([("error", raw(format!("{{\"message\":\"{why}\"}}")))]),
            _ => members([("error", text(why))]),
        },
        System::Symphony => match random.below(4) {
            0 => members([("code", raw(500))]),
            1 => members([("code", text("500"))]),
            2 => members([("message", text(why)), ("code", raw(400))]),
            _ => members([("code", raw(65))]),
        },
        System::Clearsquare => match random.below(3) {
            0 => members([("status", text("error"))]),
            1 => members([("status", text("error")), ("message", text(why))]),
            _ => members([("status", text("ERROR"))]),
        },
    };
    // The name itself may be escaped, too.
    match random.percent(15) {
        true => own.into_iter().map(|(name, value)| (escaped(&name, random), value)).collect(),
        false => own,
    }
}

/// A name of which one character is escaped: written raw, as all names are.
fn escaped(name: &str, random: &mut Random) -> String {
    let at = random.below(name.len());
    name.char_indices().map(|(i, c)| if i == at { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

/// A member that one reader of JSON takes and another does not.
pub(crate) fn unreadable(random: &mut Random) -> (String, Val) {
    let deep = 120 + random.below(40);
    let value = match random.below(9) {
        0 => "\"\\ud83d\"".to_owned(),
        1 => "\"half an emoji \\udc00.\"".to_owned(),
        2 => "1e999".to_owned(),
        3 => "-1.5E+4000".to_owned(),
        4 => format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
        5 => format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)),
        6 => "123456789012345678901234567890123456789012".to_owned(),
        7 => "[\"\\ud83d\",{\"b\":\"\\ude00\\ud83d\"}]".to_owned(),
        _ => "0.1e-9999".to_owned(),
    };
    let name = match random.below(5) {
        0 => "\\ud83d".to_owned(),
        1 => "displayName".to_owned(),
        _ => "x".to_owned(),
    };
    (name, Val::Raw(value))
}

/// Puts members among others: before, after, or anywhere.
pub(crate) fn mix(into: &mut Members, more: Members, random: &mut Random) {
    let at = match random.below(3) {
        0 => 0,
        1 => into.len(),
        _ => random.below(into.len() + 1),
    };
    into.splice(at..at, more);
}

/// Where in an answer the account is: the answer itself, or the object in it.
pub(crate) fn inner(members: &mut Members) -> &mut Members {
    match members.iter().position(|(name, value)| name != "Fault" && matches!(value, Val::Object(_))) {
        Some(at) => match &mut members[at].1 {
            Val::Object(inner) => inner,
            _ => unreachable!("it was one"),
        },
        None => members,
    }
}

/// As JSON, with white space here and there.
pub(crate) fn json(members: &Members, random: &mut Random) -> String {
    let space = *random.pick(&["", "", "", " ", "\n\t"]);
    let one = |(name, value): &(String, Val), random: &mut Random| {
        let value = match value {
            Val::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Val::Raw(raw) => raw.clone(),
            Val::Object(members) => json(members, random),
        };
        format!("{space}\"{name}\"{space}:{space}{value}")
    };
    let all: Vec<String> = members.iter().map(|member| one(member, random)).collect();
    format!("{{{}{space}}}", all.join(","))
}
