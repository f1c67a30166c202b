//! Carrying out the runs of a range in threads.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    failure::{self, Ending},
    interrupted,
    report::Report,
    subject::Subject,
};
use crate::{
    cli::{on_runtime, progress::Progress, signals},
    failure::Failure,
};

/// How often the report is written while it grows.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How often people see how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// When to end early.
pub(super) struct Limits {
    pub(super) jobs: usize,
    pub(super) time: Option<Duration>,
    /// When so many runs have failed since it began.
    pub(super) failures: u64,
    /// The most runs for shrinking one of them.
    pub(super) shrink_runs: u32,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every seed is covered, or a limit is reached.
    Done,
    /// By Ctrl-C or a request to terminate.
    Interrupted,
}

/// What the threads share.
struct Shared<'a> {
    subject: &'a Subject,
    limits: &'a Limits,
    seeds: Mutex<Box<dyn Iterator<Item = u64> + Send + 'a>>,
    /// How many runs had failed before, where a report is gone on with.
    failed_before: u64,
    report: Mutex<&'a mut Report>,
    /// Why a run couldn't be begun at all; ends everything.
    broken: Mutex<Option<String>>,
    stop: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries out what the report lacks, and writes it every few seconds and in the end.
pub(super) fn sweep(
    subject: &Subject,
    report: &mut Report,
    limits: &Limits,
    out: Option<&Path>,
) -> Result<Ended, Failure> {
    failure::keep_panics();
    let missing = report.missing();
    let progress = Progress::new(missing.count());
    let shared = Shared {
        subject,
        limits,
        seeds: Mutex::new(Box::new(missing.iter())),
        failed_before: report.failed,
        report: Mutex::new(report),
        broken: Mutex::new(None),
        stop: AtomicBool::new(false),
    };
    let ended = thread::scope(|scope| {
        let workers: Vec<_> = (0..limits.jobs).map(|_| scope.spawn(|| work(&shared))).collect();
        let running = || workers.iter().any(|worker| !worker.is_finished());
        let ended = on_runtime(watch(&shared, out, progress, running));
        // Whatever happened here, the threads are to come to their ends.
        shared.stop.store(true, Ordering::Relaxed);
        ended
    });
    // The threads are done, so this is the last word, whatever else went wrong.
    let Shared { report, broken, .. } = shared;
    if let Some(out) = out {
        lock(&report).save(out)?;
    }
    match lock(&broken).take() {
        Some(why) => Err(Failure::Unmet(why)),
        None => ended,
    }
}

/// Looks at the threads until they are done or have to be.
async fn watch(
    shared: &Shared<'_>,
    out: Option<&Path>,
    mut progress: Progress,
    running: impl Fn() -> bool,
) -> Result<Ended, Failure> {
    let began = Instant::now();
    let mut saved = began;
    let mut ended = Ended::Done;
    let mut tick = tokio::time::interval(LOOK_EVERY);
    let mut interrupts = signals::Interrupts::new()?;
    while running() {
        tokio::select! {
            _ = tick.tick() => {}
            _ = interrupts.next() => {
                if ended == Ended::Interrupted {
                    end_at_once(shared, out)?;
                }
                ended = Ended::Interrupted;
                shared.stop.store(true, Ordering::Relaxed);
                progress.done();
                eprintln!("the runs under way come to their ends; once more to end at once");
            }
        }
        if shared.limits.time.is_some_and(|limit| began.elapsed() >= limit) {
            shared.stop.store(true, Ordering::Relaxed);
        }
        {
            let report = lock(&shared.report);
            progress.show(report.runs, report.failed);
        }
        if let Some(out) = out
            && saved.elapsed() >= SAVE_EVERY
        {
            save(shared, out)?;
            saved = Instant::now();
        }
    }
    progress.done();
    Ok(ended)
}

/// Of a copy, so that no thread waits for the disk.
fn save(shared: &Shared<'_>, out: &Path) -> Result<(), Failure> {
    let report = (*lock(&shared.report)).clone();
    report.save(out)
}

/// Whoever interrupts twice doesn't want to wait. A thread can't be ended from outside, so the process
/// ends, and what its runs under way would have shown is left to do.
fn end_at_once(shared: &Shared<'_>, out: Option<&Path>) -> Result<(), Failure> {
    if let Some(out) = out {
        save(shared, out)?;
    }
    let left = lock(&shared.report).left;
    eprintln!("error: {}", interrupted(left, out.is_some()));
    std::process::exit(130)
}

/// One thread: seed after seed.
fn work(shared: &Shared<'_>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let Some(seed) = lock(&shared.seeds).next() else { return };
        if let Err(why) = one(shared, seed) {
            lock(&shared.broken).get_or_insert(format!("seed {seed}: {why}"));
            shared.stop.store(true, Ordering::Relaxed);
        }
    }
}

fn one(shared: &Shared<'_>, seed: u64) -> Result<(), String> {
    let began = Instant::now();
    let run = shared.subject.run(seed)?;
    let ending = failure::end_of(&run)?;
    let shrink_runs = shared.limits.shrink_runs;
    let found = failure::found(shared.subject, &run, &ending, shrink_runs, &shared.stop);
    let outcome = match &ending {
        Ending::Judged(outcome) => Some(&**outcome),
        Ending::Panicked(_) => None,
    };
    let bound_ms = u64::from(run.scenario.expect.liveness_within_ms);
    let mut report = lock(&shared.report);
    report.add(seed, outcome, bound_ms, found);
    report.totals.busy_ms += u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if report.failed - shared.failed_before >= shared.limits.failures {
        shared.stop.store(true, Ordering::Relaxed);
    }
    Ok(())
}
