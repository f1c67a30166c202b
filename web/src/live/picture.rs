//! What is known of real nodes, from their events alone.

use std::collections::VecDeque;

use conclave_core::{
    analyzer::{Level, Protocol},
    event::{Event, EventKind, Place},
    ids::{ClientId, NodeId, Principal, View},
    pbft::MessageKind,
    sorted::SortedMap,
};

use super::source::Hello;
use crate::model::{
    belief::{Agreed, standing},
    chronicle::Chronicle,
    scene::{Current, Face, NodeState},
    words,
};

/// Events that are kept, and that wait while paused.
const KEPT: usize = 6_000;
/// Clients that are shown: the ones heard of last.
const CLIENTS: usize = 3;
/// Events that the table shows: of all the last ones, which under load is a second,
const RECENT: usize = 120;
/// and before them those that matter to the story.
const MILESTONES: usize = 36;
/// The picture runs this far behind, so that the streams of all nodes have arrived.
pub(crate) const LAG_US: f64 = 350_000.0;
/// After this long without any open stream the picture is stale, in ms.
pub(crate) const STALE_MS: f64 = 2_500.0;

/// One node, as far as its events tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    /// Its stream is open.
    pub(crate) answering: bool,
    /// When it last said anything, by this browser's clock, in ms.
    pub(crate) heard_ms: Option<f64>,
    /// The number of its last event.
    pub(crate) last_number: Option<u64>,
    /// Events that never came.
    pub(crate) missed: u64,
    view: u64,
    changing: bool,
    primary: Option<NodeId>,
    executed: u64,
    current: Option<Current>,
}

/// Whether what is shown is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// It is.
    Live,
    /// Somebody stopped it.
    Paused,
    /// No node answers.
    Stale,
}

impl Liveness {
    /// As shown.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Paused => "PAUSED",
            Self::Stale => "STALE",
        }
    }
}

/// The picture of a real cluster.
#[derive(Debug)]
pub(crate) struct Picture {
    /// What happened.
    pub(crate) chronicle: Chronicle,
    /// The nodes.
    pub(crate) nodes: SortedMap<NodeId, Known>,
    /// How bad it is, by what all agree on.
    pub(crate) threat: Level,
    /// What all agree on about some of them.
    agreed: SortedMap<NodeId, Agreed>,
    recent: VecDeque<Event>,
    milestones: VecDeque<Event>,
    clients: VecDeque<ClientId>,
    faces: Vec<Face>,
    shown_clients: Vec<ClientId>,
    counted: u64,
    /// The frozen moment, and what came since.
    paused_us: Option<f64>,
    waiting: VecDeque<Event>,
    last_open_ms: f64,
}

