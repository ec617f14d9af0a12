//! A journal that was moved, cut short or damaged: it is noticed, nothing is sent to an account that nobody named, and nothing
//! is sent twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream;
use tempfile::TempDir;
use user_status::bulk::{
    InvalidRows, Journal, JournalEntry, JournalError, JournalErrorKind, JournalReader, RowState, Runner,
};
use user_status_mock::{StandaloneServer, SystemKind};
use user_status_tests::people;

use crate::bulk::kill::{Asked, Random, check, killed_after, server};

/// The rows of a run: a few for each system.
const ROWS: usize = 20;

/// The files of a journal that may be somewhere else.
const FILES: [&str; 3] = ["", "-wal", "-head"];

fn file(journal: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", journal.display()))
}

fn entries(journal: &Path) -> Result<Vec<JournalEntry>, JournalError> {
    let reader = JournalReader::open(journal)?;
    reader.check()?;
    reader.about()?;
    reader.entries().collect()
}

async fn resumed(journal: Journal, server: &StandaloneServer) -> Result<(), JournalError> {
    Runner::new(people::registry(&server.root())).run(journal).await.map(drop)
}

/// Returns what a file is after something befell it; `None` if nothing can befall it.
fn damaged(random: &mut Random, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let at = usize::try_from(random.below(bytes.len().max(1) as u64)).unwrap();
    match random.below(4) {
        // A bit, twice as often as the others.
        0 | 1 => *bytes.get_mut(at)? ^= 1 << random.below(8),
        // A sector that comes back as zeros.
        2 => {
            let from = at / 512 * 512;
            let to = bytes.len().min(from + 512);
            bytes.get_mut(from..to)?.fill(0);
        }
        // The end; half of the time where a frame of the log ends.
        _ => {
            let frame = 4096 + 24;
            let at = if random.below(2) == 0 { at.saturating_sub(32) / frame * frame + 32 } else { at };
            bytes.truncate(at);
        }
    }
    Some(bytes)
}

/// Returns what befell a journal, in words.
fn befall(random: &mut Random, journal: &Path, earlier: &[Option<Vec<u8>>]) -> String {
    let put = |suffix: &str, bytes: &Option<Vec<u8>>| match bytes {
        Some(bytes) => fs::write(file(journal, suffix), bytes).unwrap(),
        None => drop(fs::remove_file(file(journal, suffix))),
    };
    // What SQLite keeps in memory is not there on another machine.
    let _ = fs::remove_file(file(journal, "-shm"));
    match random.below(8) {
        0 => {
            put("-wal", &None);
            "the log is missing".to_owned()
        }
        1 => {
            put("-wal", &None);
            put("-head", &None);
            "the file was copied alone".to_owned()
        }
        2 => {
            put("", &earlier[0]);
            put("-wal", &None);
            "an earlier copy of the file was restored".to_owned()
        }
        3 => {
            put("", &earlier[0]);
            put("-wal", &earlier[1]);
            "an earlier copy of the file and its log was restored".to_owned()
        }
        kind => {
            let suffix = ["", "", "-wal", "-head"][usize::try_from(kind - 4).unwrap()];
            let Ok(bytes) = fs::read(file(journal, suffix)) else { return "nothing".to_owned() };
            let Some(after) = damaged(random, &bytes) else { return "nothing".to_owned() };
            let first = bytes.iter().zip(&after).position(|(before, after)| before != after).unwrap_or(after.len());
            put(suffix, &Some(after.clone()));
            format!("FILE{suffix}: {} bytes, {} after it, another from {first}", bytes.len(), after.len())
        }
    }
}

