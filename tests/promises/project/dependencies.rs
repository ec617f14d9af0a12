//! What users of the SDK compile: no generator, no YAML, no JSON Schema validator, nothing of the mock. And under which
//! licences that is, and what the other published crates bring.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::support::repository;

/// The lines of `cargo tree`, or why there are none.
fn cargo_tree(arguments: &[&str]) -> Result<Vec<String>, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix", "none"])
        .args(arguments)
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    Ok(text.lines().map(str::to_owned).collect())
}

fn tree(package: &str) -> Vec<String> {
    let lines = cargo_tree(&["-p", package, "-e", "normal", "--format", "{p}"]).unwrap();
    lines.iter().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_sdk_brings_no_generator_no_yaml_and_no_validator() {
    let crates = tree("user-status");
    for needed in ["progenitor-client", "reqwest", "rustls", "ring"] {
        assert!(crates.iter().any(|name| name == needed), "{needed} is there: {crates:?}");
    }
    for unwanted in [
        "progenitor",
        "progenitor-impl",
        "progenitor-macro",
        "typify",
        "boon",
        "jsonschema",
        "regress",
        "regex",
        "aws-lc-rs",
        "wiremock",
    ] {
        assert!(!crates.iter().any(|name| name == unwanted), "{unwanted} is there");
    }
    for part in ["yaml", "saphyr", "user-status-"] {
        assert!(!crates.iter().any(|name| name.contains(part)), "something with {part} is there");
    }
}

#[test]
fn the_mock_brings_neither_the_sdk_nor_the_generator() {
    let crates = tree("user-status-mock");
    assert!(crates.iter().any(|name| name == "user-status-openapi"));
    for unwanted in ["user-status", "progenitor", "progenitor-client", "reqwest"] {
        assert!(!crates.iter().any(|name| name == unwanted), "{unwanted} is there");
    }
}

/// The crates that are published, each with its folder.
const PUBLISHED: [(&str, &str); 4] = [
    ("user-status", "sdk"),
    ("user-status-cli", "cli"),
    ("user-status-mock", "mock-server"),
    ("user-status-openapi", "openapi"),
];

/// Licences under which everything here may be used; what offers one of them asks for nothing else.
const OURS: [&str; 2] = ["MIT", "Apache-2.0"];

/// Whoever wants to use something under this SPDX expression accepts these licences beside ours: as few as can be.
fn others(expression: &str) -> BTreeSet<String> {
    // Older manifests have a slash for `OR`.
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = text.split_whitespace().peekable();
    let others = alternatives(&mut words);
    assert_eq!(words.next(), None, "{expression}");
    others
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn alternatives(words: &mut Words<'_>) -> BTreeSet<String> {
    let mut fewest = together(words);
    while words.next_if_eq(&"OR").is_some() {
        let other = together(words);
        fewest = if other.len() < fewest.len() { other } else { fewest };
    }
    fewest
}

fn together(words: &mut Words<'_>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    loop {
        match words.next().expect("a licence") {
            "(" => {
                all.append(&mut alternatives(words));
                assert_eq!(words.next(), Some(")"));
            }
            licence => {
                let exception = words.next_if_eq(&"WITH").and_then(|_| words.next());
                let whole = exception.map_or(licence.to_owned(), |exception| format!("{licence} WITH {exception}"));
                all.extend(Some(whole).filter(|whole| !OURS.contains(&whole.as_str())));
            }
        }
        if words.next_if_eq(&"AND").is_none() {
            return all;
        }
    }
}

/// By licence that is not one of ours, and dependency under it: the published crates that it is compiled into, with any
/// features. Also whether that is so for all platforms: without what they need, which `cargo fetch` loads, it is this one.
fn foreign() -> (BTreeMap<(String, String), Vec<&'static str>>, bool) {
    let mut foreign: BTreeMap<(String, String), Vec<&'static str>> = BTreeMap::new();
    let mut every_platform = true;
    for (package, _) in PUBLISHED {
        let arguments = ["-p", package, "-e", "normal,build", "--all-features", "--format", "{p}|{l}"];
        let lines = cargo_tree(&[arguments.as_slice(), &["--target", "all"]].concat()).or_else(|_| {
            every_platform = false;
            cargo_tree(&arguments)
        });
        for line in lines.unwrap() {
            let line = line.trim_end_matches(" (*)");
            let (dependency, licence) = line.split_once('|').expect("name and licence");
            let name = dependency.split(' ').next().unwrap();
            assert!(!licence.is_empty(), "{dependency} names no licence");
            for other in others(licence) {
                let packages = foreign.entry((other, name.to_owned())).or_default();
                if packages.last() != Some(&package) {
                    packages.push(package);
                }
            }
        }
    }
    (foreign, every_platform)
}

#[test]
fn every_dependency_under_another_licence_is_named() {
    let (foreign, every_platform) = foreign();
    let licences = |package: &str| -> BTreeSet<&str> {
        let of_package = foreign.iter().filter(|(_, packages)| packages.contains(&package));
        of_package.map(|((licence, _), _)| licence.as_str()).collect()
    };
    assert!(licences("user-status").contains("MPL-2.0") && !licences("user-status-mock").contains("MPL-2.0"));

    // The table: what is under the same licence and in the same crates is one row.
    let mut rows: BTreeMap<(&str, &[&str]), Vec<&str>> = BTreeMap::new();
    for ((licence, dependency), packages) in &foreign {
        rows.entry((licence, packages)).or_default().push(dependency);
    }
    let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let rows =
        rows.iter().map(|((licence, packages), names)| format!("| {licence} | {} | {} |", code(names), code(packages)));
    let table: Vec<String> =
        ["| Licence | Dependencies | In |", "|---|---|---|"].map(str::to_owned).into_iter().chain(rows).collect();
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    if every_platform {
        assert!(readme.contains(&table.join("\n")), "README.md must have:\n{}", table.join("\n"));
    } else {
        for (licence, dependency) in foreign.keys() {
            let named =
                |line: &str| line.starts_with(&format!("| {licence} |")) && line.contains(&format!("`{dependency}`"));
            assert!(readme.lines().any(named), "README.md must have {dependency} under {licence}");
        }
    }

    for (package, folder) in PUBLISHED {
        let file = format!("{folder}/README.md");
        let text = fs::read_to_string(repository().join(&file)).unwrap();
        let section = text.rsplit_once("# Licence\n").unwrap_or_else(|| panic!("{file} has no section on licences")).1;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let words: BTreeSet<&str> = section.split(|c| !is_word(c)).map(|word| word.trim_end_matches('.')).collect();
        let said: BTreeSet<&str> = readme
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
            .filter(|licence| words.contains(licence) && foreign.keys().any(|(known, _)| known == licence))
            .collect();
        let (missing, all) = (licences(package).difference(&said).count(), licences(package));
        assert!(missing == 0 && (said == all || !every_platform), "{file} must name {all:?}, names {said:?}");
        // The one that asks something of whoever passes a program on.
        let named = section.contains("`progenitor-client`");
        assert_eq!(
            named,
            foreign[&("MPL-2.0".to_owned(), "progenitor-client".to_owned())].contains(&package),
            "{file}"
        );
    }
}

#[test]
fn a_licence_is_read_as_spdx_has_it() {
    for (expression, expected) in [
        ("MIT OR Apache-2.0", ""),
        ("Unlicense/MIT", ""),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", ""),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        ("MPL-2.0", "MPL-2.0"),
        ("Apache-2.0 AND ISC", "ISC"),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", "Unicode-3.0"),
        ("GPL-3.0-only OR (MIT AND (Zlib OR Apache-2.0))", ""),
        ("GPL-3.0-only AND MIT OR BSD-3-Clause", "GPL-3.0-only"),
    ] {
        assert_eq!(others(expression).into_iter().collect::<Vec<_>>().join(" "), expected, "{expression}");
    }
}
