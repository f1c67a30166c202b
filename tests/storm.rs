//! Random scenarios: loss, duplication, reordering, crashes, partitions, one Byzantine node of
//! four; then calm.
//!
//! A storm is written as a scenario *file*, so that one that breaks something can be kept, run from
//! the command line and opened in the lab.

use std::fmt::Write as _;

use conclave_core::sim::Scenario;
use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

/// A random scenario, and what it declares.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The scenario.
    pub scenario: Scenario,
    /// Whether links lose, double or hold up messages.
    pub rough: bool,
    /// How many crashes it declares.
    pub crashes: u32,
    /// How many partitions and cut-offs it declares.
    pub splits: u32,
    /// Whether one node is Byzantine.
    pub liar: bool,
}

/// Everything has healed by then; requests must complete again within the bound of liveness.
const CALM_AT_MS: u64 = 3_000;
/// How long a storm lasts altogether.
const DURATION_MS: u64 = 16_000;
/// The bound of liveness: a few view changes of a second, doubling.
const LIVENESS_WITHIN_MS: u64 = 10_000;

struct Dice(Xoshiro256PlusPlus);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low)
    }

    fn one_in(&mut self, cases: u64) -> bool {
        self.below(cases) == 0
    }
}

/// The storm of this seed.
///
/// # Panics
///
/// If it wrote a file that can't be read, which is a fault of this function.
#[must_use]
pub fn storm(seed: u64) -> Storm {
    let mut dice = Dice(Xoshiro256PlusPlus::seed_from_u64(seed));
    let mut text = String::new();
    let liar = dice.one_in(2).then(|| dice.below(4));
    let rough = !dice.one_in(4);
    let interval = dice.between(3, 20);
    let _ = write!(
        text,
        "schema = 1\nname = \"storm-{seed}\"\ntitle = \"Storm {seed}\"\npromise = \"Loss, crashes, \
         partitions, a liar; then calm.\"\nduration_ms = {DURATION_MS}\nseed = {seed}\n\
         [cluster.pbft]\ncheckpoint_interval = {interval}\nwindow = {}\nrequest_timeout_ms = {}\n\
         view_change_timeout_ms = {}\nstatus_interval_ms = {}\nbatch_requests = {}\n\
         pipeline = {}\n",
        interval * dice.between(2, 4),
        dice.between(150, 500),
        dice.between(200, 800),
        dice.between(60, 250),
        dice.between(1, 8),
        dice.between(1, 6),
    );
    let _ = writeln!(
        text,
        "[network]\nlatency_us = {}\njitter_us = {}\ncalm_at_ms = {CALM_AT_MS}",
        dice.between(500, 20_000),
        dice.between(0, 30_000),
    );
    if rough {
        let _ = writeln!(
            text,
            "loss_ppm = {}\nduplicate_ppm = {}\nreorder_ppm = {}",
            dice.below(300_000),
            dice.below(200_000),
            dice.below(300_000)
        );
    }
    let sync_us = if dice.one_in(2) { 0 } else { dice.between(100, 8_000) };
    let _ = write!(
        text,
        "[disk]\nsync_us = {sync_us}\n[workload]\nclients = {}\nthink_ms = {}\nkeys = 3\n\
         retransmit_ms = {}\nread_ppm = 400000\nstart_ms = 5\n",
        dice.between(1, 5),
        dice.between(5, 120),
        dice.between(150, 500),
    );
    let (mut crashes, mut splits) = (0, 0);
    let mut fault = |at: u64, act: String| {
        let _ = write!(text, "[[fault]]\nat_ms = {at}\nact = {{ {act} }}\n");
    };
    if let Some(node) = liar {
        let strategy = match dice.below(5) {
            0 => "silent = {}".into(),
            1 => format!("silent = {{ to = [{}] }}", dice.below(4)),
            2 => format!("delay = {{ by_ms = {} }}", dice.between(20, 2_000)),
            3 => format!("equivocate = {{ victims = [{}] }}", (node + 1 + dice.below(3)) % 4),
            _ => "equivocate = {} }, { silent = { kinds = [\"decided\", \"commit\"] }".into(),
        };
        let at = dice.below(1_500);
        fault(at, format!("corrupt = {{ node = {node}, strategies = [{{ {strategy} }}] }}"));
    }
    for _ in 0..dice.below(3) {
        // Any node, the liar too: crashes of correct nodes beside a liar are more than f faults,
        // and safety must hold all the same, because a crashed node remembers what it said.
        let node = dice.below(4);
        let at = dice.below(CALM_AT_MS - 1_000);
        crashes += 1;
        fault(at, format!("crash = {{ node = {node} }}"));
        fault(at + dice.between(1, 900), format!("restart = {{ node = {node} }}"));
    }
    for _ in 0..dice.below(3) {
        let at = dice.below(CALM_AT_MS - 1_000);
        let until = at + dice.between(50, 950);
        splits += 1;
        if dice.one_in(2) {
            let alone = dice.below(4);
            fault(at, format!("cut-off = {{ node = {alone} }}"));
            fault(until, format!("reconnect = {{ node = {alone} }}"));
        } else {
            let with = dice.between(1, 4);
            fault(at, format!("partition = {{ groups = [[0, {with}]] }}"));
            fault(until, "heal = {}".into());
        }
    }
    // Whatever overlapped: from here on everyone is up and the network is whole.
    for node in 0..4 {
        fault(CALM_AT_MS - 2, format!("restart = {{ node = {node} }}"));
    }
    fault(CALM_AT_MS - 1, "heal = {}".into());
    let _ =
        write!(text, "[expect]\nmin_completed = 1\nliveness_within_ms = {LIVENESS_WITHIN_MS}\n");
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Storm { scenario, rough, crashes, splits, liar: liar.is_some() }
}
