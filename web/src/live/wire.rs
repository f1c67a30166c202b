//! JSON from real nodes, field by field.
//!
//! The events' schema is the core's; its derived reader weighs eighty compressed kilobytes in wasm,
//! for the sake of acts and lies that only simulations have. This reads what real nodes emit, and
//! the tests hold it to the core's own writer, kind by kind.

use std::{borrow::Cow, fmt};

use super::{
    json::Json,
    source::{ClusterInfo, Hello, NodeInfo},
};
use conclave_core::{
    analyzer::Level,
    crypto::Digest,
    detector::{
        evidence::{Offence, Place},
        quarantine::{Entry, Order, What},
        suspicion::{Points, Reason},
    },
    event::{self, Event, EventKind},
    ids::{ClientId, Epoch, MessageId, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{MessageKind, Summary},
    quorum::{MAX_NODES, NodeSet},
    time::{Time, WallTime},
};
use serde::de::{DeserializeOwned, Expected, IntoDeserializer, Unexpected, value::StrDeserializer};

/// The error of names that don't exist. Nobody looks at it, so it says nothing: what serde's own would
/// say of every type weighs kilobytes.
#[derive(Debug)]
struct NoName;

impl fmt::Display for NoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such name")
    }
}

impl std::error::Error for NoName {}

impl serde::de::Error for NoName {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }
}

/// One JSON object.
struct Fields<'a>(Json<'a>);

impl<'a> Fields<'a> {
    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.number()
    }

    fn small(&self, name: &str) -> Option<u32> {
        u32::try_from(self.number(name)?).ok()
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.get(name)?.text()
    }

    /// Something that is written as a word: a kind, a cause, a digest.
    fn word<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        Self::read_word(&self.text(name)?)
    }

    fn read_word<T: DeserializeOwned>(text: &str) -> Option<T> {
        let deserializer: StrDeserializer<'_, NoName> = text.into_deserializer();
        T::deserialize(deserializer).ok()
    }

    /// Written as its name.
    fn message_kind(&self) -> Option<MessageKind> {
        let text = self.text("kind")?;
        MessageKind::ALL.into_iter().find(|kind| kind.name() == text)
    }

    /// Written as its name.
    fn level(&self, name: &str) -> Option<Level> {
        let text = self.text(name)?;
        Level::ALL.into_iter().find(|level| level.name() == text)
    }

    fn node(&self, name: &str) -> Option<NodeId> {
        u16::try_from(self.number(name)?).ok().map(NodeId)
    }

    fn view(&self) -> Option<View> {
        self.number("view").map(View)
    }

    fn seq(&self) -> Option<Seq> {
        self.number("seq").map(Seq)
    }

    fn digest(&self) -> Option<Digest> {
        self.word("digest")
    }

    fn position(&self, name: &str) -> Option<Seq> {
        self.number(name).map(Seq)
    }

    fn epoch(&self) -> Option<Epoch> {
        self.number("epoch").map(Epoch)
    }

    fn nodes(&self, name: &str) -> Option<Vec<NodeId>> {
        let node = |it: Json<'_>| u16::try_from(it.number()?).ok().map(NodeId);
        self.0.get(name)?.array()?.map(node).collect()
    }

    fn id(&self) -> Option<MessageId> {
        self.number("id").map(MessageId)
    }

    fn principal(&self, name: &str) -> Option<Principal> {
        let who = Fields(self.0.get(name)?);
        let client = || who.number("client").map(|id| Principal::Client(ClientId(id)));
        who.node("node").map(Principal::Node).or_else(client)
    }

    fn request(&self, name: &str) -> Option<RequestId> {
        request(self.0.get(name)?)
    }

    fn what(&self) -> Option<Summary> {
        let what = Fields(self.0.get("what")?);
        Some(Summary {
            kind: what.message_kind()?,
            view: what.view(),
            seq: what.seq(),
            digest: what.digest(),
            request: what.request("request"),
        })
    }
}

fn request(value: Json<'_>) -> Option<RequestId> {
    let fields = Fields(value);
    Some(RequestId {
        client: ClientId(fields.number("client")?),
        timestamp: Timestamp(fields.number("timestamp")?),
    })
}

fn offence(value: Json<'_>) -> Option<Offence> {
    let (f, place) = (Fields(value), Fields(value.get("place")?));
    Some(Offence {
        by: f.node("by")?,
        kind: f.word("kind")?,
        place: Place { epoch: place.epoch(), view: place.view(), seq: place.seq() },
        assumption: f.word("assumption")?,
    })
}

