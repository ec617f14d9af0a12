//! `tests/README.md` leads from every promise to its module, and has a line for each.

use std::fs;
use std::path::Path;

use crate::support::repository;

const FOLDERS: [&str; 6] = ["contract", "sdk", "mock", "bulk", "docs", "project"];

/// The first paragraph of a module's documentation.
fn promise(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The rows of a folder: a promise, and the command that proves it.
fn rows(folder: &str) -> Vec<String> {
    let path = repository().join("tests/promises").join(folder);
    let mut rows = Vec::new();
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        let file = if entry.is_dir() { entry.join("mod.rs") } else { entry };
        if name == "mod" {
            continue;
        }
        let below = file.strip_prefix(repository().join("tests")).unwrap().display().to_string();
        rows.push(format!("| {} | [`{folder}::{name}`]({below}) |", promise(&file)));
    }
    rows.sort_by_key(|row| row.rsplit('[').next().unwrap().to_owned());
    rows
}

#[test]
fn every_promise_is_on_the_page() {
    let page = fs::read_to_string(repository().join("tests/README.md")).unwrap();
    let there: Vec<&str> = page.lines().filter(|line| line.contains("](promises/")).collect();
    let due: Vec<String> = FOLDERS.iter().flat_map(|folder| rows(folder)).collect();
    assert!(due.len() > 50, "{due:?}");
    if there != due {
        let missing: Vec<&String> = due.iter().filter(|row| !there.contains(&row.as_str())).collect();
        let gone: Vec<&&str> = there.iter().filter(|row| !due.iter().any(|known| known == **row)).collect();
        panic!("tests/README.md must have, in this order,\n{}\nlacks {missing:#?}\nand has {gone:#?}", due.join("\n"));
    }
}

/// Each claim of CONTRACT.md is proved by a module of the page, or by a script.
#[test]
fn every_claim_leads_to_the_page() {
    let page = fs::read_to_string(repository().join("tests/README.md")).unwrap();
    let claims = fs::read_to_string(repository().join("CONTRACT.md")).unwrap();
    let mut seen = 0;
    for command in claims.split("`cargo test --workspace ").skip(1) {
        let command = command.split('`').next().unwrap();
        match command.strip_prefix("--test ") {
            Some(program) => assert!(page.contains(&format!("`--test {program}`")), "{command}"),
            None => assert!(page.contains(&format!("[`{}`]", command.trim_end_matches("::"))), "{command}"),
        }
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}
