//! What the benchmarks have in common: how a figure is summed up, and where it is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The median of several measurements of one thing, with the lowest and the highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// In the middle; of an even number of measurements between the two there.
    pub median: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

impl Spread {
    /// That of these measurements; not a number if there are none.
    pub fn of(values: &[f64]) -> Spread {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Spread { median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, lowest: at(0), highest: at(last) }
    }

    /// The median with the others in brackets.
    pub fn text(&self, decimals: usize) -> String {
        format!("{:.decimals$} ({:.decimals$}–{:.decimals$})", self.median, self.lowest, self.highest)
    }

    /// The three by their names.
    pub fn json(&self) -> Value {
        json!({ "median": self.median, "lowest": self.lowest, "highest": self.highest })
    }
}

/// Writes the result of a benchmark to `target/bench/NAME.json`, where `target` is the folder that a benchmark finds as
/// the parent of `CARGO_TARGET_TMPDIR`. Says where it is.
///
/// # Errors
/// If the file cannot be written; the message names it.
pub fn write(temporary: &str, name: &str, result: &Value) -> io::Result<PathBuf> {
    let folder = Path::new(temporary).parent().unwrap_or(Path::new(".")).join("bench");
    let file = folder.join(format!("{name}.json"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, format!("{result:#}\n")))
        .map_err(|e| io::Error::new(e.kind(), format!("{} cannot be written: {e}", file.display())))?;
    println!("\nwritten to {}", file.display());
    Ok(file)
}
