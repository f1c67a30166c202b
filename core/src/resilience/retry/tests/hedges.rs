//! A second copy of what takes longer than usual.

use alloc::vec::Vec;

use super::{BudgetConfig, at, ms};
use crate::{
    dice::Dice,
    resilience::retry::{HedgeConfig, Hedger, Next},
};

fn hedger(config: HedgeConfig) -> Hedger {
    Hedger::new(config).unwrap()
}

#[test]
fn a_copy_goes_out_after_what_is_usual_and_not_before() {
    let mut guard = hedger(HedgeConfig::default());
    let mut race = guard.begin(at(0), Some(ms(80)), None);
    assert_eq!(guard.next(at(0), &mut race), Next::Wait { until: at(80) });
    assert_eq!(guard.next(at(79), &mut race), Next::Wait { until: at(80) });
    assert_eq!(guard.next(at(80), &mut race), Next::Send);
    assert_eq!(guard.next(at(80), &mut race), Next::Enough);
    guard.won(race, 1);
    assert_eq!((guard.counters().copies, guard.counters().won_by_copy), (1, 1));
}

#[test]
fn a_copy_goes_out_at_once_when_the_first_fails_and_all_may_fail() {
    let mut guard = hedger(HedgeConfig::default().copies(2));
    let mut race = guard.begin(at(0), None, None);
    for _ in 0..2 {
        guard.failed(at(10), &mut race);
        assert_eq!(guard.next(at(10), &mut race), Next::Send);
    }
    assert_eq!(guard.next(at(10), &mut race), Next::Enough, "the last is under way");
    guard.failed(at(11), &mut race);
    assert_eq!(guard.next(at(11), &mut race), Next::Lost);
}

#[test]
fn when_everything_is_slow_copies_do_not_double_the_load() {
    let budget = BudgetConfig::default().share_ppm(50_000).floor(5);
    let mut guard = hedger(HedgeConfig::default().budget(budget));
    for round in 0..1_000 {
        let mut race = guard.begin(at(round * 10), Some(ms(1)), None);
        let next = guard.next(at(round * 10 + 1), &mut race);
        assert!(matches!(next, Next::Send | Next::Enough));
    }
    let counters = guard.counters();
    assert!((50..=55).contains(&counters.copies), "{counters:?}");
    assert_eq!(counters.copies + counters.out_of_budget, 1_000);
}

#[test]
fn one_that_failed_and_may_have_no_copy_is_lost() {
    let budget = BudgetConfig::default().share_ppm(0).floor(0);
    let mut guard = hedger(HedgeConfig::default().budget(budget));
    let mut race = guard.begin(at(0), None, None);
    guard.failed(at(1), &mut race);
    assert_eq!(guard.next(at(1), &mut race), Next::Lost);
    assert_eq!(guard.next(at(2), &mut race), Next::Lost, "and stays so");
}

#[test]
fn after_the_deadline_nothing_is_sent() {
    let mut guard = hedger(HedgeConfig::default());
    let mut race = guard.begin(at(0), Some(ms(10)), Some(at(10)));
    assert_eq!(guard.next(at(10), &mut race), Next::Enough);
}

#[test]
fn a_copy_that_is_not_sent_costs_nothing() {
    let budget = BudgetConfig::default().share_ppm(0).floor(1);
    let mut guard = hedger(HedgeConfig::default().budget(budget));
    for round in 0..100 {
        let mut race = guard.begin(at(round * 10), Some(ms(1)), None);
        assert_eq!(guard.next(at(round * 10 + 1), &mut race), Next::Send, "{round}");
        guard.refused(at(round * 10 + 1), &mut race);
        assert_eq!(guard.next(at(round * 10 + 2), &mut race), Next::Enough);
    }
    assert_eq!((guard.counters().copies, guard.counters().refused), (0, 100));
}

#[test]
fn copies_go_out_when_a_list_of_times_says() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed, 0);
        let (copies, wait) = (1 + dice.below(8) as u8, 1 + dice.below(500));
        let budget = BudgetConfig::default().floor(1_000);
        let mut guard = hedger(HedgeConfig::default().copies(copies).budget(budget));
        let begins = dice.below(1 << 40);
        let patience = dice.below(5_000);
        let mut race = guard.begin(at(begins), Some(ms(wait)), Some(at(begins + patience)));
        let (mut now, mut sent) = (begins, Vec::new());
        loop {
            match guard.next(at(now), &mut race) {
                Next::Send => sent.push(now - begins),
                // Whoever asks late is answered late, and the next is so long after that.
                Next::Wait { until } => now = until.0 / 1_000,
                Next::Enough => break,
                Next::Lost => panic!("seed {seed}: none has failed"),
            }
        }
        let all = (1..=u64::from(copies)).map(|number| number * wait);
        let in_time: Vec<_> = all.take_while(|after| *after < patience).collect();
        assert_eq!(sent, in_time, "seed {seed}");
        assert_eq!(guard.counters().copies, sent.len() as u64);
    }
}
