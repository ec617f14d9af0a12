//! What was proved, as files for people and programs: `target/proof/matrix.json` and `target/proof/matrix.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use user_status_openapi::Contract;

use super::cells::Cell;

/// What is said to be proved.
const CLAIMS: &str = include_str!("../../../../CONTRACT.md");

/// Writes both, once all cells are proved.
pub(super) fn write(contract: &Contract, proved: &[(&Cell, Vec<&'static str>)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/proof");
    fs::create_dir_all(&folder).unwrap();
    let cells: Vec<Value> = proved.iter().map(|(cell, by)| row(cell, by)).collect();
    let document = json!({ "contract": contract.document()["info"]["version"], "cells": cells });
    fs::write(folder.join("matrix.json"), serde_json::to_string_pretty(&document).unwrap() + "\n").unwrap();
    let table = table(contract, proved);
    fs::write(folder.join("matrix.md"), &table).unwrap();
    assert!(CLAIMS.contains(&table), "CONTRACT.md has another matrix than was proved:\n{table}");
}

fn row(cell: &Cell, by: &[&'static str]) -> Value {
    json!({
        "operation": cell.operation().id,
        "direction": if cell.status().is_some() { "answer" } else { "request" },
        "status": cell.status(),
        "media_type": cell.media_type().map(|media_type| &media_type.name),
        "example": cell.example(),
        "credentials": cell.schemes(),
        "by": by,
    })
}

/// One row per operation: how many cells, by status code.
fn table(contract: &Contract, proved: &[(&Cell, Vec<&'static str>)]) -> String {
    let mut codes: Vec<u16> = contract.operations().iter().flat_map(|o| o.responses.keys().copied()).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut text = String::from("| Operation | request |");
    codes.iter().for_each(|code| write!(text, " {code} |").unwrap());
    text.push_str(" all |\n|---|---|");
    text.push_str(&"---|".repeat(codes.len() + 1));
    for operation in contract.operations() {
        let of = |code: Option<u16>| {
            let here = |cell: &Cell| cell.operation().id == operation.id && cell.status() == code;
            proved.iter().filter(|(cell, _)| here(cell)).count()
        };
        let counts: Vec<usize> = std::iter::once(of(None)).chain(codes.iter().map(|code| of(Some(*code)))).collect();
        write!(text, "\n| `{}` |", operation.id).unwrap();
        for count in &counts {
            write!(text, " {} |", if *count == 0 { "–".to_owned() } else { count.to_string() }).unwrap();
        }
        write!(text, " {} |", counts.iter().sum::<usize>()).unwrap();
    }
    text + "\n"
}