/// Holds what a journal says against what was asked of the systems; what is not true must not be said.
fn hold(entries: &[JournalEntry], asked: &Asked, what: &str) {
    let asked = asked.lock().unwrap();
    assert_eq!(entries.len(), ROWS, "{what}");
    for (entry, row) in entries.iter().zip(people::rows(ROWS)) {
        assert_eq!(entry.row, row, "{what}");
        let (_, system, user) = people::account(usize::try_from(row.line).unwrap() - 1);
        let sent = asked.iter().any(|(v, u, change)| *change && (*v, u) == (system, &user));
        let says_no = matches!(entry.state, RowState::Pending | RowState::Refused | RowState::Failed);
        assert!(!(sent && says_no), "{what}: row {} was sent, and is {}", entry.number, entry.state);
        let says_yes = matches!(entry.state, RowState::Confirmed | RowState::Accepted);
        assert!(sent || !says_yes, "{what}: row {} was not sent, and is {}", entry.number, entry.state);
    }
}

/// Runs that are killed at any time, or come to their end; then something befalls their journal, and they are taken up again. So
/// many times as `USER_STATUS_DAMAGES` says; `USER_STATUS_SEED` repeats what a failure names; `.ci/damages` draws others.
#[tokio::test(flavor = "multi_thread")]
async fn damage_is_noticed_or_does_no_harm() {
    let set = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let damages = set("USER_STATUS_DAMAGES").unwrap_or(60);
    let seed = set("USER_STATUS_SEED").unwrap_or(1);
    println!("{damages} damages; USER_STATUS_SEED={seed} repeats them");
    let mut random = Random(seed);
    let [mut refused, mut doubted, mut harmless] = [0; 3];
    for damage in 0..damages {
        let folder = TempDir::new().unwrap();
        let journal = folder.path().join("run.sqlite");
        // Twice as many accounts as are named.
        let (server, asked) = server(2 * ROWS).await;
        let root = server.root();
        let earlier = || FILES.map(|suffix| fs::read(file(&journal, suffix)).ok());
        let rows = stream::iter(people::rows(ROWS).map(Ok));
        let created =
            Journal::create(&journal, "a test", &people::registry(&root), rows, InvalidRows::Refuse, |_| {}).await;
        drop(created.unwrap());
        let mut copies = vec![earlier()];
        for _ in 0..=random.below(3) {
            tokio::task::block_in_place(|| killed_after(&mut random, &asked, &root, &journal));
            copies.push(earlier());
        }
        // Not the last one, which is what is there.
        let copy = usize::try_from(random.below(copies.len() as u64 - 1)).unwrap();
        let befell = befall(&mut random, &journal, &copies[copy]);
        let what = format!("USER_STATUS_SEED={seed}, damage {damage}: {befell}");
        let read = entries(&journal);
        if let Ok(entries) = &read {
            hold(entries, &asked, &what);
        }
        let opened = match Journal::open(&journal) {
            Err(error) if error.kind() == JournalErrorKind::LostEnd => {
                doubted += 1;
                assert!(read.is_err(), "{what}: a reader does not say that {error}");
                Journal::open_in_doubt(&journal)
            }
            opened => opened,
        };
        let carried_out = match opened {
            Ok(journal) => resumed(journal, &server).await,
            Err(error) => Err(error),
        };
        match carried_out {
            Ok(()) => {
                harmless += 1;
                check(&server, &asked, &journal, ROWS, &what);
            }
            Err(error) => {
                refused += 1;
                let kinds = [JournalErrorKind::NotAJournal, JournalErrorKind::LostEnd, JournalErrorKind::Empty];
                assert!(kinds.contains(&error.kind()), "{what}: {error}");
            }
        }
        // Whatever became of the run: nobody else was asked for, and nothing was toggled twice.
        let asked = asked.lock().unwrap();
        let named: Vec<_> = (0..ROWS).map(people::account).collect();
        for (system, user, _) in asked.iter() {
            assert!(named.iter().any(|(_, v, u)| (v, u) == (system, user)), "{what}: {user} was not named");
            let toggles = asked.iter().filter(|(v, u, _)| *v == SystemKind::Clearsquare && u == user).count();
            assert!(toggles <= 1, "{what}: {user} was toggled {toggles} times");
        }
    }
    println!("{damages} damages: {refused} refused, {doubted} lost their end, {harmless} carried out to the end");
}

