//! Events, lies and conditions in sentences.

use std::fmt::Write as _;

use conclave_core::{
    crypto::Digest,
    event::{Event, EventKind, LossCause, Place, Tampering, ViewChangeCause},
    ids::{ClientId, NodeId, Principal, Seq, Timestamp, View},
    pbft::{MessageKind, Summary},
    sim::Action,
    sorted::SortedMap,
};

use super::{
    chronicle::{Chronicle, Lie},
    decimals::decimals,
};
use crate::resilience;

/// The letter that stands for a kind of message.
pub(crate) const fn letter(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Request => "R",
        MessageKind::PrePrepare => "PP",
        MessageKind::Prepare => "P",
        MessageKind::Commit => "C",
        MessageKind::Reply => "r",
        MessageKind::Checkpoint => "K",
        MessageKind::ViewChange => "V",
        MessageKind::NewView => "N",
        MessageKind::Status => "s",
        MessageKind::FetchBatch => "?",
        MessageKind::Batch => "B",
        MessageKind::Decided => "D",
        MessageKind::Stable => "S",
        MessageKind::FetchState => "F",
        MessageKind::State => "T",
        MessageKind::Read => "G",
        MessageKind::ReadReply => "g",
        MessageKind::Pace => "p",
        MessageKind::RecoveryRequest => "q",
        MessageKind::EpochEnds => "E",
        MessageKind::FetchEpochEnds => "e",
        MessageKind::Vote => "v",
        MessageKind::Append => "A",
        MessageKind::Appended => "m",
        MessageKind::ReadIndex => "i",
        MessageKind::Evidence => "!",
        MessageKind::Busy => "b",
    }
}

/// What a kind of message is for, in one sentence.
pub(crate) const fn meaning(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Request => "A client asks for an operation.",
        MessageKind::PrePrepare => "The primary proposes a batch for a position in the log.",
        MessageKind::Prepare => {
            "A backup accepted that proposal; a quorum of these makes it prepared."
        }
        MessageKind::Commit => {
            "A replica saw the proposal prepared; a quorum of these makes it committed."
        }
        MessageKind::Reply => {
            "A replica executed the request; the client waits for f+1 equal replies."
        }
        MessageKind::Checkpoint => {
            "A replica's state after a position; a quorum of equal ones makes it stable."
        }
        MessageKind::ViewChange => {
            "A replica gives up on the primary and says what it has prepared."
        }
        MessageKind::NewView => {
            "The next primary shows a quorum of view changes and starts its view."
        }
        MessageKind::Status => "A replica says where it stands, so that others send what it lacks.",
        MessageKind::FetchBatch => "A replica asks for a batch that it knows only by digest.",
        MessageKind::Batch => "A batch, proved by its digest.",
        MessageKind::Decided => "A position with proof that it committed.",
        MessageKind::Stable => "Proof of a stable checkpoint, for a replica that is far behind.",
        MessageKind::FetchState => "A replica asks for parts of a proven state.",
        MessageKind::State => "Parts of the state, each proved by its digest.",
        MessageKind::Read => "A client asks every replica for what its state says.",
        MessageKind::ReadReply => {
            "A replica answers from its state; a quorum of equal answers is believed."
        }
        MessageKind::EpochEnds => "Proof of who the members are now.",
        MessageKind::FetchEpochEnds => "A client asks who the members are now.",
        MessageKind::Evidence => "Proof that a replica lied: its own signed messages.",
        MessageKind::Busy => "A replica turns a request away, and says when to come back.",
        MessageKind::Pace => "A replica says how quick it finds the primary.",
        MessageKind::RecoveryRequest => "A replica that lost memory asks for a new life.",
        MessageKind::Vote => "A member asks for votes to lead a term, or gives its own.",
        MessageKind::Append => "The leader's entries, or that it is still there.",
        MessageKind::Appended => "How far a member's log agrees with the leader's.",
        MessageKind::ReadIndex => "From where on a read may be answered: the leader knows.",
    }
}

/// "prepare 12 of view 0, a1f3".
pub(crate) fn message(what: &Summary) -> String {
    let mut text = what.kind.name().to_owned();
    if let Some(seq) = what.seq {
        let _ = write!(text, " {seq}");
    }
    if let Some(view) = what.view {
        let _ = write!(text, " of view {view}");
    }
    if let Some(request) = what.request {
        let _ = write!(text, " #{} of {}", number(request.timestamp), client(request.client));
    }
    if let Some(digest) = what.digest {
        let _ = write!(text, ", {}", digest.short());
    }
    text
}

