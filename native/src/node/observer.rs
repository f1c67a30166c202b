//! The one place where what happens becomes visible: every event goes through here, is counted,
//! and is kept for viewers. Metrics that events can tell are told by events and nothing else.

use std::{
    collections::HashMap,
    fmt::Display,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use conclave_core::{
    event::{Event, EventKind, LossCause, Place},
    ids::{NodeId, Principal, RequestId, Seq, View},
    node::Proofs,
    pbft::MessageKind,
    quorum::Membership,
    replica::Docket,
    time::Time,
};

use super::{Clock, DocketView, EventLog, GuardBoard, Metrics, quiet::Quiet};
use crate::chaos::Chaos;

/// Requests whose latency is being measured. One per client may be under way; a table that is
/// full anyhow stops measuring new ones rather than growing.
const MAX_MEASURED: usize = 65_536;

/// What was wrong with something that was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedAs {
    /// The handshake failed: a stranger, or no TLS at all.
    Handshake,
    /// Over a limit of connections.
    Crowd,
    /// A frame over the limit, or cut short.
    Frame,
    /// Bytes that are no message.
    Encoding,
    /// A message whose signatures or content don't hold.
    Content,
    /// A kind of message that this sender may not send.
    Role,
    /// Of another epoch: one of the two ends is behind.
    Epoch,
    /// Sooner after the last one than it is looked at.
    Haste,
}

impl RefusedAs {
    pub(super) const ALL: [Self; 8] = [
        Self::Handshake,
        Self::Crowd,
        Self::Frame,
        Self::Encoding,
        Self::Content,
        Self::Role,
        Self::Epoch,
        Self::Haste,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Crowd => "crowd",
            Self::Frame => "frame",
            Self::Encoding => "encoding",
            Self::Content => "content",
            Self::Role => "role",
            Self::Epoch => "epoch",
            Self::Haste => "haste",
        }
    }
}

/// The kinds of connection that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionKind {
    /// From another node, for what it says.
    PeerIn,
    /// To another node, for what we say.
    PeerOut,
    /// A client's.
    Client,
}

impl ConnectionKind {
    pub(super) const ALL: [Self; 3] = [Self::PeerIn, Self::PeerOut, Self::Client];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PeerIn => "peer-in",
            Self::PeerOut => "peer-out",
            Self::Client => "client",
        }
    }
}

/// Sees everything that happens at one node.
pub struct Observer {
    own: NodeId,
    clock: Clock,
    metrics: Metrics,
    log: EventLog,
    /// When each request that isn't executed yet was accepted.
    accepted: Mutex<HashMap<RequestId, Time>>,
    refusals: Quiet,
}

impl Observer {
    /// For the node `own`.
    pub fn new(own: NodeId, clock: Clock) -> Self {
        Self {
            own,
            clock,
            metrics: Metrics::default(),
            // Numbers of events grow across restarts too: a viewer that comes back is never
            // mistaken for one that has seen what is new.
            log: EventLog::starting_at(clock.origin().as_micros()),
            accepted: Mutex::default(),
            refusals: Quiet::default(),
        }
    }

    /// Whose events these are.
    pub fn own(&self) -> NodeId {
        self.own
    }

    /// The clock of all events.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What viewers read.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// What Prometheus reads.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// From now on scrapes see these guards.
    pub(super) fn show_guards(&self, board: Arc<GuardBoard>) {
        let _ = self.metrics.guards.set(board); // there is one node
    }

    /// From now on scrapes see these experiments, and they see what happens.
    pub(super) fn show_chaos(&self, chaos: Arc<Chaos>) {
        let _ = self.metrics.chaos.set(chaos); // there is one node
    }

    /// Something happened.
    pub fn event(&self, kind: EventKind) {
        self.count(&kind);
        if let Some(chaos) = self.metrics.chaos.get() {
            chaos.saw(&kind);
        }
        let place = Place::Node(self.own);
        self.log.push(|| Event { at: self.clock.now(), place, kind });
    }

