//! Every Prometheus family of a node. Nothing is declared here that isn't counted somewhere: a
//! test scrapes a working cluster and holds each family against it.

use std::sync::atomic::AtomicU64;

use conclave_core::pbft::MessageKind;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{
    chaos_families::{ChaosFamilies, ChaosPlace},
    guard_board::BoardPlace,
    guard_families::GuardFamilies,
    observer::{ConnectionKind, RefusedAs},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pace {
    pace: &'static str,
}

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<u64, AtomicU64>;

/// From half a millisecond (loopback) to half a minute (several view changes in a row).
const LATENCY_BUCKETS_S: [f64; 16] = [
    0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0,
    32.0,
];

/// All families. Counters of one label each are looked up once, here, not at every message.
pub struct Metrics {
    registry: Registry,
    /// Where the guards are looked at, once there are any.
    pub(super) guards: BoardPlace,
    /// The same of experiments.
    pub(super) chaos: ChaosPlace,
    pub(super) sent: Vec<Count>,
    pub(super) received: Vec<Count>,
    pub(super) lost: [Count; 3],
    pub(super) refused: Vec<Count>,
    pub(super) heard: [Count; 2],
    pub(super) connections: Vec<Level>,
    pub(super) sent_bytes: Count,
    pub(super) received_bytes: Count,
    pub(super) requests_accepted: Count,
    pub(super) requests_executed: Count,
    pub(super) batches_executed: Count,
    pub(super) request_latency: Histogram,
    pub(super) epoch: Level,
    pub(super) members: Level,
    pub(super) view: Level,
    pub(super) view_changes: Count,
    pub(super) views_entered: Count,
    pub(super) executed_seq: Level,
    pub(super) stable_seq: Level,
    pub(super) state_transfers: Count,
    pub(super) equivocations: Count,
    pub(super) convictions: Count,
    pub(super) suspicions: Count,
    pub(super) docket_entries: Count,
    pub(super) docket_restrained: Level,
    pub(super) docket_convicted: Level,
    pub(super) threat_level: Level,
    pub(super) threat_trend: Level,
    pub(super) network_condition: Level,
    pub(super) safe_mode: Level,
    pub(super) records_persisted: Count,
    pub(super) events: Count,
    pub(super) events_lagged: Count,
    pub(super) viewers: Level,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("conclave");
        let guards = BoardPlace::default();
        registry.register_collector(Box::new(GuardFamilies(guards.clone())));
        let chaos = ChaosPlace::default();
        registry.register_collector(Box::new(ChaosFamilies(chaos.clone())));

        let sent = Family::<Kind, Count>::default();
        let received = Family::<Kind, Count>::default();
        let lost = Family::<Cause, Count>::default();
        let refused = Family::<Cause, Count>::default();
        let heard = Family::<Pace, Count>::default();
        let connections = Family::<Kind, Level>::default();
        registry.register("messages_sent", "Messages queued for a peer or client", sent.clone());
        registry.register("messages_received", "Messages handed to the protocol", received.clone());
        registry.register(
            "messages_lost",
            "Messages that never left: their queue was full, nobody was connected, or an experiment \
             dropped them",
            lost.clone(),
        );
        registry.register(
            "client_messages",
            "Messages of clients, by whether their client was held back before",
            heard.clone(),
        );
        registry.register("refused", "What was turned away, by what was wrong", refused.clone());
        registry.register("connections", "Authenticated connections", connections.clone());

        let mut counter = |name, help| {
            let counter = Count::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let sent_bytes = counter("sent_bytes", "Bytes of messages queued");
        let received_bytes = counter("received_bytes", "Bytes of messages received");
        let requests_accepted = counter("requests_accepted", "Client requests taken on");
        let requests_executed = counter("requests_executed", "Client requests executed");
        let batches_executed = counter("batches_executed", "Positions of the log executed");
        let view_changes = counter("view_changes_started", "Views given up");
        let views_entered = counter("views_entered", "Views entered after view 0");
        let state_transfers = counter("state_transfers", "States replaced by a proven checkpoint");
        let equivocations = counter("equivocations", "Conflicting proposals seen");
        let convictions = counter("convictions", "Proofs of misbehaviour that it came to hold");
        let suspicions = counter("suspicions", "Times that a peer's score reached the threshold");
        let docket_entries = counter("docket_entries", "Decisions of all about who lies");
        let records_persisted = counter("records_persisted", "Records given to storage");
        let events = counter("events", "Events of the schema");
        let events_lagged = counter("events_lagged", "Events that slow viewers missed");

        let mut gauge = |name, help| {
            let gauge = Level::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let epoch = gauge("epoch", "The epoch that it is in: each has its own membership");
        let members = gauge("members", "Nodes that are members in that epoch");
        let view = gauge("view", "The view it is in or wants");
        let executed_seq = gauge("executed_seq", "The last position executed");
        let stable_seq = gauge("stable_checkpoint_seq", "The last stable checkpoint");
        let docket_restrained = gauge("docket_restrained", "Members in quarantine, by agreement");
        let docket_convicted = gauge("docket_convicted", "Members convicted, by agreement");
        let threat_level =
            gauge("threat_level", "By agreement: 0 low, 1 medium, 2 high, 3 critical");
        let threat_trend = gauge("threat_trend", "By agreement: 0 falling, 1 steady, 2 rising");
        let network_condition =
            gauge("network_condition", "By agreement: 0 calm, 1 slow, 2 lossy, 3 asynchronous");
        let safe_mode =
            gauge("safe_mode", "1 while more than f are convicted: nothing is written any more");
        let viewers = gauge("event_viewers", "Open event streams");

        let request_latency = Histogram::new(LATENCY_BUCKETS_S);
        registry.register_with_unit(
            "request_latency",
            "From taking on a request to its execution",
            Unit::Seconds,
            request_latency.clone(),
        );

        let by_kind = |family: &Family<Kind, Count>| {
            let label = |kind: MessageKind| Kind { kind: kind.name() };
            MessageKind::ALL.map(|kind| family.get_or_create_owned(&label(kind))).to_vec()
        };
        Self {
            sent: by_kind(&sent),
            received: by_kind(&received),
            lost: ["overflow", "down", "dropped"]
                .map(|cause| lost.get_or_create_owned(&Cause { cause })),
            heard: ["at-once", "held-back"].map(|pace| heard.get_or_create_owned(&Pace { pace })),
            refused: RefusedAs::ALL
                .iter()
                .map(|why| refused.get_or_create_owned(&Cause { cause: why.name() }))
                .collect(),
            connections: ConnectionKind::ALL
                .iter()
                .map(|kind| connections.get_or_create_owned(&Kind { kind: kind.name() }))
                .collect(),
            sent_bytes,
            received_bytes,
            requests_accepted,
            requests_executed,
            batches_executed,
            request_latency,
            epoch,
            members,
            view,
            view_changes,
            views_entered,
            executed_seq,
            stable_seq,
            state_transfers,
            equivocations,
            convictions,
            suspicions,
            docket_entries,
            docket_restrained,
            docket_convicted,
            threat_level,
            threat_trend,
            network_condition,
            safe_mode,
            records_persisted,
            events,
            events_lagged,
            viewers,
            guards,
            chaos,
            registry,
        }
    }
}

impl Metrics {
    /// The text that Prometheus scrapes (`OpenMetrics` 1.0).
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a string can't fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}
