//! Every example of every page in the repository is executed by something, and what a page names is there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use user_status::RetryPolicy;
use user_status_mock::{Options, StandaloneServer, WorldState};
use user_status_openapi::{Change, Contract, SystemKind};
use user_status_tests::send;

use crate::support::repository;

/// What executes an example.
enum By {
    /// rustdoc compiles and runs it; the file that takes the page for its documentation.
    Rustdoc(&'static str),
    /// `.ci/run` types what stands in the blocks of `sh` of the first page.
    Ci,
    /// A test in this file, of this name.
    Test(&'static str, &'static str),
    /// Nothing can without a network or a compiler for C++: why, and what comes nearest, a line of `.ci/run`.
    Nearly(&'static str, &'static str),
    /// It is a drawing.
    Drawing,
}

use By::{Ci, Drawing, Nearly, Rustdoc, Test};

const CLI: &str = "cli/tests/readme.rs";
const PAGE_OF_CLI: By = Test(CLI, "the_page_of_the_program_can_be_followed_from_its_top");
const HERE: &str = "tests/promises/docs/readme_examples.rs";
const FUZZER: By = Nearly(
    "cargo-fuzz comes from a registry, needs a compiler for C++, and takes minutes; the seeds run without it",
    "mock-server/fuzz/replay",
);

/// Each example by its page and its first line.
const EXAMPLES: [(&str, &str, By); 19] = [
    ("ARCHITECTURE.md", "                        openapi/openapi.yaml ", Drawing),
    ("README.md", "cargo run --example quickstart", Ci),
    ("README.md", "cargo test --workspace", Ci),
    ("README.md", "use user_status::systems::{Symphony, symphony};", Rustdoc("tests/lib.rs")),
    ("README.md", "$ cat leavers.csv", Test(CLI, "the_transcripts_of_the_readme_are_what_the_program_prints")),
    ("cli/README.md", "$ user-status mock", PAGE_OF_CLI),
    ("cli/README.md", "system,user,change,reason,until,comment,key", PAGE_OF_CLI),
    ("cli/README.md", "$ user-status plan leavers.csv", PAGE_OF_CLI),
    ("cli/README.md", "$ user-status apply leavers.csv", PAGE_OF_CLI),
    ("cli/README.md", "[profiles.pod]", PAGE_OF_CLI),
    ("mock-server/README.md", "$ cargo run -p user-status-mock", Test(HERE, "the_call_that_the_mock_prints_works")),
    ("mock-server/README.md", "use user_status_mock::{", Rustdoc("mock-server/src/lib.rs")),
    ("mock-server/README.md", "{ \"kind\": ", Test(HERE, "the_mock_takes_the_documents_of_its_page")),
    ("mock-server/README.md", "seed: 7", Test(HERE, "the_mock_takes_the_documents_of_its_page")),
    ("mock-server/README.md", "systems:\n  scim:", Test(HERE, "the_mock_takes_the_documents_of_its_page")),
    ("mock-server/fuzz/README.md", "cargo install cargo-fuzz", FUZZER),
    ("mock-server/fuzz/README.md", "SANITIZER=address ", FUZZER),
    ("mock-server/fuzz/README.md", "PRINT=1 cargo fuzz run ", FUZZER),
    // Compiled; it names a system that is not there, and the first page has the same against the mock.
    ("sdk/README.md", "use user_status::systems::symphony::", Rustdoc("sdk/src/lib.rs")),
];

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// All pages, by their paths below the root.
fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(repository().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let (name, path) = (entry.file_name().into_string().unwrap(), folder.join(entry.file_name()));
            let made = ["target", "node_modules", "corpus", "artifacts"].contains(&name.as_str());
            if entry.file_type().unwrap().is_dir() {
                folders.extend(Some(path).filter(|_| !made && !name.starts_with('.')));
            } else if name.ends_with(".md") {
                pages.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// The blocks of a page, fenced or indented, and what stands between them.
fn split(page: &str) -> (Vec<String>, String) {
    let (mut blocks, mut prose): (Vec<String>, String) = (Vec::new(), String::new());
    let mut fence: Option<&str> = None;
    let mut before = "";
    for line in page.lines() {
        let bare = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => {
                fence = Some(mark);
                blocks.push(String::new());
            }
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => *blocks.last_mut().unwrap() += &format!("{line}\n"),
            (None, None) if line.starts_with("    ") && (before.is_empty() || before.starts_with("    ")) => {
                if before.is_empty() {
                    blocks.push(String::new());
                }
                *blocks.last_mut().unwrap() += &format!("{line}\n");
            }
            (None, None) => prose += &format!("{line}\n"),
        }
        before = line;
    }
    assert!(fence.is_none(), "a block has no end");
    (blocks, prose)
}

/// The block of a page that begins so.
fn block(page: &str, first: &str) -> String {
    let blocks = split(&read(page)).0;
    blocks.into_iter().find(|block| block.starts_with(first)).unwrap_or_else(|| panic!("{page} has no `{first}`"))
}

#[test]
fn every_example_is_executed() {
    let mut used = BTreeSet::new();
    for page in pages() {
        for block in split(&read(&page)).0 {
            let row = EXAMPLES.iter().position(|(of, first, _)| *of == page && block.starts_with(first));
            let row = row.unwrap_or_else(|| panic!("nothing executes this example of {page}:\n{block}"));
            assert!(used.insert(row), "{page} has two examples that begin alike: {block}");
        }
    }
    let run = read(".ci/run");
    for (row, (page, first, by)) in EXAMPLES.iter().enumerate() {
        assert!(used.contains(&row), "{page} has no example that begins with `{first}`");
        match by {
            Rustdoc(file) => {
                let folder = Path::new(file).parent().unwrap();
                let relative = folder.components().map(|_| "..").collect::<PathBuf>().join(page);
                let near = relative.to_str().unwrap().replace("../../mock-server/", "../").replace("../../sdk/", "../");
                let taken = format!("include_str!(\"{near}\")");
                assert!(read(file).contains(&taken), "{file} must have {taken}");
            }
            Ci => {
                assert!(run.contains("on' README.md | while read -r command; do") && run.contains("eval \"$command\""));
            }
            Test(file, name) => {
                let text = read(file);
                assert!(text.contains(&format!("fn {name}()")), "{file} has no test {name}");
                assert!(text.contains("README.md"), "{file} does not read the page");
            }
            Drawing => {}
            Nearly(why, line) => {
                assert!(!why.is_empty() && run.lines().any(|known| known == *line), "{line} is no line of .ci/run");
            }
        }
    }
}

/// What can be said of the examples of the fuzzer without running it: what they name is there, and the script reads its
/// argument.
#[test]
fn what_the_page_of_the_fuzzer_types_is_there() {
    let folder = repository().join("mock-server/fuzz");
    let page = read("mock-server/fuzz/README.md");
    let manifest = read("mock-server/fuzz/Cargo.toml");
    let mut named = BTreeSet::new();
    let (blocks, _) = split(&page);
    for line in blocks.iter().flat_map(|block| block.lines()) {
        let command = line.split('#').next().unwrap();
        let words: Vec<&str> = command.split_whitespace().filter(|word| !word.contains('=')).collect();
        match words[..] {
            ["./run"] | ["./run", _] | ["cargo", "install", "cargo-fuzz"] => {}
            ["cargo", "fuzz", "run" | "tmin", .., target, input] => {
                assert!(input.starts_with(&format!("artifacts/{target}/")), "{line}");
                named.insert(target);
            }
            _ => panic!("nobody knows whether this is right: {line}"),
        }
    }
    named.extend(page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()));
    assert_eq!(named.len(), 3, "{named:?}");
    for target in named {
        assert!(manifest.contains(&format!("name = \"{target}\"\n")), "{target} is no target");
        assert!(folder.join("seeds").join(target).is_dir(), "{target} has no seeds");
    }
    for (argument, says) in [("soon", "usage: "), ("1m", "usage: ")] {
        let ran = Command::new(folder.join("run")).arg(argument).output().unwrap();
        assert_eq!(ran.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&ran.stderr).starts_with(says), "{argument}");
    }
}

