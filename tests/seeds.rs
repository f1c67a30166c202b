//! Many seeds over all cores, and what they add up to.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// A number from the environment, to widen or move what is run.
///
/// # Panics
///
/// If it is there and no whole number.
#[must_use]
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |it| {
        it.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, and is {it:?}"))
    })
}

/// Runs `count` seeds from `first` on, on as many threads as there are cores; each thread adds up
/// its own, and stops when that is `enough`.
///
/// # Panics
///
/// If a run does.
pub fn over_seeds<T: Default + Send>(
    first: u64,
    count: u64,
    run: impl Fn(&mut T, u64) + Sync,
    enough: impl Fn(&T) -> bool + Sync,
) -> Vec<T> {
    let next = AtomicU64::new(first);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut sum = T::default();
        while !enough(&sum) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                break;
            }
            run(&mut sum, seed);
        }
        sum
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no run panics")).collect()
    })
}