impl Picture {
    /// Of these nodes, of which nothing is known yet.
    pub(crate) fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let mut picture = Self {
            chronicle: Chronicle::bounded(KEPT),
            nodes: nodes.into_iter().map(|node| (node, Known::default())).collect(),
            threat: Level::Low,
            agreed: SortedMap::new(),
            recent: VecDeque::new(),
            milestones: VecDeque::new(),
            clients: VecDeque::new(),
            faces: Vec::new(),
            shown_clients: Vec::new(),
            counted: 0,
            paused_us: None,
            waiting: VecDeque::new(),
            last_open_ms: 0.0,
        };
        picture.refresh();
        picture
    }

    /// A node's stream opened or broke.
    pub(crate) fn connection(&mut self, node: NodeId, open: bool, now_ms: f64) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.answering = open;
            if open {
                self.last_open_ms = now_ms;
                // A restarted node numbers from the start again.
                known.last_number = None;
            }
        }
        self.refresh();
    }

    /// A node says where it stands: at the beginning of a stream, so after a restart too.
    pub(crate) fn hello(&mut self, node: NodeId, hello: &Hello, now_ms: f64) {
        if let Some(known) = self.nodes.get_mut(&node) {
            (known.view, known.changing) = (hello.view, !hello.active);
            known.primary = Some(hello.primary);
            known.executed = hello.executed;
            (known.current, known.last_number) = (None, None);
            known.heard_ms = Some(now_ms);
        }
        self.threat = hello.threat;
        self.agreed = hello.restrained.iter().map(|node| (*node, Agreed::Quarantined)).collect();
        // A proof that one node holds is agreed on once it has restrained whom it is against.
        for node in hello.convicted.iter().filter(|node| hello.restrained.contains(node)) {
            self.agreed.insert(*node, Agreed::Convicted);
        }
        self.connection(node, true, now_ms);
    }

    /// A node says that it skipped events.
    pub(crate) fn missed(&mut self, node: NodeId, missed: u64) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.missed += missed;
            known.last_number = None;
        }
    }

    /// An event of a node's stream, with its number there.
    pub(crate) fn take(&mut self, node: NodeId, number: Option<u64>, event: Event, now_ms: f64) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.heard_ms = Some(now_ms);
            known.answering = true;
            if let (Some(last), Some(number)) = (known.last_number, number)
                && number > last + 1
            {
                known.missed += number - last - 1;
            }
            if number.is_some() {
                known.last_number = number;
            }
        }
        self.last_open_ms = now_ms;
        if self.paused_us.is_some() {
            self.waiting.push_back(event);
            if self.waiting.len() > KEPT {
                self.waiting.pop_front();
            }
        } else {
            self.apply(event);
        }
    }

    fn apply(&mut self, event: Event) {
        self.counted += 1;
        self.chronicle.push(self.counted, &event);
        match &event.kind {
            EventKind::Threat { level, .. } => self.threat = *level,
            EventKind::Decided { entry } => {
                if let Some(agreed) = Agreed::after(&entry.what) {
                    self.agreed.insert(entry.node, agreed);
                }
            }
            EventKind::EpochBegun { members, .. } => {
                self.agreed.retain(|node, _| members.contains(node));
            }
            _ => {}
        }
        if let Some(node) = node_of(event.place)
            && let Some(known) = self.nodes.get_mut(&node)
        {
            known.reduce(&event, &self.chronicle);
        }
        if let Some(client) = client_of(&event)
            && !self.clients.contains(&client)
        {
            self.clients.push_back(client);
            if self.clients.len() > CLIENTS {
                self.clients.pop_front();
            }
        }
        self.recent.push_back(event);
        if self.recent.len() > RECENT
            && let Some(old) = self.recent.pop_front()
            && !matches!(old.kind, EventKind::Sent { .. } | EventKind::Delivered { .. })
            && words::event(&old).1
        {
            self.milestones.push_back(old);
            if self.milestones.len() > MILESTONES {
                self.milestones.pop_front();
            }
        }
    }

    /// Freezes every pane at one instant.
    pub(crate) fn pause(&mut self, now_us: f64) {
        self.paused_us.get_or_insert(now_us);
    }

    /// Back to now.
    pub(crate) fn resume(&mut self) {
        self.paused_us = None;
        for event in std::mem::take(&mut self.waiting) {
            self.apply(event);
        }
        self.refresh();
    }

    /// Whether somebody stopped it.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused_us.is_some()
    }

    /// The moment that is shown, given the real one (both in µs since 1970).
    pub(crate) fn shown_us(&self, real_us: f64) -> f64 {
        self.paused_us.unwrap_or(real_us - LAG_US)
    }

    /// LIVE, PAUSED or STALE.
    pub(crate) fn liveness(&self, now_ms: f64) -> Liveness {
        if self.is_paused() {
            Liveness::Paused
        } else if self.answering() == 0 && now_ms - self.last_open_ms > STALE_MS {
            Liveness::Stale
        } else {
            Liveness::Live
        }
    }

    /// How old what is shown is, in ms.
    pub(crate) fn age_ms(&self, now_ms: f64) -> f64 {
        match self.paused_us {
            Some(us) => now_ms - us / 1e3,
            None => {
                let heard = self.nodes.values().filter_map(|known| known.heard_ms);
                now_ms - heard.fold(self.last_open_ms, f64::max)
            }
        }
        .max(0.0)
    }

    /// How many nodes answer.
    pub(crate) fn answering(&self) -> usize {
        self.nodes.values().filter(|known| known.answering).count()
    }

    /// The last events, newest first, and before them those that matter.
    pub(crate) fn recent(&self) -> impl Iterator<Item = &Event> {
        self.recent.iter().rev().chain(self.milestones.iter().rev())
    }

    /// The replicas as they look.
    pub(crate) fn faces(&self) -> &[Face] {
        &self.faces
    }

    /// The clients heard of last.
    pub(crate) fn clients(&self) -> &[ClientId] {
        &self.shown_clients
    }

    /// Brings the faces to what is known; called once a frame, not once an event.
    pub(crate) fn refresh(&mut self) {
        if self.is_paused() {
            return;
        }
        let held = self.chronicle.beliefs().held(None);
        self.faces = self
            .nodes
            .iter()
            .map(|(id, known)| Face {
                standing: standing(&held, *id, self.agreed.get(id).copied().unwrap_or_default()),
                id: *id,
                state: match (known.answering, known.heard_ms) {
                    (true, _) => NodeState::Up,
                    (false, Some(_)) => NodeState::Down,
                    (false, None) => NodeState::Unknown,
                },
                view: known.view,
                active: !known.changing,
                primary: known.primary == Some(*id) && known.answering,
                executed: known.executed,
                current: known.current,
                verbs: Vec::new(),
            })
            .collect();
        self.shown_clients = self.clients.iter().copied().collect();
        self.shown_clients.sort_unstable();
    }
}

