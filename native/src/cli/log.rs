//! Logging to stderr, coloured only where colours are wanted (`NO_COLOR`, not a terminal: not).

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::failure::Failure;

pub(super) fn start(filter: &str) -> Result<(), Failure> {
    let targets: Targets = filter.parse().map_err(|why| {
        Failure::BadInput(format!(
            "--log {filter:?} is not a filter ({why}): write a level (error, warn, info, debug, \
             trace) or part=level, separated by commas"
        ))
    })?;
    let colours =
        stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_ansi(colours)
        .with_target(false)
        .with_filter(targets);
    tracing_subscriber::registry()
        .with(lines)
        .try_init()
        .map_err(|why| Failure::Unmet(format!("can't log: {why}")))
}
