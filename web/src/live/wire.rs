//! JSON from real nodes, field by field.
//!
//! The events' schema is the core's; its derived reader weighs eighty compressed kilobytes in wasm,
//! for the sake of acts and lies that only simulations have. This reads what real nodes emit, and
//! the tests hold it to the core's own writer, kind by kind.

use std::borrow::Cow;

use super::{
    json::Json,
    source::{ClusterInfo, Hello, NodeInfo},
};
use conclave_core::{
    analyzer::Level,
    crypto::Digest,
    detector::{
        evidence::{Offence, Place},
        suspicion::{Points, Reason},
    },
    event::{self, Event, EventKind},
    ids::{ClientId, Epoch, MessageId, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::Summary,
    time::Time,
};
use serde::de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer};

/// The error of names that don't exist; never looked at.
type NoName = serde::de::value::Error;

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
        let text = self.text(name)?;
        let deserializer: StrDeserializer<'_, NoName> = (&*text).into_deserializer();
        T::deserialize(deserializer).ok()
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
            kind: what.word("kind")?,
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
        place: Place {
            epoch: place.number("epoch").map(Epoch),
            view: place.view(),
            seq: place.seq(),
        },
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
            executed: Seq(f.number("executed")?),
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
    Some(Hello {
        view: fields.number("view")?,
        active: value.get("active")?.truth()?,
        executed: fields.number("executed")?,
        threat: fields.level("threat")?,
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
        pbft::MessageKind,
        raft::Refusal,
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
        let text = r#"{"id":0,"view":3,"active":false,"executed":14,"threat":"high"}"#;
        let threat = Level::High;
        assert_eq!(hello(text), Some(Hello { view: 3, active: false, executed: 14, threat }));
        assert_eq!(lagged(r#"{"missed":9}"#), Some(9));
    }
}
