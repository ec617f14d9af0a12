//! Runs a program for the credential that it prints.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::secret::{MOST, Unfetched, text};
use crate::output;
use crate::signals::Signals;
use crate::trusted::{self, For};

/// The longest time of a program: a person may have to unlock something.
const PATIENCE: Duration = Duration::from_secs(120);

/// The time to wait for the last words of a program that has ended, since one that it left behind may hold them open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Runs a program for what it prints. What it says on the standard error, the user sees. With this program it ends, too:
/// when a signal comes, when it takes too long, and when nobody waits for it any more.
pub(super) async fn run(words: &[String], folder: &Path) -> Result<String, Unfetched> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Unfetched::Not("there is no program to run".to_owned()));
    };
    let problem = |what: String| Unfetched::Not(format!("the program {program} {what}"));
    let mut signals = Signals::new().map_err(|failure| Unfetched::Not(failure.message))?;
    let mut command = Command::new(found(program, folder).map_err(problem)?);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let leads_a_group = own_group(&mut command);
    let mut child = command.spawn().map_err(|e| problem(format!("cannot be run: {e}")))?;
    let mut running = Running { id: child.id(), leads_a_group };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let printed = async {
        let mut bytes = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(MOST + 1).read_to_end(&mut bytes).await?;
        }
        // One that prints without end is not waited for.
        let status = if bytes.len() as u64 > MOST { None } else { Some(child.wait().await?) };
        Ok::<_, std::io::Error>((bytes, status))
    };
    let mut said = std::pin::pin!(relay(stderr));
    let mut silent = false;
    let mut printed = std::pin::pin!(tokio::time::timeout(PATIENCE, printed));
    let ended = loop {
        tokio::select! {
            ended = &mut printed => break ended,
            () = &mut said, if !silent => silent = true,
            () = signals.recv() => {
                let message = format!("stopped while the program {program} was to give credentials; nothing was sent");
                return Err(Unfetched::Stopped(message));
            }
        }
    };
    let (bytes, status) = match ended {
        Err(_) => return Err(problem(format!("has not ended after {} seconds", PATIENCE.as_secs()))),
        Ok(Err(e)) => return Err(problem(format!("cannot be read: {e}"))),
        Ok(Ok(done)) => done,
    };
    if status.is_some() {
        // What it left behind, such as an agent, is to stay.
        running.id = None;
        if !silent {
            let _ = tokio::time::timeout(LAST_WORDS, said).await;
        }
    }
    if let Some(status) = status.filter(|status| !status.success()) {
        return Err(problem(format!("failed ({status})")));
    }
    text(bytes).map_err(|what| problem(format!("printed {what}")))
}

/// The file to run. One that is named by a path, which begins in the folder of the configuration, must be one that nobody else
/// can write. A plain name is looked for in the folders of PATH, but in none that depends on where the program is called.
fn found(program: &str, folder: &Path) -> Result<PathBuf, String> {
    if program.contains(std::path::is_separator) {
        let path = std::path::absolute(folder.join(program)).map_err(|e| format!("cannot be run: {e}"))?;
        return match trusted::open(&path, For::Running) {
            Ok(_) => Ok(path),
            Err(refusal) => Err(format!("cannot be run: {refusal}")),
        };
    }
    // Elsewhere than on Unix the endings of programs are the system's business.
    if cfg!(not(unix)) {
        return Ok(PathBuf::from(program));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(&folders).filter(|folder| folder.is_absolute()).map(|f| f.join(program));
    files.find(|file| is_program(file)).ok_or_else(|| {
        "cannot be run: no folder of PATH has it (a folder without a / at its beginning does not count)".to_owned()
    })
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

/// Makes the program the first of a group of processes, which can be ended as a whole. Not where there is a terminal: from
/// there the program may ask for a password, which only the group in the foreground may.
#[cfg(unix)]
fn own_group(command: &mut Command) -> bool {
    // It can be opened where there is one.
    let terminal = std::fs::File::open("/dev/tty").is_ok();
    if !terminal {
        command.process_group(0);
    }
    !terminal
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) -> bool {
    false
}

/// Passes on what a program says, with nothing in it that the terminal would obey.
async fn relay(from: Option<impl AsyncRead + Unpin>) {
    let Some(mut from) = from else { return };
    let (mut pending, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        pending.extend_from_slice(&chunk[..count]);
        // A character of which a part is still to come waits for it.
        let whole = match std::str::from_utf8(&pending) {
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            _ => pending.len(),
        };
        let text = String::from_utf8_lossy(&pending[..whole]).replace("\r\n", "\n");
        output::relayed(&text);
        pending.drain(..whole);
    }
    output::relayed(&String::from_utf8_lossy(&pending));
}

/// A program that ends when this is dropped, with those that it started.
struct Running {
    /// `None` when it has ended.
    id: Option<u32>,
    leads_a_group: bool,
}

#[cfg(unix)]
impl Drop for Running {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process, kill_process_group};

        let pid = |id: u32| i32::try_from(id).ok().and_then(Pid::from_raw);
        let Some(id) = self.id else { return };
        // What has ended in the meantime needs no signal.
        if self.leads_a_group {
            let _ = pid(id).map(|group| kill_process_group(group, Signal::KILL));
            return;
        }
        for id in descendants(id).into_iter().chain([id]) {
            let _ = pid(id).map(|process| kill_process(process, Signal::KILL));
        }
    }
}

#[cfg(not(unix))]
impl Drop for Running {
    fn drop(&mut self) {
        // The program itself is ended by tokio.
        let _ = (self.id, self.leads_a_group);
    }
}

/// The processes that a process has started, and those that they have, where the system tells: on Linux.
#[cfg(unix)]
fn descendants(of: u32) -> Vec<u32> {
    let parent = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name of the program, in parentheses, may hold anything.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()
    };
    let ids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<(u32, u32)> = ids
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|id| Some((id, parent(id)?)))
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        let of = found[next];
        found.extend(all.iter().filter(|(id, parent)| *parent == of && *id != of).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}