    /// The replica starts from here rather than from nothing.
    pub(super) fn restored(&self, members: Membership, view: View, executed: Seq, stable: Seq) {
        self.metrics.epoch.set(members.epoch().0);
        self.metrics.members.set(u64::from(members.n()));
        self.metrics.view.set(view.0);
        self.metrics.executed_seq.set(executed.0);
        self.metrics.stable_seq.set(stable.0);
    }

    /// Whom it knew to be guilty before it started.
    pub(super) fn convicted(&self, proofs: &Proofs) {
        self.metrics.convictions.inc_by(proofs.len() as u64);
    }

    /// Something was turned away, by somebody whom we know.
    pub fn refused(&self, from: Principal, what: RefusedAs, why: &impl ToString) {
        let why = why.to_string();
        match what {
            RefusedAs::Epoch | RefusedAs::Haste => tracing::debug!(%from, why, "refused"),
            _ => {
                if let Some(left_out) = self.refusals.may_say(self.clock.now(), Some(from)) {
                    tracing::warn!(%from, why, left_out, "refused");
                }
            }
        }
        self.metrics.refused[what as usize].inc();
        self.event(EventKind::Refused { from, why });
    }

    /// A connection was turned away, of somebody who didn't prove to be anyone.
    pub fn refused_stranger(&self, what: RefusedAs, address: SocketAddr, why: &impl Display) {
        self.metrics.refused[what as usize].inc();
        if let Some(left_out) = self.refusals.may_say(self.clock.now(), None) {
            tracing::warn!(%address, %why, left_out, "a connection was refused");
        }
    }

    /// A connection was made; it ends when what is returned is dropped.
    pub fn connected(&self, kind: ConnectionKind) -> CountedConnection {
        let level = self.metrics.connections[kind as usize].clone();
        level.inc();
        CountedConnection(level)
    }

    /// An event stream was opened; it ends when what is returned is dropped.
    pub fn viewing(&self) -> CountedConnection {
        self.metrics.viewers.inc();
        CountedConnection(self.metrics.viewers.clone())
    }

    /// Message bytes were queued.
    pub fn sent_bytes(&self, bytes: usize) {
        self.metrics.sent_bytes.inc_by(bytes as u64);
    }

    /// Message bytes came in.
    pub fn received_bytes(&self, bytes: usize) {
        self.metrics.received_bytes.inc_by(bytes as u64);
    }

    /// A client said something: at once, or only after it was held back.
    pub fn heard_client(&self, held_back: bool) {
        self.metrics.heard[usize::from(held_back)].inc();
    }

    /// A record was given to storage.
    pub fn persisted(&self) {
        self.metrics.records_persisted.inc();
    }

    /// A viewer missed events.
    pub fn viewer_lagged(&self, events: u64) {
        self.metrics.events_lagged.inc_by(events);
    }

    /// What all agree on about who lies.
    pub(super) fn docket(&self, docket: &Docket, view: &DocketView) {
        let metrics = &self.metrics;
        metrics.docket_restrained.set(u64::from(docket.restrained().len()));
        metrics.docket_convicted.set(u64::from(docket.convicted().len()));
        metrics.safe_mode.set(u64::from(view.safe_mode));
        // Each is from good to bad.
        metrics.threat_level.set(view.level as u64);
        metrics.threat_trend.set(view.trend as u64);
        metrics.network_condition.set(view.network as u64);
    }

