//! Twins (Bano et al., OPODIS 2021): a Byzantine replica is two correct ones with one identity.
//!
//! What the two say together is equivocation, amnesia and losing a lock, and nobody had to think of
//! it. Scenarios are generated systematically: which replicas have a twin, and for each phase of a
//! run who can hear whom. The leaders follow from the views. Each side of a split has a client of
//! its own, so that two sides that both go on do so with different requests.

use std::collections::BTreeSet;

use conclave_core::ids::{NodeId, Seq};

use crate::rounds::{LockStep, brisk, request};

/// How many rounds a phase lasts: a request's patience, a view change and three phases.
const ROUNDS_A_PHASE: usize = 12;
/// How many rounds everybody hears everybody in the end.
const ROUNDS_HEALED: usize = 24;

/// Who hears whom: the number of each instance's side.
pub type Split = Vec<u8>;

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twins {
    /// How many identities there are.
    pub n: u16,
    /// Which of them are two. Instances are 0 to n−1, and then these.
    pub twins: Vec<u16>,
    /// The split of each phase.
    pub phases: Vec<Split>,
}

/// What came of one.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Two correct replicas that executed different batches, and where.
    pub disagreement: Option<(NodeId, NodeId, Seq)>,
    /// Whether a correct replica executed anything before all was healed.
    pub executed: bool,
    /// Whether two instances of one identity took part in different views, or executed differently.
    pub two_faced: bool,
    /// The highest view of a correct replica.
    pub view: u64,
}

/// Every way to split so many instances into at most so many sides.
fn splits(instances: usize, sides: u8) -> Vec<Split> {
    let mut splits: Vec<Split> = vec![Vec::new()];
    for _ in 0..instances {
        let longer = splits.iter().flat_map(|split| {
            let next = split.iter().max().map_or(0, |last| last + 1);
            (0..=next.min(sides - 1)).map(move |side| {
                let mut split = split.clone();
                split.push(side);
                split
            })
        });
        splits = longer.collect();
    }
    splits
}

/// A sample of all scenarios of a kind, taken evenly, or all of them.
#[derive(Clone, Debug)]
pub struct Sample {
    n: u16,
    splits: Vec<Split>,
    choices: Vec<Vec<u16>>,
    phases: u32,
    each: usize,
    /// How far apart those lie that it takes one after the other.
    stride: usize,
}

impl Sample {
    /// Scenarios of `n` identities with every choice of so many twins, `each` of them a choice.
    #[must_use]
    pub fn new(n: u16, twins: usize, sides: u8, phases: u32, each: usize) -> Self {
        let splits = splits(n as usize + twins, sides);
        let all = splits.len().pow(phases);
        let (choices, each, stride) = (choices(n, twins), each.min(all), stride(all));
        Self { n, splits, choices, phases, each, stride }
    }

    /// Every way to split the instances.
    #[must_use]
    pub fn splits(&self) -> &[Split] {
        &self.splits
    }

    /// How many scenarios there are altogether.
    #[must_use]
    pub fn all(&self) -> usize {
        self.of_a_choice() * self.choices.len()
    }

    /// How many of them it takes.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.each * self.choices.len()
    }

    fn of_a_choice(&self) -> usize {
        self.splits.len().pow(self.phases)
    }

    /// Scenario number `index` of those that it takes.
    ///
    /// Each choice of twins goes on where the one before it stopped, in strides that have no factor in
    /// common with the number of scenarios: with one, most splits would never occur in the first phase.
    #[must_use]
    pub fn scenario(&self, index: usize) -> Twins {
        let (nth, choice) = (index / self.choices.len(), index % self.choices.len());
        let number = (choice * self.each + nth) * self.stride % self.of_a_choice();
        scenario(self.n, &self.choices[choice], &self.splits, self.phases as usize, number)
    }
}

/// The first number from the golden section of this one on that has no factor in common with it:
/// its multiples lie evenly however many are taken.
fn stride(all: usize) -> usize {
    (all * 618 / 1_000..all).find(|it| common_factor(*it, all) == 1).unwrap_or(1)
}

/// Euclid's.
fn common_factor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { common_factor(other, one % other) }
}

/// The scenario of this number: each digit, in base of the number of splits, is a phase.
fn scenario(n: u16, twins: &[u16], splits: &[Split], phases: usize, number: usize) -> Twins {
    let mut rest = number;
    let phases = (0..phases).map(|_| {
        let split = splits[rest % splits.len()].clone();
        rest /= splits.len();
        split
    });
    Twins { n, twins: twins.to_vec(), phases: phases.collect() }
}

impl Twins {
    /// Runs it.
    #[must_use]
    pub fn run(&self) -> Outcome {
        let identities: Vec<u16> = (0..self.n).chain(self.twins.iter().copied()).collect();
        let mut net = LockStep::new(self.n, &identities, &brisk());
        let correct = |node: NodeId| !self.twins.contains(&node.0);
        let mut two_faced = false;
        for (phase, split) in (0_u64..).zip(&self.phases) {
            for (index, side) in split.iter().enumerate() {
                net.ask(index, &request(1 + phase * 16 + u64::from(*side), 1));
            }
            for _ in 0..ROUNDS_A_PHASE {
                net.round(|sent| split[sent.from] == split[sent.to]);
            }
            two_faced |= self.is_two_faced(&net);
        }
        let executed = executed_by(&net, correct);
        for _ in 0..ROUNDS_HEALED {
            net.round(|_| true);
        }
        let views = net.instances().iter().filter(|instance| correct(instance.id));
        Outcome {
            disagreement: net.disagreement(correct),
            executed,
            two_faced,
            view: views.map(|instance| instance.replica().view().0).max().unwrap_or(0),
        }
    }

    fn is_two_faced(&self, net: &LockStep) -> bool {
        (self.n as usize..).zip(&self.twins).any(|(second, first)| {
            let [one, other] = [*first as usize, second].map(|index| &net.instances()[index]);
            one.executed() != other.executed() || one.replica().view() != other.replica().view()
        })
    }
}

fn executed_by(net: &LockStep, correct: impl Fn(NodeId) -> bool) -> bool {
    net.instances().iter().any(|instance| correct(instance.id) && !instance.executed().is_empty())
}

/// Every choice of so many identities out of `n`.
fn choices(n: u16, size: usize) -> Vec<Vec<u16>> {
    let all = (0_u32..1 << n).filter(|set| set.count_ones() as usize == size);
    let members = |set: u32| (0..n).filter(|node| set >> node & 1 == 1).collect();
    let distinct: BTreeSet<Vec<u16>> = all.map(members).collect();
    distinct.into_iter().collect()
}
