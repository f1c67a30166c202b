//! What comes in, and when what is judged.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    answers::Answers,
    calm::Calm,
    checkpoints::Checkpoints,
    doubts::{Doubt, Doubts},
    position::{Ballot, Position},
    traffic::Traffic,
};
use crate::{
    analyzer::Conditions,
    config::BadConfig,
    crypto::Refusal,
    detector::{
        evidence::NotProven,
        suspicion::{Channel, Config, Signal, Suspicion},
    },
    event::EventKind,
    ids::{NodeId, Seq, View},
    pbft::{Config as Timers, MessageKind, Summary},
    quorum::{Membership, NodeSet},
    sorted::SortedMap,
    time::Time,
};

/// How many positions are watched at a time. Where there are more, they are a sample: a new one is
/// taken when an old one has been judged.
pub const MAX_POSITIONS: usize = 64;
/// How far ahead of the own replica votes are taken. Less than what is watched, or votes for what
/// never comes would leave no room.
const AHEAD: u64 = 32;
/// How many status intervals a vote may take after its position was executed here: lost, it is
/// said again after one, and that may be lost too.
const GRACE_INTERVALS: u32 = 3;
/// From how many status intervals beyond what is usual an answer is so late that no bound can be
/// counted on: lost, it is said again after one.
const OVERDUE_INTERVALS: u32 = 2;
/// So many positions after a primary was found to be slow it shows whether the network is: more than
/// are under way at a time, for those tell how it was.
const LATER_POSITIONS: u32 = 16;
/// A peer hasn't voted in this epoch.
const NEVER: (Seq, Time) = (Seq(u64::MAX), Time(u64::MAX));
/// How many status intervals may pass without a sign of life: an idle replica says something in
/// four, and twice that may be lost.
const SILENT_INTERVALS: u32 = 12;
/// A peer may always be slower than others by the request timeout divided by this: timeouts are
/// several round trips of the deployment, so it is about one round trip to its farthest corner.
const FLOOR_SHARE: u64 = 4;

/// One replica's eyes on its peers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observer {
    own: NodeId,
    members: Membership,
    timing: Timing,
    suspicion: Suspicion,
    /// Each at the place of its number modulo [`MAX_POSITIONS`]; 0: none. Empty at first.
    positions: Vec<(Seq, Position)>,
    /// The highest that was proposed or executed here.
    top: Seq,
    traffic: Traffic,
    answers: Answers,
    checkpoints: Checkpoints,
    calm: Calm,
    /// The own view, and whether it is in normal operation.
    view: View,
    active: bool,
    /// Who wants a later view, and since when.
    wanted: SortedMap<NodeId, (View, Time)>,
    /// Who said that it left the views before this one, and has not voted in the own one since.
    left: SortedMap<NodeId, View>,
    /// In an epoch after the first: from which position on something is expected of a peer, which is
    /// its first vote there; and when that came: what was proposed before, it couldn't answer on
    /// time. Who joined has to fetch the state before it can vote, and so has who was behind when
    /// the last epoch ended.
    begins: SortedMap<NodeId, (Seq, Time)>,
    /// Until when it may take its time for that.
    begin_by: Time,
    /// Who is proven guilty: what others don't do in a view that one of those leads says nothing.
    guilty: NodeSet,
    /// Who was found to lead too slowly, and after how many positions that is to be judged. The next
    /// that leads may be too slow as well before it is.
    slow_leads: SortedMap<NodeId, u32>,
    doubts: Doubts,
    /// How long an answer to a proposal takes here, of late.
    latency_us: u32,
    /// Nothing is due before: kept because it is asked with every message.
    due: Time,
}

/// How long it waits before it judges.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Timing {
    prompt: Duration,
    overdue: Duration,
    grace: Duration,
    silence: Duration,
    patience: Duration,
    pause: Duration,
}

impl Observer {
    /// Of a replica with these timers. Where `config` has the default floor for lateness, that of
    /// the timers is taken.
    pub fn new(
        own: NodeId,
        members: Membership,
        timers: &Timers,
        mut config: Config,
    ) -> Result<Self, BadConfig> {
        if config.late_floor_ms == Config::default().late_floor_ms {
            config.late_floor_ms = (timers.request_timeout_ms / FLOOR_SHARE).max(1);
        }
        let interval = timers.status_interval();
        Ok(Self {
            own,
            members,
            timing: Timing {
                prompt: interval / 2,
                overdue: interval * OVERDUE_INTERVALS,
                grace: interval * GRACE_INTERVALS,
                silence: interval * SILENT_INTERVALS,
                patience: timers.view_change_timeout(1, 100),
                pause: Duration::from_millis(config.pause_ms),
            },
            suspicion: Suspicion::new(own, members, config)?,
            positions: Vec::new(),
            top: members.start(),
            traffic: Traffic::default(),
            answers: Answers::default(),
            checkpoints: Checkpoints::default(),
            calm: Calm::default(),
            view: View(0),
            active: true,
            wanted: SortedMap::new(),
            left: SortedMap::new(),
            begins: SortedMap::new(),
            begin_by: Time::ZERO,
            guilty: NodeSet::default(),
            slow_leads: SortedMap::new(),
            doubts: Doubts::default(),
            latency_us: 0,
            due: Time::ZERO,
        })
    }

