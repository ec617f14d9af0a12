//! What of a text a terminal would obey, or not show.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Returns `true` for a character that is not seen for what it is: it moves the cursor, changes the direction of
/// writing, has no width, looks like a space and is none, or has no meaning that all fonts share.
pub fn hides(c: char) -> bool {
    if matches!(c, ' '..='~') {
        return false;
    }
    let by_category = match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::SpaceSeparator
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::PrivateUse
        | GeneralCategory::Unassigned => true,
        // Braille without a dot: no space by its category, and nothing to be seen.
        _ => c == '\u{2800}',
    };
    by_category || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Returns a text on one line, with everything that [`hides`] as an escape such as `\u{202e}`. Done twice it is as done once.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match hides(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Returns a text of the system, fit to be shown: on one line, and not endless.
pub fn shown(text: &str) -> String {
    const MOST: usize = 500;
    let mut text: String = text.chars().take(MOST + 1).collect();
    if text.chars().count() > MOST {
        text.pop();
        text.push('…');
    }
    visible(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        let hidden = [
            // Controls, C1 among them.
            0x00, 0x07, 0x08, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x85, 0x9b, // Spaces that are none.
            0xa0, 0x1680, 0x2002, 0x2007, 0x202f, 0x205f, 0x3000, 0x2800, // Separators of lines and paragraphs.
            0x2028, 0x2029, // Directions of writing.
            0x061c, 0x200e, 0x200f, 0x202a, 0x202e, 0x2066, 0x2069, // Format characters without a width.
            0x00ad, 0x0600, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2064, 0x206f, 0xfeff, 0xfff9, 0x1bca0, 0x1d173,
            // Default-ignorable without being format characters.
            0x034f, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180f, 0x3164, 0xfe00, 0xfe0f, 0xffa0, 0xe0100,
            // Tags, private use, not assigned.
            0xe0001, 0xe0041, 0xe007f, 0xe000, 0xf0000, 0x0378, 0xfff0, 0xe0fff, 0x10ffff,
        ];
        for code in hidden {
            let c = char::from_u32(code).unwrap();
            assert!(hides(c), "U+{code:04X}");
            assert!(visible(&format!("a{c}b")).starts_with("a\\"), "U+{code:04X}");
        }
        let seen = "Grüße, José: 山田 さくら 한국 Ω → “ok” … ñ e\u{301} ١٢٣ עברית \\u{202e} ~";
        assert_eq!(visible(seen), seen);
        assert_eq!(visible("a\u{1b}[2J\u{202e}\n"), "a\\u{1b}[2J\\u{202e}\\n");
        assert_eq!(visible(&visible("\u{e0041}")), "\\u{e0041}");
    }
}
