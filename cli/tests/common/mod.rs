//! The program, and the mock that it starts.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod systems;
pub(crate) mod transcript;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// Credentials of the mock, or what is in each of them.
pub(crate) const MOCK_SECRETS: [&str; 5] =
    ["mock-userdocks-write-key", "mock-akana-admin-session", "eyJ", "mock-symphony-session-token", "mock-akana"];

/// The program, with nothing of the machine's own settings.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_user-status"));
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nowhere");
    command.env_remove("USER_STATUS_CONFIG").env("XDG_CONFIG_HOME", &nowhere).env("APPDATA", &nowhere);
    command.env_remove("USER_STATUS_RUNS").env("XDG_STATE_HOME", &nowhere).env("LOCALAPPDATA", &nowhere);
    command.stdin(Stdio::null());
    command
}

/// The traces of one run of the program.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ended(&self, code: i32) -> &Ran {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn said(&self, part: &str) -> &Ran {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(all.contains(part), "{all}\nlacks {part}");
        self
    }

    #[track_caller]
    pub(crate) fn kept(&self, secret: &str) -> &Ran {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(!all.contains(secret), "{all}\nhas {secret}");
        self
    }
}

/// Files that the tests write are such as the program reads, whatever the machine's own setting is.
pub(crate) fn only_mine_to_write() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

/// A configuration in a folder of its own.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        only_mine_to_write();
        Folder(tempfile::tempdir().unwrap())
    }

    /// One profile `pod` of Symphony, with these further lines.
    pub(crate) fn pod(base_url: &str, lines: &str) -> Folder {
        let folder = Folder::new();
        folder.write(
            "user-status.toml",
            &format!("[profiles.pod]\nsystem = \"symphony\"\nbase_url = \"{base_url}\"\n{lines}\n"),
        );
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    #[cfg(unix)]
    pub(crate) fn mode(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The program with this configuration.
    pub(crate) fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = program();
        command.arg("--config").arg(self.path("user-status.toml")).args(arguments).envs(environment.iter().copied());
        command.output().unwrap().into()
    }
}

/// `user-status mock`, killed at the end of the test.
pub(crate) struct Mock {
    pub(crate) child: Child,
    pub(crate) said: String,
    _folder: Option<TempDir>,
}

impl Mock {
    /// With a configuration that stays.
    pub(crate) fn start() -> Mock {
        only_mine_to_write();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("user-status.toml");
        let mut mock = Mock::with(&["--write-config", config.to_str().unwrap()]);
        mock._folder = Some(folder);
        mock
    }

    pub(crate) fn with(arguments: &[&str]) -> Mock {
        let mut command = program();
        command.args(["mock", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("user-status set shop") {
            assert!(stdout.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        Mock { child, said, _folder: None }
    }

    pub(crate) fn root(&self) -> &str {
        self.said.split(" listens on ").nth(1).unwrap().split(". ").next().unwrap()
    }

    pub(crate) fn config(&self) -> &str {
        self.said.split("USER_STATUS_CONFIG='").nth(1).unwrap().split('\'').next().unwrap()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
