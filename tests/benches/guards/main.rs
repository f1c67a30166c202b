//! What a guard costs a call that passes, beside what good libraries of one pattern each take, in one
//! run. The libraries are safe to share between threads and read no clock here; ours are values that
//! one thread owns, and are given the time. Around a `tower` service (`services`) all are shared, read
//! the clock and wait.
//!
//! `cargo bench -p conclave-tests --bench guards`

mod services;

use std::{hint::black_box, num::NonZeroU32, time::Instant};

use conclave_core::time::Time;
use conclave_tests::guards;
use failsafe::CircuitBreaker as _;
use governor::{Quota, RateLimiter, clock::FakeRelativeClock};

const CALLS: u64 = 1_000_000;
/// The best of so many: whatever else runs here can only make a round slower.
const ROUNDS: u32 = 10;

fn main() {
    // A test run of all targets (`--test`) only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("{:<28} {:>9} {:>12}", "of calls that pass", "ns/call", "pass");
    for mut guarded in guards::all() {
        let (name, mut from) = (guarded.name(), 0);
        time(name, || {
            from += CALLS * 4;
            guarded.run(Time(from), CALLS)
        });
    }
    println!("\nothers");
    governor();
    recloser();
    failsafe();
    semaphore();
    println!("\naround a service of tower");
    services::all();
}

/// What a round's calls take each, and what share of them passed.
fn time(name: &str, mut round: impl FnMut() -> u64) {
    let (mut best, mut passed) = (f64::INFINITY, 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        passed = black_box(round());
        best = best.min(start.elapsed().as_nanos() as f64 / CALLS as f64);
    }
    let share = passed as f64 * 100.0 / CALLS as f64;
    println!("{name:<28} {best:>9.1} {share:>10.1} %");
}

fn each(mut call: impl FnMut() -> bool) -> u64 {
    (0..CALLS).map(|_| u64::from(call())).sum()
}

fn governor() {
    let most = NonZeroU32::new(1_000_000_000).expect("more than none");
    let clock = FakeRelativeClock::default();
    let limiter = RateLimiter::direct_with_clock(Quota::per_second(most), clock.clone());
    time("governor", || {
        each(|| {
            clock.advance(std::time::Duration::from_micros(4));
            limiter.check().is_ok()
        })
    });
}

fn recloser() {
    let breaker = recloser::Recloser::custom().build();
    time("recloser", || each(|| breaker.call(|| black_box(Ok::<(), ()>(()))).is_ok()));
}

fn failsafe() {
    let breaker = failsafe::Config::new().build();
    time("failsafe", || each(|| breaker.call(|| black_box(Ok::<(), ()>(()))).is_ok()));
}

fn semaphore() {
    let semaphore = tokio::sync::Semaphore::new(64);
    time("tokio semaphore", || each(|| semaphore.try_acquire().is_ok()));
}
