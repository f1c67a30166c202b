//! What people want of a running node, on its way to the driver and back.

use conclave_core::{
    crypto::Verified, node::Account, pbft::Message, resilience::degradation::Level,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::config::GuardsConfig;

/// How many wait: they come by hand.
const MAX_WISHES: usize = 8;

/// What somebody wants, and where the answer goes.
#[derive(Debug)]
pub(super) enum Wanted {
    /// Other guards from now on; what is known stays. Answered with what can't be set up like that, while
    /// the rest is.
    Reconfigured(Box<GuardsConfig>, oneshot::Sender<Result<(), String>>),
    /// It leaves out so much, whatever signals say; `None`: what signals say. Answered with whether it
    /// leaves anything out at all.
    Held(Option<Level>, oneshot::Sender<bool>),
    /// What it holds of what was said.
    Account(oneshot::Sender<Account>),
    /// It is shown proofs, which were checked. Answered with how many it holds then.
    Shown(Vec<Verified<Message>>, oneshot::Sender<usize>),
}

/// A wish that comes too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the node is stopping")]
pub struct Stopping;

/// The way to the driver.
#[derive(Clone, Debug)]
pub struct Wishes(mpsc::Sender<Wanted>);

impl Wishes {
    /// With the other end of it.
    pub(super) fn new() -> (Self, mpsc::Receiver<Wanted>) {
        let (sender, receiver) = mpsc::channel(MAX_WISHES);
        (Self(sender), receiver)
    }

    /// Waits for its answer.
    pub(super) async fn granted<T>(
        &self,
        wanted: impl FnOnce(oneshot::Sender<T>) -> Wanted,
    ) -> Result<T, Stopping> {
        let (done, answer) = oneshot::channel();
        self.0.send(wanted(done)).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// What the node holds of what was said.
    pub async fn account(&self) -> Result<Account, Stopping> {
        self.granted(Wanted::Account).await
    }

    /// Shows it proofs that were checked: how many it holds then.
    pub async fn show(&self, proofs: Vec<Verified<Message>>) -> Result<usize, Stopping> {
        self.granted(|done| Wanted::Shown(proofs, done)).await
    }
}