    fn count(&self, kind: &EventKind) {
        let metrics = &self.metrics;
        let index = |kind: MessageKind| {
            // `ALL` is in the order of the enum.
            kind as usize
        };
        metrics.events.inc();
        match kind {
            EventKind::Sent { what, .. } => {
                metrics.sent[index(what.kind)].inc();
            }
            EventKind::Delivered { what, .. } => {
                metrics.received[index(what.kind)].inc();
            }
            EventKind::Lost { why, .. } => {
                let cause = match why {
                    LossCause::Overflow => 0,
                    LossCause::Dropped => 2,
                    _ => 1,
                };
                metrics.lost[cause].inc();
            }
            EventKind::RequestAccepted { request } => {
                metrics.requests_accepted.inc();
                let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
                if accepted.len() < MAX_MEASURED {
                    accepted.insert(*request, self.clock.now());
                }
            }
            EventKind::Executed { seq, requests, .. } => {
                metrics.batches_executed.inc();
                metrics.requests_executed.inc_by(requests.len() as u64);
                metrics.executed_seq.set(seq.0);
                let now = self.clock.now();
                let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
                for request in requests {
                    if let Some(since) = accepted.remove(request) {
                        metrics.request_latency.observe(now.since(since).as_secs_f64());
                    }
                }
            }
            EventKind::CheckpointStable { seq, .. } => {
                metrics.stable_seq.set(seq.0);
            }
            EventKind::StateTransferred { seq, .. } => {
                metrics.state_transfers.inc();
                metrics.executed_seq.set(seq.0);
                metrics.stable_seq.set(seq.0);
                // What they were about was executed elsewhere.
                self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            EventKind::ViewChangeStarted { view, .. } => {
                metrics.view_changes.inc();
                metrics.view.set(view.0);
            }
            EventKind::ViewEntered { view, .. } => {
                metrics.views_entered.inc();
                metrics.view.set(view.0);
            }
            EventKind::EpochBegun { epoch, members, .. } => {
                metrics.epoch.set(epoch.0);
                metrics.members.set(members.len() as u64);
                metrics.view.set(0);
            }
            EventKind::Equivocation { .. } => {
                metrics.equivocations.inc();
            }
            EventKind::Convicted { .. } => {
                metrics.convictions.inc();
            }
            EventKind::Suspected { .. } => {
                metrics.suspicions.inc();
            }
            EventKind::Decided { .. } => {
                metrics.docket_entries.inc();
            }
            _ => {}
        }
    }
}

/// Counts one connection for as long as it lives.
pub struct CountedConnection(
    prometheus_client::metrics::gauge::Gauge<u64, std::sync::atomic::AtomicU64>,
);

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::{
        analyzer::{Level, Network, Trend},
        crypto::Digest,
        ids::{ClientId, Seq, Timestamp},
    };

    use super::*;

    #[test]
    fn all_kinds_stand_in_the_order_of_their_numbers() {
        for (index, kind) in MessageKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
        for (index, why) in RefusedAs::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
        }
        for (index, kind) in ConnectionKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }

    #[test]
    fn an_event_is_kept_and_counted_and_a_request_is_timed() {
        let observer = Observer::new(NodeId(2), Clock::start());
        let request = RequestId { client: ClientId(1), timestamp: Timestamp(9) };
        observer.event(EventKind::RequestAccepted { request });
        let (seq, digest) = (Seq(3), Digest::default());
        observer.event(EventKind::Executed { seq, digest, requests: vec![request] });
        let read = observer.log().read(0, 10);
        assert_eq!(read.events.len(), 2);
        assert_eq!(read.events[0].place, Place::Node(NodeId(2)));
        let text = observer.metrics().render();
        for line in [
            "conclave_requests_executed_total 1",
            "conclave_executed_seq 3",
            "conclave_request_latency_seconds_count 1",
            "conclave_events_total 2",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in:\n{text}");
        }
    }

    #[test]
    fn how_bad_it_is_and_where_it_goes_are_gauges() {
        let observer = Observer::new(NodeId(0), Clock::start());
        let (level, trend, network) = (Level::High, Trend::Falling, Network::Lossy);
        let view = DocketView { level, trend, network, ..DocketView::default() };
        observer.docket(&Docket::default(), &view);
        let text = observer.metrics().render();
        for line in
            ["conclave_threat_level 2", "conclave_threat_trend 0", "conclave_network_condition 2"]
        {
            assert!(text.lines().any(|it| it == line), "{line} in:\n{text}");
        }
    }

    #[test]
    fn a_connection_counts_while_it_lives() {
        let observer = Observer::new(NodeId(0), Clock::start());
        let line = "conclave_connections{kind=\"client\"} 1";
        let counted = observer.connected(ConnectionKind::Client);
        assert!(observer.metrics().render().contains(line));
        drop(counted);
        assert!(!observer.metrics().render().contains(line));
    }
}
