//! A new node, and one that starts from its disk.

use alloc::{sync::Arc, vec::Vec};

use super::{machine::Node, proofs::Proofs, speaking::Speaker};
use crate::{
    app::Application,
    config::BadConfig,
    crypto::Authenticator,
    detector::{Observer, evidence::Watch, suspicion},
    ids::NodeId,
    pbft::{Config, Record, Replica, RestoreError},
    quorum::Membership,
    time::Time,
};

impl<A: Application> Node<A> {
    /// A new node at the start of history. See [`Replica::new`].
    pub fn new(
        id: NodeId,
        members: Membership,
        config: Config,
        authenticator: Arc<dyn Authenticator>,
        application: A,
    ) -> Result<Self, BadConfig> {
        let replica = Replica::new(id, members, config, authenticator, application)?;
        Self::around(replica, members)
    }

    /// A node as it was when it last made its records durable: see [`Replica::restore`]. Whom it
    /// knew to be guilty it still knows; what it suspected is forgotten.
    pub fn restore(
        id: NodeId,
        members: Membership,
        config: Config,
        authenticator: Arc<dyn Authenticator>,
        genesis: A,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let (proofs, records) = part(records);
        let replica = Replica::restore(id, members, config, authenticator, genesis, records)?;
        Ok(Self::around(replica, members)?.with(proofs))
    }

    /// A node whose disk lost something that was safe: see [`Replica::restore_damaged`]. Proofs
    /// that are left prove themselves.
    pub fn restore_damaged(
        id: NodeId,
        members: Membership,
        config: Config,
        authenticator: Arc<dyn Authenticator>,
        genesis: A,
        records: impl IntoIterator<Item = Record>,
        life: u64,
    ) -> Result<Self, RestoreError> {
        let (proofs, records) = part(records);
        let replica =
            Replica::restore_damaged(id, members, config, authenticator, genesis, records, life)?;
        Ok(Self::around(replica, members)?.with(proofs))
    }

    fn around(replica: Replica<A>, genesis: Membership) -> Result<Self, BadConfig> {
        let (members, config) = (replica.members(), replica.config());
        let mut watch = Watch::new(members, config.window);
        watch.follow(members, replica.low_water_mark());
        let observer = Observer::new(replica.id(), members, config, suspicion::Config::default())?;
        Ok(Self {
            replica,
            genesis,
            watch,
            observer,
            proofs: Proofs::default(),
            #[cfg(feature = "guards")]
            gate: None,
            look_at: Time::ZERO,
            speaker: Speaker::default(),
        })
    }

    fn with(mut self, proofs: Vec<Record>) -> Self {
        for record in proofs {
            if let Record::Evidence(evidence) = record {
                self.remember(evidence);
            }
        }
        self
    }
}

/// The proofs, and what is the replica's.
fn part(records: impl IntoIterator<Item = Record>) -> (Vec<Record>, Vec<Record>) {
    records.into_iter().partition(|record| matches!(record, Record::Evidence(_)))
}