/// A program is killed while it makes the head of a run: nothing was sent, and the run can be carried out.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_was_not_written_to_its_end_is_no_damage() {
    for written in [0, 20, 48, 4096, 4100] {
        let folder = TempDir::new().unwrap();
        let journal = folder.path().join("run.sqlite");
        let (server, asked) = server(ROWS).await;
        let rows = stream::iter(people::rows(ROWS).map(Ok));
        let registry = people::registry(&server.root());
        drop(Journal::create(&journal, "a test", &registry, rows, InvalidRows::Refuse, |_| {}).await.unwrap());
        fs::write(file(&journal, "-head"), vec![0; written]).unwrap();
        assert_eq!(entries(&journal).unwrap().len(), ROWS, "{written} bytes");
        resumed(Journal::open(&journal).unwrap(), &server).await.unwrap();
        check(&server, &asked, &journal, ROWS, &format!("{written} bytes"));
    }
}

/// The copies that somebody makes of a run at work.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_all_of_its_files_is_refused_and_goes_on_in_doubt() {
    for (copied, kept) in
        [(&[""][..], "alone"), (&["", "-wal"], "without its head"), (&["", "-head"], "without its log")]
    {
        let folder = TempDir::new().unwrap();
        let [journal, copy] = ["run.sqlite", "copy.sqlite"].map(|name| folder.path().join(name));
        let (server, asked) = server(ROWS).await;
        let registry = people::registry(&server.root());
        let rows = stream::iter(people::rows(ROWS).map(Ok));
        let created = Journal::create(&journal, "a test", &registry, rows, InvalidRows::Refuse, |_| {}).await;
        let (from, to, seen) = (journal.clone(), copy.clone(), Arc::new(AtomicUsize::new(0)));
        let runner = Runner::new(registry.clone()).max_in_flight(1).on_event(move |_| {
            if seen.fetch_add(1, Ordering::Relaxed) == 10 {
                for suffix in copied {
                    fs::copy(file(&from, suffix), file(&to, suffix)).unwrap();
                }
            }
        });
        runner.run(created.unwrap().0).await.unwrap();
        for error in [Journal::open(&copy).unwrap_err(), JournalReader::open(&copy).unwrap_err()] {
            assert_eq!(error.kind(), JournalErrorKind::LostEnd, "{kept}: {error}");
            assert!(error.to_string().contains("requests may have been sent of which it does not know"), "{error}");
        }
        let reader = JournalReader::open_as_it_is(&copy).unwrap();
        assert!(reader.lost_end());
        assert_eq!(reader.entries().filter(Result::is_ok).count(), ROWS, "what it says can be read");
        drop(reader);
        // The run that was copied came to its end; the copy, which knows nothing of it, does no harm.
        let in_doubt = Journal::open_in_doubt(&copy).unwrap();
        let counts = JournalReader::open(&copy).unwrap().counts().unwrap();
        assert_eq!(counts[RowState::Pending], 0, "{kept}: {counts}");
        resumed(in_doubt, &server).await.unwrap();
        check(&server, &asked, &copy, ROWS, kept);
        assert_eq!(entries(&copy).unwrap().len(), ROWS, "it is whole again");
        assert_eq!(entries(&journal).unwrap().len(), ROWS);
        // A run that ended in order is a file on its own.
        let alone = folder.path().join("alone.sqlite");
        fs::copy(&journal, &alone).unwrap();
        assert_eq!(entries(&alone).unwrap(), entries(&journal).unwrap());
        // One beside the head of another is not.
        fs::remove_file(&journal).unwrap();
        let create = async |journal: &Path| {
            let rows = stream::iter(people::rows(ROWS).map(Ok));
            Journal::create(journal, "another", &registry, rows, InvalidRows::Refuse, |_| {}).await
        };
        let error = create(&journal).await.unwrap_err();
        assert!(error.kind() == JournalErrorKind::Exists && error.to_string().contains("run.sqlite-head"), "{error}");
        let other = folder.path().join("other.sqlite");
        drop(create(&other).await.unwrap());
        fs::copy(&other, &journal).unwrap();
        let error = Journal::open(&journal).unwrap_err();
        assert!(error.kind() == JournalErrorKind::LostEnd && error.to_string().contains("another run"), "{error}");
    }
}