    /// What it makes of its peers.
    pub fn suspicion(&self) -> &Suspicion {
        &self.suspicion
    }

    /// The same, to ask for decisions.
    pub fn suspicion_mut(&mut self) -> &mut Suspicion {
        &mut self.suspicion
    }

    /// Another epoch: views and votes begin anew.
    pub fn turn(&mut self, now: Time, members: Membership) {
        self.members = members;
        self.begins = members.others(self.own).map(|peer| (peer, NEVER)).collect();
        self.begin_by = now + self.timing.silence;
        self.suspicion.turn(members);
        self.answers.turn(members);
        self.positions.clear();
        self.top = members.start();
        self.wanted.clear();
        self.left.clear();
        self.slow_leads.clear();
        self.doubts.clear();
        self.calm = Calm::default();
        self.due = Time::ZERO;
        (self.view, self.active) = (View(0), true);
    }

    /// These are proven guilty. Whom a primary that lies told something else, or nothing, looked silent
    /// until the proof came; so what failed until now is held against nobody any more. Whoever is silent
    /// of its own soon looks so again, and a liar is proven guilty for the first time only once.
    pub fn convict(&mut self, guilty: NodeSet) {
        if guilty.iter().any(|node| !self.guilty.contains(node)) {
            self.suspicion.forgive_failures();
        }
        self.guilty = guilty;
    }

    /// Whether there is anything that others should see.
    pub fn has_doubts(&self) -> bool {
        !self.doubts.is_empty()
    }

    /// What others should see: the node finds the statements, and shows them.
    pub fn take_doubts(&mut self) -> Vec<Doubt> {
        self.doubts.take()
    }

    /// A message came by a peer's link, and its signatures hold. `author`: who signed it, if one
    /// replica did. What a peer passes on is not its own word.
    pub fn heard(&mut self, now: Time, from: NodeId, author: Option<NodeId>, what: &Summary) {
        if from == self.own || !self.members.contains(from) {
            return;
        }
        self.judge(now);
        let unasked = !answers(what.kind);
        for flooder in self.traffic.count(now, from, self.members, self.own, unasked) {
            self.suspicion.note(now, flooder, Signal::Flood);
        }
        if author.is_some_and(|author| author != from) {
            return;
        }
        match *what {
            Summary {
                kind: kind @ (MessageKind::Prepare | MessageKind::Commit),
                view: Some(view),
                seq: Some(seq),
                digest: Some(digest),
                ..
            } => {
                let ballot = Ballot::new(view, digest);
                let is_commit = kind == MessageKind::Commit;
                let leads = self.members.primary(view) == from;
                let Timing { prompt, overdue, .. } = self.timing;
                let overdue_after = overdue + Duration::from_micros(u64::from(self.latency_us));
                if view >= self.view && self.left.get(&from).is_some_and(|left| view < *left) {
                    self.left.remove(&from);
                }
                if !self.begins.is_empty() {
                    self.note_begin(now, from, seq);
                }
                let begun = self.begins.get(&from).map(|(_, since)| *since);
                let f = self.members.f();
                let Some(position) = self.position(seq) else { return };
                if is_commit == leads {
                    position.note_prompt(now, from, prompt);
                }
                let differs = position.differs(ballot);
                let vote = position.vote(now, from, ballot, is_commit, overdue_after);
                let two_stories = position.contradicts(ballot) && position.is_outvoted(f);
                if let Some(took) = vote.filter(|took| !is_before(begun, now, *took)) {
                    self.answered(now, from, took);
                }
                if differs {
                    self.doubt(now, from, kind, seq);
                }
                if two_stories {
                    self.doubt_primary(now, view, seq);
                }
            }
            // Also one that comes after the view: it left those before.
            Summary { kind: MessageKind::ViewChange, view: Some(view), .. }
                if view >= self.view =>
            {
                let left = self.left.entry(from).or_insert(view);
                *left = view.max(*left);
                if view > self.view {
                    self.due = self.due.min(now + self.timing.patience);
                    let wanted = self.wanted.entry(from).or_insert((view, now));
                    wanted.0 = wanted.0.max(view);
                }
            }
            Summary {
                kind: MessageKind::Checkpoint, seq: Some(seq), digest: Some(digest), ..
            } if self.checkpoints.vote(from, seq, digest) => {
                self.suspicion.note(now, from, Signal::CheckpointDisagreement);
                self.doubt(now, from, MessageKind::Checkpoint, seq);
            }
            _ => {}
        }
    }

