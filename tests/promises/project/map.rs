//! The map in ARCHITECTURE.md has a line for every folder of the source, and for no other.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::repository;

const ARCHITECTURE: &str = include_str!("../../../ARCHITECTURE.md");

/// The folders below this one that have files of Rust in them, itself included, each as it stands in the map.
fn rooms(root: &Path, folder: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            rooms(root, &format!("{folder}{name}/"), found);
        } else if name.ends_with(".rs") {
            found.insert(folder.to_owned());
        }
    }
}

#[test]
fn every_folder_of_the_source_is_on_the_map() {
    let root = repository();
    let mut found = BTreeSet::new();
    for folder in ["openapi/src/", "openapi/tool/src/", "sdk/src/", "mock-server/src/", "cli/src/", "examples/"] {
        rooms(&root, folder, &mut found);
    }
    rooms(&root, "tests/", &mut found);
    found.remove("tests/");
    let rows = ARCHITECTURE.lines().skip_while(|line| *line != "## The map").filter_map(|line| {
        let (folder, says) = line.strip_prefix("| `")?.split_once("` | ")?;
        folder.ends_with('/').then(|| (folder.to_owned(), says.trim_end_matches(" |").len()))
    });
    let rows: Vec<(String, usize)> = rows.collect();
    let mapped: BTreeSet<String> = rows.iter().map(|(folder, _)| folder.clone()).collect();
    assert_eq!(mapped.len(), rows.len(), "a folder has two lines");
    assert!(rows.iter().all(|(_, says)| *says > 10), "a folder has no description");
    let missing: Vec<_> = found.difference(&mapped).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:?}: what belongs there?");
    let gone: Vec<_> = mapped.iter().filter(|folder| !root.join(folder).is_dir()).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md has {gone:?}, which are not there");
}
