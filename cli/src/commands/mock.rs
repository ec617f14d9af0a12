//! `mock`: six systems on this machine, and a configuration that works with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use user_status_mock::{ServerOptions, StandaloneServer};

use super::config::refused;
use crate::arguments::Mock;
use crate::config::example::{self, ForMock};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::Signals;
use crate::systems::{Sample, samples};

/// The time in which requests in flight must end.
const DRAIN: Duration = Duration::from_secs(8);

pub(super) async fn run(mock: &Mock, output: Output) -> Result<Exit, Failure> {
    if !mock.listen.ip().is_loopback() {
        return Err(Failure::usage(format!("{} can be reached from other machines", mock.listen))
            .next("The program `user-status-mock` can listen there, with a token for its admin API."));
    }
    let mut stop = Signals::new()?;
    let server = StandaloneServer::start_with(ServerOptions::new().listen(mock.listen))
        .await
        .map_err(|e| Failure::unexpected(e.to_string()).next("`--listen 127.0.0.1:0` takes a free port."))?;
    let (path, _temporary) = match &mock.write_config {
        Some(path) => {
            let path = std::path::absolute(path).map_err(|e| refused(path, &e))?;
            (path, None)
        }
        None => {
            let folder = Temporary::new(&server)?;
            (folder.0.join("user-status.toml"), Some(folder))
        }
    };
    let written = ForMock::new(&server, &path);
    example::write(&path, &written.text, mock.force).map_err(|e| refused(&path, &e))?;
    written.write_secrets().map_err(|e| Failure::unexpected(format!("{}: {e}", path.display())))?;

    output.result(&document(&server, &path), || text(&server, &path))?;
    stop.recv().await;
    output.note("stopping: requests in flight may end; a second Ctrl-C stops at once");
    tokio::select! {
        () = server.shut_down(DRAIN) => Ok(Exit::Done),
        () = stop.recv() => Ok(Exit::Interrupted),
    }
}

fn document(server: &StandaloneServer, path: &Path) -> Value {
    let profiles: Map<String, Value> = samples()
        .map(|(known, sample)| {
            let kind = sample.kind;
            let about = json!({ "system": known.kind, "base_url": server.uri(kind), "users": server.users(kind) });
            (sample.profile.to_owned(), about)
        })
        .collect();
    json!({ "root": server.root(), "config": path.to_string_lossy(), "profiles": profiles })
}

fn text(server: &StandaloneServer, path: &Path) -> String {
    let mut text = format!("A mock of the six systems listens on {}. Ctrl-C stops it.\n", server.root());
    text += "\nIn another terminal:\n\n";
    text += &match cfg!(windows) {
        true => format!("    set USER_STATUS_CONFIG={}\n", path.display()),
        false => format!("    export USER_STATUS_CONFIG='{}'\n", path.display().to_string().replace('\'', "'\\''")),
    };
    text += "    user-status check\n";
    let mut samples: Vec<&Sample> = samples().map(|(_, sample)| sample).collect();
    samples.sort_by_key(|sample| sample.place);
    for (index, Sample { profile, user, change, .. }) in samples.into_iter().enumerate() {
        let user = user();
        if index == 0 {
            text += &format!("    user-status get {profile} {user}\n");
        }
        text += &format!("    user-status set {profile} {user} {change}\n");
    }
    text
}

/// A folder that only this user can enter, gone when the mock is.
struct Temporary(PathBuf);

impl Temporary {
    fn new(server: &StandaloneServer) -> Result<Temporary, Failure> {
        let name = format!("user-status-mock-{}-{}", std::process::id(), server.address().port());
        let path = std::env::temp_dir().join(name);
        // One that is there already may be somebody else's.
        example::private_folder(&path, false).map_err(|e| {
            Failure::unexpected(format!("{}: {e}", path.display()))
                .next("Name a place for the configuration with --write-config.")
        })?;
        Ok(Temporary(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