fn reason(value: Json<'_>) -> Option<Reason> {
    let f = Fields(value);
    Some(Reason {
        kind: f.word("kind")?,
        points: Points(f.small("points")?),
        count: f.small("count")?,
    })
}

/// Sets of nodes are written as their words of 64 bits.
fn node_set(value: Json<'_>) -> Option<NodeSet> {
    let mut set = NodeSet::default();
    let mut first = 0;
    for word in value.array()?.take(MAX_NODES as usize / 64) {
        let word = word.number()?;
        for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
            set.insert(NodeId(first + bit));
        }
        first += 64;
    }
    Some(set)
}

fn entry(value: Json<'_>) -> Option<Entry> {
    let f = Fields(value);
    Some(Entry {
        number: f.number("number")?,
        position: f.position("position")?,
        at: WallTime(f.number("at")?),
        node: f.node("node")?,
        what: what(value.get("what")?)?,
    })
}

/// A word, or an object whose one field has its name.
fn what(value: Json<'_>) -> Option<What> {
    if let Some(word) = value.text() {
        return Some(match &*word {
            "Released" => What::Released,
            "Waits" => What::Waits,
            "Displaced" => What::Displaced,
            "Misled" => What::Misled,
            "Silenced" => What::Silenced,
            "Heard" => What::Heard,
            "Acquitted" => What::Acquitted,
            _ => return None,
        });
    }
    let of = |name| value.get(name).map(Fields);
    Some(if let Some(held) = of("Held") {
        let kinds = held.0.get("reasons")?.array()?;
        let reason = |kind: Json<'_>| Fields::read_word(&kind.text()?);
        What::Held {
            until: WallTime(held.number("until")?),
            offence: held.small("offence")?,
            by: node_set(held.0.get("by")?)?,
            reasons: kinds.filter_map(reason).collect(),
        }
    } else if let Some(extended) = of("Extended") {
        What::Extended { until: WallTime(extended.number("until")?) }
    } else if let Some(convicted) = of("Convicted") {
        What::Convicted { proof: convicted.word("proof")? }
    } else if let Some(unfounded) = of("Unfounded") {
        What::Unfounded { suspect: unfounded.node("suspect")? }
    } else {
        let order = value.get("Ordered")?.text();
        What::Ordered(order.map(|order| if order == "hold" { Order::Hold } else { Order::Free }))
    })
}

/// Reads an event; `None` for anything that isn't one that real nodes emit.
pub(super) fn event(text: &str) -> Option<Event> {
    let value = Json::read(text)?;
    let fields = Fields(value);
    let place: event::Place = fields.principal("place")?.into();
    Some(Event { at: Time(fields.number("at")?), place, kind: kind(&fields)? })
}

