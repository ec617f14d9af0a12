//! What shells and terminals make of the program's own pages: completions, and help at every width.

mod common;

use std::process::Command;

use common::{Folder, program};

/// The commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = String::from_utf8(program().arg("--help").output().unwrap().stdout).unwrap();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> = names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(names.len() > 10, "{help}");
    names
}

fn script(folder: &Folder, shell: &str) -> String {
    let script = program().args(["completions", shell]).output().unwrap();
    assert!(script.status.success());
    let path = folder.path(shell);
    std::fs::write(&path, script.stdout).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Returns what bash offers for the last of these words.
#[cfg(unix)]
fn offered_by_bash(script: &str, words: &[&str]) -> Vec<String> {
    let ask = r#"
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        # Such as `complete -o bashdefault -o default -F _user__status user-status`.
        registered=$(complete -p user-status) || exit 9
        [[ $registered =~ -F\ ([^\ ]+) ]] || exit 8
        "${BASH_REMATCH[1]}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", ask, "bash", script]).args(words);
    let answered = bash.output().unwrap_or_else(|e| panic!("this test wants bash: {e}"));
    let said = String::from_utf8_lossy(&answered.stderr);
    assert!(answered.status.success() && said.is_empty(), "{words:?}: {} {said}", answered.status);
    String::from_utf8(answered.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn bash_completes_behind_every_command() {
    let folder = Folder::new();
    let script = script(&folder, "bash");
    #[track_caller]
    fn has(offered: &[String], words: &[&str], one: &str) {
        assert!(offered.iter().any(|offer| offer == one), "{words:?} lacks {one}: {offered:?}");
    }
    let offers = |words: &[&str], one: &str| has(&offered_by_bash(&script, words), words, one);
    offers(&["user-status", "re"], "report");
    for command in commands().iter().filter(|command| *command != "help") {
        offers(&["user-status", command, "--"], "--json");
        offers(&["user-status", "--json", command, "-"], "--verbose");
    }
    offers(&["user-status", "help", ""], "report");
    offers(&["user-status", "config", ""], "init");
    offers(&["user-status", "config", "init", "--"], "--force");
    offers(&["user-status", "set", "pod", "7215545078541", "dis"], "disable");
    offers(&["user-status", "set", "pod", "7215545078541", "disable", "--dry"], "--dry-run");
    offers(&["user-status", "report", "last", "--format", ""], "ndjson");
    offers(&["user-status", "report", "last", "--only", "un"], "unknown");
    offers(&["user-status", "completions", "z"], "zsh");
    assert_eq!(offered_by_bash(&script, &["user-status", "report", "last", "--format", "c"]), ["csv"]);
}

/// Fish and zsh where they are, since not every machine has them.
#[cfg(unix)]
#[test]
fn other_shells_take_their_scripts() {
    let folder = Folder::new();
    let there = |shell: &str| Command::new(shell).arg("--version").output().is_ok();
    if there("fish") {
        let script = script(&folder, "fish");
        for (line, one) in [
            ("user-status re", "report"),
            ("user-status report --format ", "ndjson"),
            ("user-status set pod 1 disable --dry", "--dry-run"),
            ("user-status config ", "init"),
        ] {
            let ask = format!("source {script}; complete -C '{line}'");
            let answered = Command::new("fish").args(["--no-config", "-c", &ask]).output().unwrap();
            let offered = String::from_utf8_lossy(&answered.stdout);
            assert!(offered.lines().any(|offer| offer.split('\t').next() == Some(one)), "{line}: {offered}");
        }
    }
    if there("zsh") {
        let script = script(&folder, "zsh");
        let ask = format!("autoload -Uz compinit; compinit -u -D; source {script}; print -r -- $_comps[user-status]");
        let answered = Command::new("zsh").args(["-f", "-c", &ask]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answered.stdout).trim(), "_user-status", "{answered:?}");
    }
}

/// A paragraph that is broken for one width and again for another has short lines in its middle.
#[test]
fn help_is_wrapped_once_at_every_width() {
    let mut pages: Vec<Vec<String>> = commands().into_iter().map(|name| vec![name]).collect();
    pages.retain(|page| page[0] != "help");
    pages.extend([vec![], vec!["config".to_owned(), "init".to_owned()], vec!["config".to_owned(), "show".to_owned()]]);
    for page in pages {
        for width in [40, 60, 80, 100, 120] {
            let help = program().args(&page).arg("--help").env("COLUMNS", width.to_string()).output().unwrap();
            let help = String::from_utf8(help.stdout).unwrap();
            let lines: Vec<&str> = help.lines().collect();
            for pair in lines.windows(2) {
                let [line, next] = pair else { unreachable!("two lines") };
                // No word of ours is longer than the narrowest terminal, but an id of Akana's and some paths are.
                let long = line.split_whitespace().any(|word| word.len() > 36) || line.starts_with("Usage:");
                let columns = line.chars().count();
                assert!(long || columns <= width.min(100), "{page:?} at {width}: {line}");
                let prose = |line: &str| line.starts_with(|c: char| c.is_alphanumeric() || c == '`');
                let ends = line.ends_with([':', '.', ';']);
                if prose(line) && prose(next) && !ends {
                    let word = next.split(' ').next().unwrap_or_default().chars().count();
                    assert!(columns + 1 + word > width.min(100), "{page:?} at {width}:\n{line}\n{next}");
                }
            }
        }
    }
}
