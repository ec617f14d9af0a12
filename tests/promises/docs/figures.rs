//! The pages show the figures that were measured, and nothing else.

use std::fs;
use std::path::Path;

use serde_json::Value;
use user_status_tests::figures::{self, FIGURES, PAGE, README, Spread, WRITE};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_pages_are_those_of_the_results() {
    let all: Value = serde_json::from_str(&file(FIGURES)).unwrap();
    assert!(file(PAGE) == figures::page(&all), "{PAGE} is not that of {FIGURES}: run `{WRITE}`");
    let readme = file(README);
    assert!(
        Some(&readme) == figures::in_readme(&readme, &all).as_ref(),
        "{README} is not that of {FIGURES}: run `{WRITE}`"
    );
}

#[test]
fn no_figure_is_missing() {
    for name in [PAGE, README] {
        assert!(!file(name).contains("NaN"), "{name} has a figure that was not measured");
    }
}

#[test]
fn a_spread_has_the_median_in_the_middle() {
    assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, lowest: 1.0, highest: 3.0 });
    assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, lowest: 1.0, highest: 4.0 });
    assert!(Spread::of(&[]).median.is_nan());
}
