//! Which trials, and carrying them out in threads.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use conclave_core::{
    quorum::{BadClusterSize, Membership},
    sim::appraisal::{Conduct, Setting, Trial},
};

use super::tally::Tally;
use crate::{
    cli::{on_runtime, progress::Progress, signals},
    failure::Failure,
};

/// How often people see how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What has many seeds.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) conduct: &'static Conduct,
    pub(super) n: u16,
    pub(super) setting: &'static Setting,
}

impl Cell {
    pub(super) fn trial(&self, seed: u64) -> Result<Trial<'static>, BadClusterSize> {
        let Self { conduct, setting, n } = *self;
        Ok(Trial { conduct, members: Membership::new(n)?, setting, seed })
    }
}

/// All cells, and the seeds of each.
pub(super) struct Plan {
    pub(super) cells: Vec<Cell>,
    from: u64,
    runs: u64,
}

impl Plan {
    pub(super) fn new(
        conducts: &[&'static Conduct],
        sizes: &[u16],
        settings: &[&'static Setting],
        from: u64,
        runs: u64,
    ) -> Self {
        let mut cells = Vec::new();
        for conduct in conducts {
            for n in sizes {
                cells.extend(settings.iter().map(|setting| Cell { conduct, n: *n, setting }));
            }
        }
        Self { cells, from, runs }
    }

    fn all(&self) -> u64 {
        self.cells.len() as u64 * self.runs
    }
}

struct Shared<'a> {
    plan: &'a Plan,
    next: AtomicU64,
    done: AtomicU64,
    stop: AtomicBool,
    tallies: Mutex<Vec<Tally>>,
    /// Why a trial couldn't be carried out: that ends everything.
    broken: Mutex<Option<String>>,
}

/// The tally of each cell, in order.
pub(super) fn carry_out(plan: &Plan, jobs: usize) -> Result<Vec<Tally>, Failure> {
    let shared = Shared {
        plan,
        next: AtomicU64::new(0),
        done: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        tallies: Mutex::new(vec![Tally::default(); plan.cells.len()]),
        broken: Mutex::new(None),
    };
    let interrupted = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| work(&shared))).collect();
        let running = || workers.iter().any(|worker| !worker.is_finished());
        on_runtime(watch(&shared, running))
    })?;
    if let Some(why) = shared.broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(Failure::Unmet(why));
    }
    if interrupted {
        return Err(Failure::Interrupted("nothing is written".into()));
    }
    Ok(shared.tallies.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Shows how far it is until it is over. True: somebody ended it.
async fn watch(shared: &Shared<'_>, running: impl Fn() -> bool) -> Result<bool, Failure> {
    let mut progress = Progress::new(shared.plan.all());
    let mut tick = tokio::time::interval(LOOK_EVERY);
    let mut was_interrupted = false;
    let interrupted = signals::asked_to_end();
    tokio::pin!(interrupted);
    while running() {
        tokio::select! {
            _ = tick.tick() => {}
            signal = &mut interrupted, if !was_interrupted => {
                signal?;
                was_interrupted = true;
                shared.stop.store(true, Ordering::Relaxed);
            }
        }
        progress.show(shared.done.load(Ordering::Relaxed), 0);
    }
    progress.done();
    Ok(was_interrupted)
}

fn work(shared: &Shared<'_>) {
    let cells = shared.plan.cells.len() as u64;
    while !shared.stop.load(Ordering::Relaxed) {
        let at = shared.next.fetch_add(1, Ordering::Relaxed);
        if at >= shared.plan.all() {
            return;
        }
        // All cells with one seed, then all with the next: large clusters don't come all at once.
        let (index, seed) = ((at % cells) as usize, shared.plan.from + at / cells);
        let cell = &shared.plan.cells[index];
        let appraisal = cell
            .trial(seed)
            .map_err(|why| why.to_string())
            .and_then(|trial| trial.appraise().map_err(|why| why.to_string()));
        match appraisal {
            Ok(appraisal) => {
                let mut tallies = shared.tallies.lock().unwrap_or_else(PoisonError::into_inner);
                tallies[index].add(seed, &appraisal);
                shared.done.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => {
                let mut broken = shared.broken.lock().unwrap_or_else(PoisonError::into_inner);
                broken.get_or_insert(format!("{} with seed {seed}: {why}", cell.conduct.name));
                shared.stop.store(true, Ordering::Relaxed);
            }
        }
    }
}
