//! Every state that a small breaker can reach, by every order of what can happen to it.
//!
//! Time goes in ticks of a millisecond; states that differ only in when they are are the same. So
//! there are finitely many, and all of them are visited.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use super::{Breaker, Config, Permit, Window, at, breaker};
use crate::{
    crypto::encode,
    resilience::{
        Outcome,
        breaker::{State, machine::Stand, window::Calls},
    },
    time::Time,
};

/// More under way than there are probes, so that late ones and crowds are among them.
const MOST_UNDER_WAY: usize = 3;

/// Neither a lease nor the time from which a call is slow is longer.
const LONGEST_MS: u64 = 2;

#[derive(Clone, Copy, Debug)]
enum Input {
    Ask,
    Settle(usize, Outcome),
    Lose(usize),
    Tick,
}

struct World {
    now_ms: u64,
    guard: Breaker,
    under_way: Vec<Permit>,
}

impl Clone for World {
    fn clone(&self) -> Self {
        let copy = |it: &Permit| Permit { ..*it };
        let under_way = self.under_way.iter().map(copy).collect();
        Self { now_ms: self.now_ms, guard: self.guard.clone(), under_way }
    }
}

impl World {
    fn new(config: Config) -> Self {
        Self { now_ms: 0, guard: breaker(config), under_way: Vec::new() }
    }

    /// What tells this state from others: nothing of when it is.
    fn key(&self) -> Vec<u8> {
        let (guard, now) = (&self.guard, at(self.now_ms));
        let left = |until: Time| until.since(now).as_millis() as u64;
        let mut ends = Vec::new();
        let stand = match &guard.stand {
            Stand::Closed => (0, 0, 0, 0),
            Stand::Open { until } => (1, left(*until), 0, 0),
            Stand::HalfOpen(it) => {
                ends = it.ends().map(left).collect();
                (2, 0, it.succeeded, it.failed)
            }
        };
        ends.sort_unstable();
        let Calls::Last(window) = &guard.calls else { unreachable!("a window of calls") };
        let mut permits: Vec<_> = self
            .under_way
            .iter()
            .map(|permit| {
                let current = permit.generation == guard.generation;
                let slow = guard.config().is_slow(permit.started, now);
                let so_far = now.since(permit.started).as_millis() as u64;
                (current, current.then(|| (permit.is_probe(), slow, so_far.min(LONGEST_MS))))
            })
            .collect();
        permits.sort_unstable();
        let window = alloc::format!("{window:?}");
        encode(&(
            stand,
            ends,
            window,
            guard.failures_in_a_row.min(3),
            guard.opened_in_a_row.min(2),
            permits,
        ))
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::from([Input::Tick]);
        if self.under_way.len() < MOST_UNDER_WAY {
            inputs.push(Input::Ask);
        }
        for which in 0..self.under_way.len() {
            inputs.push(Input::Lose(which));
            for outcome in [Outcome::Success, Outcome::Failure, Outcome::Neutral] {
                inputs.push(Input::Settle(which, outcome));
            }
        }
        inputs
    }

    /// Does it, and checks what must hold across it.
    fn step(&mut self, input: Input) {
        let before = self.guard.clone();
        match input {
            Input::Ask => self.ask(),
            Input::Lose(which) => drop(self.under_way.swap_remove(which)),
            Input::Settle(which, outcome) => {
                let permit = self.under_way.swap_remove(which);
                let late = permit.generation != before.generation;
                self.guard.settle(at(self.now_ms), permit, outcome);
                let same = before.stand == self.guard.stand && before.calls == self.guard.calls;
                assert!(!late || same, "a late result changed something");
            }
            Input::Tick => {
                self.now_ms += 1;
                self.guard.tick(at(self.now_ms));
                let closes = self.guard.state() == State::Closed;
                assert!(!closes || before.state() == State::Closed, "time alone closed it");
            }
        }
        self.check();
    }

