//! `CONTRACT.md`: what the project claims, and the command that proves each claim.

use std::fs;
use std::path::Path;

use jiff::civil::Date;
use serde_json::Value;
use user_status_openapi::{Contract, MediaType, Operation};

use super::{CONTRACT, Finding, GENERATE};

/// The page, below the root of the repository.
pub const CLAIMS: &str = "CONTRACT.md";

/// Each claim, and the command that proves it; a test holds that the commands are there.
const PROVED: [(&str, &str); 26] = [
    (
        "Every answer of the contract goes from the mock over a socket to the SDK, and every request the other way, and \
         arrives as what it is: each operation, status code, media type, example and set of credentials (the matrix below)",
        "cargo test --workspace contract::matrix::",
    ),
    (
        "The mock takes what the contract allows, refuses what it does not, and answers as documented, whatever is sent: \
         all checks of Schemathesis in all its phases",
        ".ci/schemathesis",
    ),
    (
        "Clients that others wrote or generated work with the mock, and so do the samples of the documentation",
        ".ci/third-party-clients",
    ),
    ("The testers that others wrote for SCIM services find nothing in the mock's", ".ci/scim-testers"),
    (
        "What the SDK says of a change is so, in five SCIM servers that others wrote, through a network that fails, by oracles \
         that are not the SDK",
        ".ci/real-servers",
    ),
    (
        "A validating proxy that others wrote, between clients and the mock, finds every operation and nothing wrong",
        ".ci/validating-proxy",
    ),
    ("The document is OpenAPI 3.0, without a warning of any of three linters", ".ci/lint-openapi"),
    ("The SDK's clients, the documentation and this page are those of the document", "cargo contract check"),
    (
        "No change of the document goes unseen, and its version says what the changes mean for those who hold to the released one",
        "cargo test --workspace contract::diff::",
    ),
    (
        "A slip in the document is noticed by something that is not made from it: hundreds of them are made",
        "cargo test --workspace contract::mutants::",
    ),
    (
        "The examples of the five source documents run as they are written",
        "cargo test --workspace contract::documents::",
    ),
    (
        "Each operation travels as its source document says, and nothing else travels",
        "cargo test --workspace sdk::wire::",
    ),
    ("Akana is the same in all its representations", "cargo test --workspace sdk::representations::"),
    ("The SDK's own types have the schemas of the canonical vocabulary", "cargo test --workspace contract::schemas::"),
    (
        "An error says what happened and whether the account may have been changed, under every fault",
        "cargo test --workspace sdk::faults::",
    ),
    (
        "What the SDK claims is what happened, whatever a server answers; a hundred \
         thousand calls with `.ci/hostile`",
        "cargo test --workspace --test hostile",
    ),
    (
        "What the SDK claims is what happened behind Varnish and nginx, and no toggle is sent twice",
        "cargo test --workspace --test gateways",
    ),
    (
        "A run that is killed, at any time and again and again, ends as asked, and repeats no toggle; a thousand kills with \
         `.ci/kills`",
        "cargo test --workspace bulk::kill::",
    ),
    (
        "Damage to a journal is noticed or does no harm; five hundred damages with `.ci/damages`",
        "cargo test --workspace bulk::damage::",
    ),
    ("No credential shows in anything that is printed or kept", "cargo test --workspace sdk::canary::"),
    ("No id leads a request to another user", "cargo test --workspace sdk::ids::"),
    ("The documentation works in a browser, for everybody, and its samples run", "cargo test --workspace docs::page::"),
    (
        "The figures of README.md and tests/benches/README.md are those that `.ci/figures` measured",
        "cargo test --workspace docs::figures::",
    ),
    (
        "Every example of every README is executed, and what a README names is there",
        "cargo test --workspace docs::readme_examples::",
    ),
    (
        "Every dependency that is under neither MIT nor Apache-2.0 is named where the licence is",
        "cargo test --workspace project::dependencies::",
    ),
    ("All of this, and the rest", ".ci/run"),
];

/// Each judge that others wrote, the file that fixes its version, and what stands before the version there.
const JUDGES: [(&str, &str, &str); 12] = [
    ("Redocly CLI", ".ci/lint-openapi", "@redocly/cli@"),
    ("Spectral", ".ci/lint-openapi", "@stoplight/spectral-cli@"),
    ("openapi-spec-validator", ".ci/lint-openapi", "openapi-spec-validator=="),
    ("axe-core", ".ci/lint-openapi", "axe-core@"),
    ("Schemathesis", ".ci/schemathesis", "schemathesis=="),
    ("Prism", ".ci/validating-proxy", "@stoplight/prism-cli@"),
    ("openapi-generator", ".ci/third-party-clients", "GENERATOR="),
    ("Symphony BDK for Python", ".ci/third-party-clients", "symphony-bdk-python=="),
    ("TypeScript", ".ci/third-party-clients", "typescript@"),
    ("scim2-client", ".ci/third-party-clients", "scim2-client=="),
    ("scim2-tester", ".ci/scim-testers", "scim2-tester=="),
    ("scim-sanity", ".ci/scim-testers", "scim-sanity=="),
];

