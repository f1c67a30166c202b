//! The cluster of a storm: how many, how set up, on what network and disks, and what clients ask.

use alloc::vec::Vec;

use super::{
    super::{
        dialing::Dialing, disk::DiskModel, network::Network, without::GateConfig,
        workload::Workload,
    },
    choice::Choice,
};
#[cfg(feature = "guards")]
use crate::resilience::rate;
use crate::{
    pbft::Config,
    quorum::{BadClusterSize, Membership},
};

/// All that is there before anything happens.
pub(super) struct Setup {
    pub(super) members: Membership,
    pub(super) config: Config,
    pub(super) network: Network,
    pub(super) disk: DiskModel,
    pub(super) workload: Workload,
}

/// Sizes as they are drawn: mostly those in which n = 3f+1 for a small f, and each other one, for
/// which quorums are larger than 2f+1 ([`crate::quorum`]).
const SIZES: [u16; 16] = [4, 4, 4, 4, 4, 4, 7, 7, 7, 5, 6, 8, 9, 10, 11, 13];

/// About so many messages make a run: then 100,000 runs end within half an hour on two cores.
const MESSAGES: u32 = 8_000;

pub(super) fn draw(seed: u64) -> Result<Setup, BadClusterSize> {
    let n = Choice::new(seed, 0).one_of(&SIZES);
    let members = Membership::new(n)?;
    let calm_at_ms = Choice::new(seed, 1).between(1_000..3_000);
    Ok(Setup {
        members,
        config: config(&mut Choice::new(seed, 2)),
        network: network(&mut Choice::new(seed, 3), calm_at_ms),
        disk: disk(&mut Choice::new(seed, 4)),
        workload: workload(&mut Choice::new(seed, 5), n, calm_at_ms),
    })
}

/// How far each node's clock is off, in milliseconds: little enough for every primary to agree with
/// the others on the time.
pub(super) fn clocks(seed: u64, members: Membership) -> Vec<i64> {
    let mut draw = Choice::new(seed, 6);
    if draw.coin() {
        return Vec::new();
    }
    members.nodes().map(|_| i64::from(draw.between(0..200)) - 100).collect()
}

/// How connections are made, where they have to be; quicker than real nodes do it, for a storm is short.
pub(super) fn dialing(seed: u64) -> Option<Dialing> {
    let mut draw = Choice::new(seed, 7);
    draw.one_in(4).then(|| {
        let open_ms = draw.between(50..400);
        Dialing::default()
            .failures_in_a_row(draw.between(1..5))
            .open_ms(open_ms)
            .open_max_ms(2 * open_ms)
            .wait_max_ms(draw.between(100..600))
            // More than there and back twice over the slowest network: 80 ms at most.
            .timeout_ms(draw.between(350..800))
    })
}

/// How often each client may ask a node for something: seldomer than some of them want to.
#[cfg(feature = "guards")]
pub(super) fn gate(seed: u64) -> Option<GateConfig> {
    let mut draw = Choice::new(seed, 8);
    draw.one_in(4).then(|| {
        let rate = rate::Config::default().permits(draw.between(3..20)).burst(draw.between(1..5));
        GateConfig::default().rate(Some(rate))
    })
}

/// There is none in such a build.
#[cfg(not(feature = "guards"))]
pub(super) fn gate(_: u64) -> Option<GateConfig> {
    None
}

/// Small logs, so that checkpoints, full windows and transfers of state happen within seconds.
fn config(draw: &mut Choice) -> Config {
    let interval = draw.between(2..21);
    let intervals = draw.between(2..5);
    let request_timeout_ms = draw.between(150..500);
    let config = Config {
        batch_requests: draw.between(1..9) as usize,
        batch_delay_us: u64::from(draw.maybe(100..20_000)),
        // More than the window makes no sense, and is refused.
        pipeline: u64::from(draw.between(1..7).min(interval * intervals)),
        checkpoint_interval: u64::from(interval),
        window: u64::from(interval * intervals),
        request_timeout_ms: u64::from(request_timeout_ms),
        view_change_timeout_ms: u64::from(draw.between(200..800)),
        status_interval_ms: u64::from(draw.between(60..250)),
        ..Config::default()
    };
    // Some run as most users do.
    if draw.one_in(16) { Config::default() } else { config }
}

fn network(draw: &mut Choice, calm_at_ms: u32) -> Network {
    let far = draw.one_in(10);
    Network {
        handling_us: 0,
        latency_us: if far { draw.between(20_000..80_000) } else { draw.between(500..20_000) },
        jitter_us: draw.maybe(1_000..30_000),
        loss_ppm: draw.maybe(5_000..300_000),
        duplicate_ppm: draw.maybe(5_000..200_000),
        reorder_ppm: draw.maybe(5_000..300_000),
        calm_at_ms,
    }
}

fn disk(draw: &mut Choice) -> DiskModel {
    // A slow one for a crash to find something unsynced on.
    let slow = draw.one_in(3);
    let sync_us = draw.maybe(100..8_000);
    DiskModel { sync_us: if slow { sync_us * 6 } else { sync_us } }
}

/// So many requests that they go on while it storms and beyond, and so few that larger clusters
/// don't take longer: a request costs about 2n² messages.
fn workload(draw: &mut Choice, n: u16, calm_at_ms: u32) -> Workload {
    let n = u32::from(n);
    let clients = draw.between(1..6);
    let requests = (MESSAGES / (2 * n * n + 2 * n)).clamp(24, 200) / clients;
    // Three quarters of it is the mean.
    let steady_ms = calm_at_ms * 3 / 2 / requests;
    Workload {
        patience: None,
        testimony: None,
        clients: clients as u16,
        think_ms: draw.between(steady_ms / 3..steady_ms * 3 / 2 + 2),
        requests,
        keys: draw.between(1..6) as u16,
        retransmit_ms: draw.between(150..500),
        read_ppm: draw.maybe(100_000..1_000_000),
        start_ms: 5,
        ttl_ms: draw.maybe(20..2_000),
    }
}
