//! A limit and a server that serves so many at a time, the others waiting in line.

use alloc::collections::VecDeque;

use super::{Algorithm, at, limiter, open_to_all};
use crate::resilience::{Outcome, Priority, adaptive::AdaptiveLimiter, adaptive::Permit};

struct Server {
    at_a_time: usize,
    takes_ms: u64,
    timeout_ms: u64,
    /// When each that is served will be done; then those in line.
    served: VecDeque<(u64, u64, Permit)>,
    line: VecDeque<(u64, Permit)>,
    done: u64,
    timed_out: u64,
}

impl Server {
    fn new(at_a_time: usize, takes_ms: u64) -> Self {
        let (served, line) = (VecDeque::new(), VecDeque::new());
        Self { at_a_time, takes_ms, timeout_ms: 1_000, served, line, done: 0, timed_out: 0 }
    }

    /// A millisecond, in which more is asked for than is ever let through.
    fn step(&mut self, guard: &mut AdaptiveLimiter, now_ms: u64) {
        let now = at(now_ms);
        while self.served.front().is_some_and(|(done, ..)| *done <= now_ms) {
            if let Some((_, began, permit)) = self.served.pop_front() {
                let late = now_ms - began > self.timeout_ms;
                self.done += u64::from(!late);
                self.timed_out += u64::from(late);
                guard.settle(now, permit, if late { Outcome::Timeout } else { Outcome::Success });
            }
        }
        for _ in 0..1_000 {
            let Ok(permit) = guard.admit(now, Priority::Normal) else { break };
            self.line.push_back((now_ms, permit));
        }
        while self.served.len() < self.at_a_time
            && let Some((began, permit)) = self.line.pop_front()
        {
            self.served.push_back((now_ms + self.takes_ms, began, permit));
        }
    }
}

fn run(guard: &mut AdaptiveLimiter, server: &mut Server, from_ms: u64, for_ms: u64) -> u64 {
    let done = server.done;
    for now_ms in from_ms..from_ms + for_ms {
        server.step(guard, now_ms);
    }
    server.done - done
}

#[test]
fn it_finds_what_the_server_can_do_and_keeps_the_line_short() {
    for (algorithm, most) in [(Algorithm::GRADIENT2, 150), (Algorithm::VEGAS, 80)] {
        let mut guard = limiter(open_to_all(algorithm));
        let mut server = Server::new(50, 20);
        run(&mut guard, &mut server, 0, 60_000);
        let done = run(&mut guard, &mut server, 60_000, 10_000);
        assert!(done > 24_000, "{algorithm:?}: {done} of 25000 possible");
        let limit = guard.limit();
        assert!((48..=most).contains(&limit), "{algorithm:?}: {limit} for 50 at a time");
        assert_eq!(server.timed_out, 0, "{algorithm:?}");
    }
}

#[test]
fn with_additive_increase_it_is_drops_that_end_the_growth() {
    let mut guard = limiter(open_to_all(Algorithm::Aimd));
    let mut server = Server::new(10, 100);
    run(&mut guard, &mut server, 0, 120_000);
    let (done, dropped) = (server.done, server.timed_out);
    // A hundred a second for a second's patience: about a hundred fit.
    assert!((60..=115).contains(&guard.limit()), "{}", guard.limit());
    assert!(dropped > 0 && dropped * 20 < done, "{dropped} dropped, {done} done");
}

#[test]
fn it_follows_a_server_that_becomes_a_tenth_and_recovers() {
    for algorithm in [Algorithm::GRADIENT2, Algorithm::VEGAS, Algorithm::Aimd] {
        let mut guard = limiter(open_to_all(algorithm));
        let mut server = Server::new(50, 20);
        run(&mut guard, &mut server, 0, 30_000);
        server.at_a_time = 5;
        server.timeout_ms = 200;
        run(&mut guard, &mut server, 30_000, 60_000);
        let small = guard.limit();
        assert!(small <= 60, "{algorithm:?}: {small} for 5 at a time and 50 in time");
        server.at_a_time = 50;
        run(&mut guard, &mut server, 90_000, 60_000);
        let done = run(&mut guard, &mut server, 150_000, 10_000);
        assert!(done > 22_500, "{algorithm:?}: {done} of 25000 possible");
    }
}
