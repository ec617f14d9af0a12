//! The examples of a page: its fenced blocks, and what its console transcripts say that a program prints.

/// A fenced block of a Markdown file.
pub(crate) struct Block {
    /// The word behind the fence, such as `text`.
    pub(crate) language: String,
    pub(crate) text: String,
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), false) => blocks.push(Block { language: language.to_owned(), text: String::new() }),
            (None, true) => blocks.last_mut().unwrap().text += &format!("{line}\n"),
            _ => {}
        }
        inside ^= line.starts_with("```");
    }
    assert!(!inside, "a block has no end");
    blocks
}

/// Returns what is typed in a transcript, each with what it prints.
pub(crate) fn commands(transcript: &str) -> Vec<(&str, Vec<&str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in transcript.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command, Vec::new())),
            None => commands.last_mut().unwrap_or_else(|| panic!("`{line}` is printed by nothing")).1.push(line),
        }
    }
    commands
}

/// Holds what was printed against the lines of a transcript. `…` alone in a line stands for any lines; the id of a run,
/// the port of a server and the folder of a program are others each time.
#[track_caller]
pub(crate) fn same(command: &str, expected: &[&str], printed: &str) {
    let printed: Vec<String> = printed.trim_end().lines().map(alike).collect();
    let expected: Vec<String> = expected.join("\n").trim_end().lines().map(alike).collect();
    assert!(fits(&expected, &printed), "{command} printed\n{}\n\nand not\n{}", printed.join("\n"), expected.join("\n"));
}

fn fits(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed.split_first().is_some_and(|(line, more)| line == first && fits(rest, more)),
    }
}

/// A line without what is another each time.
fn alike(line: &str) -> String {
    let word = |word: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let id = word.trim_end_matches(':');
        let is_run = id.len() == 20 && id.starts_with("20") && id.chars().all(is_part) && id.matches('-').count() == 2;
        if is_run {
            return word.replace(id, "RUN");
        }
        if let Some((before, after)) = word.split_once("127.0.0.1:") {
            return format!("{before}127.0.0.1:PORT{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        match word.split_once("'/") {
            Some((before, path)) => format!("{before}'/…/{}", path.rsplit('/').next().unwrap_or_default()),
            None => word.to_owned(),
        }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}
