//! How far it is: one line that changes on a terminal, a line now and then in a log.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// How often a log gets a line.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// How wide the bar is, in characters.
const BAR: u64 = 24;

pub(super) struct Progress {
    began: Instant,
    logged: Instant,
    wanted: u64,
    terminal: bool,
    /// How many runs there were when this began.
    had: Option<u64>,
}

impl Progress {
    /// Of so many runs.
    pub(super) fn new(wanted: u64) -> Self {
        let began = Instant::now();
        let terminal = io::stderr().is_terminal();
        Self { began, logged: began, wanted, terminal, had: None }
    }

    /// So many runs are done now, and so many of them failed.
    pub(super) fn show(&mut self, runs: u64, failed: u64) {
        let had = *self.had.get_or_insert(runs);
        if !self.terminal && self.logged.elapsed() < LOG_EVERY {
            return;
        }
        self.logged = Instant::now();
        let line = line(runs - had, self.wanted, self.began.elapsed(), failed);
        // Nobody needs it: where it can't be shown, it isn't.
        let mut err = io::stderr().lock();
        let _ = if self.terminal {
            write!(err, "\r{line}\x1b[K").and_then(|()| err.flush())
        } else {
            writeln!(err, "{line}")
        };
    }

    /// Makes room for what comes next.
    pub(super) fn done(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: u64, wanted: u64, took: Duration, failed: u64) -> String {
    let full = (done * BAR).checked_div(wanted).unwrap_or(BAR).min(BAR);
    let bar: String = (0..BAR).map(|at| if at < full { '█' } else { '░' }).collect();
    let rate = done as f64 / took.as_secs_f64().max(0.001);
    let left = match done {
        0 => String::new(),
        _ => format!(", {} left", clock((wanted - done.min(wanted)) as f64 / rate)),
    };
    let failed = if failed == 0 { String::new() } else { format!(", {failed} FAILED") };
    format!("{bar} {done} of {wanted} runs, {rate:.0} a second{left}{failed}")
}

/// Minutes and seconds.
pub(super) fn clock(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_how_fast_and_how_long_still() {
        let line = line(250, 1_000, Duration::from_secs(5), 2);
        assert!(line.starts_with("██████░"), "{line}");
        assert!(line.ends_with("250 of 1000 runs, 50 a second, 15 s left, 2 FAILED"), "{line}");
        assert_eq!(super::line(0, 0, Duration::ZERO, 0).matches('█').count() as u64, BAR);
    }

    #[test]
    fn times_are_in_units_that_fit() {
        assert_eq!((clock(59.2), clock(61.0)), ("1 min 0 s".into(), "1 min 1 s".into()));
        assert_eq!(clock(7_260.0), "2 h 1 min");
    }
}