    /// A peer votes for the first time in this epoch, or might have long ago.
    fn note_begin(&mut self, now: Time, from: NodeId, seq: Seq) {
        if let Some((first, since)) = self.begins.get_mut(&from) {
            *first = seq.min(*first);
            *since = now.min(*since);
        }
        if self.begin_by < now {
            self.begins.clear();
        }
    }

    fn answered(&mut self, now: Time, from: NodeId, took: Duration) {
        self.take_measurements(now);
        self.answers.add(now, from, took, self.timing.pause);
    }

    fn take_measurements(&mut self, now: Time) {
        for (peer, signal) in self.answers.complete(now, self.timing.pause) {
            self.suspicion.note(now, peer, signal);
        }
    }

    fn doubt(&mut self, now: Time, by: NodeId, kind: MessageKind, seq: Seq) {
        self.doubts.raise(now, Doubt { by, kind, seq }, self.timing.grace);
    }

    /// Its proposal is not what a correct one of the others was told: both together are the proof.
    fn doubt_primary(&mut self, now: Time, view: View, seq: Seq) {
        let primary = self.members.primary(view);
        if !self.guilty.contains(primary) {
            self.doubt(now, primary, MessageKind::PrePrepare, seq);
        }
    }

    /// A peer's message was turned away. Of another epoch is no offence, nor is a proof against
    /// somebody who is not known here yet.
    pub fn refused(&mut self, now: Time, from: NodeId, kind: MessageKind, why: &Refusal) {
        if !matches!(why, Refusal::Epoch { .. } | Refusal::NotProven(NotProven::UnknownKey { .. }))
        {
            let channel = if relays(kind) { Channel::Relayed } else { Channel::Link };
            self.suspicion.note(now, from, Signal::Malformed { channel });
        }
    }

    /// What a peer sent is no message at all.
    pub fn unreadable(&mut self, now: Time, from: NodeId) {
        self.suspicion.note(now, from, Signal::Malformed { channel: Channel::Link });
    }

    /// Something happened at the own replica.
    pub fn saw(&mut self, now: Time, event: &EventKind) {
        self.judge(now);
        match *event {
            EventKind::PrePrepared { view, seq, digest, .. } => {
                self.top = self.top.max(seq);
                let ballot = Ballot::new(view, digest);
                let f = self.members.f();
                let Some(position) = self.position(seq) else { return };
                let early = position.propose(now, ballot);
                let two_stories = position.is_outvoted(f);
                for peer in early {
                    self.answered(now, peer, Duration::ZERO);
                }
                if two_stories {
                    self.doubt_primary(now, view, seq);
                }
            }
            EventKind::Committed { view, seq, digest } => {
                let ballot = Ballot::new(view, digest);
                let others = self.position(seq).map_or_else(Vec::new, |it| it.decide(ballot));
                for peer in others {
                    self.doubt(now, peer, MessageKind::Commit, seq);
                }
            }
            EventKind::Executed { seq, .. } => {
                self.top = self.top.max(seq);
                let held = self.positions.get_mut(place(seq)).filter(|(held, _)| *held == seq);
                if let Some((_, position)) = held {
                    position.executed_at = Some(now);
                    self.due = self.due.min(now + self.timing.grace);
                }
            }
            EventKind::CheckpointStable { seq, digest } => {
                for peer in self.checkpoints.stable(seq, digest) {
                    self.suspicion.note(now, peer, Signal::CheckpointDisagreement);
                    self.doubt(now, peer, MessageKind::Checkpoint, seq);
                }
            }
            // It may be the network that has just become slower: some positions later that shows.
            EventKind::PrimaryTooSlow { primary, .. } => {
                self.slow_leads.entry(primary).or_insert(self.calm.known() + LATER_POSITIONS);
            }
            EventKind::ViewChangeStarted { view, .. } => self.move_to(view, false),
            EventKind::ViewEntered { view, .. } => self.move_to(view, true),
            _ => {}
        }
    }

    /// What the network around it is like; `None`: it has seen too little since the epoch began.
    pub fn conditions(&self) -> Option<Conditions> {
        self.calm.conditions(self.members, self.latency_us)
    }

    /// How many positions it watches now.
    pub fn watched(&self) -> usize {
        self.positions.iter().filter(|(held, _)| *held > Seq(0)).count()
    }

    /// Judges what is due.
    pub fn tick(&mut self, now: Time) {
        self.judge(now);
    }