/// A request's number. Real clients count from the clock: of those, the last digits tell enough.
pub(crate) fn number(timestamp: Timestamp) -> String {
    match timestamp.0 {
        small if small < 1_000_000 => small.to_string(),
        large => format!("…{:04}", large % 10_000),
    }
}

/// Why a message is gone.
pub(crate) const fn loss(why: LossCause) -> &'static str {
    match why {
        LossCause::Network => "the link lost it",
        LossCause::Cut => "the link is cut",
        LossCause::Down => "the receiver is down",
        LossCause::Dropped => "it was dropped",
        LossCause::Overflow => "a queue was full",
    }
}

/// Why a replica left its view.
pub(crate) const fn cause(why: ViewChangeCause) -> &'static str {
    match why {
        ViewChangeCause::RequestTimeout => "a request waited too long",
        ViewChangeCause::NewViewTimeout => "the new view did not start in time",
        ViewChangeCause::JoinedOthers => "f+1 others want a later view",
        ViewChangeCause::SlowPrimary => "a quorum finds the primary too slow",
        ViewChangeCause::PrimaryForgot => "the primary lost memory",
        ViewChangeCause::Restrained => "the primary is in quarantine",
    }
}

/// "client 1"; who asks in a name of its own, "admin" or "node 2".
pub(crate) fn client(id: ClientId) -> String {
    match id.as_member() {
        Some(node) => format!("node {node}"),
        None if id == ClientId::ADMINISTRATOR => "admin".to_owned(),
        None => format!("client {id}"),
    }
}

/// "node 2", "client 1", "".
pub(crate) fn place(place: Place) -> String {
    match place {
        Place::Node(node) => format!("node {node}"),
        Place::Client(id) => client(id),
        Place::World => String::new(),
    }
}

