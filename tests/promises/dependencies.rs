//! What users of the SDK compile: no generator, no YAML, no JSON Schema validator, nothing of the mock.

use std::path::Path;
use std::process::Command;

fn tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
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
