//! XML bodies that are nearly what Akana wants.

use arbitrary::{Result, Unstructured};

use crate::json::Words;

/// A document: a prologue, an element, and what may come after it.
pub fn document(root: &str, words: &Words, u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    if u.arbitrary()? {
        text.push_str(u.choose(&[
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
            "<?xml version=\"1.1\"?>",
            "\u{feff}<?xml version=\"1.0\"?>",
            " <?xml?>",
        ])?);
    }
    if u.ratio(1, 24)? {
        text.push_str(u.choose(&[
            "<!DOCTYPE x>",
            "<!DOCTYPE x [<!ENTITY e \"com.soa.user.status.locked\">]>",
            "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>",
            "<!doctype x [<!ENTITY % e \"<!ENTITY f 'f'>\"> %e;]>",
        ])?);
    }
    aside(u, &mut text)?;
    let roots = if u.ratio(1, 16)? { u.int_in_range(0..=2)? } else { 1 };
    for _ in 0..roots {
        let name = name(&[root], u)?;
        element(&name, words, u, 0, &mut text)?;
    }
    aside(u, &mut text)?;
    Ok(text)
}

fn element(name: &str, words: &Words, u: &mut Unstructured<'_>, depth: usize, text: &mut String) -> Result<()> {
    text.push('<');
    text.push_str(name);
    if u.ratio(1, 12)? {
        let attributes = [" a=\"b\"", " xmlns=\"urn:x\"", " xmlns:p='urn:x'", " a='<'", " a", " a=b a=b", "\n", " >"];
        text.push_str(u.choose(&attributes)?);
    }
    if u.ratio(1, 10)? {
        text.push_str("/>");
        return Ok(());
    }
    text.push('>');
    let parts = if u.ratio(1, 6)? { 4 } else { 1 };
    for _ in 0..parts {
        if u.is_empty() {
            break;
        }
        let nested = if depth == 0 { u.ratio(15, 16)? } else { depth < 4 && u.ratio(1, 16)? };
        if nested {
            let names: Vec<&str> = words.members.iter().map(String::as_str).collect();
            let name = self::name(&names, u)?;
            element(&name, words, u, depth + 1, text)?;
        } else {
            content(words, u, text)?;
        }
    }
    match u.int_in_range(0..=31)? {
        0 => {}
        1 => text.push_str("</x>"),
        2 => text.push_str("</"),
        3 => text.push_str(&format!("</{name} >")),
        _ => text.push_str(&format!("</{name}>")),
    }
    Ok(())
}

/// One of these names, now and then with a prefix, or any.
fn name(known: &[&str], u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=15)? {
        0 => u.arbitrary::<&str>()?.to_owned(),
        1 => format!("{}:{}", u.choose(&["p", "", "xml", "a:b"])?, u.choose(known)?),
        _ => (*u.choose(known)?).to_owned(),
    })
}

fn content(words: &Words, u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    match u.int_in_range(0..=11)? {
        0..=6 => text.push_str(u.choose(&words.values)?),
        7 => text.push_str(u.arbitrary::<&str>()?),
        8 => {
            let part = u.arbitrary::<&str>()?;
            text.push_str(&part.repeat(u.int_in_range(0..=300)?));
        }
        9 => text.push_str(&format!("<![CDATA[{}]]>", u.arbitrary::<&str>()?)),
        10 => text.push_str(u.choose(&[
            "&lt;",
            "&amp;",
            "&quot;",
            "&e;",
            "&#0;",
            "&#1;",
            "&#x41;",
            "&#xD800;",
            "&#x110000;",
            "&#99999999999;",
            "&;",
            "&",
            "]]>",
        ])?),
        _ => aside(u, text)?,
    }
    Ok(())
}

/// Returns what is no content: a comment, a processing instruction, space.
fn aside(u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    if u.ratio(1, 6)? {
        let asides =
            ["<!-- c -->", "<!-- -- -->", "<!-->", "<?p i?>", "<??>", "<?xml version=\"1.0\"?>", "\r\n\t ", "\u{a0}"];
        text.push_str(u.choose(&asides)?);
    }
    Ok(())
}
