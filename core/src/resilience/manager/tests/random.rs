//! Whatever calls do and however they end: nothing leaks, and all is counted once.

use alloc::vec::Vec;

use super::{Begun, Call, Config, Key, Manager, config, policy};
use crate::{
    dice::Dice,
    resilience::{
        Outcome, Priority, adaptive, degradation,
        manager::{AbandonedCall, Attempt, Instead, Waiting},
        objective, rate,
        retry::Hint,
    },
    time::Time,
};

#[derive(Default)]
struct World {
    calls: Vec<Call>,
    attempts: Vec<(Call, Attempt)>,
    waiting: Vec<Waiting>,
    abandoned: Vec<AbandonedCall>,
}

fn pick<T>(dice: &mut Dice, list: &mut Vec<T>) -> Option<T> {
    let at = dice.below(list.len() as u64) as usize;
    (!list.is_empty()).then(|| list.swap_remove(at))
}

fn outcome(dice: &mut Dice) -> Outcome {
    Outcome::ALL[dice.below(5) as usize]
}

/// One thing that a host may do; whatever is under way, in whatever order.
fn step(manager: &mut Manager, keys: &[Key], world: &mut World, dice: &mut Dice, now: Time) {
    let key = keys[dice.below(keys.len() as u64) as usize];
    match dice.below(8) {
        0 | 1 => {
            let priority = Priority::ALL[dice.below(4) as usize];
            let deadline =
                (dice.below(2) == 0).then(|| Time(now.0.saturating_add(dice.below(9_000_000))));
            match manager.begin(now, key, 1, Some(priority), deadline) {
                Ok(Begun::Go(call)) => world.calls.push(call),
                Ok(Begun::Wait(waiting)) => world.waiting.push(waiting),
                Err(_) => {}
            }
        }
        2 | 3 => {
            if let Some(mut call) = pick(dice, &mut world.calls) {
                match manager.attempt(now, &mut call) {
                    Ok(attempt) => world.attempts.push((call, attempt)),
                    Err(Instead::Again { .. }) => world.calls.push(call),
                    Err(_) => manager.finish(now, call, Outcome::Overload),
                }
            }
        }
        4 | 5 => {
            if let Some((mut call, attempt)) = pick(dice, &mut world.attempts) {
                let ended = outcome(dice);
                match manager.settle(now, &mut call, attempt, ended, Hint::None) {
                    Instead::Again { .. } => world.calls.push(call),
                    _ if dice.below(3) == 0 => {
                        world.abandoned.push(manager.abandon(now, call, ended));
                    }
                    _ => manager.finish(now, call, ended),
                }
            }
        }
        6 => {
            if let Some(abandoned) = pick(dice, &mut world.abandoned) {
                manager.end(now, abandoned);
            } else if let Some(waiting) = pick(dice, &mut world.waiting) {
                manager.leave(waiting);
            }
        }
        _ => manager.tick(now),
    }
}

fn turns(manager: &mut Manager, keys: &[Key], world: &mut World, now: Time) {
    for key in keys.iter().copied() {
        while let Some(turn) = manager.poll_turn(now, key) {
            let of = |it: &Waiting| it.ticket() == turn.ticket && it.key() == key;
            let at = world.waiting.iter().position(of).expect("somebody waits for it");
            let waiting = world.waiting.swap_remove(at);
            if turn.turn.result.is_ok() && waiting.until() == now {
                manager.decline(key, turn);
                continue;
            }
            world.calls.extend(manager.resume(now, waiting, turn));
        }
    }
}

/// All that can be called.
fn keys(manager: &Manager) -> Vec<Key> {
    let peers = (0..4).flat_map(|peer| ["read", "write"].map(|operation| (peer, operation)));
    peers.map(|(peer, operation)| manager.key(peer, operation).unwrap()).collect()
}

