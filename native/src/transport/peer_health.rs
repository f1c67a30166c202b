//! What this node makes of its peers as far as links alone can tell: who says nothing any more, and to
//! whom more is lost than to others.
//!
//! It is advice, for people and for questions that anyone can answer. What replicas say to each other
//! to agree is sent to every member whatever stands here: a vote that is withheld from a voter can
//! cost a quorum.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use conclave_core::{
    ids::NodeId,
    quorum::Membership,
    resilience::{
        Outcome,
        health::{OutlierConfig, Outliers, PhiAccrual, PhiConfig, PhiSnapshot},
    },
    time::Time,
};
use serde::Serialize;

use crate::{config::PeersConfig, node::Clock};

/// What comes sooner after a heartbeat is none of its own: a busy peer sends thousands of messages a
/// second, and intervals are to tell how long it may be silent.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How many peers a measure needs: of two, neither is in the middle.
const LEAST: u16 = 3;

/// What links tell of all peers.
pub struct PeerHealth {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    phi: PhiConfig,
    peers: BTreeMap<NodeId, Peer>,
    outliers: OutlierConfig,
    /// For the current membership.
    compared: Option<Outliers>,
}

struct Peer {
    phi: Option<PhiAccrual>,
    heard: Time,
}

/// What is to be seen of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PeerSeen {
    /// Which.
    pub peer: NodeId,
    /// How surely it is gone.
    pub phi: Option<PhiSnapshot>,
    /// Whether more is lost to it than to the others.
    pub ejected: bool,
}

impl PeerHealth {
    /// Nothing is known of anybody.
    pub fn new(config: &PeersConfig, clock: Clock) -> Self {
        let state = State {
            phi: config.phi.clone(),
            peers: BTreeMap::new(),
            outliers: config.outliers.clone(),
            compared: None,
        };
        Self { clock, state: Mutex::new(state) }
    }

    /// Other terms from now on. What is known stays, and who is ejected does.
    pub fn reconfigure(&self, config: &PeersConfig, members: Membership) {
        let mut state = self.lock();
        for peer in state.peers.values_mut() {
            // It was checked with the whole configuration.
            let _ = peer.phi.as_mut().map(|phi| phi.reconfigure(config.phi.clone()));
        }
        (state.phi, state.outliers) = (config.phi.clone(), config.outliers.clone());
        state.follow(members);
    }

    /// These are the members: never more of them than f are ejected.
    pub fn follow(&self, members: Membership) {
        self.lock().follow(members);
    }

    /// A peer said something, if only that it is there.
    pub fn heard(&self, peer: NodeId) {
        let now = self.clock.now();
        let mut state = self.lock();
        let phi = state.phi.clone();
        let known = state
            .peers
            .entry(peer)
            .or_insert_with(|| Peer { phi: PhiAccrual::new(phi).ok(), heard: Time::ZERO });
        if now.since(known.heard) >= HEARTBEAT {
            known.heard = now;
            if let Some(phi) = &mut known.phi {
                phi.heartbeat(now);
            }
        }
    }

    /// Something was sent to a peer, or couldn't be.
    pub fn sent(&self, peer: NodeId, outcome: Outcome) {
        let now = self.clock.now();
        if let Some(compared) = &mut self.lock().compared {
            compared.settle(now, peer.0, outcome);
        }
    }

    /// A peer is none any more.
    pub fn forget(&self, peer: NodeId) {
        self.lock().peers.remove(&peer);
    }

    /// What is to be seen of all.
    pub fn snapshot(&self) -> Vec<PeerSeen> {
        let now = self.clock.now();
        let State { peers, compared, .. } = &mut *self.lock();
        if let Some(compared) = compared {
            compared.tick(now);
            while let Some(what) = compared.poll_event() {
                tracing::info!(?what, "more is lost to some peers than to others");
            }
        }
        let seen = |(peer, it): (&NodeId, &mut Peer)| PeerSeen {
            peer: *peer,
            phi: it.phi.as_mut().map(|phi| {
                phi.tick(now);
                phi.snapshot()
            }),
            ejected: compared.as_ref().is_some_and(|it| it.is_ejected(peer.0)),
        };
        peers.iter_mut().map(seen).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No change here can stop half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn follow(&mut self, members: Membership) {
        let last = members.nodes().map(|node| node.0 + 1).max().unwrap_or(0);
        let config = self.outliers.clone().peers(last.max(LEAST)).at_most(members.f());
        self.compared = match self.compared.take() {
            // Nobody may be ejected, and nothing is compared.
            _ if members.f() == 0 => None,
            Some(mut known) => known.reconfigure(config).is_ok().then_some(known),
            None => Outliers::new(config).ok(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GuardsConfig;

    fn health(change: impl FnOnce(&mut PeersConfig)) -> PeerHealth {
        let mut config = GuardsConfig::default().peers;
        change(&mut config);
        let health = PeerHealth::new(&config, Clock::start());
        health.follow(Membership::new(4).unwrap());
        health
    }

    #[test]
    fn whom_more_is_lost_to_is_ejected_and_never_more_than_f() {
        let health = health(|config| config.outliers = OutlierConfig::default().interval_ms(20));
        for peer in 0..4 {
            health.heard(NodeId(peer));
        }
        let ejected = || health.snapshot().iter().filter(|it| it.ejected).count();
        for round in 0..3 {
            for _ in 0..50 {
                let outcome = |lost| if lost { Outcome::Overload } else { Outcome::Success };
                (0..4).for_each(|peer| health.sent(NodeId(peer), outcome(peer >= 3 - round % 2)));
            }
            std::thread::sleep(Duration::from_millis(25));
            assert_eq!(ejected(), 1, "round {round}");
        }
    }

    #[test]
    fn a_file_that_is_read_again_and_another_epoch_bring_nobody_back() {
        let health = health(|config| config.outliers = OutlierConfig::default().interval_ms(20));
        (0..4).for_each(|peer| health.heard(NodeId(peer)));
        for _ in 0..50 {
            let outcome = |lost| if lost { Outcome::Overload } else { Outcome::Success };
            (0..4).for_each(|peer| health.sent(NodeId(peer), outcome(peer == 3)));
        }
        std::thread::sleep(Duration::from_millis(25));
        let ejected = || health.snapshot().iter().any(|it| it.ejected);
        assert!(ejected());
        let mut config = GuardsConfig::default().peers;
        config.outliers = OutlierConfig::default().interval_ms(20);
        health.reconfigure(&config, Membership::new(4).unwrap());
        assert!(ejected());
        health.follow(Membership::new(5).unwrap());
        assert!(ejected());
    }

    #[test]
    fn who_was_heard_is_not_suspected_and_bursts_are_one_heartbeat() {
        let health = health(|_| {});
        (0..1_000).for_each(|_| health.heard(NodeId(2)));
        let seen = health.snapshot();
        assert_eq!((seen.len(), seen[0].peer), (1, NodeId(2)));
        let phi = seen[0].phi.unwrap();
        assert_eq!((phi.suspected, phi.heartbeats), (false, 1));
        health.forget(NodeId(2));
        assert!(health.snapshot().is_empty());
    }
}
