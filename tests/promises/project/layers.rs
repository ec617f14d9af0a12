//! Every crate is built in layers: a room imports what is below it, and nothing above. What is true of one system only is in
//! that system's room.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// The rooms of each crate, the lowest first: the folders and files of `src`, but for its entry points.
const LAYERS: [(&str, &[&str]); 4] = [
    (
        "sdk/src",
        &[
            "codec",
            "model",
            "policy",
            "client",
            "pipeline",
            "seam",
            "generated",
            "system",
            "dialect",
            "systems",
            "bulk",
            "testing",
            "guide",
        ],
    ),
    (
        "mock-server/src",
        &[
            "bounds",
            "contract",
            "status",
            "codec",
            "reply",
            "credentials",
            "model",
            "systems",
            "fault",
            "journal",
            "world",
            "engine",
            "transport",
            "command",
        ],
    ),
    (
        "cli/src",
        &[
            "exit",
            "failure",
            "output",
            "table",
            "waits",
            "signals",
            "trusted",
            "settings",
            "systems",
            "config",
            "safety",
            "connect",
            "runs",
            "arguments",
            "bulk",
            "commands",
            "runtime",
            "program",
        ],
    ),
    ("openapi/src", &["pointer", "words", "contract", "docs", "validate"]),
];

/// The entry points, which may reach everywhere.
const ENTRIES: [&str; 2] = ["lib", "main"];

/// Where a kind of system may be named: the systems' rooms, the lists of them, and what is generated.
const NAMED: [&str; 6] = [
    "sdk/src/systems/",
    "sdk/src/generated/",
    "sdk/src/model/kind.rs",
    "mock-server/src/systems/",
    "cli/src/systems/",
    "openapi/src/words.rs",
];

/// All files of Rust below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The code of a file: without comments, and without its own tests, which may reach up.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The names after `crate::` in a text, those of a group among them.
fn imported(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let group = rest.strip_prefix('{').and_then(|group| group.split_once('}'));
        let heads: Vec<&str> = match group {
            Some((group, _)) => group.split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        names.extend(heads.into_iter().map(|head| head.split(|c| !is_part(c)).next().unwrap()));
    }
    names
}

/// Returns what a file imports that its room may not.
fn reaching(rooms: &[&str], room: &str, code: &str) -> Vec<String> {
    let at = |name: &str| rooms.iter().position(|known| *known == name);
    let own = at(room).unwrap();
    let up = imported(code).into_iter().filter(|name| at(name).is_some_and(|other| other > own));
    up.map(str::to_owned).collect()
}

#[test]
fn every_import_points_down() {
    let mut seen = 0;
    for (folder, rooms) in LAYERS {
        let root = repository().join(folder);
        let mut files = Vec::new();
        sources(&root, &mut files);
        for file in files {
            let below = file.strip_prefix(&root).unwrap();
            let room = below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
            if ENTRIES.contains(&room) {
                continue;
            }
            assert!(rooms.contains(&room), "{folder}: which layer is `{room}` of? Add it to LAYERS");
            let up = reaching(rooms, room, &code(&file));
            assert!(up.is_empty(), "{}: `{room}` reaches up, to {up:?}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn a_room_that_reaches_up_is_noticed() {
    let rooms = ["low", "middle", "high"];
    for (code, up) in [
        ("use crate::high::Thing;\n", vec!["high"]),
        ("use crate::{high, low};\n", vec!["high"]),
        ("let thing = crate::high::thing(crate::low::other());\n", vec!["high"]),
        ("use crate::low::Thing;\nuse crate::middle::Other;\nuse crate::higher;\n", vec![]),
    ] {
        assert_eq!(reaching(&rooms, "middle", code), up, "{code}");
    }
}

/// The crates: who may depend on whom, as their manifests say.
#[test]
fn the_crates_depend_in_one_direction() {
    let crates: BTreeMap<&str, (&str, &[&str])> = BTreeMap::from([
        ("user-status-openapi", ("openapi", &[] as &[&str])),
        ("user-status-contract", ("openapi/tool", &["user-status-openapi"])),
        ("user-status", ("sdk", &[])),
        ("user-status-mock", ("mock-server", &["user-status-openapi"])),
        ("user-status-cli", ("cli", &["user-status", "user-status-mock"])),
        ("user-status-examples", ("examples", &["user-status", "user-status-mock"])),
    ]);
    for (name, (folder, may)) in &crates {
        let manifest = fs::read_to_string(repository().join(folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{folder}");
        let mut own = manifest.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        let wrong = own.find(|key| key.starts_with("user-status") && !may.contains(key));
        assert_eq!(wrong, None, "{name} depends on what it may not");
    }
}

/// What is shared never names a system.
#[test]
fn no_system_is_named_outside_its_room() {
    let mut seen = 0;
    for folder in ["sdk/src", "mock-server/src", "cli/src", "openapi/src", "openapi/tool/src"] {
        let mut files = Vec::new();
        sources(&repository().join(folder), &mut files);
        for file in files {
            let path = file.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
            if NAMED.iter().any(|named| path.starts_with(named)) {
                seen += 1;
                continue;
            }
            let code = code(&file);
            let names = code.split("SystemKind::").skip(1).filter_map(|rest| {
                let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let is_system =
                    user_status_openapi::SystemKind::ALL.iter().any(|kind| kind.as_str().eq_ignore_ascii_case(&name));
                is_system.then_some(name)
            });
            let names: Vec<String> = names.collect();
            assert!(names.is_empty(), "{path} names {names:?}: what is true of one system goes into its room");
        }
    }
    assert!(seen > 20, "{seen}");
}