    /// When something is due.
    pub fn next_wake(&self) -> Time {
        let positions = self.positions.iter().map(|(_, it)| it).filter(|it| !it.judged);
        let positions = positions.filter_map(|it| Some(it.executed_at? + self.timing.grace));
        let wanted = self.wanted.values().map(|(_, since)| *since + self.timing.patience);
        let silence = self.traffic.next_wake(self.timing.silence);
        positions.chain(wanted).min().map_or(silence, |due| due.min(silence))
    }

    fn move_to(&mut self, view: View, active: bool) {
        (self.view, self.active) = (view, active);
        self.wanted.retain(|_, (wanted, _)| *wanted > view);
        if active {
            // From here on all are in this view; what was decided in earlier ones is still judged.
            for left in self.left.values_mut() {
                *left = (*left).min(view);
            }
        }
    }

    /// The position, if it is watched.
    fn position(&mut self, seq: Seq) -> Option<&mut Position> {
        let at = place(seq);
        if self.positions.get(at).is_none_or(|(held, _)| *held != seq) {
            if seq.0 > self.top.0.saturating_add(AHEAD) {
                return None;
            }
            self.positions.resize_with(MAX_POSITIONS, Default::default);
            let (held, position) = &self.positions[at];
            if *held > Seq(0) && !position.is_spent(*held < self.top) {
                return None;
            }
            self.positions[at] = (seq, Position::default());
        }
        Some(&mut self.positions[at].1)
    }

    fn judge(&mut self, now: Time) {
        if now < self.due {
            return;
        }
        self.judge_all(now);
        self.due = self.next_wake();
    }

    /// Seldom, and apart from what nearly every input asks: whether anything is due.
    #[cold]
    fn judge_all(&mut self, now: Time) {
        self.take_measurements(now);
        let Timing { grace, silence, patience, .. } = self.timing;
        for peer in self.traffic.silent(now, silence, self.members, self.own) {
            self.suspicion.note(now, peer, Signal::Silence);
        }
        let mut signals = Vec::new();
        for (seq, position) in self.positions.iter_mut().filter(|(_, it)| !it.judged) {
            let Some(due) = position.executed_at.map(|at| at + grace) else { continue };
            if due <= now {
                let judgement = position.judge(self.members, self.own);
                // What is noticed much too late was slept through.
                if let Some(judgement) = judgement.filter(|_| now < due + grace) {
                    let misled = self.guilty.contains(self.members.primary(judgement.view));
                    let (left, begins) = (&self.left, &self.begins);
                    let excused = |peer: NodeId, signal: &Signal| {
                        (misled
                            || left.get(&peer).is_some_and(|left| judgement.view < *left)
                            || begins.get(&peer).is_some_and(|(first, _)| *seq < *first))
                            && matches!(signal, Signal::Failure | Signal::Success)
                    };
                    let said = judgement.signals.into_iter();
                    signals.extend(said.filter(|(peer, signal)| !excused(*peer, signal)));
                    let mut turnout = judgement.turnout;
                    for peer in turnout.missing.iter() {
                        if excused(peer, &Signal::Failure) {
                            turnout.missing.remove(peer);
                        }
                    }
                    self.calm.note(self.members, self.own, turnout);
                }
            }
        }
        for (peer, signal) in signals {
            self.suspicion.note(now, peer, signal);
        }
        self.latency_us = self.suspicion.typical_us(now).unwrap_or(self.latency_us);
        let known = self.calm.known();
        let calm = !self.slow_leads.is_empty() && self.calm.is_calm(self.members);
        self.slow_leads.retain(|primary, due| {
            let is_due = *due <= known;
            if is_due && calm {
                self.suspicion.note(now, *primary, Signal::SlowLead);
            }
            !is_due
        });
        let due = |(_, since): &(View, Time)| *since + patience <= now;
        let lonely: Vec<NodeId> =
            self.wanted.iter().filter(|(_, it)| due(it)).map(|(node, _)| *node).collect();
        for peer in lonely {
            self.wanted.remove(&peer);
            if self.active {
                self.suspicion.note(now, peer, Signal::ViewChangeAbuse);
            }
        }
    }
}

/// Whether it answers what was proposed before its author began to take part.
fn is_before(begun: Option<Time>, now: Time, took: Duration) -> bool {
    begun.is_some_and(|begun| now < begun + took)
}

/// Where a position is kept.
const fn place(seq: Seq) -> usize {
    (seq.0 % MAX_POSITIONS as u64) as usize
}

/// What comes because it was asked for, in bursts.
const fn answers(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::Decided
            | MessageKind::Batch
            | MessageKind::Stable
            | MessageKind::State
            | MessageKind::EpochEnds
    )
}

/// What holds mostly the words of others.
const fn relays(kind: MessageKind) -> bool {
    answers(kind) || matches!(kind, MessageKind::Request | MessageKind::NewView)
}
