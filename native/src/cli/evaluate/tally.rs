//! What many trials of one row come to.

use conclave_core::sim::appraisal::{Appraisal, Believed, Class, Truth};
use serde::Serialize;

use super::statistics::{Estimate, median, rate, share};

/// Counts over the trials of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    runs: u64,
    liars: u64,
    proven: u64,
    heard: u64,
    heard_proven: u64,
    held: u64,
    correct: u64,
    correct_held: u64,
    correct_convicted: u64,
    absent: u64,
    absent_held: u64,
    /// Virtual time, added up over the correct nodes, in microseconds.
    correct_us: u64,
    delays_us: Vec<u64>,
    delays_rounds: Vec<u64>,
    delays_messages: Vec<u64>,
    /// The seeds of trials in which a liar that was heard got away without proof.
    unproven: Vec<u64>,
}

/// What is reported of a row. Shares and delays that there are none of are left out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// The conduct, and the size or network if rows are split by it.
    pub(super) name: String,
    pub(super) class: &'static str,
    /// The conduct in one line.
    pub(super) what: &'static str,
    /// Trials.
    pub(super) runs: u64,
    /// Liars that did lie in them.
    pub(super) liars: u64,
    /// The share of them that f+1 correct nodes had proof of.
    pub(super) proven: Option<Estimate>,
    /// Liars whose lies reached two correct nodes, or a client,
    pub(super) heard: u64,
    /// and the share of them that f+1 correct nodes had proof of.
    pub(super) heard_proven: Option<Estimate>,
    /// The share of them that f+1 correct nodes held guilty: recall.
    pub(super) held: Option<Estimate>,
    /// The share of liars among all that were held guilty: precision.
    pub(super) precision: Option<Estimate>,
    /// Correct nodes that were held guilty.
    pub(super) correct_held: u64,
    /// Correct nodes against which anyone correct held proof: must be 0.
    pub(super) correct_convicted: u64,
    /// The first of both, an hour of a correct node.
    pub(super) false_per_node_hour: Option<Estimate>,
    /// Honest nodes that were down or cut off,
    pub(super) absent: u64,
    /// and those of them that were held guilty.
    pub(super) absent_held: u64,
    /// From the first lie until the liar was held guilty.
    pub(super) delay_ms: Option<Estimate>,
    /// The same in rounds: positions executed meanwhile.
    pub(super) delay_rounds: Option<Estimate>,
    /// The same in messages delivered meanwhile, by anyone to anyone.
    pub(super) delay_messages: Option<Estimate>,
}

impl Tally {
    pub(super) fn add(&mut self, seed: u64, appraisal: &Appraisal) {
        self.runs += 1;
        let got_away = |it: &Believed| it.was_heard() && it.proven.is_none();
        if appraisal.nodes.iter().any(got_away) {
            self.unproven.push(seed);
        }
        for node in &appraisal.nodes {
            let held = u64::from(node.held.is_some());
            match node.truth {
                Truth::Liar => {
                    let Some(began) = node.began else { continue };
                    self.liars += 1;
                    self.proven += u64::from(node.proven.is_some());
                    self.heard += u64::from(node.was_heard());
                    self.heard_proven += u64::from(node.was_heard() && node.proven.is_some());
                    self.held += held;
                    if let Some(then) = node.held {
                        self.delays_us.push(then.at.0.saturating_sub(began.at.0));
                        self.delays_rounds.push(then.round.saturating_sub(began.round));
                        self.delays_messages.push(then.messages.saturating_sub(began.messages));
                    }
                }
                Truth::Correct => {
                    self.correct += 1;
                    self.correct_us += appraisal.ended_at.0;
                    self.correct_held += held;
                    self.correct_convicted += u64::from(node.convicted_by > 0);
                }
                Truth::Absent => {
                    self.absent += 1;
                    self.absent_held += held;
                    self.correct_convicted += u64::from(node.convicted_by > 0);
                }
            }
        }
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        self.runs += other.runs;
        self.liars += other.liars;
        self.proven += other.proven;
        self.heard += other.heard;
        self.heard_proven += other.heard_proven;
        self.held += other.held;
        self.correct += other.correct;
        self.correct_held += other.correct_held;
        self.correct_convicted += other.correct_convicted;
        self.absent += other.absent;
        self.absent_held += other.absent_held;
        self.correct_us += other.correct_us;
        self.delays_us.append(&mut other.delays_us);
        self.delays_rounds.append(&mut other.delays_rounds);
        self.delays_messages.append(&mut other.delays_messages);
        self.unproven.append(&mut other.unproven);
    }

    /// The seeds of trials in which a liar that was heard got away without proof, in order.
    pub(super) fn unproven(&self) -> Vec<u64> {
        let mut seeds = self.unproven.clone();
        seeds.sort_unstable();
        seeds
    }

    pub(super) fn row(&self, name: String, class: &'static str, what: &'static str) -> Row {
        let hours = self.correct_us as f64 / 3_600e6;
        let in_ms = |it: Estimate| Estimate {
            value: it.value / 1e3,
            low: it.low / 1e3,
            high: it.high / 1e3,
        };
        Row {
            name,
            class,
            what,
            runs: self.runs,
            liars: self.liars,
            proven: share(self.proven, self.liars),
            heard: self.heard,
            heard_proven: share(self.heard_proven, self.heard),
            held: share(self.held, self.liars),
            precision: share(self.held, self.held + self.correct_held),
            correct_held: self.correct_held,
            correct_convicted: self.correct_convicted,
            false_per_node_hour: rate(self.correct_held, hours),
            absent: self.absent,
            absent_held: self.absent_held,
            delay_ms: median(&mut self.delays_us.clone()).map(in_ms),
            delay_rounds: median(&mut self.delays_rounds.clone()),
            delay_messages: median(&mut self.delays_messages.clone()),
        }
    }
}

/// What is asked of the detector, and whether it does it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Goal {
    pub(super) what: &'static str,
    pub(super) measured: Option<f64>,
    pub(super) met: bool,
}

/// The goals, judged over the trials of each class. A class that wasn't tried is left out.
pub(super) fn goals(of: impl Fn(&[Class]) -> Tally) -> Vec<Goal> {
    use Class::{Active, Hidden, Honest, Provable};
    let all = of(&[Provable, Active, Hidden, Honest]).row(String::new(), "", "");
    let provable = of(&[Provable]).row(String::new(), "", "");
    let seen = of(&[Provable, Active]).row(String::new(), "", "");
    let measured = |it: Option<Estimate>| it.map(|it| it.value);
    let goal = |what, measured: Option<f64>, met: fn(f64) -> bool| {
        measured.map(|value| Goal { what, measured: Some(value), met: met(value) })
    };
    let goals = [
        goal("no correct node is ever convicted", Some(all.correct_convicted as f64), |it| {
            it <= 0.0
        }),
        goal(
            "of provable offenders whose lies reached two correct nodes, all are proven guilty",
            measured(provable.heard_proven),
            |it| it >= 1.0,
        ),
        goal("of who is held guilty, 99 % are", measured(all.precision), |it| it >= 0.99),
        goal("of active liars, 95 % are held guilty", measured(seen.held), |it| it >= 0.95),
        goal("half of them within 10 rounds", measured(seen.delay_rounds), |it| it <= 10.0),
    ];
    goals.into_iter().flatten().collect()
}
