//! Where the journals of runs are, and how a run is named.

use std::path::{Path, PathBuf};

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use user_status::bulk::{JournalError, JournalErrorKind, JournalReader, RunInfo};

use crate::config::example::private_folder;
use crate::config::near;
use crate::failure::Failure;
use crate::output::visible;
use crate::trusted::{self, For, Refusal};

/// The variable that names a folder.
const VARIABLE: &str = "USER_STATUS_RUNS";

/// The newest run that was begun, whichever it is.
const LAST: &str = "last";

/// The number of ids that an error names.
const NAMED: usize = 5;

/// The folder in which journals are, `ID.sqlite` each. It need not be there before the first run.
#[derive(Debug)]
pub(crate) struct Runs {
    pub(crate) folder: PathBuf,
}

/// A journal in the folder; not necessarily one that can be read.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
}

/// A journal in the folder, and what it says of its run as a whole.
pub(crate) type Record = (Run, Result<RunInfo, JournalError>);

impl Runs {
    /// In the folder that is named, by argument or by environment; else in that of the user.
    pub(crate) fn at(named: Option<&Path>) -> Result<Runs, Failure> {
        let of_environment = || std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let folder = named.map(Path::to_owned).or_else(of_environment).or_else(of_the_user);
        folder.map(|folder| Runs { folder }).ok_or_else(|| {
            let home = if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" };
            Failure::configuration(format!(
                "there is no folder of the user for the journals of runs: {home} is not set"
            ))
            .next(format!("Name a folder with --runs, or in {VARIABLE}."))
        })
    }

    /// A run that begins now: its id, and the path at which there is no journal yet. Makes the folder.
    pub(crate) fn new_run(&self) -> Result<(String, PathBuf), Failure> {
        private_folder(&self.folder, true).map_err(|e| {
            Failure::unexpected(format!("the folder for journals, {}, cannot be made: {e}", self.folder.display()))
                .next(format!("Name another with --runs, or in {VARIABLE}."))
        })?;
        trusted::folder(&self.folder).map_err(|refusal| untrusted(&self.folder, refusal))?;
        // Ids are in the order of the runs, also within a second and after a clock was put back: else `last` would be
        // another run than the last, and an undo of it would take back the wrong one.
        let newest = self.list()?.iter().filter_map(|run| time_of(&run.id)).max();
        let next = newest.and_then(|newest| newest.checked_add(SignedDuration::from_secs(1)).ok());
        let now = Timestamp::now();
        loop {
            let id = new_id(next.map_or(now, |next| next.max(now)));
            let path = self.path(&id);
            if !path.exists() {
                return Ok((id, path));
            }
        }
    }

    /// Refuses a journal that somebody else could have written: it says whose accounts are changed.
    pub(crate) fn trusted(&self, journal: &Path) -> Result<(), Failure> {
        trusted::open(journal, For::Reading).map(drop).map_err(|refusal| untrusted(journal, refusal))
    }

    /// The journal of a run that is named by its id, by a beginning of it that no other has, as `last`, or by a path.
    pub(crate) fn find(&self, run: &str) -> Result<PathBuf, Failure> {
        if run.contains(std::path::is_separator) {
            let path = PathBuf::from(run);
            return match path.exists() {
                true => Ok(path),
                false => Err(Failure::usage(format!("there is no journal {}", visible(run)))),
            };
        }
        let all = self.list()?;
        let none = || format!("there is no run in {} yet", self.folder.display());
        if run == LAST {
            return self.last();
        }
        // A file that stands there under this very name is what somebody means who completes names of files.
        let name = run.strip_suffix(".sqlite").unwrap_or(run);
        let begins = |id: &str| !name.is_empty() && id.starts_with(name);
        let found: Vec<&Run> = match all.iter().find(|run| run.id == name) {
            Some(run) => vec![run],
            None => all.iter().filter(|run| begins(&run.id)).collect(),
        };
        match found[..] {
            [one] => Ok(one.path.clone()),
            [] if Path::new(run).is_file() => Ok(PathBuf::from(run)),
            [] => {
                let problem = match all.is_empty() {
                    true => format!("there is no run `{}`: {}", visible(run), none()),
                    false => format!("there is no run `{}` in {}", visible(run), self.folder.display()),
                };
                let ids: Vec<&str> = all.iter().map(|run| run.id.as_str()).collect();
                let near = near(name, &ids).map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
                let newest = match all.is_empty() {
                    true => String::new(),
                    false => format!("The newest: {}. ", some(&all.iter().collect::<Vec<_>>())),
                };
                Err(Failure::usage(problem).next(format!("{near}{newest}`user-status runs` lists all.")))
            }
            _ => Err(Failure::usage(format!("{} runs begin with `{}`: {}", found.len(), visible(run), some(&found)))
                .next("Write more of the id.")),
        }
    }

    /// Returns what each journal says of its run as a whole, the newest first by name.
    pub(crate) fn records(&self) -> Result<Vec<Record>, Failure> {
        let about = |run: &Run| JournalReader::open_as_it_is(&run.path)?.about();
        Ok(self.list()?.into_iter().map(|run| (about(&run), run)).map(|(about, run)| (run, about)).collect())
    }

