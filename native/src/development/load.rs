//! A light load on a development cluster, so that there is something to see: clients that write
//! and read a few keys over and over.

use std::{path::Path, time::Duration};

use conclave_core::{
    app::Operation,
    ids::{ClientId, Principal},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::layout::CLIENTS;
use crate::{
    client::{ClientHandle, ClientOptions},
    config::{ClusterConfig, Identity},
    failure::Failure,
};

/// What one client can do, waiting for each answer, with room to spare.
const PER_CLIENT: f64 = 40.0;
/// An operation that takes longer was hit by more than a view change.
const PATIENCE: Duration = Duration::from_secs(30);
/// The keys that each client goes through.
const KEYS: u64 = 16;

/// Runs so many operations a second until dropped. Above what the demo clients can do together
/// (each waits for its answer before it asks again) it does what it can.
pub async fn run_load(
    config: &ClusterConfig,
    directory: &Path,
    per_second: f64,
) -> Result<(), Failure> {
    let clients = ((per_second / PER_CLIENT).ceil() as u64).clamp(1, CLIENTS - 1);
    let pause = Duration::try_from_secs_f64(clients as f64 / per_second)
        .map_err(|_| Failure::BadInput(format!("--load {per_second} is not a rate")))?;
    let mut running = JoinSet::new();
    for id in 1..=clients {
        let principal = Principal::Client(ClientId(id));
        let identity =
            Identity::load(directory, principal, config).map_err(|why| Failure::bad_input(&why))?;
        let client = ClientHandle::start(config, &identity, &ClientOptions::default())
            .map_err(|why| Failure::unmet(&why))?;
        running.spawn(one_client(client, id, pause));
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

async fn one_client(client: ClientHandle, id: u64, pause: Duration) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 0_u64.. {
        ticks.tick().await;
        let key = format!("demo-{id}-{}", count % KEYS).into_bytes();
        let operation = match count % 4 {
            3 => Operation::Get { key },
            _ => Operation::Put { key, value: count.to_string().into_bytes() },
        };
        if let Err(why) = client.ask(&operation, PATIENCE).await {
            tracing::warn!(client = id, %why, "the demo load got no answer");
        }
    }
}