impl Known {
    fn reduce(&mut self, event: &Event, chronicle: &Chronicle) {
        let slot = |view: &View, seq: u64, digest, phase| {
            let alt = chronicle.is_alt(*view, conclave_core::ids::Seq(seq), digest);
            Current { seq, phase, digest, alt }
        };
        match &event.kind {
            EventKind::PrePrepared { view, seq, digest, .. } => {
                self.in_view(*view);
                self.raise(slot(view, seq.0, *digest, 1));
            }
            EventKind::Prepared { view, seq, digest } => {
                self.in_view(*view);
                self.raise(slot(view, seq.0, *digest, 2));
            }
            EventKind::Committed { view, seq, digest } => {
                self.raise(slot(view, seq.0, *digest, 3));
            }
            EventKind::Executed { seq, digest, .. } => {
                self.executed = self.executed.max(seq.0);
                self.raise(slot(&View(self.view), seq.0, *digest, 4));
            }
            EventKind::StateTransferred { seq, .. } => {
                self.executed = self.executed.max(seq.0);
            }
            EventKind::ViewChangeStarted { view, .. } => {
                self.view = view.0;
                self.changing = true;
                self.current = None;
            }
            EventKind::ViewEntered { view, primary, .. } => {
                self.view = view.0;
                self.changing = false;
                self.primary = Some(*primary);
            }
            // Views are counted anew. Whose turn it is follows from the members only under PBFT; else
            // whoever leads is known by what it does.
            EventKind::EpochBegun { members, protocol, .. } => {
                (self.view, self.changing, self.current) = (0, false, None);
                self.primary = members.first().copied().filter(|_| *protocol == Protocol::Pbft);
            }
            EventKind::Sent { what, .. }
                if self.primary.is_none()
                    && what.kind == MessageKind::PrePrepare
                    && what.view == Some(View(self.view)) =>
            {
                self.primary = node_of(event.place);
            }
            _ => {}
        }
    }

    fn in_view(&mut self, view: View) {
        if view.0 >= self.view {
            self.view = view.0;
            self.changing = false;
        }
    }

    /// Shows the lowest position that isn't executed, else the last one.
    fn raise(&mut self, slot: Current) {
        let replace = match self.current {
            None => true,
            Some(shown) => shown.seq == slot.seq || shown.phase == 4 || slot.seq < shown.seq,
        };
        if replace && (slot.seq > self.executed || slot.phase == 4) {
            self.current = Some(slot);
        }
    }
}

