//! How a command ends when it doesn't end well: one sentence and an exit code.
//!
//! Modules have typed errors of their own; at the edge each becomes a [`Failure`].

use std::process::ExitCode;

use thiserror::Error;

/// Why a command gave up.
#[derive(Debug, Error)]
pub enum Failure {
    /// It was asked for properly and did not come about: exit code 1.
    #[error("{0}")]
    Unmet(String),
    /// A limit ended it before it was done, and what was done came out as it must: exit code 3.
    #[error("incomplete: {0}")]
    Incomplete(String),
    /// Somebody ended it before it was done: exit code 130, as after Ctrl-C.
    #[error("interrupted: {0}")]
    Interrupted(String),
    /// What it was given can't be used, be it a flag, a file, a key or a port: exit code 2.
    #[error("{0}")]
    BadInput(String),
}

impl Failure {
    /// 1 for what did not come about, 2 for what could not be understood or used, 3 for what a limit
    /// left undone, 130 for what was interrupted.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unmet(_) => ExitCode::from(1),
            Self::BadInput(_) => ExitCode::from(2),
            Self::Incomplete(_) => ExitCode::from(3),
            Self::Interrupted(_) => ExitCode::from(130),
        }
    }

    /// From anything that says in words why an input can't be used.
    pub fn bad_input(why: &impl ToString) -> Self {
        Self::BadInput(why.to_string())
    }

    /// From anything that says in words what did not come about.
    pub fn unmet(why: &impl ToString) -> Self {
        Self::Unmet(why.to_string())
    }
}
