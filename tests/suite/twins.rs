//! Twins: all scenarios of a kind, or an even sample where there are too many.

use conclave_tests::{
    over_seeds,
    twins::{Outcome, Split, choices, scenario, splits},
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

/// Scenarios with every choice of so many twins, `each` of them a choice, evenly spread.
fn run(n: u16, twins: usize, sides: u8, phases: u32, each: usize) -> Sum {
    let splits: Vec<Split> = splits(n as usize + twins, sides);
    let all = splits.len().pow(phases);
    let each = each.min(all);
    let choices = choices(n, twins);
    let one = |sum: &mut Sum, index: u64| {
        let index = index as usize;
        let number = (index / choices.len()) * (all / each);
        let twins = &choices[index % choices.len()];
        let scenario = scenario(n, twins, &splits, phases as usize, number);
        sum.add(&scenario.run(), || format!("{scenario:?}"));
    };
    let sums = over_seeds(0, (each * choices.len()) as u64, one, |_| false);
    let sum = sums.into_iter().fold(Sum::default(), Sum::merge);
    println!(
        "n = {n}, {twins} twins, {phases} phases of {} splits: {} of {} scenarios; in {} something \
         was executed before the end, in {} a twin was in two minds, in {} views changed",
        splits.len(),
        sum.scenarios,
        all * choices.len(),
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

#[test]
fn one_twin_of_four_never_makes_correct_replicas_disagree() {
    assert_safe_and_telling(&run(4, 1, 2, 3, each(1_000)));
}

#[test]
fn two_twins_of_seven_never_make_correct_replicas_disagree() {
    assert_safe_and_telling(&run(7, 2, 2, 3, each(20)));
}

#[test]
fn with_one_twin_too_many_a_disagreement_is_found() {
    let sum = run(4, 2, 2, 1, usize::MAX);
    assert!(!sum.disagreements.is_empty(), "two twins of four can split the others");
    println!("{} of {} disagree", sum.disagreements.len(), sum.scenarios);
}
