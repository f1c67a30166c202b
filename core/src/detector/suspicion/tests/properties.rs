//! What holds whatever is noted: random sequences from fixed seeds.

use core::time::Duration;

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::observer;
use crate::{
    crypto::encode,
    detector::suspicion::{
        Channel, Config, Kind, Points, SUSPICION_CAP, Signal, Standing, Suspicion, Verdict,
    },
    ids::NodeId,
    quorum::Membership,
    sorted::SortedSet,
    time::Time,
};

struct Random(Xoshiro256PlusPlus);

impl Random {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn signal(&mut self) -> Signal {
        match self.below(12) {
            0 | 1 => Signal::Success,
            2 => Signal::Failure,
            3 => Signal::InconsistentVote,
            4 | 5 => {
                let magnitude = self.below(40);
                Signal::Response { took: Duration::from_micros(self.below(1 << magnitude)) }
            }
            6 => Signal::SlowLead,
            7 => Signal::Silence,
            8 => Signal::Malformed {
                channel: [Channel::Link, Channel::Relayed, Channel::Open][self.below(3) as usize],
            },
            9 => Signal::Flood,
            10 => Signal::ViewChangeAbuse,
            _ => Signal::CheckpointDisagreement,
        }
    }

    /// Mostly soon, sometimes after a very long time.
    fn pause(&mut self) -> Duration {
        let long = self.below(50) == 0;
        let magnitude = self.below(if long { 40 } else { 22 });
        Duration::from_micros(self.below(1 << magnitude))
    }
}

fn check(standing: &Standing) {
    let sum: u32 = standing.reasons.iter().map(|reason| reason.points.0).sum();
    assert_eq!(standing.score.0, sum.min(SUSPICION_CAP.0), "a score is its reasons, capped");
    for reason in &standing.reasons {
        assert!(reason.points <= reason.kind.cap());
    }
    assert!(standing.reasons.windows(2).all(|pair| pair[0].points >= pair[1].points));
}

#[test]
fn no_sequence_of_signals_convicts_and_every_score_is_the_sum_of_its_reasons() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let n = 4 + random.below(10) as u16;
        let mut suspicion = observer(n);
        let (mut now, mut accused) = (Time(0), SortedSet::new());
        for _ in 0..300 {
            now = now + random.pause();
            let suspect = NodeId(random.below(u64::from(n) + 2) as u16);
            suspicion.note(now, suspect, random.signal());
            for decision in suspicion.decide(now) {
                let changed = match decision.verdict {
                    Verdict::Accuse => accused.insert(decision.suspect),
                    Verdict::Withdraw => accused.remove(&decision.suspect),
                };
                assert!(changed, "seed {seed}: it accuses and withdraws by turns");
            }
            let before = encode(&suspicion);
            let all = suspicion.snapshot(now);
            all.iter().for_each(check);
            assert!(all.iter().all(|it| it.accused == accused.contains(&it.suspect)));
            assert_eq!(before, encode(&suspicion), "seed {seed}: looking changes nothing");
        }
        // Once everything is quiet, nobody is suspected any more, and that has been said.
        while let Some(next) = suspicion.next_wake(now) {
            now = next;
            for decision in suspicion.decide(now) {
                match decision.verdict {
                    Verdict::Accuse => accused.insert(decision.suspect),
                    Verdict::Withdraw => accused.remove(&decision.suspect),
                };
            }
        }
        assert!(accused.is_empty(), "seed {seed}: {accused:?} are accused for ever");
    }
}

#[test]
fn the_same_signals_give_the_same_suspicion_also_after_a_snapshot_of_it() {
    for seed in 0..50 {
        let (mut one, mut other) = (observer(7), observer(7));
        let mut random = Random::new(seed);
        let mut now = Time(0);
        for step in 0..200 {
            now = now + random.pause();
            let (suspect, signal) = (NodeId(random.below(7) as u16), random.signal());
            one.note(now, suspect, signal);
            other.note(now, suspect, signal);
            if step == 100 {
                other = postcard::from_bytes(&encode(&other)).unwrap();
            }
            assert_eq!(one.decide(now), other.decide(now));
        }
        assert_eq!(encode(&one), encode(&other));
    }
}

/// The correct peers answer within the floor of each other and fail as chance has it; f liars do
/// what they like with their own answers.
#[test]
fn whatever_f_liars_do_no_correct_peer_is_suspected_for_its_pace_or_its_losses() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let n = 4 + random.below(13) as u16;
        let members = Membership::new(n).unwrap();
        let f = members.f();
        let mut suspicion = Suspicion::new(NodeId(0), members, Config::default()).unwrap();
        let base_ms = random.below(3_000);
        let loss = random.below(300);
        for round in 0..200 {
            let now = Time::from_millis(round * 200);
            for peer in 1..n {
                let lies = peer <= f;
                let within_floor = Duration::from_millis(base_ms + random.below(250));
                let took = if lies { random.pause() } else { within_floor };
                let fails = if lies { random.below(2) == 0 } else { random.below(1_000) < loss };
                if !fails || lies {
                    suspicion.note(now, NodeId(peer), Signal::Response { took });
                }
                let outcome = if fails { Signal::Failure } else { Signal::Success };
                suspicion.note(now, NodeId(peer), outcome);
            }
            for correct in f + 1..n {
                let score = suspicion.score(now, NodeId(correct));
                assert!(
                    score < Points::new(50),
                    "seed {seed}, round {round}: {correct} of {n} has {score}: {:?}",
                    suspicion.reasons(now, NodeId(correct))
                );
                let reasons = suspicion.reasons(now, NodeId(correct));
                assert!(reasons.iter().all(|reason| reason.kind != Kind::Late));
            }
        }
    }
}