    fn ask(&mut self) {
        let now = at(self.now_ms);
        match self.guard.admit(now) {
            Ok(permit) => {
                let probe = self.guard.state() == State::HalfOpen;
                assert_eq!(permit.is_probe(), probe, "only probes while half-open");
                self.under_way.push(permit);
            }
            Err(rejected) => {
                assert_ne!(self.guard.state(), State::Closed, "closed rejects nobody");
                assert!(rejected.retry_at > Some(now), "come back, but later: {rejected:?}");
            }
        }
    }

    fn check(&self) {
        let config = self.guard.config();
        match &self.guard.stand {
            Stand::Closed => {
                let rates = self.guard.calls.rates(at(self.now_ms));
                assert!(!rates.are_too_high(config), "closed at {rates:?}");
            }
            Stand::Open { until } => {
                let longest = config.open_max_ms;
                assert!(until.since(at(self.now_ms)).as_millis() as u64 <= longest);
            }
            Stand::HalfOpen(probes) => {
                assert!(probes.under_way() + probes.succeeded <= config.probes);
                assert!(
                    probes.succeeded < config.probes && probes.failed <= config.probes_may_fail
                );
                let held = self
                    .under_way
                    .iter()
                    .filter(|it| it.generation == self.guard.generation && it.is_probe());
                assert!(held.count() <= MOST_UNDER_WAY);
            }
        }
    }

    /// Whatever has become of it: once calls succeed, it closes within the longest times it has.
    fn recovers(&self) {
        let mut world = self.clone();
        world.under_way.clear();
        let config = world.guard.config();
        let bound = config.probe_lease_ms + config.open_max_ms + 1;
        for _ in 0..bound {
            if world.guard.state() == State::Closed {
                return;
            }
            world.now_ms += 1;
            while let Ok(permit) = world.guard.admit(at(world.now_ms)) {
                let probe = permit.is_probe();
                world.guard.settle(at(world.now_ms), permit, Outcome::Success);
                if !probe {
                    return;
                }
            }
        }
        panic!("it is still {:?} after {bound} ms of success", world.guard.state());
    }
}

/// How many states there are, and how many of them are closed, open and half-open.
fn explore(config: Config) -> (usize, [usize; 3]) {
    let first = World::new(config);
    let mut known = BTreeSet::from([first.key()]);
    let (mut queue, mut kinds) = (VecDeque::from([first]), [0; 3]);
    while let Some(world) = queue.pop_front() {
        kinds[world.guard.state() as usize] += 1;
        world.recovers();
        for input in world.inputs() {
            let mut next = world.clone();
            next.step(input);
            if known.insert(next.key()) {
                queue.push_back(next);
            }
        }
    }
    (known.len(), kinds)
}

fn tiny() -> Config {
    Config::default()
        .window(Window::Calls(3))
        .minimum_calls(2)
        .open_ms(1)
        .open_growth_percent(200)
        .open_max_ms(2)
        .probes(2)
        .probe_lease_ms(2)
        .slow_call_ms(2)
}

#[test]
fn no_order_of_calls_results_losses_and_time_breaks_a_rule_or_wedges_it() {
    let (states, kinds) = explore(tiny());
    assert!(states > 1_000 && kinds.iter().all(|&count| count > 10), "{states}: {kinds:?}");
}

#[test]
fn nor_with_failures_in_a_row_and_without_a_schedule() {
    let config = tiny().failure_rate_ppm(None).failures_in_a_row(Some(2)).scheduled(false);
    let (states, kinds) = explore(config);
    assert!(states > 1_000 && kinds.iter().all(|&count| count > 10), "{states}: {kinds:?}");
}

#[test]
fn nor_where_probes_may_fail_and_slow_ones_do() {
    let config = tiny().probes_may_fail(1).slow_rate_ppm(Some(MOST));
    let (states, kinds) = explore(config);
    assert!(states > 1_000 && kinds.iter().all(|&count| count > 10), "{states}: {kinds:?}");
}

/// All calls.
const MOST: u32 = 1_000_000;
