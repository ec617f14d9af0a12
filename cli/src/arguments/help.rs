//! What stands below the options in a help: laid out for the terminal that it is read on.

use std::borrow::Cow;

/// The widest that help is.
pub(crate) const WIDEST: usize = 100;

/// The narrowest that the second of two columns is made.
const NARROWEST: usize = 16;

/// A text below the options, as wide as the terminal.
pub(super) fn fit(text: impl AsRef<str>) -> String {
    laid_out(text.as_ref(), width())
}

/// As clap has it: the terminal's own width, or else what the environment says.
fn width() -> usize {
    let terminal = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(told).filter(|columns| *columns > 0).unwrap_or(WIDEST).min(WIDEST)
}

/// Each line broken between words. What follows a line of two columns stands below the second.
fn laid_out(text: &str, width: usize) -> String {
    text.lines().map(|line| broken(line, width)).collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, width: usize) -> Cow<'_, str> {
    if console::measure_text_width(line) <= width {
        return Cow::Borrowed(line);
    }
    let indent = line.len() - line.trim_start().len();
    // Two columns are two spaces or more apart.
    let second = line[indent..].find("  ").map(|gap| {
        let gap = indent + gap;
        gap + line[gap..].len() - line[gap..].trim_start().len()
    });
    if let Some(column) = second.filter(|column| column + NARROWEST > width) {
        let below = format!("{}{}", " ".repeat(indent + 4), &line[column..]);
        return Cow::Owned(format!("{}\n{}", broken(line[..column].trim_end(), width), broken(&below, width)));
    }
    let hanging = second.unwrap_or(if indent > 0 { indent + 2 } else { 0 });
    let (first, rest) = line.split_at(second.unwrap_or(indent));
    let (mut lines, mut current) = (Vec::new(), first.to_owned());
    for word in rest.split_whitespace() {
        let begun = current.len() > lines.last().map_or(first.len(), |_: &String| hanging);
        let wide = console::measure_text_width(&current) + usize::from(begun) + console::measure_text_width(word);
        if begun && wide > width {
            lines.push(std::mem::replace(&mut current, " ".repeat(hanging)));
        } else if begun {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    Cow::Owned(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_below_its_column() {
        let text =
            "Exit codes:\n  3    refused, and known not to have been applied\n  0    done\nOf several the worst.";
        assert_eq!(
            laid_out(text, 30),
            "Exit codes:\n  3    refused, and known not\n       to have been applied\n  0    done\nOf several the worst."
        );
        assert_eq!(laid_out("  3    refused, and known", 18), "  3\n      refused, and\n        known");
        assert_eq!(laid_out("one two three", 8), "one two\nthree");
        assert_eq!(laid_out("  user-status set pod 1 disable", 20), "  user-status set\n    pod 1 disable");
        assert_eq!(laid_out("a-word-that-is-too-long for it", 10), "a-word-that-is-too-long\nfor it");
        assert_eq!(laid_out(text, 100), text);
    }
}