/// The page for a contract, in the repository at `root`. Its date is that of the last change of the document: the date of
/// the page that is there, if that one is of the same document, and else today's.
pub(super) fn page(contract: &Contract, root: &Path) -> Result<String, Vec<Finding>> {
    let text = contract.document().to_string();
    let there = fs::read_to_string(root.join(CLAIMS)).unwrap_or_default();
    let known =
        |date: &Date| there.contains(&format!("Last changed {date} (fingerprint {})", fingerprint(&text, *date)));
    let written = there.split("Last changed ").nth(1).and_then(|rest| rest.get(..10)?.parse::<Date>().ok());
    let date = written.filter(known).unwrap_or_else(|| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date());
    let fingerprint = fingerprint(&text, date);

    let version = contract.document().pointer("/info/version").and_then(Value::as_str).unwrap_or_default();
    let (operations, examples) = (contract.operations().len(), examples_of(contract.document()));
    let Matrix { cells, text: matrix } = matrix(contract);
    let claims: String = PROVED.iter().map(|(claim, command)| format!("| {claim} | `{command}` |\n")).collect();
    let mut page = format!(
        "<!-- Generated by `{GENERATE}` from {CONTRACT} and the scripts in .ci. Do not edit. -->\n\n\
         # What holds\n\n\
         Contract, SDK, mock server and documentation cannot disagree: each claim has a command that fails if it does not \
         hold.\n\n\
         The document is [{CONTRACT}]({CONTRACT}), version {version}. Last changed {date} (fingerprint {fingerprint}). It \
         has {operations} operations and {examples} examples, and the matrix {cells} cells.\n\n\
         | Claim | Proved by |\n|---|---|\n{claims}\n\
         The matrix: how many requests of each operation, and how many answers of each status code. A cell is one media \
         type, one example and one set of credentials; `target/proof/matrix.json` lists them after the test.\n\n\
         {matrix}\n\
         The judges that others wrote, and where their versions are fixed:\n\n\
         | Judge | Version | Fixed in |\n|---|---|---|\n"
    );
    for (judge, file, before) in JUDGES {
        let version = version_in(root, file, before)?;
        page.push_str(&format!("| {judge} | {version} | [{file}]({file}) |\n"));
    }
    Ok(page)
}

/// Returns what stands after `before` in a file.
fn version_in(root: &Path, file: &str, before: &str) -> Result<String, Vec<Finding>> {
    let fail = |problem: String| vec![Finding::new(file, "", problem)];
    let text = fs::read_to_string(root.join(file)).map_err(|e| fail(format!("cannot be read: {e}")))?;
    let is_part = |c: &char| c.is_ascii_digit() || *c == '.';
    let found = text.split(before).skip(1).map(|rest| rest.chars().take_while(is_part).collect::<String>());
    found
        .into_iter()
        .find(|version| !version.is_empty())
        .ok_or_else(|| fail(format!("must fix a version after `{before}`")))
}

/// How large the matrix is.
struct Matrix {
    cells: usize,
    /// A row for each operation.
    text: String,
}

fn matrix(contract: &Contract) -> Matrix {
    let mut codes: Vec<u16> = contract.operations().iter().flat_map(|o| o.responses.keys().copied()).collect();
    codes.sort_unstable();
    codes.dedup();
    let columns: String = codes.iter().map(|code| format!(" {code} |")).collect();
    let mut text = format!("| Operation | request |{columns} all |\n|---|---|{}", "---|".repeat(codes.len() + 1));
    let mut cells = 0;
    for operation in contract.operations() {
        let answers = |code| match operation.responses.get(code) {
            // One without a body is what it is.
            Some(answer) if answer.content.is_empty() => operation.security.len(),
            Some(answer) => bodies(contract, operation, &answer.content),
            None => 0,
        };
        let requests = match &operation.request_body {
            Some(body) => bodies(contract, operation, &body.content),
            None => operation.security.len(),
        };
        let counts: Vec<usize> = std::iter::once(requests).chain(codes.iter().map(answers)).collect();
        let all: usize = counts.iter().sum();
        cells += all;
        text.push_str(&format!("\n| `{}` |", operation.id));
        for count in counts {
            text.push_str(&if count == 0 { " – |".to_owned() } else { format!(" {count} |") });
        }
        text.push_str(&format!(" {all} |"));
    }
    text.push('\n');
    Matrix { cells, text }
}

/// Returns the number of examples for these media types, for each set of credentials.
fn bodies(contract: &Contract, operation: &Operation, content: &[MediaType]) -> usize {
    let examples = |media_type: &MediaType| {
        let examples = contract.resolve(&format!("{}/examples", media_type.pointer));
        examples.and_then(Value::as_object).map_or(0, serde_json::Map::len)
    };
    content.iter().map(examples).sum::<usize>() * operation.security.len()
}

/// Returns the number of examples that a document has, those that several places share counted once.
fn examples_of(document: &Value) -> usize {
    let named = |(_, members): &(String, &serde_json::Map<String, Value>)| {
        let examples = members.get("examples").and_then(Value::as_object);
        examples.map_or(0, |examples| examples.values().filter(|example| example.get("$ref").is_none()).count())
            + usize::from(members.contains_key("example"))
    };
    super::objects(document).iter().map(named).sum()
}

/// FNV-1a over the document and its date, so that neither changes unnoticed.
fn fingerprint(document: &str, date: Date) -> String {
    let bytes = document.bytes().chain(date.to_string().into_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
