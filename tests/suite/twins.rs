//! Twins: all scenarios of a kind, or an even sample where there are too many.

use std::collections::{BTreeMap, BTreeSet};

use conclave_tests::{
    over_seeds,
    twins::{Outcome, Sample, Twins},
};

/// What many scenarios came to.
#[derive(Default)]
struct Sum {
    scenarios: usize,
    executed: usize,
    two_faced: usize,
    view_changes: usize,
    disagreements: Vec<String>,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome, what: impl FnOnce() -> String) {
        self.scenarios += 1;
        self.executed += usize::from(outcome.executed);
        self.two_faced += usize::from(outcome.two_faced);
        self.view_changes += usize::from(outcome.view > 0);
        if outcome.disagreement.is_some() {
            self.disagreements.push(what());
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.scenarios += other.scenarios;
        self.executed += other.executed;
        self.two_faced += other.two_faced;
        self.view_changes += other.view_changes;
        self.disagreements.extend(other.disagreements);
        self
    }
}

fn run(sample: &Sample) -> Sum {
    let one = |sum: &mut Sum, index: u64| {
        let scenario = sample.scenario(index as usize);
        sum.add(&scenario.run(), || format!("{scenario:?}"));
    };
    let sums = over_seeds(0, sample.taken() as u64, one, |_| false);
    let sum = sums.into_iter().fold(Sum::default(), Sum::merge);
    println!(
        "{} splits, {} of {} scenarios; in {} something was executed before the end, in {} a twin was \
         in two minds, in {} views changed",
        sample.splits().len(),
        sum.scenarios,
        sample.all(),
        sum.executed,
        sum.two_faced,
        sum.view_changes
    );
    sum
}

/// How many scenarios a choice of twins: a slice, or all with `CONCLAVE_TWINS=all`.
fn each(slice: usize) -> usize {
    match std::env::var("CONCLAVE_TWINS").as_deref() {
        Ok("all") => usize::MAX,
        Ok(number) => number.parse().expect("CONCLAVE_TWINS is a number, or `all`"),
        Err(_) => slice,
    }
}

fn assert_safe_and_telling(sum: &Sum) {
    assert!(sum.disagreements.is_empty(), "they disagree in {:#?}", sum.disagreements);
    assert!(sum.executed * 3 > sum.scenarios, "nothing was executed in most");
    assert!(sum.two_faced * 3 > sum.scenarios, "twins were of one mind in most");
    assert!(sum.view_changes * 3 > sum.scenarios, "the primary was never left in most");
}

/// Those of four with one twin, and of seven with two: splits in two, in three phases.
fn of_four() -> Sample {
    Sample::new(4, 1, 2, 3, each(1_000))
}

fn of_seven() -> Sample {
    Sample::new(7, 2, 2, 3, each(20))
}

fn scenarios(sample: &Sample) -> impl Iterator<Item = Twins> {
    (0..sample.taken()).map(|index| sample.scenario(index))
}

/// In a third of the scenarios at least in which it has one, the twin of the first primary is apart
/// from it in view 0: that is how a primary tells two stories.
fn assert_the_first_primary_is_torn(sample: &Sample) {
    let (mut torn, mut all) = (0, 0);
    for Twins { n, twins, phases } in scenarios(sample) {
        let Some(place) = twins.iter().position(|twin| *twin == 0) else { continue };
        all += 1;
        torn += usize::from(phases[0][0] != phases[0][n as usize + place]);
    }
    assert!(torn * 3 > all, "the first primary is torn in {torn} of {all}");
}

#[test]
fn with_four_every_split_occurs_in_every_phase_whoever_is_twins() {
    let sample = of_four();
    let mut seen: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for Twins { twins, phases, .. } in scenarios(&sample) {
        for (phase, split) in phases.into_iter().enumerate() {
            seen.entry((twins.clone(), phase)).or_default().insert(split);
        }
    }
    assert_eq!(seen.len(), 4 * 3);
    for (what, splits) in seen {
        assert_eq!(splits.len(), sample.splits().len(), "splits of twins and phase {what:?}");
    }
    assert_the_first_primary_is_torn(&sample);
}

#[test]
fn with_seven_any_two_instances_are_apart_in_every_phase_of_some_scenario() {
    let sample = of_seven();
    let mut apart = BTreeSet::new();
    for Twins { phases, .. } in scenarios(&sample) {
        for (phase, split) in phases.iter().enumerate() {
            let two = |one: usize| (0..one).map(move |other| (one, other));
            let pairs = (0..split.len()).flat_map(two);
            apart.extend(pairs.filter(|(i, j)| split[*i] != split[*j]).map(|(i, j)| (phase, i, j)));
        }
    }
    assert_eq!(apart.len(), 3 * (9 * 8 / 2), "some are never apart: {apart:?}");
    assert_the_first_primary_is_torn(&sample);
}

#[test]
fn one_twin_of_four_never_makes_correct_replicas_disagree() {
    assert_safe_and_telling(&run(&of_four()));
}

#[test]
fn two_twins_of_seven_never_make_correct_replicas_disagree() {
    assert_safe_and_telling(&run(&of_seven()));
}

#[test]
fn with_one_twin_too_many_a_disagreement_is_found() {
    let sum = run(&Sample::new(4, 2, 2, 1, usize::MAX));
    assert!(!sum.disagreements.is_empty(), "two twins of four can split the others");
    println!("{} of {} disagree", sum.disagreements.len(), sum.scenarios);
}
