//! Where the configuration is looked for.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

const NAME: &str = "user-status.toml";

/// The variable that names a file.
const VARIABLE: &str = "USER_STATUS_CONFIG";

/// The file that is named, by argument or by environment; else the first in the working directory and the folders above
/// it; else that of the user.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return match path.exists() {
            true => Ok(path.to_owned()),
            false => Err(Failure::configuration(format!("--config: there is no file {}", path.display()))
                .next("`user-status config init --path FILE` writes one.")),
        };
    }
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) {
        return match path.exists() {
            true => Ok(path),
            false => Err(Failure::configuration(format!("{VARIABLE}: there is no file {}", path.display()))
                .next("If it was the one of `user-status mock`, the mock has stopped.")),
        };
    }
    let here = std::env::current_dir().map_err(|e| {
        Failure::configuration(format!("the working directory cannot be read: {e}; name a file with --config"))
    })?;
    for folder in here.ancestors() {
        let path = folder.join(NAME);
        if path.is_file() {
            trusted(&path)?;
            return Ok(path);
        }
    }
    let own = of_the_user();
    if let Some(path) = own.as_ref().filter(|path| path.is_file()) {
        return Ok(path.clone());
    }
    let own = own.map_or_else(String::new, |path| format!(", nor {}", path.display()));
    let problem = format!("there is no configuration: neither {NAME} in {} or above it{own}", here.display());
    Err(Failure::configuration(problem)
        .next("`user-status config init` writes one to fill in; `user-status mock` starts systems to try it on."))
}

/// The file of the user, wherever the program is called.
pub(crate) fn of_the_user() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = if cfg!(windows) {
        absolute("APPDATA")
    } else {
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
    };
    folder.map(|folder| folder.join("user-status").join(NAME))
}

/// A configuration names programs that are run and addresses that get credentials: one that merely lies around counts
/// only if nobody else could have put it there.
#[cfg(unix)]
fn trusted(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = path.metadata().map_err(|e| Failure::configuration(format!("{}: {e}", path.display())))?;
    let me = rustix::process::geteuid().as_raw();
    let problem = if metadata.uid() != me && metadata.uid() != 0 {
        "belongs to somebody else"
    } else if metadata.mode() & 0o002 != 0 {
        "can be written by everybody"
    } else {
        return Ok(());
    };
    Err(Failure::configuration(format!("{} {problem}, and it may name programs to run", path.display()))
        .next("If you trust it, name it with --config."))
}

#[cfg(not(unix))]
fn trusted(_: &Path) -> Result<(), Failure> {
    Ok(())
}