    /// The newest run that was begun, by what the journals say, and not by what they are called. Refuses if one that cannot be
    /// read may be newer: an undo of the last run must not take back another.
    fn last(&self) -> Result<PathBuf, Failure> {
        let records = self.records()?;
        let begun = |(run, about): &Record| {
            let about = about.as_ref().ok()?;
            about.begun.map(|begun| (about.confirmed.unwrap_or(begun), run.path.clone()))
        };
        let last = records.iter().filter_map(begun).max_by_key(|(at, _)| *at);
        for (run, about) in &records {
            let Err(error) = about else { continue };
            // Nothing was sent for those whose rows are not, or not yet, there.
            if matches!(error.kind(), JournalErrorKind::Empty | JournalErrorKind::InUse | JournalErrorKind::Missing) {
                continue;
            }
            let written = run.path.metadata().and_then(|file| file.modified()).ok();
            let older = |(at, _): &(Timestamp, PathBuf)| written.is_some_and(|written| written < SystemTime::from(*at));
            if !last.as_ref().is_some_and(older) {
                return Err(Failure::of_journal(error)
                    .within("which run is the last cannot be told, since one cannot be read")
                    .next("Name the run by its id; `user-status runs` lists all."));
            }
        }
        last.map(|(_, path)| path).ok_or_else(|| match records.first() {
            Some((run, _)) => Failure::usage(format!("no run in {} was begun yet", self.folder.display()))
                .next(format!("`{}` was taken in and not begun; `user-status resume {}` asks for it.", run.id, run.id)),
            None => Failure::usage(format!("there is no run in {} yet", self.folder.display())),
        })
    }

    /// All journals, the newest first.
    pub(crate) fn list(&self) -> Result<Vec<Run>, Failure> {
        let unread =
            |e| Failure::unexpected(format!("the folder of journals, {}, cannot be read: {e}", self.folder.display()));
        let files = match std::fs::read_dir(&self.folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files.map_err(unread)?,
        };
        let mut runs = Vec::new();
        for file in files {
            let path = file.map_err(unread)?.path();
            if path.extension().is_some_and(|extension| extension == "sqlite")
                && let Some(id) = path.file_stem().and_then(|name| name.to_str())
            {
                runs.push(Run { id: id.to_owned(), path });
            }
        }
        // Ids begin with the time.
        runs.sort_by(|a, b| b.id.cmp(&a.id));
        Ok(runs)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.sqlite"))
    }
}

fn untrusted(path: &Path, refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Untrusted { problem, next } => {
            Failure::safety(format!("{} is not used: {problem}; nothing was sent", path.display())).next(next)
        }
        refusal => Failure::unexpected(format!("{}: {refusal}", path.display())),
    }
}

/// Such as `20261124-023034-k7q2`: the time in UTC, and four characters that are not mistaken for each other.
fn new_id(now: Timestamp) -> String {
    const CHARACTERS: &[u8] = b"23456789abcdefghjkmnpqrstvwxyz";
    let random: String = (0..4).filter_map(|_| fastrand::choice(CHARACTERS)).map(|byte| char::from(*byte)).collect();
    format!("{}-{random}", now.strftime("%Y%m%d-%H%M%S"))
}

/// The time in an id.
fn time_of(id: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%d-%H%M%S", id.get(..15)?).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
}

/// The first ids, and whether there are more.
fn some(runs: &[&Run]) -> String {
    let ids: Vec<&str> = runs.iter().take(NAMED).map(|run| run.id.as_str()).collect();
    let more = if runs.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", ids.join(", "))
}

/// Where programs of the user keep what they did.
fn of_the_user() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else {
        absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))
    };
    folder.map(|folder| folder.join("user-status").join("runs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_time_and_four_characters() {
        let id = new_id("2026-11-24T02:30:34.9Z".parse().unwrap());
        assert_eq!((&id[..16], id.len()), ("20261124-023034-", 20), "{id}");
        assert!(!id[16..].contains(['0', 'o', '1', 'l', 'i']), "{id}");
    }

    #[test]
    fn ids_are_in_the_order_of_the_runs_also_within_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs { folder: folder.path().to_owned() };
        for _ in 0..5 {
            let (id, path) = runs.new_run().unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(runs.list().unwrap()[0].id, id);
        }
        assert_eq!(time_of("20261124-023034-k7q2").unwrap().to_string(), "2026-11-24T02:30:34Z");
        assert_eq!(time_of("a-journal"), None);
    }

    #[test]
    fn a_run_is_found_by_whatever_names_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs { folder: folder.path().join("runs") };
        assert!(runs.find("last").unwrap_err().message.contains("there is no run in"));
        assert!(runs.list().unwrap().is_empty());
        runs.new_run().unwrap();
        for id in ["20261124-023034-k7q2", "20261124-023034-k7q3", "20261125-000000-aaaa"] {
            std::fs::write(runs.path(id), "").unwrap();
        }
        std::fs::write(runs.folder.join("20261126-000000-aaaa.sqlite-wal"), "").unwrap();
        let found = |name: &str| runs.find(name).map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        assert_eq!(found("20261125").unwrap(), "20261125-000000-aaaa");
        assert_eq!(found("20261124-023034-k7q2").unwrap(), "20261124-023034-k7q2");
        assert_eq!(found("20261124-023034-k7q2.sqlite").unwrap(), "20261124-023034-k7q2");
        let path = runs.path("20261124-023034-k7q3");
        assert_eq!(runs.find(path.to_str().unwrap()).unwrap(), path);
        let ambiguous = found("20261124").unwrap_err().message;
        let expected = "2 runs begin with `20261124`: 20261124-023034-k7q3, 20261124-023034-k7q2";
        assert_eq!(ambiguous, expected);
        let unknown = found("20261125-000000-aaab").unwrap_err();
        assert!(unknown.next.unwrap().starts_with("Did you mean `20261125-000000-aaaa`?"));
        assert!(found("").is_err());
        assert!(found("./nowhere.sqlite").unwrap_err().message.contains("there is no journal"));
        let newest: Vec<String> = runs.list().unwrap().into_iter().map(|run| run.id).collect();
        assert_eq!(newest, ["20261125-000000-aaaa", "20261124-023034-k7q3", "20261124-023034-k7q2"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(runs.folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