fn kind(f: &Fields<'_>) -> Option<EventKind> {
    Some(match &*f.text("event")? {
        "sent" => EventKind::Sent { id: f.id()?, to: f.principal("to")?, what: f.what()?.into() },
        "delivered" => {
            EventKind::Delivered { id: f.id()?, from: f.principal("from")?, what: f.what()?.into() }
        }
        "lost" => EventKind::Lost { id: f.id()?, to: f.principal("to")?, why: f.word("why")? },
        "refused" => {
            EventKind::Refused { from: f.principal("from")?, why: f.text("why")?.into_owned() }
        }
        "request-accepted" => EventKind::RequestAccepted { request: f.request("request")? },
        "pre-prepared" => EventKind::PrePrepared {
            view: f.view()?,
            seq: f.seq()?,
            digest: f.digest()?,
            requests: f.small("requests")?,
        },
        "prepared" => EventKind::Prepared { view: f.view()?, seq: f.seq()?, digest: f.digest()? },
        "time-refused" => EventKind::TimeRefused {
            view: f.view()?,
            seq: f.seq()?,
            off_by_ms: f.0.get("off_by_ms")?.signed(),
        },
        "committed" => EventKind::Committed { view: f.view()?, seq: f.seq()?, digest: f.digest()? },
        "executed" => EventKind::Executed {
            seq: f.seq()?,
            digest: f.digest()?,
            requests: f.0.get("requests")?.array()?.filter_map(request).collect(),
        },
        "read-answered" => EventKind::ReadAnswered {
            request: f.request("request")?,
            executed: f.position("executed")?,
        },
        "checkpoint-taken" => EventKind::CheckpointTaken { seq: f.seq()?, digest: f.digest()? },
        "checkpoint-stable" => EventKind::CheckpointStable { seq: f.seq()?, digest: f.digest()? },
        "transfer-started" => EventKind::TransferStarted { seq: f.seq()?, digest: f.digest()? },
        "state-received" => EventKind::StateReceived {
            from: f.node("from")?,
            nodes: f.small("nodes")?,
            bytes: f.small("bytes")?,
            missing: f.small("missing")?,
        },
        "state-transferred" => EventKind::StateTransferred {
            seq: f.seq()?,
            digest: f.digest()?,
            fetched_bytes: f.number("fetched_bytes")?,
            total_bytes: f.number("total_bytes")?,
        },
        "primary-too-slow" => EventKind::PrimaryTooSlow {
            view: f.view()?,
            primary: f.node("primary")?,
            turnaround_us: f.small("turnaround_us")?,
            acceptable_us: f.number("acceptable_us")?,
        },
        "view-change-started" => {
            EventKind::ViewChangeStarted { view: f.view()?, why: f.word("why")? }
        }
        "view-entered" => EventKind::ViewEntered {
            view: f.view()?,
            primary: f.node("primary")?,
            carried_over: f.small("carried_over")?,
        },
        "epoch-ending" => EventKind::EpochEnding { after: f.position("after")? },
        "epoch-begun" => EventKind::EpochBegun {
            epoch: f.epoch()?,
            after: f.position("after")?,
            members: f.nodes("members")?,
            protocol: f.word("protocol")?,
        },
        "retired" => EventKind::Retired { epoch: f.epoch()? },
        "recovering" => EventKind::Recovering { life: f.number("life")? },
        "recovered" => EventKind::Recovered { seq: f.seq()?, view: f.view()? },
        "turned-away" => EventKind::TurnedAway {
            request: f.request("request")?,
            why: f.word("why")?,
            retry_after_ms: f.small("retry_after_ms")?,
        },
        "level-changed" => EventKind::LevelChanged {
            from: f.word("from")?,
            to: f.word("to")?,
            highest_ppm: f.small("highest_ppm")?,
        },
        "leader-silent" => EventKind::LeaderSilent,
        "inexplicable" => EventKind::Inexplicable { from: f.node("from")?, why: f.word("why")? },
        "equivocation" => EventKind::Equivocation {
            by: f.node("by")?,
            view: f.view()?,
            seq: f.seq()?,
            first: f.word("first")?,
            second: f.word("second")?,
        },
        "convicted" => EventKind::Convicted {
            offender: f.node("offender")?,
            offence: offence(f.0.get("offence")?)?.into(),
            shown_by: f.node("shown_by"),
        },
        "suspected" => EventKind::Suspected {
            peer: f.node("peer")?,
            score: f.small("score")? as u8,
            reasons: f.0.get("reasons")?.array()?.filter_map(reason).collect(),
        },
        "unsuspected" => {
            EventKind::Unsuspected { peer: f.node("peer")?, score: f.small("score")? as u8 }
        }
        "decided" => EventKind::Decided { entry: entry(f.0.get("entry")?)?.into() },
        "threat" => EventKind::Threat {
            number: f.number("number")?,
            level: f.level("level")?,
            protocol: f.word("protocol")?,
            why: f.text("why")?.into_owned(),
        },
        "request-submitted" => EventKind::RequestSubmitted {
            request: f.request("request")?,
            operation: f.text("operation")?.into_owned(),
        },
        "request-retransmitted" => {
            EventKind::RequestRetransmitted { request: f.request("request")? }
        }
        "read-fell-back" => EventKind::ReadFellBack { request: f.request("request")? },
        "request-completed" => EventKind::RequestCompleted {
            request: f.request("request")?,
            result: f.text("result")?.into_owned(),
            latency_us: f.number("latency_us")?,
        },
        _ => return None,
    })
}

/// Reads what `/api/cluster` says; `None` if it names no nodes.
pub(super) fn cluster(text: &str) -> Option<ClusterInfo> {
    let value = Json::read(text)?;
    let node = |value: Json<'_>| {
        let fields = Fields(value);
        Some(NodeInfo { id: fields.node("id")?, admin: fields.text("admin")?.into_owned() })
    };
    let nodes: Vec<NodeInfo> = value.get("nodes")?.array()?.filter_map(node).collect();
    let control = value.get("control").and_then(Json::truth).unwrap_or(false);
    (!nodes.is_empty()).then_some(ClusterInfo { nodes, control })
}

