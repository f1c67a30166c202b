//! The simulator as the lab drives it: parse, record, seek, act, fork, link.

use alloc::string::ToString;

use conclave_core::{
    crypto::Digest,
    ids::NodeId,
    sim::{Action, Address, BUILTIN, Recording, Run, Scenario},
};

/// Steps recorded at a time.
const STEPS: u64 = 10_000;

/// Runs a scenario, forks it in its middle, and runs what the fork's link leads to.
pub(crate) fn simulate(scenario: u32, seed: u64) -> Option<Digest> {
    let source = BUILTIN.get(usize::try_from(scenario).ok()?)?.source;
    let mut recording = Recording::new(Run::new(Scenario::parse(source).ok()?, seed)).ok()?;
    while !recording.extend(STEPS) {}
    let middle = recording.steps() / 2;
    recording.seek(middle);
    let node = NodeId(u16::try_from(seed % 4).ok()?);
    let mut fork = recording.fork(middle, Action::Crash { node }).ok()?;
    while !fork.extend(STEPS) {}
    let link = Address::new(fork.run(), middle).encode();
    let mut linked = Recording::new(Address::decode(&link).ok()?.run().ok()?).ok()?;
    while !linked.extend(STEPS) {}
    let hashes = [&recording, &fork, &linked].map(|it| it.verdict().trace_hash.to_string());
    Some(Digest::of(&(hashes, link, linked.events())))
}
