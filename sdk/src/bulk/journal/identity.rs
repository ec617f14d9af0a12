//! Which file a journal is: one that is removed or replaced takes writes as before, and nobody ever reads them.

use std::path::{Path, PathBuf};

use super::error::{JournalError, JournalErrorKind};

/// A file, and where it was.
pub(super) struct Identity {
    path: PathBuf,
    /// Elsewhere than on Unix a file that is open can be neither removed nor replaced.
    #[cfg(unix)]
    file: (u64, u64),
}

impl Identity {
    pub(super) fn of(path: &Path) -> Result<Identity, JournalError> {
        let path = std::fs::canonicalize(path).map_err(JournalError::io)?;
        #[cfg(unix)]
        let file = device_and_number(&path).map_err(JournalError::io)?;
        Ok(Identity {
            path,
            #[cfg(unix)]
            file,
        })
    }

    /// That the file is still where it was.
    pub(super) fn hold(&self) -> Result<(), JournalError> {
        #[cfg(unix)]
        if !device_and_number(&self.path).is_ok_and(|file| file == self.file) {
            let what = "it was removed or replaced while this program worked on it; what became of the rows since is not \
                        in it, and is to be looked at in the systems themselves";
            return Err(JournalError::new(JournalErrorKind::InUse, what));
        }
        Ok(())
    }
}

/// That the file has one name only. Under another one SQLite would keep another log beside it, and two programs could work on
/// one journal without knowing of each other.
pub(super) fn only_name(path: &Path) -> Result<(), JournalError> {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(&std::fs::metadata(path).map_err(JournalError::io)?) > 1 {
        let what = "it has another name as well (a hard link), under which another program could work on it; remove one of \
                    the two names";
        return Err(JournalError::new(JournalErrorKind::InUse, what));
    }
    Ok(())
}

#[cfg(unix)]
fn device_and_number(path: &Path) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;

    let file = std::fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}
