//! Files that decide what this program does, and to whom: opened once, judged by what was opened, and read from there. What
//! is looked at by its name and then opened by its name may be two files.
//!
//! A file is trusted if it is the caller's or root's, if nobody else can write it, and if the same holds of every folder on
//! the way to it. A folder that everybody can write and that is sticky, such as `/tmp`, may be on the way to a folder of
//! one's own, which others cannot replace there; a file that lies in it is not trusted.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

/// The purpose for which a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// To be read.
    Reading,
    /// To be read, and by nobody else.
    Secrecy,
    /// To be run. It cannot be read where that needs a permission of its own.
    Running,
}

/// Why a file is not used.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is none.
    Missing,
    /// It cannot be opened.
    Io(io::Error),
    /// Others could have written it.
    Untrusted { problem: String, next: String },
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Refusal::Missing,
            _ => Refusal::Io(error),
        }
    }
}

/// Without the path, except where another one is meant.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // As the operating system says it.
            Refusal::Missing => write!(f, "No such file"),
            Refusal::Io(e) => write!(f, "{e}"),
            Refusal::Untrusted { problem, next } => write!(f, "{problem}, and so it is not used. {next}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Opens a file that nobody else could have put there.
pub(crate) fn open(path: &Path, what_for: For) -> Result<File, Refusal> {
    system::open(path, what_for)
}

/// Judges a folder in which files of trust are to be.
pub(crate) fn folder(path: &Path) -> Result<(), Refusal> {
    system::folder(path)
}

#[cfg(unix)]
mod system {
    use std::collections::VecDeque;
    use std::ffi::{OsStr, OsString};
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::OsStringExt as _;
    use std::path::{Component, Path, PathBuf};

    use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
    use rustix::io::Errno;

    use super::{For, Refusal};

    /// As many links as Linux follows.
    const MOST_LINKS: u32 = 40;

    /// Opens what is only passed through, or only looked at, without the permission to read it where there is such a way.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    const LOOK: OFlags = OFlags::PATH;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    const LOOK: OFlags = OFlags::RDONLY;

    pub(super) fn open(path: &Path, what_for: For) -> Result<File, Refusal> {
        let mut way = Way::to(path)?;
        let Some(name) = way.next()? else {
            return Err(Refusal::Io(io::Error::from(io::ErrorKind::IsADirectory)));
        };
        let flags = match what_for {
            For::Running => LOOK,
            // A pipe without a writer would be waited for.
            For::Reading | For::Secrecy => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        };
        let (file, handed_on) = way.file(&name, flags)?;
        let about = fstat(&file).map_err(io::Error::from)?;
        let kind = FileType::from_raw_mode(about.st_mode);
        match kind {
            FileType::RegularFile => {}
            FileType::Directory => return Err(Refusal::Io(io::Error::from(io::ErrorKind::IsADirectory))),
            // What a shell hands on, as in `<(…)`.
            FileType::Fifo if handed_on => {}
            _ => return Err(Refusal::Io(io::Error::other("it is no regular file"))),
        }
        let shown = path.display();
        let mode = about.st_mode & 0o777;
        if !is_ours(&about) {
            way.object(
                format!("it belongs to another user (uid {})", about.st_uid),
                format!(
                    "It may say what is run, and who gets credentials. If you trust it, make a copy of your own: \
                 `install -m 600 '{shown}' COPY`."
                ),
            );
        } else if what_for == For::Secrecy && mode & 0o077 != 0 {
            let next = format!(
                "`chmod 600 '{shown}'`, or where that cannot be done, write {{ command = [\"cat\", \"{shown}\"] }}."
            );
            way.object(format!("other users may use this file (mode {mode:04o})"), next);
        } else if mode & 0o022 != 0 {
            let next = format!("It may say what is run, and who gets credentials: `chmod go-w '{shown}'`.");
            way.object(format!("it can be written by others (mode {mode:04o})"), next);
        }
        way.judged()?;
        Ok(File::from(file))
    }

    pub(super) fn folder(path: &Path) -> Result<(), Refusal> {
        let mut way = Way::to(path)?;
        if let Some(name) = way.next()? {
            way.enter(&name)?;
        }
        way.within_shared();
        way.judged()
    }

    /// The folders from the root to where a path leads, each open.
    struct Way {
        folders: Vec<(OwnedFd, PathBuf)>,
        left: VecDeque<OsString>,
        links: u32,
        /// `true` if the last folder is one in which everybody can make files, and only their own.
        shared: bool,
        /// The first thing that speaks against the path. It counts only if there is something at its end.
        objection: Option<(String, String)>,
    }

    impl Way {
        fn to(path: &Path) -> Result<Way, Refusal> {
            let mut way = Way { folders: Vec::new(), left: VecDeque::new(), links: 0, shared: false, objection: None };
            way.root()?;
            way.left = parts(&std::path::absolute(path)?);
            Ok(way)
        }

        fn root(&mut self) -> Result<(), Refusal> {
            let root = openat(CWD, "/", LOOK | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
            self.folders.clear();
            self.arrive(root.map_err(io::Error::from)?, PathBuf::from("/"))
        }

        fn here(&self) -> BorrowedFd<'_> {
            // The root is never left.
            self.folders[self.folders.len() - 1].0.as_fd()
        }

        /// Goes on to the last part of the path, which is no link; `None` if it leads to a folder that was passed.
        fn next(&mut self) -> Result<Option<OsString>, Refusal> {
            while let Some(name) = self.left.pop_front() {
                if name == ".." {
                    if self.folders.len() > 1 {
                        self.folders.pop();
                        let about = fstat(self.here()).map_err(io::Error::from)?;
                        self.shared = is_shared(&about);
                    }
                    continue;
                }
                if !self.is_handed_on(&name)
                    && let Some(target) = self.link(&name)?
                {
                    self.follow(target)?;
                    continue;
                }
                if self.left.is_empty() {
                    return Ok(Some(name));
                }
                self.enter(&name)?;
            }
            Ok(None)
        }

        /// Where a link leads; `None` if it is none.
        fn link(&self, name: &OsStr) -> Result<Option<PathBuf>, Refusal> {
            match readlinkat(self.here(), name, Vec::new()) {
                Ok(target) => Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes())))),
                Err(Errno::INVAL) => Ok(None),
                Err(e) => Err(io::Error::from(e).into()),
            }
        }

        fn follow(&mut self, target: PathBuf) -> Result<(), Refusal> {
            self.links += 1;
            if self.links > MOST_LINKS {
                return Err(Refusal::Io(io::Error::other("too many links")));
            }
            // Whose the link was when it was read cannot be told afterwards.
            self.within_shared();
            let left = std::mem::take(&mut self.left);
            if target.is_absolute() {
                self.root()?;
            }
            self.left = parts(&target);
            self.left.extend(left);
            Ok(())
        }

        fn enter(&mut self, name: &OsStr) -> Result<(), Refusal> {
            let flags = LOOK | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let folder = openat(self.here(), name, flags, Mode::empty()).map_err(io::Error::from)?;
            let path = self.folders[self.folders.len() - 1].1.join(name);
            self.arrive(folder, path)
        }

        /// Judges a folder that was opened.
        fn arrive(&mut self, folder: OwnedFd, path: PathBuf) -> Result<(), Refusal> {
            let about = fstat(&folder).map_err(io::Error::from)?;
            let shown = path.display();
            let mode = about.st_mode & 0o777;
            self.shared = is_shared(&about);
            let elsewhere = "Keep it where only you can write, such as in a folder of your own";
            if !is_ours(&about) {
                let problem = format!("the folder {shown} belongs to another user (uid {})", about.st_uid);
                self.object(problem, format!("{elsewhere}."));
            } else if mode & 0o022 != 0 && !self.shared {
                let problem = format!("the folder {shown} can be written by others (mode {mode:04o})");
                self.object(problem, format!("{elsewhere}, or `chmod go-w '{shown}'`."));
            }
            self.folders.push((folder, path));
            Ok(())
        }

        /// The file of that name, and whether it is one that another program had opened and handed on.
        fn file(&mut self, name: &OsStr, flags: OFlags) -> Result<(OwnedFd, bool), Refusal> {
            if self.is_handed_on(name) {
                let file = openat(self.here(), name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
                return Ok((file.map_err(io::Error::from)?, true));
            }
            self.within_shared();
            // A link that took its place in the meantime is not followed.
            let file = openat(self.here(), name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
            Ok((file.map_err(io::Error::from)?, false))
        }

        /// Returns whether it is what `/dev/fd/3` leads to: no name, but a descriptor that whoever started the program gave it.
        #[cfg(target_os = "linux")]
        fn is_handed_on(&self, name: &OsStr) -> bool {
            let digits = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
            let is_proc = |about: rustix::fs::StatFs| about.f_type == rustix::fs::PROC_SUPER_MAGIC;
            digits && rustix::fs::fstatfs(self.here()).is_ok_and(is_proc) && matches!(self.link(name), Ok(Some(_)))
        }

        #[cfg(not(target_os = "linux"))]
        fn is_handed_on(&self, _: &OsStr) -> bool {
            false
        }

        /// What lies in a folder in which everybody can make files may be anybody's.
        fn within_shared(&mut self) {
            if self.shared {
                let shown = self.folders[self.folders.len() - 1].1.display().to_string();
                self.object(
                    format!("in the folder {shown} everybody can make files"),
                    "Keep it in a folder of your own.".to_owned(),
                );
            }
        }

        fn object(&mut self, problem: String, next: String) {
            self.objection.get_or_insert((problem, next));
        }

        fn judged(self) -> Result<(), Refusal> {
            match self.objection {
                None => Ok(()),
                Some((problem, next)) => Err(Refusal::Untrusted { problem, next }),
            }
        }
    }

    /// Returns whether it is the caller's or root's.
    fn is_ours(about: &Stat) -> bool {
        about.st_uid == 0 || about.st_uid == rustix::process::geteuid().as_raw()
    }

    fn is_shared(about: &Stat) -> bool {
        about.st_mode & 0o1000 != 0 && about.st_mode & 0o022 != 0 && is_ours(about)
    }

    fn parts(path: &Path) -> VecDeque<OsString> {
        let part = |component: Component<'_>| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        };
        path.components().filter_map(part).collect()
    }
}

