//! Akana's answers as XML: as the contract has them, and in every way in which they can be something else.

use crate::bodies::{Members, Val};
use crate::random::Random;

/// Plain text for an element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text in one of the ways in which XML can write it.
fn dressed(text: &str, random: &mut Random) -> String {
    match random.below(10) {
        0 => format!("<![CDATA[{}]]>", text.replace("]]>", "")),
        1 => text.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        2 => text.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect(),
        3 => format!("{}<!-- a comment -->", escape(text)),
        _ => escape(text),
    }
}

fn elements(members: &Members, prefix: &str, random: &mut Random) -> String {
    let mut all = String::new();
    for (name, value) in members {
        let content = match value {
            Val::Text(text) => dressed(text, random),
            // Of JSON's texts, what is between the quotes.
            Val::Raw(raw) => escape(raw.trim_matches('"')),
            Val::Object(members) => elements(members, prefix, random),
        };
        all.push_str(&format!("<{prefix}{name}>{content}</{prefix}{name}>"));
    }
    all
}

/// One element with these members, as the contract has it.
pub(crate) fn document(root: &str, members: &Members, random: &mut Random) -> String {
    let declaration = *random.pick(&["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "<?xml version='1.0'?>"]);
    format!("{declaration}<{root}>{}</{root}>", elements(members, "", random))
}

/// A yes that is none: with a fault in it, around it or beside it.
pub(crate) fn refused(user: &Members, fault: &Members, random: &mut Random) -> String {
    let inside = elements(user, "", random);
    let no = elements(fault, "", random);
    match random.below(9) {
        0 => format!("<Fault>{inside}</Fault>"),
        1 => format!("<Fault>{no}{inside}</Fault>"),
        2 => format!("<User>{inside}{no}</User>"),
        3 => format!("<User>{no}{inside}</User>"),
        4 => format!("<User>{inside}<Fault>{no}</Fault></User>"),
        5 => format!("<ns2:Fault xmlns:ns2=\"urn:x\">{}</ns2:Fault>", elements(user, "ns2:", random)),
        6 => format!("<Error><Fault>{no}</Fault>{inside}</Error>"),
        7 => format!("<User>{inside}</User><Fault>{no}</Fault>"),
        _ => format!("<Fault>{no}</Fault><User>{inside}</User>"),
    }
}

/// A yes in which something is not XML, or not all readers' XML.
pub(crate) fn odd(user: &Members, random: &mut Random) -> String {
    let inside = elements(user, "", random);
    match random.below(10) {
        0 => format!("<User>{inside}<Title>&nbsp;</Title></User>"),
        1 => format!("<User>{inside}<Title>&#0;</Title></User>"),
        2 => format!("<User>{inside}<Title>&#xD83D;</Title></User>"),
        3 => format!("<!DOCTYPE User [<!ENTITY a \"b\">]><User>{inside}<Title>&a;</Title></User>"),
        4 => format!("<User>{inside}<Groups><Group><Name>x</Name></Group></Groups></User>"),
        5 => format!("<User xmlns=\"http://soa.com/xsd/um/1.0\">{inside}</User>"),
        6 => format!("<ns2:User xmlns:ns2=\"urn:x\">{}</ns2:User>", elements(user, "ns2:", random)),
        7 => format!("\u{feff}<User>{inside}</User>"),
        8 => format!("<User>{inside}<Title a=\"1\" a=\"2\"/></User>"),
        _ => format!("<User>{inside}<Title>{}x{}</Title></User>", "<a>".repeat(200), "</a>".repeat(200)),
    }
}

/// Returns what is not the document of a user, although its parts are there.
pub(crate) fn shapeless(user: &Members, random: &mut Random) -> String {
    let inside = elements(user, "", random);
    match random.below(8) {
        0 => format!("<User>{inside}"),
        1 => format!("<User>{inside}</Users>"),
        2 => format!("<Users><User>{inside}</User></Users>"),
        3 => inside,
        4 => format!("<html><body>{inside}</body></html>"),
        5 => format!("<!-- <User>{inside}</User> -->"),
        6 => format!("<User>{inside}{inside}</User>"),
        _ => "<User/>".to_owned(),
    }
}