/// Whatever is under way ends.
fn end_all(manager: &mut Manager, world: World, now: Time) {
    for (mut call, attempt) in world.attempts {
        let _ = manager.settle(now, &mut call, attempt, Outcome::Neutral, Hint::None);
        manager.finish(now, call, Outcome::Neutral);
    }
    for waiting in world.waiting {
        manager.leave(waiting);
    }
    for call in world.calls {
        manager.finish(now, call, Outcome::Neutral);
    }
    for abandoned in world.abandoned {
        manager.end(now, abandoned);
    }
}

/// Two thousand things that a host may do; after each, something more is done to the manager.
fn play(
    manager: &mut Manager,
    dice: &mut Dice,
    mut besides: impl FnMut(&mut Manager, &mut Dice, Time),
) -> (World, Time) {
    let keys = keys(manager);
    let (mut world, mut now) = (World::default(), Time(dice.below(1 << 40)));
    for _ in 0..2_000 {
        now = Time(now.0 + dice.below(20_000));
        step(manager, &keys, &mut world, dice, now);
        turns(manager, &keys, &mut world, now);
        besides(manager, dice, now);
    }
    (world, now)
}

#[test]
fn nothing_leaks_and_all_is_counted_once() {
    for seed in 0..60 {
        let mut dice = Dice::new(seed, 0);
        let policy = policy()
            .rate(Some(rate::Config::default()))
            .adaptive(Some(adaptive::Config::default().lease_ms(86_400_000)))
            .objective(Some(objective::Config::default()));
        let config = config(&policy).degradation(Some(degradation::Config::default()));
        let mut manager = Manager::new(config.clone()).unwrap();
        let (world, now) = play(&mut manager, &mut dice, |manager, dice, now| {
            if dice.below(200) == 0 {
                manager.reconfigure(now, config.clone()).unwrap();
            }
        });
        end_all(&mut manager, world, now);
        let mut begun = 0;
        for peer in 0..4 {
            for operation in ["read", "write"] {
                let key = manager.key(peer, operation).unwrap();
                let snapshot = manager.snapshot(key).unwrap();
                let bulkhead = snapshot.bulkhead.unwrap();
                assert_eq!((bulkhead.running, bulkhead.waiting), (0, 0), "seed {seed}");
                assert_eq!(snapshot.adaptive.unwrap().under_way, 0, "seed {seed}");
                let counters = snapshot.counters;
                let ended = counters.begun
                    + counters.degraded
                    + counters.over_rate
                    + counters.no_room
                    + counters.crowded
                    + counters.left;
                assert_eq!(counters.asked, ended, "seed {seed}: {counters:?}");
                let ended = counters.succeeded + counters.failed + counters.neutral;
                assert_eq!(counters.begun, ended, "seed {seed}: {counters:?}");
                begun += counters.begun;
            }
        }
        assert!(begun > 100, "seed {seed}: {begun}");
    }
}

#[test]
fn whatever_comes_and_goes_nothing_is_kept_of_what_is_gone_and_nobody_waits_for_ever() {
    let mut dropped = 0;
    for seed in 0..60 {
        let mut dice = Dice::new(seed, 1);
        let policy = policy().adaptive(Some(adaptive::Config::default().lease_ms(86_400_000)));
        let all = config(&policy);
        let mut manager = Manager::new(all.clone()).unwrap();
        let (world, now) = play(&mut manager, &mut dice, |manager, dice, now| {
            if dice.below(50) == 0 {
                let mut fewer = all.clone().peers(1 + dice.below(4) as u16);
                fewer.operations.retain(|_, _| dice.below(2) == 0);
                manager.reconfigure(now, fewer.clone()).unwrap();
                let asked = usize::from(fewer.peers) * fewer.operations.len();
                assert!((asked..=8).contains(&manager.kept()), "seed {seed}");
                dropped += u32::from(manager.kept() < 8);
            }
        });
        manager.reconfigure(now, Config::default()).unwrap();
        end_all(&mut manager, world, now);
        manager.tick(now);
        assert_eq!((manager.kept(), manager.next_wake()), (0, None), "seed {seed}");
    }
    assert!(dropped > 500, "{dropped}");
}