/// The call on the page is sent by the program that it names, to a server of its own.
#[tokio::test]
async fn the_call_that_the_mock_prints_works() {
    let server = StandaloneServer::start().await.unwrap();
    let transcript = block("mock-server/README.md", "$ cargo run -p user-status-mock");
    let (banner, call) = transcript.split_once("Try it:\n").unwrap();
    assert!(banner.contains(&format!("user-status-mock {} listens on http://", env!("CARGO_PKG_VERSION"))), "{banner}");
    let call = call.replace("http://127.0.0.1:4010", &server.root());
    let asked = format!("curl --silent --show-error --fail {}", call.trim_start().strip_prefix("curl ").unwrap());
    let ran =
        tokio::task::spawn_blocking(move || Command::new("sh").args(["-c", &asked]).env("NO_PROXY", "*").output());
    let ran = ran.await.unwrap().unwrap();
    if ran.status.code() == Some(127) {
        eprintln!("there is no curl on this machine: the call is not sent");
        return;
    }
    assert!(ran.status.success(), "{call}: {}", String::from_utf8_lossy(&ran.stderr));
    let account = send(&server.root(), "GET /__admin/users/symphony/7215545078541", &[], "").await;
    assert_eq!(account.json()["status"]["enabled"], false, "{}", account.text());
}

