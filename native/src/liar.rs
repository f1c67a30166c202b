//! The program with a node that lies: `conclave-liar node …` tells half of the others another story, or
//! what the variable `CONCLAVE_LIES` says.
//! For development clusters only; built with the feature `lies`, never for release.

use std::process::ExitCode;

fn main() -> ExitCode {
    conclave::node::lie_from_now_on();
    conclave::cli::run()
}
