//! The load that the simulator is measured with: everyone honest, the network calm, as many
//! clients as keep it busy.

use conclave_core::{
    analyzer::{Assumption, Deployment, Protocol},
    sim::{Address, Cluster, Heard, Run, Scenario},
};

/// That load on `n` replicas: the same natively and in a browser.
fn busy_run(n: u16, protocol: Protocol) -> Run {
    let file = format!(
        "schema = 1\nname = \"busy-{n}\"\ntitle = \"Busy\"\npromise = \"Load.\"\n\
         duration_ms = 3600000\n[cluster]\nn = {n}\n[network]\nlatency_us = 1000\n\
         jitter_us = 200\n[workload]\nclients = 16\nthink_ms = 0\nkeys = 64\n\
         retransmit_ms = 1000\n"
    );
    let mut scenario = Scenario::parse(&file).unwrap_or_else(|error| panic!("{error}"));
    if protocol.assumption() == Assumption::CrashOnly {
        scenario.config.deployment = Deployment::CrashOnly;
    }
    scenario.members = scenario.members.under(protocol).unwrap_or_else(|error| panic!("{error}"));
    Run::new(scenario, 1)
}

/// The same as a link, as the lab takes it.
///
/// # Panics
///
/// If `n` is no cluster size that can be simulated.
#[must_use]
pub fn busy_link(n: u16) -> String {
    Address::new(&busy_run(n, Protocol::Pbft), 0).encode()
}

/// A cluster of `n` replicas under that load, ordered by PBFT.
///
/// # Panics
///
/// If `n` is no cluster size that can be simulated.
#[must_use]
pub fn busy_cluster(n: u16) -> Cluster {
    busy_cluster_of(n, Protocol::Pbft)
}

/// The same, ordered by this protocol.
///
/// # Panics
///
/// If `n` is no cluster size that can be simulated, or the protocol orders nothing.
#[must_use]
pub fn busy_cluster_of(n: u16, protocol: Protocol) -> Cluster {
    Cluster::new(&busy_run(n, protocol)).unwrap_or_else(|error| panic!("{error}"))
}

/// Steps until so many messages have been delivered.
pub fn deliver(cluster: &mut Cluster, messages: u64) {
    let goal = cluster.counts().delivered + messages;
    while cluster.counts().delivered < goal && cluster.step() {}
}

/// The same, and what arrives is handed to somebody who listens.
pub fn deliver_to(cluster: &mut Cluster, messages: u64, mut listener: impl FnMut(&Cluster, Heard)) {
    cluster.listen();
    let goal = cluster.counts().delivered + messages;
    while cluster.counts().delivered < goal && cluster.step() {
        for heard in cluster.take_heard() {
            listener(cluster, heard);
        }
    }
}
