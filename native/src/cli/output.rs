//! Where results go: the standard output, or a new file.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use crate::failure::Failure;

/// Prints, and doesn't mind if nobody reads to the end (`conclave simulate … | head`).
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Unmet(format!("can't print: {why}")))
        }
        _ => Ok(()),
    }
}

/// A report that took hours is not to be lost by a mistyped name.
pub(super) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(why) => Err(Failure::BadInput(format!("can't write {}: {why}", path.display()))),
        Ok(_) => Err(Failure::BadInput(format!(
            "{} is there already: name another file, or remove it",
            path.display()
        ))),
    }
}

/// Writes a file that isn't there yet.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut new = fs::File::create_new(path)
        .map_err(|why| Failure::BadInput(format!("{}: {why}", path.display())))?;
    new.write_all(bytes).map_err(|why| Failure::Unmet(format!("{}: {why}", path.display())))
}
