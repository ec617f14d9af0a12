//! Configurations that the program writes: one to fill in, and one for a mock.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use user_status_mock::StandaloneServer;

use crate::systems::samples;
use crate::trusted;

/// Every setting explained, for all systems.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// Writes a file that only this user can read, in a folder that only this user can write: another it would not be read from.
/// It is there when it is whole, and one that is there already is replaced only if that is wanted; never what a link leads to.
pub(crate) fn write(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder(folder, true)?;
    trusted::folder(folder).map_err(io::Error::other)?;
    let mut file = tempfile::Builder::new().prefix(".user-status-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    match replace {
        true => file.persist(path)?,
        false => file.persist_noclobber(path)?,
    };
    Ok(())
}

/// A configuration for a mock: its text, and the credentials that belong into the folder beside it.
pub(crate) struct ForMock {
    pub(crate) text: String,
    folder: PathBuf,
    secrets: Vec<(&'static str, String)>,
}

impl ForMock {
    /// For this mock, with the configuration at this path.
    pub(crate) fn new(server: &StandaloneServer, path: &Path) -> ForMock {
        let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
        let name = format!("{stem}.credentials");
        let credentials = server.credentials();
        let mut secrets = Vec::new();
        let mut text = "# Five systems of a mock. Their credentials open nothing else.\n".to_owned();
        for (known, sample) in samples() {
            let base_url = server.uri(sample.kind);
            text +=
                &format!("\n[profiles.{}]\nsystem = \"{}\"\nbase_url = \"{base_url}\"\n", sample.profile, known.kind);
            for (setting, file, value) in (sample.credentials)(&credentials) {
                text += &format!("{setting} = {{ file = {} }}\n", toml_text(&format!("{name}/{file}")));
                secrets.push((file, value));
            }
            text.extend((sample.lines)().iter().map(|line| format!("{line}\n")));
        }
        ForMock { text, folder: path.with_file_name(name), secrets }
    }

    /// Writes the credentials, where only this user can read them.
    pub(crate) fn write_secrets(&self) -> io::Result<()> {
        private_folder(&self.folder, true)?;
        trusted::folder(&self.folder).map_err(io::Error::other)?;
        for (name, value) in &self.secrets {
            let path = self.folder.join(name);
            // The mode counts only where a file is made.
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&path)?.write_all(value.as_bytes())?;
        }
        Ok(())
    }
}

/// Makes a folder that only this user can enter.
pub(crate) fn private_folder(path: &Path, may_be_there: bool) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(may_be_there);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A text as TOML writes it.
fn toml_text(text: &str) -> String {
    // Nothing in JSON's form of a text means something else in TOML.
    serde_json::Value::from(text).to_string()
}