/// Reads a node's greeting.
pub(super) fn hello(text: &str) -> Option<Hello> {
    let value = Json::read(text)?;
    let fields = Fields(value);
    let convicted = value.get("convicted").and_then(Json::array).into_iter().flatten();
    Some(Hello {
        view: fields.number("view")?,
        active: value.get("active")?.truth()?,
        primary: fields.node("primary")?,
        executed: fields.number("executed")?,
        threat: fields.level("threat")?,
        restrained: fields.nodes("restrained").unwrap_or_default(),
        convicted: convicted.filter_map(|offence| Fields(offence).node("by")).collect(),
    })
}

/// Reads how many events a slow viewer missed.
pub(super) fn lagged(text: &str) -> Option<u64> {
    let value = Json::read(text)?;
    Fields(value).number("missed")
}

#[cfg(test)]
mod tests {
    use conclave_core::{
        analyzer::{Level, Protocol},
        detector::{
            evidence::{Assumption, OffenceKind},
            suspicion::Kind,
        },
        event::{LossCause, Place as Where, ViewChangeCause},
        node::admission::Why,
        pbft::MessageKind,
        raft::Refusal,
        resilience::degradation,
    };

    use super::*;

    fn every_kind() -> Vec<EventKind> {
        let (view, seq, digest) = (View(2), Seq(7), Digest([0xa1; 32]));
        let request = RequestId { client: ClientId(4), timestamp: Timestamp(u64::MAX) };
        let (to, id) = (Principal::Node(NodeId(3)), MessageId(u64::MAX - 5));
        let from = Principal::Client(ClientId(9));
        let mut kinds: Vec<EventKind> = MessageKind::ALL
            .into_iter()
            .map(|kind| {
                let what = Summary {
                    kind,
                    view: Some(view),
                    seq: None,
                    digest: Some(digest),
                    request: Some(request),
                };
                EventKind::Sent { id, to, what: what.into() }
            })
            .collect();
        let what = Summary {
            kind: MessageKind::Reply,
            view: None,
            seq: Some(seq),
            digest: None,
            request: None,
        };
        kinds.push(EventKind::Delivered { id, from, what: what.into() });
        for why in [
            LossCause::Network,
            LossCause::Cut,
            LossCause::Down,
            LossCause::Dropped,
            LossCause::Overflow,
        ] {
            kinds.push(EventKind::Lost { id, to, why });
        }
        for why in [
            ViewChangeCause::RequestTimeout,
            ViewChangeCause::NewViewTimeout,
            ViewChangeCause::JoinedOthers,
            ViewChangeCause::SlowPrimary,
            ViewChangeCause::PrimaryForgot,
            ViewChangeCause::Restrained,
        ] {
            kinds.push(EventKind::ViewChangeStarted { view, why });
        }
        kinds.extend([
            EventKind::Refused { from, why: "bad".into() },
            EventKind::RequestAccepted { request },
            EventKind::PrePrepared { view, seq, digest, requests: 3 },
            EventKind::Prepared { view, seq, digest },
            EventKind::Committed { view, seq, digest },
            EventKind::TimeRefused { view, seq, off_by_ms: Some(-3_600_000) },
            EventKind::TimeRefused { view, seq, off_by_ms: None },
            EventKind::Executed { seq, digest, requests: vec![request] },
            EventKind::CheckpointTaken { seq, digest },
            EventKind::CheckpointStable { seq, digest },
            EventKind::TransferStarted { seq, digest },
            EventKind::StateReceived { from: NodeId(1), nodes: 3, bytes: 99, missing: 7 },
            EventKind::StateTransferred { seq, digest, fetched_bytes: 99, total_bytes: 1_000 },
            EventKind::ViewEntered { view, primary: NodeId(1), carried_over: 2 },
            EventKind::LeaderSilent,
            EventKind::Inexplicable { from: NodeId(1), why: Refusal::TwoContents },
            EventKind::Equivocation {
                by: NodeId(0),
                view,
                seq,
                first: digest,
                second: Digest([7; 32]),
            },
            EventKind::Suspected {
                peer: NodeId(1),
                score: 63,
                reasons: Kind::ALL
                    .iter()
                    .map(|kind| Reason { kind: *kind, points: Points(61_234), count: 5 })
                    .collect(),
            },
            EventKind::Unsuspected { peer: NodeId(1), score: 0 },
            EventKind::EpochEnding { after: seq },
            EventKind::EpochBegun {
                epoch: Epoch(3),
                after: seq,
                members: vec![NodeId(0), NodeId(255)],
                protocol: Protocol::Raft,
            },
            EventKind::Retired { epoch: Epoch(3) },
            EventKind::Recovering { life: 1_795_479_159_977_773 },
            EventKind::Recovered { seq, view },
            EventKind::TurnedAway { request, why: Why::Rate, retry_after_ms: 250 },
            EventKind::LevelChanged {
                from: degradation::Level::Normal,
                to: degradation::Level::Emergency,
                highest_ppm: 999_999,
            },
            EventKind::Threat {
                number: 3,
                level: Level::Critical,
                protocol: Protocol::TrustOrderedPbft,
                why: "two of four are “proven” to lie".into(),
            },
            EventKind::RequestSubmitted { request, operation: "get k".into() },
            EventKind::RequestRetransmitted { request },
            EventKind::ReadAnswered { request, executed: seq },
            EventKind::ReadFellBack { request },
            EventKind::PrimaryTooSlow {
                view,
                primary: NodeId(2),
                turnaround_us: 310_000,
                acceptable_us: 60_000,
            },
            EventKind::RequestCompleted { request, result: "done".into(), latency_us: 12 },
        ]);
        let until = WallTime(1_795_479_159_977);
        let mut by = NodeSet::default();
        for node in [0, 63, 64, MAX_NODES - 1] {
            by.insert(NodeId(node));
        }
        for what in [
            What::Held { until, offence: 2, by, reasons: Kind::ALL.to_vec() },
            What::Extended { until },
            What::Released,
            What::Waits,
            What::Displaced,
            What::Convicted { proof: digest },
            What::Ordered(None),
            What::Ordered(Some(Order::Hold)),
            What::Ordered(Some(Order::Free)),
            What::Unfounded { suspect: NodeId(2) },
            What::Misled,
            What::Silenced,
            What::Heard,
            What::Acquitted,
        ] {
            let entry = Entry { number: 9, position: seq, at: until, node: NodeId(1), what };
            kinds.push(EventKind::Decided { entry: entry.into() });
        }
        for kind in OffenceKind::ALL {
            let offence = Offence {
                by: NodeId(0),
                kind,
                place: Place { epoch: Some(Epoch(1)), view: Some(view), seq: None },
                assumption: Assumption::AtMostF,
            };
            let shown_by = (kind == OffenceKind::FalseReply).then_some(NodeId(2));
            kinds.push(EventKind::Convicted {
                offender: NodeId(0),
                offence: offence.into(),
                shown_by,
            });
        }
        kinds
    }

