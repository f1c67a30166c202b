//! Child processes: bounded in time, and none survives this tool.
//!
//! Every child leads a process group of its own, so that what it starts can be ended with it. On
//! Ctrl-C (or a polite kill) each group gets the same signal once and [`GRACE`] to end by itself;
//! what is left then is killed. A second Ctrl-C doesn't wait.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::say;

/// Longest a build may take: far over the slowest cold build seen, short of for ever.
pub(crate) const BUILD_LIMIT: Duration = Duration::from_mins(45);
/// Longest a question ("what version are you?") may take.
pub(crate) const QUESTION_LIMIT: Duration = Duration::from_secs(20);
/// How long children may take to end once asked. Test runners give their tests 10 s.
const GRACE: Duration = Duration::from_secs(12);
/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// How often we were told to stop.
static STOPS: AtomicUsize = AtomicUsize::new(0);
/// The process groups that live now.
static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// From now on Ctrl-C ends the children first, then this tool.
pub(crate) fn end_children_on_signals() -> Result<()> {
    ctrlc::set_handler(|| {
        let stops = STOPS.fetch_add(1, Ordering::SeqCst) + 1;
        for group in groups().iter() {
            if stops == 1 { group::ask_to_end(*group) } else { group::kill(*group) }
        }
    })
    .context("can't listen for Ctrl-C")
}

/// Whether we were told to stop.
pub(crate) fn interrupted() -> bool {
    STOPS.load(Ordering::SeqCst) > 0
}

/// Runs a child to its end, its output passed through as it is. Anything but success is an error.
pub(crate) fn run(command: Command, what: &str, limit: Duration) -> Result<()> {
    let status = run_status(command, what, limit)?;
    succeeded(status, what)
}

/// Runs a child to its end, its output passed through as it is, and says how it ended.
pub(crate) fn run_status(mut command: Command, what: &str, limit: Duration) -> Result<ExitStatus> {
    command.stdin(Stdio::null());
    Running::start(command, what)?.wait(limit)
}

/// Runs a child to its end and passes its output through, while `look` sees each line.
pub(crate) fn run_watched(
    mut command: Command,
    what: &str,
    limit: Duration,
    look: impl FnMut(&str) + Send + 'static,
) -> Result<ExitStatus> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command, what)?;
    let look = Arc::new(Mutex::new(look));
    let out = running.child.stdout.take().map(|pipe| pass_on(pipe, io::stdout(), look.clone()));
    let err = running.child.stderr.take().map(|pipe| pass_on(pipe, io::stderr(), look));
    let status = running.wait(limit)?;
    for thread in [out, err].into_iter().flatten() {
        end_of(thread);
    }
    Ok(status)
}

/// How a child ended that was listened to.
pub(crate) enum Ended {
    /// Its own way.
    ByItself(ExitStatus),
    /// It said what was waited for, and was ended.
    AsAsked,
    /// It took too long, and was ended.
    TooLate,
}

/// Runs a child until it prints a line that is waited for. What it prints goes nowhere else.
pub(crate) fn run_until(
    mut command: Command,
    what: &str,
    limit: Duration,
    mut is_it: impl FnMut(&str) -> bool,
) -> Result<Ended> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running::start(command, what)?;
    let (say, hear) = mpsc::channel();
    let out = running.child.stdout.take();
    let reader = thread::spawn(move || {
        let lines = out.into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
        // Whoever listens may have heard enough.
        lines
            .map_while(Result::ok)
            .take_while(|line| say.send(line.clone()).is_ok())
            .for_each(drop);
    });
    let end = Instant::now() + limit;
    let ended = loop {
        match hear.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if is_it(&line) => break Ended::AsAsked,
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => break Ended::TooLate,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return running.wait(GRACE).map(Ended::ByItself);
            }
        }
    };
    drop((running, hear));
    end_of(reader);
    Ok(ended)
}

/// Runs a quiet child to its end and returns what it printed; on failure that is in the error.
pub(crate) fn ask(mut command: Command, what: &str, limit: Duration) -> Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command, what)?;
    let out = running.child.stdout.take().map(collect);
    let err = running.child.stderr.take().map(collect);
    let status = running.wait(limit)?;
    let text =
        |thread: Option<thread::JoinHandle<String>>| thread.and_then(end_of).unwrap_or_default();
    let (out, err) = (text(out), text(err));
    if status.success() {
        return Ok(out);
    }
    bail!("{what} failed ({status}): {}", last_lines(&format!("{}\n{}", out.trim(), err.trim())))
}

/// An error unless the child ended well.
pub(crate) fn succeeded(status: ExitStatus, what: &str) -> Result<()> {
    if interrupted() {
        bail!("stopped while {what}");
    }
    if !status.success() {
        bail!("{what} failed ({status}); what it said is above");
    }
    Ok(())
}

/// A child that runs. Dropped, it is ended with everything it started.
pub(crate) struct Running {
    child: Child,
    what: String,
    ended: bool,
}