fn node_of(place: Place) -> Option<NodeId> {
    match place {
        Place::Node(node) => Some(node),
        _ => None,
    }
}

fn client_of(event: &Event) -> Option<ClientId> {
    let of = |principal: &Principal| match principal {
        Principal::Client(client) => Some(*client),
        Principal::Node(_) => None,
    };
    match (&event.kind, event.place) {
        (EventKind::Sent { to, .. }, _) => of(to),
        (EventKind::Delivered { from, .. }, _) => of(from),
        (_, Place::Client(client)) => Some(client),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::{
        crypto::Digest,
        detector::quarantine::{Entry, Order, What},
        ids::{Epoch, Seq},
        quorum::NodeSet,
        time::{Time, WallTime},
    };

    use super::*;

    fn event(node: u16, kind: EventKind) -> Event {
        Event { at: Time(1_000_000), place: Place::Node(NodeId(node)), kind }
    }

    fn executed(seq: u64) -> EventKind {
        EventKind::Executed { seq: Seq(seq), digest: Digest::default(), requests: vec![] }
    }

    fn picture() -> Picture {
        Picture::new((0..4).map(NodeId))
    }

    #[test]
    fn the_view_and_its_primary_follow_the_events() {
        let mut picture = picture();
        for node in 1..4 {
            let entered =
                EventKind::ViewEntered { view: View(1), primary: NodeId(1), carried_over: 0 };
            picture.take(NodeId(node), Some(1), event(node, entered), 5.0);
        }
        picture.refresh();
        let face = &picture.faces()[1];
        assert!(face.primary && face.active && face.view == 1);
        assert!(!picture.faces()[0].primary);
    }

    #[test]
    fn pausing_freezes_and_resuming_shows_what_came_since() {
        let mut picture = picture();
        picture.take(NodeId(0), Some(1), event(0, executed(1)), 5.0);
        picture.refresh();
        picture.pause(7_000.0);
        picture.take(NodeId(0), Some(2), event(0, executed(2)), 6.0);
        picture.refresh();
        assert_eq!((picture.faces()[0].executed, picture.shown_us(9e9)), (1, 7_000.0));
        assert_eq!(picture.liveness(10.0), Liveness::Paused);
        picture.resume();
        assert_eq!(picture.faces()[0].executed, 2);
    }

    #[test]
    fn without_any_open_stream_the_picture_is_stale() {
        let mut picture = picture();
        picture.connection(NodeId(0), true, 1_000.0);
        assert_eq!(picture.liveness(90_000.0), Liveness::Live);
        picture.connection(NodeId(0), false, 90_000.0);
        assert_eq!(picture.liveness(90_000.0 + STALE_MS + 1.0), Liveness::Stale);
        assert_eq!(picture.answering(), 0);
    }

    #[test]
    fn a_node_that_comes_back_stands_where_it_says() {
        let mut picture = picture();
        picture.take(NodeId(2), Some(90), event(2, executed(40)), 5.0);
        picture.hello(
            NodeId(2),
            &Hello {
                view: 3,
                active: true,
                primary: NodeId(3),
                executed: 38,
                threat: Level::Low,
                restrained: vec![NodeId(1), NodeId(0)],
                convicted: vec![NodeId(1)],
            },
            6.0,
        );
        let face = &picture.faces()[2];
        assert_eq!((face.executed, face.view, face.state), (38, 3, NodeState::Up));
        let agreed = [0, 1, 2].map(|node: usize| picture.faces()[node].standing.agreed);
        assert_eq!(agreed, [Agreed::Quarantined, Agreed::Convicted, Agreed::Nothing]);
    }

    #[test]
    fn another_epoch_counts_its_views_anew_and_forgets_who_left() {
        let mut picture = picture();
        let decided = |what| {
            let (position, at) = (Seq(3), WallTime(0));
            let entry = Entry { number: 1, position, at, node: NodeId(3), what };
            event(1, EventKind::Decided { entry: entry.into() })
        };
        let entered = EventKind::ViewEntered { view: View(7), primary: NodeId(3), carried_over: 0 };
        picture.take(NodeId(3), Some(1), event(3, entered), 5.0);
        picture.take(
            NodeId(1),
            Some(1),
            decided(What::Convicted { proof: Digest::default() }),
            5.0,
        );
        picture.refresh();
        assert!(picture.faces()[3].primary);
        assert_eq!(picture.faces()[3].standing.agreed, Agreed::Convicted);
        let begun = |protocol| {
            let (epoch, after, members) = (Epoch(1), Seq(8), [0, 1, 2].map(NodeId).to_vec());
            EventKind::EpochBegun { epoch, after, members, protocol }
        };
        picture.take(NodeId(0), Some(1), event(0, begun(Protocol::Pbft)), 6.0);
        picture.take(NodeId(3), Some(2), event(3, begun(Protocol::Raft)), 6.0);
        picture.refresh();
        let faces = picture.faces();
        assert_eq!(faces[3].standing.agreed, Agreed::Nothing);
        assert!(faces[0].primary && faces[0].view == 0);
        assert!(!faces[3].primary && faces[3].view == 0, "nobody is elected yet");
    }

    #[test]
    fn what_is_decided_in_the_log_is_what_all_agree_on_until_it_is_decided_otherwise() {
        let until = WallTime(1);
        let held = What::Held { until, offence: 1, by: NodeSet::default(), reasons: vec![] };
        for (what, agreed) in [
            (held, Some(Agreed::Quarantined)),
            (What::Extended { until }, None),
            (What::Released, Some(Agreed::Nothing)),
            (What::Ordered(Some(Order::Hold)), Some(Agreed::Quarantined)),
            (What::Ordered(Some(Order::Free)), Some(Agreed::Nothing)),
            (What::Convicted { proof: Digest::default() }, Some(Agreed::Convicted)),
            (What::Acquitted, Some(Agreed::Nothing)),
            (What::Misled, None),
        ] {
            assert_eq!(Agreed::after(&what), agreed, "{what:?}");
        }
    }

    #[test]
    fn a_gap_in_the_numbers_is_counted_as_missed() {
        let mut picture = picture();
        picture.take(NodeId(2), Some(4), event(2, executed(1)), 5.0);
        picture.take(NodeId(2), Some(9), event(2, executed(2)), 6.0);
        assert_eq!(picture.nodes.get(&NodeId(2)).unwrap().missed, 4);
    }

    #[test]
    fn what_matters_is_remembered_for_longer_than_what_happens_all_the_time() {
        let mut picture = picture();
        let stable = |seq| EventKind::CheckpointStable { seq: Seq(seq), digest: Digest::default() };
        for number in 0..2 * MILESTONES as u64 {
            picture.take(NodeId(0), None, event(0, stable(number)), 5.0);
            for seq in 0..100 {
                picture.take(NodeId(0), None, event(0, executed(seq)), 5.0);
            }
        }
        let seen: Vec<_> = picture.recent().collect();
        assert_eq!(seen.len(), RECENT + MILESTONES);
        let last = 2 * MILESTONES as u64 - 1;
        let newest = seen.iter().find(|it| matches!(it.kind, EventKind::CheckpointStable { .. }));
        assert_eq!(newest.expect("one is seen").kind, stable(last));
        let oldest = stable(last - MILESTONES as u64);
        assert_eq!(seen.last().expect("it is not empty").kind, oldest);
    }

    #[test]
    fn memory_stays_bounded_while_paused() {
        let mut picture = picture();
        picture.pause(1.0);
        for number in 0..(KEPT as u64 + 50) {
            picture.take(NodeId(0), Some(number), event(0, executed(number)), 6.0);
        }
        assert_eq!(picture.waiting.len(), KEPT);
    }
}