    #[test]
    fn every_kind_that_real_nodes_emit_is_read_as_the_core_writes_it() {
        for place in [Where::Node(NodeId(2)), Where::Client(ClientId(5))] {
            for kind in every_kind() {
                let written = Event { at: Time(1_795_479_159_977_773), place, kind };
                let text = serde_json::to_string(&written).expect("events are written as JSON");
                assert_eq!(event(&text).as_ref(), Some(&written), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_event_is_none() {
        for text in ["", "{}", "[]", "{\"at\":1,\"place\":{\"node\":70000},\"event\":\"sent\"}"] {
            assert_eq!(event(text), None, "{text}");
        }
    }

    #[test]
    fn the_servers_answer_is_read_and_control_is_off_unless_it_says_so() {
        let info = cluster(r#"{"nodes":[{"id":0,"admin":"http://127.0.0.1:7701","up":true}]}"#);
        let info = info.expect("there is one node");
        assert_eq!((info.nodes[0].id, info.control), (NodeId(0), false));
        assert_eq!(cluster(r#"{"nodes":[],"control":true}"#), None);
    }

    #[test]
    fn a_greeting_says_where_a_node_stands() {
        let text = r#"{"id":0,"view":3,"active":false,"primary":2,"executed":14,"threat":"high",
            "restrained":[1,3],"convicted":[{"by":1,"kind":"prepares"}]}"#;
        let told = Hello {
            view: 3,
            active: false,
            primary: NodeId(2),
            executed: 14,
            threat: Level::High,
            restrained: vec![NodeId(1), NodeId(3)],
            convicted: vec![NodeId(1)],
        };
        assert_eq!(hello(text), Some(told));
        assert_eq!(lagged(r#"{"missed":9}"#), Some(9));
    }
}