impl Running {
    /// Starts a child in a process group of its own.
    pub(crate) fn start(mut command: Command, what: &str) -> Result<Self> {
        group::lead(&mut command);
        let program = command.get_program().to_string_lossy().into_owned();
        // Held until the child is listed: whoever is told to stop later will find it there.
        let mut groups = groups();
        if interrupted() {
            bail!("stopped before {what}");
        }
        let child = command
            .spawn()
            .with_context(|| format!("can't start `{program}` for {what}; is it installed?"))?;
        groups.push(child.id());
        Ok(Self { child, what: what.to_owned(), ended: false })
    }

    /// Waits for the end, at most this long, and not longer than [`GRACE`] once told to stop.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<ExitStatus> {
        let began = Instant::now();
        let mut stopping: Option<Instant> = None;
        loop {
            if let Some(status) = self.child.try_wait().context("can't wait for a child process")? {
                self.forget();
                return Ok(status);
            }
            if interrupted() {
                let since = *stopping.get_or_insert_with(Instant::now);
                if since.elapsed() > GRACE {
                    self.end();
                    bail!("stopped while {}; it had to be killed", self.what);
                }
            } else if began.elapsed() > limit {
                self.end();
                bail!("{} took longer than {} and was ended", self.what, say::duration(limit));
            }
            thread::sleep(LOOK);
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn end(&mut self) {
        group::kill(self.child.id());
        // Reaps what was killed; it can't be anything but killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.forget();
    }

    /// The leader has ended: nothing of its group may go on when we were told to stop.
    fn forget(&mut self) {
        if interrupted() {
            group::kill(self.child.id());
        }
        self.ended = true;
        groups().retain(|group| *group != self.child.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.end();
        }
    }
}

fn groups() -> MutexGuard<'static, Vec<u32>> {
    // A list of numbers is whole whatever its holder was doing.
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass_on(
    from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    look: Arc<Mutex<impl FnMut(&str) + Send + 'static>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            // Nobody to read it is no reason to stop.
            let _ = to.write_all(&line).and_then(|()| to.flush());
            let text = String::from_utf8_lossy(&line);
            (look.lock().unwrap_or_else(PoisonError::into_inner))(text.trim_end());
            line.clear();
        }
    })
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read is what there is to report.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// What a reader of a pipe came to. Something that the child left behind may keep the pipe open;
/// it is not worth waiting for.
fn end_of<T>(reader: thread::JoinHandle<T>) -> Option<T> {
    let child_ended = Instant::now();
    while !reader.is_finished() {
        if child_ended.elapsed() > Duration::from_secs(5) {
            return None;
        }
        thread::sleep(LOOK);
    }
    reader.join().ok()
}

/// The end of a long output is where the reason stands.
fn last_lines(text: &str) -> String {
    const LINES: usize = 12;
    let lines: Vec<_> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(unix)]
mod group {
    use std::{os::unix::process::CommandExt, process::Command};

    use nix::{
        sys::signal::{Signal, killpg},
        unistd::Pid,
    };

    pub(super) fn lead(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn ask_to_end(leader: u32) {
        send(leader, Signal::SIGINT);
    }

    pub(super) fn kill(leader: u32) {
        send(leader, Signal::SIGKILL);
    }

    fn send(leader: u32, signal: Signal) {
        if let Ok(id) = i32::try_from(leader) {
            // The group may have ended in the meantime.
            let _ = killpg(Pid::from_raw(id), signal);
        }
    }
}

#[cfg(not(unix))]
mod group {
    use std::process::Command;

    // The console hands Ctrl-C to every process that is attached to it.
    pub(super) fn lead(_: &mut Command) {}
    pub(super) fn ask_to_end(_: u32) {}
    pub(super) fn kill(_: u32) {}
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_child_that_takes_too_long_is_ended_with_what_it_started() {
        let began = Instant::now();
        let folder = std::env::temp_dir().join(format!("xtask-process-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let note = folder.join("pid");
        let script = format!("sleep 60 & echo $! > '{}'; wait", note.display());
        let error = run(shell(&script), "the long sleep", Duration::from_millis(500)).unwrap_err();
        assert!(error.to_string().contains("the long sleep took longer than 0.5 s"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(20));
        let grandchild: i32 = std::fs::read_to_string(&note).unwrap().trim().parse().unwrap();
        let gone = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            let status = std::fs::read_to_string(format!("/proc/{grandchild}/stat"));
            // Killed and not yet reaped by the one who adopted it counts as gone.
            status.map_or(true, |stat| stat.contains(") Z "))
        });
        assert!(gone, "process {grandchild} survived");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_failure_carries_what_the_child_said() {
        let error = ask(shell("echo the reason >&2; exit 3"), "the question", QUESTION_LIMIT);
        assert!(error.unwrap_err().to_string().contains("the reason"));
        assert_eq!(ask(shell("echo yes"), "the question", QUESTION_LIMIT).unwrap(), "yes\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(Command::new("no-such-program"), "nothing", QUESTION_LIMIT).unwrap_err();
        assert!(error.to_string().contains("can't start `no-such-program` for nothing"), "{error}");
    }

    #[test]
    fn a_watched_child_is_seen_line_by_line() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = lines.clone();
        let status =
            run_watched(shell("echo one; echo two >&2"), "x", QUESTION_LIMIT, move |line| {
                seen.lock().unwrap().push(line.to_owned());
            });
        assert!(status.unwrap().success());
        let mut lines = lines.lock().unwrap().clone();
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    }
}
