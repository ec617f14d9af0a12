//! Where the configuration is looked for.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::trusted::{self, For, Refusal};

const NAME: &str = "user-status.toml";

/// The variable that names a file.
const VARIABLE: &str = "USER_STATUS_CONFIG";

/// A configuration that was found: open, and trusted as it was opened.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
}

/// The file that is named, by argument or by environment; else the first in the working directory and the folders above
/// it; else that of the user. However it was found: it names programs that are run and addresses that get credentials, and
/// counts only if nobody else could have put it there.
pub(crate) fn find(named: Option<&Path>) -> Result<Found, Failure> {
    if let Some(path) = named {
        return at(path)?.ok_or_else(|| {
            Failure::configuration(format!("--config: there is no file {}", path.display()))
                .next("`user-status config init --path FILE` writes one.")
        });
    }
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) {
        return at(&path)?.ok_or_else(|| {
            Failure::configuration(format!("{VARIABLE}: there is no file {}", path.display()))
                .next("If it was the one of `user-status mock`, the mock has stopped.")
        });
    }
    let here = std::env::current_dir().map_err(|e| {
        Failure::configuration(format!("the working directory cannot be read: {e}; name a file with --config"))
    })?;
    let own = of_the_user();
    for path in here.ancestors().map(|folder| folder.join(NAME)).chain(own.clone()) {
        // A folder of that name is no configuration.
        if !path.is_dir()
            && let Some(found) = at(&path)?
        {
            return Ok(found);
        }
    }
    let own = own.map_or_else(String::new, |path| format!(", nor {}", path.display()));
    let problem = format!("there is no configuration: neither {NAME} in {} or above it{own}", here.display());
    Err(Failure::configuration(problem)
        .next("`user-status config init` writes one to fill in; `user-status mock` starts systems to try it on."))
}

/// The file of this name, if there is one.
fn at(path: &Path) -> Result<Option<Found>, Failure> {
    match trusted::open(path, For::Reading) {
        Ok(file) => Ok(Some(Found { path: path.to_owned(), file })),
        Err(Refusal::Missing) => Ok(None),
        Err(Refusal::Io(e)) => Err(Failure::configuration(format!("{}: {e}", path.display()))),
        Err(Refusal::Untrusted { problem, next }) => {
            let shown = path.display();
            Err(Failure::configuration(format!("the configuration {shown} is not used: {problem}")).next(next))
        }
    }
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
