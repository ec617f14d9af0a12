//! Where a report goes: the standard output, or a file that is there when it is whole.

use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use super::Broken;
use super::table::PageLayout;
use crate::arguments::{Report, ReportFormat};
use crate::failure::Failure;

/// Where a report goes.
pub(super) enum ReportSink {
    /// Text for people, with colours where there is a terminal that wants them.
    People,
    /// The standard output, and what is written as it is.
    Programs,
    /// A file, which may be there only if it is to be replaced.
    File { path: PathBuf, replace: bool },
}

impl ReportSink {
    pub(super) fn of(report: &Report, format: ReportFormat) -> Result<ReportSink, Failure> {
        let Some(path) = &report.output else {
            return Ok(if format == ReportFormat::Table { ReportSink::People } else { ReportSink::Programs });
        };
        match path.metadata() {
            Ok(_) if !report.force => Err(there_already(path)),
            Ok(there) if !there.is_file() => {
                Err(Failure::usage(format!("--output: {} is no file, and left as it is", path.display())))
            }
            // What else may be wrong shows when it is written.
            _ => Ok(ReportSink::File { path: path.clone(), replace: report.force }),
        }
    }

    pub(super) fn is_terminal(&self) -> bool {
        !matches!(self, ReportSink::File { .. }) && io::stdout().is_terminal()
    }

    pub(super) fn paper(&self) -> PageLayout {
        let terminal = console::Term::stdout().size_checked().filter(|_| self.is_terminal());
        let width = terminal.map(|(_, width)| usize::from(width));
        PageLayout { width, plain: matches!(self, ReportSink::File { .. }) }
    }

    /// Gives somebody the place to write to.
    pub(super) fn write(&self, report: impl FnOnce(&mut dyn Write) -> Result<(), Broken>) -> Result<(), Failure> {
        let written = match self {
            ReportSink::People => flushed(BufWriter::new(anstream::stdout().lock()), report).map(drop),
            ReportSink::Programs => flushed(BufWriter::new(io::stdout().lock()), report).map(drop),
            ReportSink::File { path, replace } => return to_file(path, *replace, report),
        };
        match written {
            // A reader that is gone wants no more.
            Err(Broken::ReportSink(e)) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(Broken::ReportSink(e)) => Err(Failure::unwritten(&e).next("The report is not whole.")),
            Err(Broken::Journal(e)) => Err(Failure::of_journal(&e)),
            Ok(()) => Ok(()),
        }
    }
}

/// Through a file beside it of another name, so that it is whole or is not there.
fn to_file(
    path: &Path,
    replace: bool,
    report: impl FnOnce(&mut dyn Write) -> Result<(), Broken>,
) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::unexpected(format!("--output: {} is not written: {e}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Only its owner may read it: it names people, and what is done to them.
    let file = tempfile::Builder::new().prefix(".user-status-report-").tempfile_in(folder).map_err(failed)?;
    let file = match flushed(BufWriter::new(file), report) {
        Ok(written) => written.into_inner().map_err(|e| failed(e.into_error()))?,
        Err(Broken::ReportSink(e)) => return Err(failed(e)),
        Err(Broken::Journal(e)) => return Err(Failure::of_journal(&e)),
    };
    file.as_file().sync_all().map_err(failed)?;
    let there = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    match there {
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Err(there_already(path)),
        Err(e) => Err(failed(e.error)),
        Ok(_) => Ok(()),
    }
}

fn flushed<W: Write>(mut to: W, report: impl FnOnce(&mut dyn Write) -> Result<(), Broken>) -> Result<W, Broken> {
    report(&mut to)?;
    to.flush()?;
    Ok(to)
}

fn there_already(path: &Path) -> Failure {
    let problem = format!("--output: {} is there already, and left as it is", path.display());
    Failure::usage(problem).next("--force replaces it.")
}