#[tokio::test]
async fn the_mock_takes_the_documents_of_its_page() {
    let world = WorldState::from_yaml(&block("mock-server/README.md", "seed: 7")).unwrap();
    let server = StandaloneServer::start_with(Options::new().world(world)).await.unwrap();
    let ways = WorldState::from_yaml(&block("mock-server/README.md", "systems:\n  scim:")).unwrap().to_json();
    assert_eq!(ways["systems"]["scim"]["ways"]["filter"], "ignored");
    let fault = block("mock-server/README.md", "{ \"kind\": ");
    let headers = [("content-type", "application/json")];
    let made = send(&server.root(), "POST /__admin/faults", &headers, &fault).await;
    assert_eq!(made.status(), 201, "{}", made.text());
}

/// Of the commands in sentences and tables, what they name is there.
#[test]
fn every_command_in_a_sentence_names_what_there_is() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(repository());
    let metadata: Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let has_target = |package: Option<&str>, kind: &str, name: Option<&str>| {
        let wanted = packages.iter().filter(|known| package.is_none_or(|name| known["name"] == name));
        let targets = wanted.flat_map(|package| package["targets"].as_array().unwrap());
        let mut of_kind = targets.filter(|target| target["kind"][0] == kind);
        of_kind.any(|target| name.is_none_or(|name| target["name"] == name))
    };
    let contract = read("openapi/tool/src/main.rs");
    let mut seen = 0;
    for page in pages() {
        let prose = split(&read(&page)).1;
        for span in prose.split('`').skip(1).step_by(2) {
            let words: Vec<&str> = span.split_whitespace().collect();
            let after = |flags: &[&str]| words.windows(2).find(|pair| flags.contains(&pair[0])).map(|pair| pair[1]);
            let package = after(&["-p", "--package"]);
            let right = match words[..] {
                ["cargo", "run", ..] if words.contains(&"NAME") => true,
                ["cargo", "run", ..] => match (after(&["--example"]), after(&["--bin"])) {
                    (Some(example), _) => has_target(package, "example", Some(example)),
                    (_, bin) => package.is_some() && has_target(package, "bin", bin),
                },
                ["cargo", "install", "--path", folder] => read(&format!("{folder}/Cargo.toml")).contains("[[bin]]"),
                ["cargo", "bench", ..] => has_target(package, "bench", None),
                ["cargo", "test"] | ["cargo", "test", "--workspace"] => true,
                ["cargo", "test", "--workspace", module] => {
                    let file =
                        repository().join("tests/promises").join(module.trim_end_matches("::").replace("::", "/"));
                    file.with_extension("rs").is_file() || file.join("mod.rs").is_file()
                }
                ["cargo", "test", "--workspace", "--test", name] => has_target(None, "test", Some(name)),
                ["cargo", "contract", command, ..] => contract.contains(&format!("\n  {command} ")),
                ["cargo", ..] => false,
                ["docker", "build", ..] => repository().join(after(&["-f"]).unwrap()).is_file(),
                ["docker", ..] => false,
                [script] if script.starts_with(".ci/") => {
                    let file = fs::metadata(repository().join(script));
                    file.is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
                }
                _ => continue,
            };
            assert!(right, "{page}: `{span}` names what is not there, or is of a form that nothing here knows");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn every_link_leads_to_a_file() {
    for page in pages() {
        let folder = Path::new(&page).parent().unwrap().to_owned();
        for link in split(&read(&page)).1.split("](").skip(1) {
            let target = link.split(')').next().unwrap().split('#').next().unwrap();
            let elsewhere = target.is_empty() || target.contains("://") || target == "guide";
            assert!(elsewhere || repository().join(&folder).join(target).exists(), "{page}: {target}");
        }
    }
    // The table of files.
    let text = read("openapi/README.md");
    let files = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let missing: Vec<&str> = files.filter(|file| !repository().join("openapi").join(file).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The rows of a table, cell by cell.
fn rows(page: &str, header: &str) -> Vec<Vec<String>> {
    let text = read(page);
    let lines = text.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<String>> =
        rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect();
    assert!(!rows.is_empty(), "{page} has no table {header}");
    rows
}

#[test]
fn the_features_of_the_sdk_are_those_of_its_page() {
    let contract = Contract::embedded();
    let rows = rows("sdk/README.md", "| Feature | System | Changes |");
    let named: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let manifest = read("sdk/Cargo.toml");
    let features = manifest.split("[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let declared = features.lines().filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    assert_eq!(named, declared.filter(|name| *name != "default" && !name.starts_with('_')).collect());
    for system in SystemKind::ALL {
        let row = rows.iter().find(|row| row[0].trim_matches('`') == system.as_str()).unwrap();
        let words: BTreeSet<&str> = row[2].split(|c: char| !c.is_alphabetic()).collect();
        for change in Change::ALL {
            let mut operations = contract.operations().iter().filter(|operation| operation.system == *system);
            let can = operations.any(|operation| operation.changes.contains(change));
            assert_eq!(words.contains(change.as_str()), can, "{system}: {change}");
        }
    }
}

#[test]
fn the_defaults_of_a_call_are_those_of_the_readme() {
    let rows = rows("README.md", "| Setting | Default |");
    let cell =
        |setting: &str| &rows.iter().find(|row| row[0].starts_with(setting)).unwrap_or_else(|| panic!("{setting}"))[1];
    let policy = RetryPolicy::default();
    assert_eq!(*cell("attempts"), policy.attempts.to_string());
    let seconds = |cell: &str| -> Vec<f64> {
        let words: Vec<&str> = cell.split([' ', ',', ';']).collect();
        words.windows(2).filter(|pair| pair[1] == "s").filter_map(|pair| pair[0].parse().ok()).collect()
    };
    let (first, longest) = (policy.first_wait.as_secs_f64(), policy.longest_wait.as_secs_f64());
    assert_eq!(seconds(cell("waits"))[..4], [first, 2.0 * first, 4.0 * first, longest]);
    assert_eq!(seconds(cell("longest `Retry-After`"))[..1], [policy.longest_retry_after.as_secs_f64()]);
}
