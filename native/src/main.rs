//! The `conclave` program. Everything is in the library, where tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    conclave::cli::run()
}
