//! Every state that a small one can reach, by every order of signals and time, beside a model that
//! remembers since when what has held.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use super::{Config, Degradation, at, degradation};
use crate::resilience::{Priority, degradation::Level};

const WORSEN_MS: u64 = 1;
const IMPROVE_MS: u64 = 2;
const STALE_MS: u64 = 3;

/// Below all, between leaving and entering, and at each level's threshold.
const VALUES: [u64; 5] = [0, 600_000, 720_000, 870_000, 1_000_000];

/// What tells one state from others: the level, signals and for how long they hold, since when it
/// could have got worse or better.
type Key = (Level, [(u64, u64); 2], Option<u64>, Option<u64>);

#[derive(Clone)]
struct World {
    now_ms: u64,
    guard: Degradation,
    signals: [(u64, u64); 2],
    /// For how long it could have got worse, and better, since the level last changed.
    worse_ms: Option<u64>,
    better_ms: Option<u64>,
}

impl World {
    fn highest(&self) -> u64 {
        let fresh = self.signals.iter().filter(|it| it.1 > 0);
        fresh.map(|it| it.0).max().unwrap_or(0)
    }

    fn key(&self) -> Key {
        let cap = |it: Option<u64>, most| it.map(|it: u64| it.min(most));
        let fresh = self.signals.map(|it| if it.1 == 0 { (0, 0) } else { it });
        (self.guard.level(), fresh, cap(self.worse_ms, WORSEN_MS), cap(self.better_ms, IMPROVE_MS))
    }

    fn enters(&self) -> bool {
        let level = self.guard.level() as usize;
        level < 3 && self.highest() >= u64::from(self.guard.config().enter_ppm[level])
    }

    fn leaves(&self) -> bool {
        let level = self.guard.level() as usize;
        level > 0 && self.highest() < u64::from(self.guard.config().leave_ppm[level - 1])
    }

    fn observe(&mut self, signal: usize, value: u64) {
        self.signals[signal] = (value, STALE_MS);
        self.check(|guard, now| guard.observe(now, signal as u8, value).unwrap());
    }

    fn tick(&mut self) {
        self.now_ms += 1;
        for signal in &mut self.signals {
            signal.1 = signal.1.saturating_sub(1);
        }
        self.worse_ms = self.worse_ms.map(|it| it + 1);
        self.better_ms = self.better_ms.map(|it| it + 1);
        self.check(Degradation::tick);
    }

    fn check(&mut self, input: impl FnOnce(&mut Degradation, crate::time::Time)) {
        let before = self.guard.level();
        self.worse_ms = if self.enters() { self.worse_ms.or(Some(0)) } else { None };
        self.better_ms = if self.leaves() { self.better_ms.or(Some(0)) } else { None };
        let worsens = self.worse_ms.is_some_and(|it| it >= WORSEN_MS);
        let improves = self.better_ms.is_some_and(|it| it >= IMPROVE_MS);
        input(&mut self.guard, at(self.now_ms));
        let after = self.guard.level();
        let expected = before as usize + usize::from(worsens) - usize::from(improves);
        assert_eq!(after as usize, expected, "from {before:?} at {}", self.highest());
        if after != before {
            self.worse_ms = self.enters().then_some(0);
            self.better_ms = self.leaves().then_some(0);
        }
        let mut guard = self.guard.clone();
        for _ in 0..4 {
            assert!(guard.admit(at(self.now_ms), Priority::Consensus).is_ok());
        }
    }

    /// Once nothing is high, it is normal within three dwells.
    fn recovers(&self) {
        let mut world = self.clone();
        (0..2).for_each(|signal| world.observe(signal, 0));
        (0..=3 * IMPROVE_MS).for_each(|_| world.tick());
        assert_eq!(world.guard.level(), Level::Normal);
    }
}

#[test]
fn no_order_of_signals_and_time_skips_a_level_or_moves_one_too_soon_or_too_late() {
    let config =
        Config::default().signals(2).worsen_ms(WORSEN_MS).improve_ms(IMPROVE_MS).stale_ms(STALE_MS);
    let first = World {
        now_ms: 0,
        guard: degradation(config),
        signals: [(0, 0); 2],
        worse_ms: None,
        better_ms: None,
    };
    let (mut known, mut queue) = (BTreeSet::from([first.key()]), VecDeque::from([first]));
    let mut levels = [0; 4];
    while let Some(world) = queue.pop_front() {
        levels[world.guard.level() as usize] += 1;
        world.recovers();
        let mut nexts = Vec::new();
        for signal in 0..2 {
            for value in VALUES {
                let mut next = world.clone();
                next.observe(signal, value);
                nexts.push(next);
            }
        }
        let mut next = world;
        next.tick();
        nexts.push(next);
        for next in nexts {
            if known.insert(next.key()) {
                queue.push_back(next);
            }
        }
    }
    assert!(known.len() > 500 && levels.iter().all(|&it| it > 50), "{levels:?}");
}
