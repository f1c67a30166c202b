//! Where in a text file something is wrong: people look for lines and columns, not bytes.

use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A place in a text, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Position {
    /// The place of a byte offset.
    pub fn of(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A configuration or key file that can't be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read {path}: {why}{hint}", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
        /// What to do about it, or nothing.
        hint: &'static str,
    },
    /// The file can't be written.
    #[error("can't write {path}: {why}", path = path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// Something is wrong at one place in the file.
    #[error("{path}, {at}: {why}", path = path.display())]
    At {
        /// Which file.
        path: PathBuf,
        /// Where.
        at: Position,
        /// What.
        why: String,
    },
    /// Something is wrong with the file as a whole.
    #[error("{path}: {why}", path = path.display())]
    Whole {
        /// Which file.
        path: PathBuf,
        /// What.
        why: String,
    },
}

impl ConfigError {
    /// Something wrong at a span of the file's text.
    pub(super) fn at(path: &Path, text: &str, span: &Range<usize>, why: impl fmt::Display) -> Self {
        Self::At { path: path.to_owned(), at: Position::of(text, span.start), why: why.to_string() }
    }

    /// Something wrong with the whole file.
    pub(super) fn whole(path: &Path, why: impl fmt::Display) -> Self {
        Self::Whole { path: path.to_owned(), why: why.to_string() }
    }

    /// What the TOML reader said, in one line.
    pub(super) fn toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let why = error.message().trim().replace('\n', "; ");
        match error.span() {
            Some(span) => Self::at(path, text, &span, why),
            None => Self::whole(path, why),
        }
    }
}

/// Where a field stands inside a table: the reader gives only the table's own span.
pub(super) fn field_span(text: &str, table: &Range<usize>, field: &str) -> Range<usize> {
    let inside = text.get(table.clone()).unwrap_or_default();
    let starts = inside.match_indices(field).map(|(at, _)| at).find(|at| {
        let line = inside[..*at].rfind('\n').map_or(0, |newline| newline + 1);
        inside[line..*at].trim().is_empty()
    });
    let start = table.start + starts.unwrap_or(0);
    start..start + field.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters_from_one() {
        let text = "äb\ncd\n";
        let at = |offset| {
            let Position { line, column } = Position::of(text, offset);
            (line, column)
        };
        assert_eq!((at(0), at(2), at(3)), ((1, 1), (1, 2), (1, 3)));
        assert_eq!((at(4), at(5)), ((2, 1), (2, 2)));
        assert_eq!(at(1), (1, 1), "inside a character is where it starts");
        assert_eq!(at(99), (3, 1), "past the end is the end");
    }
}