/// With all that lies beside it: what it says was true when it was copied, and the run that it was copied from went on.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_run_that_was_killed_goes_on_in_doubt_and_one_that_was_moved_as_it_is() {
    let (mut random, mut tried) = (Random(7), 0);
    while tried < 5 {
        let folder = TempDir::new().unwrap();
        let [journal, copy, moved] = ["run.sqlite", "copy.sqlite", "moved.sqlite"].map(|name| folder.path().join(name));
        let (server, asked) = server(ROWS).await;
        let root = server.root();
        let rows = stream::iter(people::rows(ROWS).map(Ok));
        let created =
            Journal::create(&journal, "a test", &people::registry(&root), rows, InvalidRows::Refuse, |_| {}).await;
        drop(created.unwrap());
        let mut ended = false;
        while !ended && !file(&journal, "-wal").exists() {
            ended = !tokio::task::block_in_place(|| killed_after(&mut random, &asked, &root, &journal));
        }
        if ended {
            continue;
        }
        tried += 1;
        for suffix in FILES {
            fs::copy(file(&journal, suffix), file(&copy, suffix)).unwrap();
            fs::rename(file(&journal, suffix), file(&moved, suffix)).unwrap();
        }
        resumed(Journal::open(&moved).unwrap(), &server).await.unwrap();
        check(&server, &asked, &moved, ROWS, "it was moved");
        let error = Journal::open(&copy).unwrap_err();
        assert!(error.kind() == JournalErrorKind::LostEnd && error.to_string().contains("it is a copy"), "{error}");
        resumed(Journal::open_in_doubt(&copy).unwrap(), &server).await.unwrap();
        check(&server, &asked, &copy, ROWS, "it was copied");
    }
}

/// A bit of what names the account, in every row.
#[tokio::test]
async fn an_account_that_is_renamed_by_damage_is_named_and_not_changed() {
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("run.sqlite");
    let (server, asked) = server(2 * ROWS).await;
    let rows = stream::iter(people::rows(ROWS).map(Ok));
    let registry = people::registry(&server.root());
    drop(Journal::create(&journal, "a test", &registry, rows, InvalidRows::Refuse, |_| {}).await.unwrap());
    let whole = fs::read(&journal).unwrap();
    let mut renamed = 0;
    for number in 0..ROWS {
        let (_, _, user) = people::account(number);
        let places: Vec<usize> =
            whole.windows(user.len()).enumerate().filter(|(_, at)| *at == user.as_bytes()).map(|(at, _)| at).collect();
        for place in places {
            let mut bytes = whole.clone();
            // Still a digit.
            bytes[place + user.len() / 2] ^= 1;
            fs::write(&journal, &bytes).unwrap();
            let by_row = JournalReader::open(&journal).unwrap().entries().find_map(Result::err);
            // The index has the names as well, and nobody reads them there.
            let Some(error) = by_row else { continue };
            renamed += 1;
            assert!(error.to_string().contains(&format!("row {} is not what was written", number + 1)), "{error}");
            for error in [Journal::open(&journal).unwrap_err(), entries(&journal).unwrap_err()] {
                assert_eq!(error.kind(), JournalErrorKind::NotAJournal, "{error}");
            }
        }
    }
    assert_eq!(renamed, ROWS);
    assert!(asked.lock().unwrap().is_empty());
}
