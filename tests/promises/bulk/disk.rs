//! A journal that cannot be written, or cannot be read: it is said what is wrong, nothing is sent that is not in it, and a run
//! goes on when it can.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::stream;
use tempfile::TempDir;
use user_status::bulk::{InvalidRows, Journal, JournalErrorKind, JournalReader, RowState};
use user_status_tests::people;

use crate::bulk::kill::{check, server};

/// The rows of a run that no limit here lets through.
const ROWS: usize = 1_000;

/// The program, to carry out a run of so many rows.
fn runner(program: &Path, root: &str, journal: &Path, rows: usize) -> Vec<String> {
    [program.to_str().unwrap(), root, journal.to_str().unwrap(), &rows.to_string()].map(str::to_owned).to_vec()
}

/// Returns whether a program succeeded, and what it said to the standard error.
fn ran(mut command: Command) -> (bool, String) {
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// With a limit on the size of every file, of so many blocks of 512 bytes. To the program it is what a disk is that has no room,
/// but under another name.
fn limited(blocks: u64, program: &[String]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!(r#"trap "" XFSZ; ulimit -f {blocks}; exec "$@""#), "sh"]).args(program);
    command
}

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_bulk-runner"))
}

/// The names of the files in a folder.
fn files(folder: &TempDir) -> Vec<String> {
    std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_find_no_room_begin_no_run() {
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("run.sqlite");
    let (server, asked) = server(ROWS).await;
    for blocks in [0, 1, 8, 64] {
        let (ended_well, said) = ran(limited(blocks, &runner(&binary(), &server.root(), &journal, ROWS)));
        assert!(!ended_well);
        assert!(said.contains(journal.to_str().unwrap()), "{blocks}: {said}");
        assert!(said.contains("it cannot be written any further") && said.contains("the disk"), "{blocks}: {said}");
        assert_eq!(files(&folder), Vec::<String>::new(), "{blocks}: something was left");
    }
    assert!(asked.lock().unwrap().is_empty(), "something was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_in_the_middle_of_a_run_ends_it_and_it_goes_on_later() {
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("run.sqlite");
    let (server, asked) = server(ROWS).await;
    let root = server.root();
    let rows = stream::iter(people::rows(ROWS).map(Ok));
    Journal::create(&journal, "a test", &people::registry(&root), rows, InvalidRows::Refuse, |_| {}).await.unwrap();
    let blocks = journal.metadata().unwrap().len() / 512;
    // Twice: what is already in doubt must not make it worse.
    for more in [200, 600] {
        let (ended_well, said) = ran(limited(blocks + more, &runner(&binary(), &root, &journal, ROWS)));
        assert!(!ended_well);
        assert!(said.contains("run.sqlite: it cannot be written any further"), "{said}");
        let entries: Vec<_> = JournalReader::open(&journal).unwrap().entries().map(Result::unwrap).collect();
        let asked = asked.lock().unwrap();
        let mut in_doubt = 0;
        for (number, entry) in entries.iter().enumerate() {
            let (_, system, user) = people::account(number);
            let sent = asked.iter().any(|(v, u, change)| *change && (*v, u) == (system, &user));
            assert!(!sent || entry.state != RowState::Pending, "row {number} was sent, and the journal does not know");
            in_doubt += usize::from(entry.state == RowState::Sending);
        }
        // Those that were under way, in five systems with sixteen tasks each.
        assert!(in_doubt <= 2 * 5 * 16, "{in_doubt} rows are in doubt");
        assert!(entries.iter().any(|entry| entry.state == RowState::Pending), "it came to its end");
        drop(asked);
        println!("{} are in doubt after {} blocks: {said}", in_doubt, blocks + more);
    }
    let mut unlimited = Command::new(binary());
    unlimited.args(&runner(&binary(), &root, &journal, ROWS)[1..]);
    let (ended_well, said) = ran(unlimited);
    assert!(ended_well, "{said}");
    check(&server, &asked, &journal, ROWS, "a full disk");
}

/// What is not to be written by whoever runs the program.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_may_not_be_written_is_refused_before_anything_is_sent() {
    let folder = TempDir::new().unwrap();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o755);
    // Where somebody who is not root can come to it.
    let program = folder.path().join("bulk-runner");
    std::fs::copy(binary(), &program).unwrap();
    mode(&program, 0o755);
    let (server, asked) = server(20).await;
    let root = server.root();
    let runs = folder.path().join("runs");
    std::fs::create_dir(&runs).unwrap();
    let journal = runs.join("run.sqlite");
    let rows = || stream::iter(people::rows(20).map(Ok));
    Journal::create(&journal, "a test", &people::registry(&root), rows(), InvalidRows::Refuse, |_| {}).await.unwrap();
    let lock = runs.join("run.sqlite.lock");
    // Permissions do not bind root.
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    let someone = |journal: &Path| {
        let program = runner(&program, &root, journal, 20);
        let mut command = Command::new(if is_root { "setpriv" } else { &program[0] });
        if is_root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", &program[0]]);
        }
        command.args(&program[1..]);
        ran(command)
    };
    let before = std::fs::read(&journal).unwrap();
    for (what, of_folder, of_journal, of_lock) in
        [("the journal", 0o777, 0o444, 0o666), ("its lock", 0o555, 0o666, 0o444), ("its folder", 0o555, 0o666, 0o666)]
    {
        mode(&runs, of_folder);
        mode(&journal, of_journal);
        mode(&lock, of_lock);
        let (ended_well, said) = someone(&journal);
        assert!(!ended_well, "{what}");
        assert!(said.contains(journal.to_str().unwrap()), "{what}: {said}");
        assert!(said.contains("cannot be written") || said.contains("can be written"), "{what}: {said}");
        println!("{what}: {said}");
        mode(&runs, 0o755);
        assert_eq!(std::fs::read(&journal).unwrap(), before, "{what}");
    }
    // Nor does a run begin where none can be written.
    mode(&runs, 0o555);
    let (ended_well, said) = someone(&runs.join("other.sqlite"));
    assert!(!ended_well && said.contains("other.sqlite: it cannot be written; look at the permissions"), "{said}");
    mode(&runs, 0o755);
    assert!(asked.lock().unwrap().is_empty(), "something was sent");
    // What may be read may be looked at.
    assert_eq!(JournalReader::open(&journal).unwrap().entries().map(Result::unwrap).count(), 20);
}

