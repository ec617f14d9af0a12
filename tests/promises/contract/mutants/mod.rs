//! The contract is changed in hundreds of small ways, and each is noticed by something that is not just a copy of it.
//!
//! A slip in the contract is generated into the SDK, embedded into the mock server and printed in the documentation; that
//! these three agree says nothing about it. What notices is listed in `DETECTORS`. That a copy of the document differs
//! does not count. What nothing need notice is in `SURVIVORS`, with the reason for which that is right.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use serde_json::{Value, json};
use user_status_contract::{self as tool, Code};
use user_status_openapi::Contract;
use user_status_openapi::validate::Validator;

use super::{document, exchanges, schemas, shapes};
use crate::contract::exchanges::Exchange;

mod growing;

use growing::{Mutant, mutants};

/// What notices, in the order of the report.
const DETECTORS: [&str; 5] = ["check", "tables", "shapes", "traffic", "code"];

/// Of each kind of mutant so many, chosen by a generator that always begins alike.
const OF_EACH: usize = 8;
const SEED: u64 = 0x5eed_0005_7a7c_0de5;

/// What nothing notices, and why nothing should: another text under one of these members of an example.
const SURVIVORS: [(&[&str], &str); 4] = [
    (
        &["message", "error", "detail", "faultstring"],
        "What went wrong is told in a text for people, which the source does not give: any may be shown.",
    ),
    (
        &[
            "Title",
            "Industry",
            "Favorites",
            "FirstName",
            "LastName",
            "UserName",
            "ProfileName",
            "Email",
            "Domain",
            "name",
            "email",
            "userName",
            "displayName",
            "externalId",
        ],
        "Any account may be shown. The mock server answers from its world, and `documents` holds those answers to the samples of \
         the source.",
    ),
    (&["role", "UserStatus"], "The set is open: the system may have words that nobody knows yet."),
    (&["token"], "Every caller has a token of its own."),
];

/// Why nothing need notice a mutant; `None` if something must.
fn excuse(id: &str) -> Option<&'static str> {
    let member = id.strip_prefix("example-text ")?.rsplit(' ').next()?;
    SURVIVORS.iter().find(|(members, _)| members.contains(&member)).map(|(_, reason)| *reason)
}

/// A generator of numbers that has no state but its own: SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
    }
}

/// So many of each kind, always the same.
fn chosen(kinds: BTreeMap<&'static str, Vec<Mutant>>) -> Vec<Mutant> {
    let mut dice = Dice(SEED);
    let mut chosen = Vec::new();
    for (_, mut mutants) in kinds {
        while mutants.len() > OF_EACH {
            mutants.swap_remove(dice.below(mutants.len()));
        }
        mutants.sort_by(|a, b| a.id.cmp(&b.id));
        chosen.extend(mutants);
    }
    chosen
}

/// What is generated and compiled from the contract as it is; copies of the document do not count.
static CODE: LazyLock<Code> = LazyLock::new(|| tool::code(Contract::embedded().document(), None).unwrap());

/// Of each detector, whether it notices.
fn noticed(mutant: &Value, exchanges: &[Exchange]) -> [bool; DETECTORS.len()] {
    let check = !tool::check_document(mutant).is_empty();
    // What can only be checked, and not be read, the others do not see.
    let Ok(read) = Contract::from_value(mutant.clone()) else { return [check, false, false, false, false] };
    let tables = document::what_the_documents_say(&read).is_err()
        || document::what_the_sdk_says(&read).is_err()
        || schemas::the_types_have_the_schemas_of(&read).is_err();
    let (shapes, traffic) = match Validator::new(&read) {
        Ok(validator) => (
            shapes::what_the_schemas_take(&read, &validator).is_err(),
            exchanges.iter().any(|exchange| exchange.fits(&read, &validator).is_err()),
        ),
        Err(_) => (false, false),
    };
    // From a contract that is wrong nothing is generated.
    let code = !check && tool::code(mutant, Some(&CODE)).map_or(true, |code| code.files != CODE.files);
    [check, tables, shapes, traffic, code]
}

