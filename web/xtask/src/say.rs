//! What people read while they wait.
//!
//! A step prints one line when it begins and one with its time when it has ended. Whatever prints
//! nothing of its own for a while gets a counter on its last line, on a terminal; elsewhere (in CI,
//! in a file) lines are all there is.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// One line about what is being done.
pub(crate) fn step(what: &str) {
    eprintln!("{} {what}", paint("==>", Paint::Accent));
}

/// One line of detail below a step.
pub(crate) fn detail(what: &str) {
    eprintln!("    {what}");
}

/// How long something took, as people say it.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        let whole = time.as_secs();
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// A size in kB (thousand bytes), as the budgets are written.
pub(crate) fn kilobytes(bytes: u64) -> String {
    format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100)
}

/// Does something that is silent by itself, counting seconds on a terminal once it takes over two.
pub(crate) fn while_waiting<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let (ended, ending) = mpsc::channel::<()>();
    let counter = is_live().then(|| {
        let what = what.to_owned();
        thread::spawn(move || {
            let mut shown = false;
            while ending
                .recv_timeout(Duration::from_secs(1))
                .is_err_and(|e| e == mpsc::RecvTimeoutError::Timeout)
            {
                if began.elapsed() > Duration::from_secs(2) {
                    eprint!("\r    {what}: {} s", began.elapsed().as_secs());
                    shown = true;
                }
            }
            if shown {
                eprint!("\r\x1b[2K");
            }
            // A lost flush costs a line on the screen, nothing else.
            let _ = io::stderr().flush();
        })
    });
    let result = work();
    drop(ended);
    if let Some(counter) = counter {
        // The counter can't panic but for a broken screen, which is no reason to stop.
        let _ = counter.join();
    }
    let took = began.elapsed();
    if took > Duration::from_secs(2) {
        detail(&format!("{what}: {}", duration(took)));
    }
    result
}

/// Colours that mean something.
#[derive(Clone, Copy)]
pub(crate) enum Paint {
    /// A heading.
    Accent,
    /// Passed.
    Good,
    /// Failed.
    Bad,
}

/// The text, in colour where colour is wanted.
pub(crate) fn paint(text: &str, paint: Paint) -> String {
    if !wants_colour() {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Accent => "1;36",
        Paint::Good => "32",
        Paint::Bad => "1;31",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Whether children should colour what they print through a pipe.
pub(crate) fn wants_colour() -> bool {
    is_live() && env::var_os("NO_COLOR").is_none()
}

/// A terminal with a person before it.
fn is_live() -> bool {
    let in_ci = env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    !in_ci && io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_as_people_say_them() {
        assert_eq!(duration(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(kilobytes(68_340), "68.3 kB");
    }
}