/// One event as a sentence without its place, and whether it is a milestone.
pub(crate) fn event(event: &Event) -> (String, bool) {
    match &event.kind {
        EventKind::Sent { to, what, .. } => (format!("sent {} to {to}", message(what)), false),
        EventKind::Delivered { from, what, .. } => {
            (format!("received {} from {from}", message(what)), false)
        }
        EventKind::Lost { to, why, .. } => {
            (format!("a message to {to} is lost: {}", loss(*why)), false)
        }
        EventKind::Refused { from, why } => (format!("refused a message of {from}: {why}"), true),
        EventKind::RequestAccepted { request } => (
            format!("holds request #{} of {}", number(request.timestamp), client(request.client)),
            false,
        ),
        EventKind::PrePrepared { view, seq, digest, requests } => (
            format!("pre-prepared {seq} in view {view}: {}, {}", digest.short(), plural(*requests)),
            false,
        ),
        EventKind::Prepared { seq, digest, .. } => {
            (format!("prepared {seq}: {}", digest.short()), false)
        }
        EventKind::TimeRefused { seq, off_by_ms, .. } => (
            match off_by_ms {
                Some(ms) => format!("refused {seq}: its time is off by {ms} ms"),
                None => format!("refused {seq}: it needs a time"),
            },
            true,
        ),
        EventKind::Committed { seq, digest, .. } => {
            (format!("committed {seq}: {}", digest.short()), false)
        }
        EventKind::Executed { seq, digest, requests } => (
            format!("executed {seq}: {}, {}", digest.short(), plural(requests.len() as u32)),
            false,
        ),
        EventKind::ReadAnswered { request, executed } => (
            format!(
                "answers read #{} of {} from its state after {executed}",
                number(request.timestamp),
                client(request.client)
            ),
            false,
        ),
        EventKind::CheckpointTaken { seq, digest } => {
            (format!("took a checkpoint after {seq}: {}", digest.short()), false)
        }
        EventKind::CheckpointStable { seq, .. } => (format!("checkpoint {seq} is stable"), true),
        EventKind::TransferStarted { seq, .. } => (format!("fetches the state after {seq}"), true),
        EventKind::StateReceived { from, nodes, bytes, missing } => {
            (format!("{nodes} parts of it ({bytes} bytes) from {from}, {missing} missing"), false)
        }
        EventKind::StateTransferred { seq, fetched_bytes, total_bytes, .. } => (
            format!(
                "took over a proven state after {seq}: fetched {fetched_bytes} of {total_bytes} bytes"
            ),
            true,
        ),
        EventKind::PrimaryTooSlow { primary, turnaround_us, acceptable_us, .. } => (
            format!(
                "finds primary {primary} too slow: {} ms where {} are fair",
                turnaround_us / 1_000,
                acceptable_us / 1_000
            ),
            true,
        ),
        EventKind::Recovering { .. } => {
            ("lost memory: votes no more in this epoch".to_owned(), true)
        }
        EventKind::Recovered { seq, .. } => (format!("recovered: votes again, after {seq}"), true),
        EventKind::ViewChangeStarted { view, why } => {
            (format!("asks for view {view}: {}", cause(*why)), true)
        }
        EventKind::ViewEntered { view, primary, carried_over } => {
            let carried = match carried_over {
                0 => String::new(),
                k => format!(", {k} carried over"),
            };
            (format!("entered view {view}, primary {primary}{carried}"), true)
        }
        EventKind::LeaderSilent => {
            ("hears no leader, and asks whether it could lead".to_owned(), true)
        }
        EventKind::Inexplicable { from, why } => {
            (format!("no crash explains what {from} said: {}", why.name()), true)
        }
        EventKind::Equivocation { by, seq, first, second, .. } => (
            format!(
                "holds two proposals that node {by} signed for {seq}: {} and {}",
                first.short(),
                second.short()
            ),
            true,
        ),
        EventKind::Convicted { offence, shown_by, .. } => {
            let by = shown_by.map_or_else(String::new, |node| format!(", shown by node {node}"));
            (format!("holds proof: {offence}{by}"), true)
        }
        EventKind::Suspected { peer, score, reasons } => {
            let most = reasons.first().map_or("", |reason| reason.kind.name());
            (format!("suspects node {peer}: {score} points, most for {most}"), true)
        }
        EventKind::Unsuspected { peer, .. } => (format!("suspects node {peer} no more"), true),
        EventKind::Decided { entry } => (entry.to_string(), true),
        EventKind::Threat { level, why, .. } => (format!("threat {level}: {why}"), true),
        EventKind::EpochEnding { after } => {
            (format!("the epoch ends at {after}, and another begins"), true)
        }
        EventKind::EpochBegun { epoch, members, protocol, .. } => {
            let members: Vec<String> = members.iter().map(NodeId::to_string).collect();
            (format!("begins epoch {epoch}: {} of {}", protocol.name(), list(&members)), true)
        }
        EventKind::Retired { .. } => ("is a member no more".to_owned(), true),
        EventKind::RequestSubmitted { request, operation } => {
            (format!("asks #{}: {operation}", number(request.timestamp)), false)
        }
        EventKind::RequestRetransmitted { request } => {
            (format!("asks everyone again for #{}", number(request.timestamp)), true)
        }
        EventKind::TurnedAway { request, why, retry_after_ms } => {
            let (client, number) = (client(request.client), number(request.timestamp));
            (format!("turns away {client}, #{number}: {why}; in {retry_after_ms} ms"), true)
        }
        EventKind::LevelChanged { to, .. } => (format!("its load: {}", to.name()), true),
        EventKind::ReadFellBack { request } => (
            format!("has #{} ordered: answers differ or are missing", number(request.timestamp)),
            true,
        ),
        EventKind::RequestCompleted { request, result, latency_us } => (
            format!(
                "accepts #{}: {result}, after {} ms",
                number(request.timestamp),
                decimals(*latency_us as f64 / 1e3, 1)
            ),
            false,
        ),
        EventKind::Intervened { action, effective } => {
            let note = if *effective { "" } else { " (nothing to do)" };
            (format!("{action}{note}"), true)
        }
        EventKind::Tampered { to, what, how } => (tampered(*to, what, *how), false),
        EventKind::Violated { invariant, detail } => {
            (format!("{} is violated: {detail}", invariant.name()), true)
        }
        EventKind::Marker { .. } => ("a marker of the story".to_owned(), true),
        other => resilience::event(other)
            .unwrap_or_else(|| ("something that this lab doesn't know yet".to_owned(), false)),
    }
}