#[tokio::test]
async fn every_mutant_of_the_contract_is_noticed() {
    let document = Contract::embedded().document();
    let exchanges = exchanges::recorded().await;
    assert_eq!(noticed(document, &exchanges), [false; DETECTORS.len()], "the contract itself is not noticed");
    let mutants = chosen(mutants(document));
    assert!(mutants.len() > 300, "{}", mutants.len());

    let half = mutants.len() / 2;
    let judge = |mutants: &[Mutant]| -> Vec<[bool; DETECTORS.len()]> {
        mutants.iter().map(|mutant| noticed(&mutant.document, &exchanges)).collect()
    };
    let results = std::thread::scope(|scope| {
        let first = scope.spawn(|| judge(&mutants[..half]));
        let second = judge(&mutants[half..]);
        [first.join().unwrap(), second].concat()
    });

    let report = Report::of(&mutants, &results);
    report.print();
    report.write();
    let wrong = report.wrong();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The results by kind.
struct Report<'a> {
    mutants: &'a [Mutant],
    results: &'a [[bool; DETECTORS.len()]],
}

impl<'a> Report<'a> {
    fn of(mutants: &'a [Mutant], results: &'a [[bool; DETECTORS.len()]]) -> Report<'a> {
        Report { mutants, results }
    }

    /// By kind: how many there are, how many each detector notices, how many any does. `alone` are those that one only
    /// notices.
    fn rows(&self) -> BTreeMap<&'static str, Vec<usize>> {
        let mut rows: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
        for (mutant, result) in self.mutants.iter().zip(self.results) {
            let alone = result.iter().filter(|noticed| **noticed).count() == 1;
            for kind in [mutant.kind, "all", "alone"].into_iter().filter(|kind| *kind != "alone" || alone) {
                let row = rows.entry(kind).or_insert_with(|| vec![0; DETECTORS.len() + 2]);
                row[0] += 1;
                result.iter().enumerate().for_each(|(i, noticed)| row[i + 1] += usize::from(*noticed));
                row[DETECTORS.len() + 1] += usize::from(result.contains(&true));
            }
        }
        rows
    }

    fn survivors(&self) -> Vec<&str> {
        let pairs = self.mutants.iter().zip(self.results);
        pairs.filter(|(_, result)| !result.contains(&true)).map(|(mutant, _)| mutant.id.as_str()).collect()
    }

    fn print(&self) {
        println!("{:22} mutants  {}  any", "", DETECTORS.map(|name| format!("{name:>8}")).join(" "));
        for (kind, row) in self.rows() {
            let counts: Vec<String> = row[1..].iter().map(|count| format!("{count:8}")).collect();
            println!("{kind:22} {:7}  {}", row[0], counts.join(" "));
        }
        self.survivors().iter().for_each(|id| println!("survives: {id}"));
    }

    /// For programs: `mutants.json` in the folder that Cargo has for files of tests.
    fn write(&self) {
        let mutants: Vec<Value> = self
            .mutants
            .iter()
            .zip(self.results)
            .map(|(mutant, result)| {
                let by = DETECTORS.iter().zip(result).filter(|(_, noticed)| **noticed).map(|(name, _)| *name);
                let argument = if result.contains(&true) { None } else { excuse(&mutant.id) };
                json!({ "id": mutant.id, "kind": mutant.kind, "noticed_by": by.collect::<Vec<_>>(), "survives_because": argument })
            })
            .collect();
        let noticed = mutants.len() - self.survivors().len();
        let kinds: serde_json::Map<String, Value> = self
            .rows()
            .into_iter()
            .map(|(kind, row)| {
                let by: serde_json::Map<String, Value> =
                    DETECTORS.iter().zip(&row[1..]).map(|(name, count)| (name.to_string(), json!(count))).collect();
                (kind.to_owned(), json!({ "mutants": row[0], "noticed": row[DETECTORS.len() + 1], "by": by }))
            })
            .collect();
        let (mutants_count, seed) = (mutants.len(), SEED);
        let report =
            json!({ "mutants": mutants_count, "noticed": noticed, "seed": seed, "kinds": kinds, "each": mutants });
        fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants.json"), format!("{report:#}\n")).unwrap();
    }

    /// Returns what is not noticed without an excuse, and which detector is of no use.
    fn wrong(&self) -> Vec<String> {
        let survivors = self.survivors().into_iter().filter(|id| excuse(id).is_none());
        let unexcused = survivors.map(|id| format!("nothing notices {id}"));
        let alone = self.rows().remove("alone").unwrap_or_else(|| vec![0; DETECTORS.len() + 2]);
        let idle = DETECTORS.iter().zip(&alone[1..]).filter(|(_, count)| **count == 0);
        let idle = idle.map(|(name, _)| format!("{name} notices nothing that no other does: is it broken?"));
        unexcused.chain(idle).collect()
    }
}
