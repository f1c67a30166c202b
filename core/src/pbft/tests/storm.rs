//! Random loss, reordering and restarts on the small network, then calm: agreement always, and
//! progress in the end. The simulator does this with everything it has; this needs nothing but
//! the protocol.

use alloc::{collections::BTreeMap, rc::Rc, vec::Vec};
use core::{cell::RefCell, time::Duration};

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::net::{Net, request};
use crate::{event::EventKind, ids::Seq, pbft::Config};

fn storm(seed: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let config = Config { checkpoint_interval: 4, window: 8, ..Config::default() };
    let mut net = Net::with(4, &config);
    let loss = rng.next_u64() % 60;
    let dice = Rc::new(RefCell::new(Xoshiro256PlusPlus::seed_from_u64(seed ^ 1)));
    let roll = dice.clone();
    net.only(move |_, _, _| roll.borrow_mut().next_u64() % 100 >= loss);
    let mut asked = Vec::new();
    for timestamp in 1..=15 {
        for client in 1..=2 {
            let to = rng.next_u64() % 4;
            let wanted = request(client, timestamp, "k");
            net.ask(&wanted, [to as u16]);
            net.ask(&wanted, 0..4);
            asked.push(wanted);
        }
        net.pass(Duration::from_millis(rng.next_u64() % 900));
        if rng.next_u64().is_multiple_of(4) {
            net.restart((rng.next_u64() % 4) as u16);
        }
    }
    net.everything();
    let last: Vec<_> = asked.split_off(asked.len() - 2);
    for round in 0..60 {
        // Clients retransmit to all.
        for wanted in &last {
            net.ask(wanted, 0..4);
        }
        net.pass(Duration::from_secs(2));
        if last.iter().all(|wanted| net.repliers(wanted.body.id).len() >= 3) {
            break;
        }
        assert!(round < 59, "seed {seed}: no progress after the calm: {:?}", net.executed());
    }
    let mut history: BTreeMap<Seq, _> = BTreeMap::new();
    for (node, event) in &net.events {
        if let EventKind::Executed { seq, digest, .. } = event {
            let agreed = history.entry(*seq).or_insert(*digest);
            assert_eq!(agreed, digest, "seed {seed}: node {node} executed another batch at {seq}");
        }
    }
}

#[test]
fn correct_replicas_agree_in_every_storm_and_progress_after_it() {
    (0..200).for_each(storm);
}

/// Seed 3554 once broke agreement: compacting a disk put records above the window of the marks
/// under which they were read, so a restarted replica forgot what it had prepared.
#[test]
fn a_compacted_disk_forgets_nothing_that_prepared() {
    storm(3_554);
}