/// Ends of a file, and bytes in its middle.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_is_refused_and_not_carried_out() {
    let folder = TempDir::new().unwrap();
    let whole = folder.path().join("whole.sqlite");
    let rows = stream::iter(people::rows(200).map(Ok));
    let registry = people::registry("http://127.0.0.1:9");
    drop(Journal::create(&whole, "a test", &registry, rows, InvalidRows::Refuse, |_| {}).await.unwrap());
    let bytes = std::fs::read(&whole).unwrap();
    let damaged = folder.path().join("damaged.sqlite");
    let all: Vec<_> = JournalReader::open(&whole).unwrap().entries().map(Result::unwrap).collect();
    let expected = |error: &user_status::bulk::JournalError, at: usize| {
        let kind = if at == 0 {
            [JournalErrorKind::Empty, JournalErrorKind::NotAJournal]
        } else {
            [JournalErrorKind::NotAJournal; 2]
        };
        assert!(kind.contains(&error.kind()), "{at}: {error}");
        assert!(error.to_string().contains("damaged.sqlite"), "{at}: {error}");
    };
    for at in (0..bytes.len()).step_by(1024) {
        let mut overwritten = bytes.clone();
        // The pointers that a page begins with, or what its rows say.
        overwritten[at..at + 128].fill(0xa5);
        for (bytes, cut) in [(&overwritten[..], false), (&bytes[..at], true)] {
            std::fs::write(&damaged, bytes).unwrap();
            match Journal::open(&damaged) {
                Err(error) => expected(&error, at),
                Ok(_) => assert!(!cut, "a journal without its end is taken for one: {at}"),
            }
            let read = JournalReader::open(&damaged).and_then(|reader| {
                reader.check()?;
                reader.about()?;
                reader.counts()?;
                reader.entries().collect::<Result<Vec<_>, _>>()
            });
            match read {
                Err(error) => expected(&error, at),
                Ok(entries) => assert!(!cut && entries == all, "a journal is read as it is not: {at}"),
            }
        }
    }
}
