//! What holds whatever is stated, in any order, at any time: random logs from fixed seeds.

use alloc::{vec, vec::Vec};

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::{Log, MINUTE_MS};
use crate::{
    crypto::encode,
    detector::quarantine::{Config, MAX_HISTORY, Order, Quarantine, What},
    ids::NodeId,
};

struct Random(Xoshiro256PlusPlus);

impl Random {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn below(&mut self, bound: u16) -> u16 {
        (self.0.next_u64() % u64::from(bound)) as u16
    }

    /// From a moment to two hours.
    fn pause_ms(&mut self) -> u64 {
        let magnitude = self.below(23);
        self.0.next_u64() % (1 << magnitude) + 1
    }
}

/// Members `0..f` lie: they accuse and withdraw as they please. The others accuse liars only, each
/// when it likes, for a liar may misbehave towards one at a time.
#[test]
fn f_liars_hold_no_correct_member_silence_no_correct_observer_and_escape_not_all_of_them() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let n = 4 + random.below(13);
        let f = (n - 1) / 3;
        let mut log = Log::new(n);
        for _ in 0..300 {
            log.pass_ms(random.pause_ms());
            let by = random.below(n);
            let suspect = if by < f { random.below(n) } else { random.below(f) };
            let _ = match random.below(3) {
                0 => log.withdraw(by, suspect),
                _ => log.accuse(by, suspect),
            };
            for correct in f..n {
                let node = NodeId(correct);
                assert!(!log.quarantine.is_restrained(node), "seed {seed}: {correct} is held");
                assert!(!log.quarantine.is_silenced(node), "seed {seed}: {correct} is voiceless");
            }
        }
        let ever_weakened = log
            .entries
            .iter()
            .any(|entry| entry.node.0 >= f && matches!(entry.what, What::Unfounded { .. }));
        assert!(ever_weakened, "seed {seed}: the liars never made a correct observer look wrong");
        // When a liar at last misbehaves towards all, nothing saves it.
        let liar = random.below(f);
        for by in f..n {
            log.accuse(by, liar);
        }
        assert!(log.quarantine.is_restrained(NodeId(liar)), "seed {seed}: {liar} of {n} got away");
    }
}

/// Whatever f liars vouch for, and one of them again and again.
#[test]
fn f_liars_convict_nobody_by_vouching_and_f_plus_one_members_whoever_is_guilty() {
    for n in 4..=20 {
        let f = (n - 1) / 3;
        let mut log = Log::new(n);
        for round in 0..3 {
            for (liar, about) in (0..f).flat_map(|liar| (0..n).map(move |about| (liar, about))) {
                let _ = log.vouch(liar, (about + round) % n);
            }
            assert_eq!(log.quarantine.convicted().len(), 0, "n = {n}");
        }
        for liar in 0..f {
            assert!(log.quarantine.vouched_by(NodeId(liar)).len() <= f + 1, "n = {n}");
        }
        // What they didn't waste on correct ones they may vouch for together with others.
        for by in f..=2 * f {
            assert_eq!(log.quarantine.convicted().len(), 0, "n = {n}");
            log.vouch(by, n - 1).outcome.unwrap();
        }
        let convicted: Vec<_> = log.quarantine.convicted().iter().map(|node| node.0).collect();
        assert_eq!(convicted, [n - 1], "n = {n}");
        assert!(!log.quarantine.record(NodeId(n - 1)).unwrap().is_surely_convicted());
    }
}

/// Standing accusations of all liars, and one correct observer that errs about a correct member.
#[test]
fn f_weakened_liars_and_one_error_hold_nobody() {
    for n in [4, 7, 10, 13, 16] {
        let f = (n - 1) / 3;
        let mut log = Log::new(n);
        for liar in 0..f {
            log.accuse(liar, n - 1);
        }
        log.pass_ms(2 * MINUTE_MS);
        log.accuse(f, n - 1);
        assert_eq!(log.held(), [], "n = {n}");
        log.accuse(f + 1, n - 1);
        if f == 1 {
            assert_eq!(log.held(), [n - 1], "two errors and the liar: no rule can tell");
        }
    }
}

#[test]
fn whatever_is_stated_all_bounds_hold_and_replicas_agree() {
    let mut holds = 0;
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let n = 4 + random.below(13);
        let f = (n - 1) / 3;
        let mut log = Log::new(n);
        for step in 0..300 {
            if random.below(3) == 0 {
                log.pass_ms(random.pause_ms());
            }
            // Mostly about a few, so that accusations meet.
            let few = if random.below(3) == 0 { n + 1 } else { 3 };
            let (by, about) = (random.below(n + 1), random.below(few));
            let _ = match random.below(200) {
                0 => log.convict(about),
                1 => log.order(about, Some(Order::Hold)),
                2 => log.order(about, Some(Order::Free)),
                3..8 => log.order(about, None),
                8..60 => log.withdraw(by, about),
                60..63 => log.vouch(by, about),
                _ => log.accuse(by, about),
            };
            let held = log.quarantine.restrained().len();
            let convicted = log.quarantine.convicted().len();
            assert!(held <= f.max(convicted), "seed {seed}, step {step}: {held} of {n} are held");
            assert!(log.quarantine.history().len() <= MAX_HISTORY);
            if let Some(wake) = log.quarantine.next_wake() {
                assert!(wake > log.now, "seed {seed}, step {step}: {wake:?} has passed");
            }
        }
        assert_eq!(replayed(&log), log.quarantine, "seed {seed}: two replicas differ");
        for entry in &log.entries {
            if let What::Held { by, .. } = &entry.what {
                assert!(by.len() > f, "seed {seed}: held by {by:?}, and f is {f}");
                holds += 1;
            }
        }
        // An accuser has f+1 accusations, a member one record: so much and no more.
        let bound = 200 * usize::from(n) * usize::from(f + 2) + 80 * MAX_HISTORY;
        assert!(encode(&log.quarantine).len() < bound, "seed {seed}");
    }
    assert!(holds > 100, "{holds} holds: too little happened");
}

/// Another replica that executes the same, and starts again from a snapshot half-way.
fn replayed(log: &Log) -> Quarantine {
    let mut replica = Quarantine::new(log.quarantine.members(), Config::default()).unwrap();
    for (index, (position, at, said)) in log.executed.iter().enumerate() {
        if index == log.executed.len() / 2 {
            let kept = postcard::from_bytes(&encode(&replica)).unwrap();
            replica = Quarantine::resumed(replica.members(), Config::default(), kept);
        }
        match said {
            Some((by, statement)) => drop(replica.apply(*position, *at, *by, statement)),
            None => drop(replica.advance(*position, *at)),
        }
    }
    replica
}

#[test]
fn time_wakes_it_until_nothing_is_left_to_decide() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let n = 4 + random.below(13);
        let mut log = Log::new(n);
        for _ in 0..60 {
            let (by, about) = (random.below(n), random.below(n));
            let _ = log.accuse(by, about);
            log.pass_ms(random.pause_ms() / 64 + 1);
        }
        let mut wakes = vec![];
        while let Some(wake) = log.quarantine.next_wake() {
            wakes.push(wake);
            assert!(wakes.len() < 1_000, "seed {seed}: it never comes to rest");
            log.pass_ms(wake.0 - log.now.0);
        }
        assert_eq!(log.held(), [], "seed {seed}: held for ever");
        for node in 0..n {
            assert!(!log.quarantine.is_silenced(NodeId(node)), "seed {seed}: silenced for ever");
        }
    }
}