fn tampered(to: Principal, what: &Summary, how: Tampering) -> String {
    match how {
        Tampering::Withheld => format!("withheld {} from {to}", message(what)),
        Tampering::Delayed { by_us } => {
            format!("held back {} to {to} for {} ms", message(what), by_us / 1_000)
        }
        Tampering::Equivocated { told } => {
            format!("told {to} {} instead of {}", told.short(), message(what))
        }
        other => format!("{} {} to {to}", misdeed(other), message(what)),
    }
}

/// What was done, up to the message that it was done to.
fn misdeed(how: Tampering) -> String {
    match how {
        Tampering::Falsified => "sent a falsified".to_owned(),
        Tampering::Forged => "forged the proof in its".to_owned(),
        Tampering::Replayed => "sent an old message with its".to_owned(),
        Tampering::Accused => "misjudged the primary beside its".to_owned(),
        Tampering::Flooded { messages } => format!("sent {messages} useless messages with its"),
        _ => String::new(),
    }
}

fn plural(requests: u32) -> String {
    match requests {
        0 => "null request".to_owned(),
        1 => "1 request".to_owned(),
        k => format!("{k} requests"),
    }
}

/// "1", "1 and 2", "1, 2 and 3".
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// What the latest lie before `steps` amounts to, over everyone it was told to:
/// "node 0 told 1 and 2 a1f3, told 3 77be for position 5".
pub(crate) fn latest_lie(chronicle: &Chronicle, steps: u64) -> Option<String> {
    let last = chronicle.lies().rev().find(|lie| lie.step < steps)?;
    let same = |what: &Summary| {
        what.kind == last.what.kind && what.view == last.what.view && what.seq == last.what.seq
    };
    // Lies of one broadcast fall into one step.
    let lies: Vec<&Lie> = chronicle
        .lies()
        .rev()
        .skip_while(|lie| lie.step >= steps)
        .take(256)
        .filter(|lie| lie.by == last.by && lie.step == last.step && same(&lie.what))
        .collect();
    let names = |to: &mut Vec<NodeId>| {
        to.sort_unstable();
        to.dedup();
        list(&to.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let subject = position(last.what.seq, last.what.view, last.what.kind);
    let mut to: Vec<NodeId> = lies.iter().filter_map(|lie| node(lie.to)).collect();
    let whom = if to.is_empty() { last.to.to_string() } else { names(&mut to) };
    match last.how {
        Tampering::Equivocated { .. } => {
            let mut told: SortedMap<Digest, Vec<NodeId>> = SortedMap::new();
            for lie in &lies {
                if let (Tampering::Equivocated { told: digest }, Principal::Node(to)) =
                    (lie.how, lie.to)
                {
                    told.entry(digest).or_default().push(to);
                }
            }
            for arrow in chronicle.arrows_between(last.us, last.us) {
                if let (true, true, Some(digest), Principal::Node(to)) = (
                    arrow.from == Principal::Node(last.by) && arrow.sent_step == last.step,
                    same(&arrow.what),
                    arrow.what.digest,
                    arrow.to,
                ) {
                    told.entry(digest).or_default().push(to);
                }
            }
            let mut groups: Vec<_> = told.into_iter().collect();
            groups.sort_by_key(|(digest, to)| {
                (Some(*digest) != last.what.digest, to.iter().min().copied())
            });
            let parts: Vec<String> = groups
                .iter_mut()
                .map(|(digest, to)| format!("told {} {}", names(to), digest.short()))
                .collect();
            Some(format!("node {} {}{subject}", last.by, parts.join(", ")))
        }
        Tampering::Withheld => Some(format!(
            "node {} kept its {} from {whom}{subject}",
            last.by,
            last.what.kind.name()
        )),
        Tampering::Delayed { by_us } => Some(format!(
            "node {} holds back its {} to {whom} for {} ms{subject}",
            last.by,
            last.what.kind.name(),
            by_us / 1_000
        )),
        other => Some(format!(
            "node {} {} {} to {whom}{subject}",
            last.by,
            misdeed(other),
            last.what.kind.name()
        )),
    }
}

fn node(principal: Principal) -> Option<NodeId> {
    match principal {
        Principal::Node(node) => Some(node),
        Principal::Client(_) => None,
    }
}

fn position(seq: Option<Seq>, view: Option<View>, kind: MessageKind) -> String {
    match (seq, view) {
        (Some(seq), Some(view)) => format!(" ({} {seq}, view {view})", kind.name()),
        _ => String::new(),
    }
}

/// A short name for a branch: "crash 0", "partition".
pub(crate) fn action_name(action: &Action) -> String {
    let node = action.node().map(|node| format!(" {node}")).unwrap_or_default();
    match action {
        Action::Crash { .. } => format!("crash{node}"),
        Action::Restart { .. } => format!("restart{node}"),
        Action::DamageDisk { .. } => format!("damage disk{node}"),
        Action::CutOff { .. } => format!("cut off{node}"),
        Action::Reconnect { .. } => format!("reconnect{node}"),
        Action::Partition { .. } => "partition".to_owned(),
        Action::Heal => "heal".to_owned(),
        Action::Overrule { .. } => format!("overrule{node}"),
        Action::CutLink { from, to } => format!("cut {from}→{to}"),
        Action::RestoreLink { from, to } => format!("restore {from}→{to}"),
        Action::SlowLink { from, to, .. } => format!("slow {from}→{to}"),
        Action::Corrupt { strategies, .. } => {
            let verb = strategies.first().map_or("corrupt", |strategy| strategy.name());
            format!("{verb}{node}")
        }
        Action::CorruptClient { client, how } => format!("{} client {client}", how.name()),
        Action::Reform { .. } => format!("reform{node}"),
        Action::Deliver { .. } => "deliver".to_owned(),
        Action::Delay { .. } => "delay".to_owned(),
        Action::Drop { .. } => "drop".to_owned(),
        Action::Duplicate { .. } => "duplicate".to_owned(),
        Action::Reconfigure { .. } => "change members".to_owned(),
        Action::Switch { protocol, .. } => format!("switch to {}", protocol.name()),
        Action::Submit { client, .. } => format!("ask by {client}"),
        Action::Lose { .. } => "lose".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::{ids::MessageId, time::Time};

    use super::*;

    #[test]
    fn who_asks_in_a_name_of_its_own_has_no_number_of_twenty_digits() {
        let member = ClientId::member(NodeId(3));
        let names = [ClientId(7), ClientId::ADMINISTRATOR, member].map(client);
        assert_eq!(names, ["client 7", "admin", "node 3"]);
    }

    fn digest(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    fn proposal(byte: u8) -> Summary {
        Summary {
            kind: MessageKind::PrePrepare,
            view: Some(View(0)),
            seq: Some(Seq(5)),
            digest: Some(digest(byte)),
            request: None,
        }
    }

    #[test]
    fn an_equivocation_is_told_by_what_each_was_told() {
        let mut chronicle = Chronicle::default();
        let mut push = |kind| {
            let place = Place::Node(NodeId(0));
            chronicle.push(7, &Event { at: Time(100), place, kind });
        };
        let to = |node| Principal::Node(NodeId(node));
        for (id, node) in [(1, 1), (2, 2)] {
            push(EventKind::Sent { id: MessageId(id), to: to(node), what: proposal(0xa1).into() });
        }
        push(EventKind::Tampered {
            to: to(3),
            what: proposal(0xa1).into(),
            how: Tampering::Equivocated { told: digest(0x77) },
        });
        push(EventKind::Sent { id: MessageId(3), to: to(3), what: proposal(0x77).into() });
        assert_eq!(
            latest_lie(&chronicle, 8).as_deref(),
            Some("node 0 told 1 and 2 a1a1, told 3 7777 (pre-prepare 5, view 0)")
        );
        assert_eq!(latest_lie(&chronicle, 7), None);
    }

    #[test]
    fn numbers_that_come_from_a_clock_are_shortened() {
        assert_eq!(number(Timestamp(12)), "12");
        assert_eq!(number(Timestamp(1_795_479_153_460_630)), "…0630");
    }

    #[test]
    fn lists_read_like_a_sentence() {
        let of = |items: &[&str]| list(&items.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!((of(&["1"]), of(&["1", "2"])), ("1".into(), "1 and 2".into()));
        assert_eq!(of(&["1", "2", "3"]), "1, 2 and 3");
    }

    #[test]
    fn every_kind_of_message_has_its_own_letter() {
        let mut letters: Vec<_> = MessageKind::ALL.iter().map(|kind| letter(*kind)).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), MessageKind::ALL.len());
    }
}