/// Elsewhere the folders of a user are the user's alone unless somebody changes that.
#[cfg(not(unix))]
mod system {
    use std::fs::File;
    use std::path::Path;

    use super::{For, Refusal};

    pub(super) fn open(path: &Path, _: For) -> Result<File, Refusal> {
        Ok(File::open(path)?)
    }

    pub(super) fn folder(_: &Path) -> Result<(), Refusal> {
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn said(path: &Path) -> String {
        open(path, For::Reading).map(drop).unwrap_err().to_string()
    }

    /// A file of ours in a folder of ours, and one that others can write, as one of another user's would be.
    fn two() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        for (path, text) in [(&ours, "ours"), (&theirs, "theirs")] {
            std::fs::create_dir(path).unwrap();
            mode(path, 0o755);
            std::fs::write(path.join("file"), text).unwrap();
            mode(&path.join("file"), 0o600);
        }
        (folder, ours, theirs)
    }

    #[test]
    fn what_others_can_write_is_not_trusted_wherever_on_the_way_it_is() {
        let (folder, ours, theirs) = two();
        let file = ours.join("file");
        assert!(open(&file, For::Secrecy).is_ok());
        assert!(matches!(open(&ours.join("none"), For::Reading), Err(Refusal::Missing)));
        assert!(matches!(open(&file.join("none"), For::Reading), Err(Refusal::Missing)));
        for bad in [0o602, 0o620, 0o666, 0o622] {
            mode(&file, bad);
            assert!(said(&file).contains("can be written by others"), "{bad:o}");
        }
        mode(&file, 0o640);
        assert!(open(&file, For::Reading).is_ok());
        assert!(
            open(&file, For::Secrecy).unwrap_err().to_string().contains("other users may use this file (mode 0640)")
        );
        mode(&file, 0o600);
        for bad in [0o777, 0o757, 0o775] {
            mode(&ours, bad);
            assert!(said(&file).contains("can be written by others"), "{bad:o}");
            assert!(self::folder(&ours).is_err(), "{bad:o}");
            // Nothing is there that could be trusted or not.
            assert!(matches!(open(&ours.join("none"), For::Reading), Err(Refusal::Missing)));
        }
        // Sticky: nobody can replace what is ours, and everybody can put something there.
        mode(&ours, 0o1777);
        assert!(said(&file).contains("everybody can make files"));
        let inner = ours.join("inner");
        std::fs::create_dir(&inner).unwrap();
        mode(&inner, 0o700);
        std::fs::write(inner.join("file"), "").unwrap();
        mode(&inner.join("file"), 0o600);
        assert!(open(&inner.join("file"), For::Reading).is_ok());
        assert!(said(&inner.join("../file")).contains("everybody can make files"));
        symlink(&inner, ours.join("link")).unwrap();
        assert!(said(&ours.join("link/file")).contains("everybody can make files"));
        mode(&ours, 0o755);
        // A link counts for nothing: where it leads is judged, with the folders on the way.
        symlink("../theirs/file", ours.join("to-theirs")).unwrap();
        assert!(open(&ours.join("to-theirs"), For::Reading).is_ok());
        mode(&theirs, 0o777);
        assert!(said(&ours.join("to-theirs")).contains("theirs can be written by others"));
        symlink(folder.path().join("loop"), folder.path().join("loop")).unwrap();
        assert!(said(&folder.path().join("loop")).contains("too many links"));
        assert!(said(&ours).contains("directory"));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&file, Some(4711), None).unwrap();
            assert!(said(&file).contains("belongs to another user (uid 4711)"));
            std::os::unix::fs::chown(&file, Some(0), None).unwrap();
            std::os::unix::fs::chown(&ours, Some(4711), None).unwrap();
            assert!(said(&file).contains("belongs to another user (uid 4711)"));
        }
    }

    /// Says at its end that it is over.
    struct End<'a>(&'a AtomicBool);

    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whoever can move a link to and fro gets nothing read that is not trusted, however often it is tried.
    #[test]
    fn a_link_that_is_swapped_between_a_look_and_a_reading_never_wins() {
        let (folder, ours, theirs) = two();
        mode(&theirs.join("file"), 0o666);
        let (link, to_folder) = (folder.path().join("link"), folder.path().join("folder"));
        let swap = |link: &Path, to: &Path| {
            let new = folder.path().join("new");
            symlink(to, &new).unwrap();
            std::fs::rename(&new, link).unwrap();
        };
        swap(&link, &ours.join("file"));
        swap(&to_folder, &ours);
        let over = AtomicBool::new(false);
        let (mut read, mut refused) = (0, 0);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for place in [&theirs, &ours] {
                        swap(&link, &place.join("file"));
                        swap(&to_folder, place);
                    }
                }
            });
            // Also when a promise is broken: else the other thread would be waited for.
            let _end = End(&over);
            for path in [&link, &to_folder.join("file")].into_iter().cycle().take(20_000) {
                match open(path, For::Reading) {
                    Ok(mut file) => {
                        let mut text = String::new();
                        file.read_to_string(&mut text).unwrap();
                        assert_eq!(text, "ours");
                        read += 1;
                    }
                    Err(Refusal::Untrusted { .. }) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
            }
        });
        assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
    }
}
