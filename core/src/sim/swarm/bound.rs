//! How long a request may take in calm: the bound of liveness that every storm is held to.
//!
//! Calm begins when the last of this is over: the storm's last act, GST. From then on every message
//! between correct nodes takes at most Δ = latency + jitter, every disk at most its sync time σ, and
//! at most f replicas are down or lie. A request that waits then, or is asked later, is answered
//! within
//!
//! ```text
//! B = E · (C + D) + 2 · (P₀ + P₁ + … + P_{E·(f+2)+f-1}),   P_i = min(2^i · max(P, D), P_max)
//! ```
//!
//! * **C: until every correct replica holds the request.** The client sends to all when its wait is
//!   over; waits double up to [`MAX_BACKOFF`] times the first (`retransmit_ms`); then Δ. A read
//!   that is not answered in its first wait is asked once more as a request.
//!   Where each client has a rate, f+1 correct replicas may turn a request away until the next is
//!   permitted, and what waits for that counts as another wait in vain: so twice as much again, and
//!   two permits' time.
//! * **D: what a view with a correct primary needs for everything that waits.** Status messages
//!   repair what was lost: a peer brings another forward by 16 positions every half interval, so
//!   the whole window takes window/16 halves; eight intervals more are for one transfer of state,
//!   the content of carried-over proposals, and votes that are said again. Then one round for each
//!   client's request at worst, each of five message delays (relay, pre-prepare, prepare, commit,
//!   reply) and three syncs (proposal, certificate, checkpoint); and as much again for the view
//!   change itself.
//!   Where nodes make connections to each other, D begins with the longest that it takes until all
//!   have them again.
//! * **P: the longest patience that a correct replica can have when calm begins.** Patience is the
//!   longer of request and view-change timeout, and it doubles only when it was waited for in vain,
//!   here or (for who joined) elsewhere. A storm of S milliseconds holds at most log₂(S/T) + 1 such
//!   doublings in a row, and a replica that joins may be one ahead of who waited: 4·max(S, T).
//! * **The sum: views that pass.** The view at hand may be lost. The next primaries in turn may be
//!   the f faulty ones; each can use up both waits, the one for its new view and the one for the
//!   first request, while patience doubles. Then comes a correct primary. Views that were left
//!   because patience was still below D cost less than the first term, for which max(P, D) stands.
//! * **E: epochs that a request may see.** Every change of membership or protocol ends one epoch at most, and
//!   all may be waiting to be made when calm begins: E is their number plus one. In each epoch a
//!   request may have to be heard anew, since the client must first learn whom to ask (C). Members
//!   must bring each other, and newcomers, to the state at its beginning, which is one transfer
//!   (D). And views start at 0, so its faulty members may be primaries again (f+2 views more).
//!   Patience may go on doubling from one epoch to the next: that covers both that it is kept and
//!   that it isn't. f is that of the largest membership which the changes can lead to; fewer
//!   members make less of everything.
//! * **What is recommended** ends epochs, too, where it is done (`follow`): each liar makes things worse
//!   once when it is convicted or held, so may the network and the trend, and what got worse gets better
//!   once after it. So twice as many as there are liars, network and trend, and those of the table of
//!   `replaced` once more, for newcomers may lie as well.
//! * **Who lost its disk** ends an epoch to be known by another life: once for each time.
//! * **The docket** makes replicas leave a primary that comes to be restrained: f views more, each of
//!   which passes sooner than one that is waited for.
//! * **Raft** takes no longer: within two request timeouts of the last disturbance somebody stands, and
//!   terms that nobody wins are no more frequent than views that fail; a term with a leader needs
//!   less than a view with a correct primary, and nobody lies.
//! * **`P_max`**: doubling stops (`Config`): at 64 request timeouts, at one minute for a new view.
//!
//! It is an upper bound and not a tight one; how long the slowest request really took is counted
//! in every run (`Counts::waited_us`) and said beside it.

use super::super::{action::Action, dialing::Dialing, scenario::Scenario};
use crate::{analyzer::Follow, client::MAX_BACKOFF, quorum::Membership};

/// How often a liar may be replaced: each ends an epoch.
fn replaced(scenario: &Scenario) -> usize {
    let acts = scenario.faults.iter().map(|fault| &fault.action);
    let lies = acts.filter(|act| matches!(act, Action::Corrupt { .. })).count();
    if scenario.config.policy.replace_convicted { lies.min(scenario.spares.into()) } else { 0 }
}

/// How often somebody may need another life.
fn renewed(scenario: &Scenario) -> usize {
    let acts = scenario.faults.iter().map(|fault| &fault.action);
    acts.filter(|act| matches!(act, Action::DamageDisk { .. })).count()
}

/// How often what is recommended may end an epoch.
fn followed(scenario: &Scenario) -> usize {
    let acts = scenario.faults.iter().map(|fault| &fault.action);
    let lies = acts.filter(|act| matches!(act, Action::Corrupt { .. })).count();
    match scenario.config.policy.follow {
        Follow::Never => 0,
        Follow::OnProof => 1,
        Follow::Always => 2 * (lies + replaced(scenario) + 2),
    }
}

/// How long a client waits for a permit at most, if each has a rate.
#[cfg(feature = "guards")]
fn permit_ms(scenario: &Scenario) -> Option<u64> {
    let rate = scenario.gate.as_ref()?.rate.as_ref()?;
    Some(rate.per_ms.div_ceil(rate.permits.into()))
}

/// None has one in such a build.
#[cfg(not(feature = "guards"))]
fn permit_ms(_: &Scenario) -> Option<u64> {
    None
}

/// The bound in virtual milliseconds. `storm_ms`: how long it was not calm, at most.
pub fn liveness_bound_ms(scenario: &Scenario, storm_ms: u32) -> u32 {
    let Scenario { config, network, disk, workload, .. } = scenario;
    let delay_us = u64::from(network.latency_us) + u64::from(network.jitter_us);
    let sync_us = u64::from(disk.sync_us);
    let held = u64::from(workload.retransmit_ms) * u64::from(1 + MAX_BACKOFF) + delay_us / 1_000;
    let held = permit_ms(scenario).map_or(held, |permit| 3 * held + 2 * permit);

    let acts = scenario.faults.iter().map(|fault| &fault.action);
    let changes =
        acts.filter(|act| matches!(act, Action::Reconfigure { .. } | Action::Switch { .. }));
    let changes = changes.count() + replaced(scenario) + followed(scenario);
    let epochs = 1 + (changes + renewed(scenario)) as u64;

    // A storm may leave nodes without connections to each other.
    let connected = scenario.dialing.as_ref().map_or(0, Dialing::worst_ms);
    let repair = connected + config.status_interval_ms * (8 + config.window / 32);
    let round_us = 5 * delay_us + 3 * sync_us;
    // The administrator is one of the clients that wait.
    let rounds = u64::from(workload.clients) + 2 + u64::from(changes > 0);
    let drained = repair + rounds * round_us / 1_000;

    let largest = Membership::new(scenario.all_nodes()).unwrap_or(scenario.members);
    let timeout = config.request_timeout_ms.max(config.view_change_timeout_ms);
    let patience = 4 * u64::from(storm_ms).max(timeout);
    let most = (64 * config.request_timeout_ms).max(60_000).max(timeout);
    let views: u64 = (0..epochs * (u64::from(largest.f()) + 2) + u64::from(largest.f()))
        .map(|doublings| patience.max(drained).saturating_mul(1 << doublings.min(32)).min(most))
        .sum();
    u32::try_from(epochs * (held + drained) + 2 * views).unwrap_or(u32::MAX)
}
