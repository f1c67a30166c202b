//! The replica with eyes: one node.

#[cfg(feature = "guards")]
use alloc::boxed::Box;

#[cfg(feature = "guards")]
use super::admission::Gate;
use super::{account::Account, export::Export, proofs::Proofs, speaking::Speaker};
use crate::{
    app::Application,
    crypto::{Digest, Refusal},
    detector::{
        Observer,
        evidence::Watch,
        observer::Doubt,
        suspicion::{Suspicion, Verdict},
    },
    event::EventKind,
    ids::NodeId,
    pbft::{Message, Replica, node_of},
    protocol::{Effect, Input, Protocol, To},
    quorum::Membership,
    time::Time,
};

/// One node. A value: clone it, hash it, feed it; see [`Protocol`].
#[derive(Clone, Debug)]
pub struct Node<A> {
    pub(super) replica: Replica<A>,
    /// The first epoch's members: by them its evidence is judged, whenever it comes.
    pub(super) genesis: Membership,
    pub(super) watch: Watch,
    pub(super) observer: Observer,
    pub(super) proofs: Proofs,
    /// Who is let in, if not everybody is.
    #[cfg(feature = "guards")]
    pub(super) gate: Option<Box<Gate>>,
    /// When it next looks at whom it suspects.
    pub(super) look_at: Time,
    pub(super) speaker: Speaker,
}

impl<A: Application> Node<A> {
    /// What it is built around.
    pub fn replica(&self) -> &Replica<A> {
        &self.replica
    }

    /// Who is known to be guilty, and why.
    pub fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    /// All its proofs, for whoever wants to judge them elsewhere.
    pub fn export(&self) -> Export {
        let proofs = self.proofs.iter().map(|proof| proof.evidence.clone()).collect();
        Export { chain: self.replica.chain().to_vec(), proofs }
    }

    /// What it holds of what was said, for whoever puts that together with what others hold.
    pub fn account(&self) -> Account {
        let Export { chain, proofs } = self.export();
        let (epoch, transcript) = (self.watch.members().epoch(), self.watch.transcript());
        Account { chain, epoch, transcript, proofs }
    }

    /// What it makes of its peers by what it sees of them.
    pub fn suspicion(&self) -> &Suspicion {
        self.observer.suspicion()
    }

    /// What it holds of what was said: see [`Watch::transcript`].
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// See [`Replica::set_clock_offset_us`].
    pub fn set_clock_offset_us(&mut self, offset_us: i64) {
        self.replica.set_clock_offset_us(offset_us);
    }

    /// Of what it was told last.
    pub(super) fn now(&self) -> Time {
        self.replica.shell.now
    }

    /// Looks at a message before the replica does. False: it was for the node alone.
    fn see(&mut self, from: NodeId, message: &Message) -> bool {
        if from == self.replica.id() {
            return true;
        }
        self.observer.heard(self.replica.shell.now, from, author(message), &message.summary());
        self.watch.saw(message);
        if self.watch.has_found() {
            self.publish_found();
        }
        match message {
            Message::Evidence(evidence) => {
                self.on_evidence(from, evidence);
                return false;
            }
            Message::EpochEnds(ends) => self.compare_ends(from, ends),
            Message::Status(status) => {
                self.speaker.standby.heard(self.now(), from);
                self.show(from, status.proven);
            }
            _ => {}
        }
        true
    }

    fn on_refused(&mut self, from: NodeId, message: &Message, why: &Refusal) {
        self.observer.refused(self.replica.shell.now, from, message.kind(), why);
        let authenticator = self.replica.authenticator().clone();
        self.watch.refused(message, &*authenticator);
        self.publish_found();
    }

    /// The eyes keep up with the replica.
    fn follow(&mut self) {
        let shell = &self.replica.shell;
        if self.watch.is_at(shell.epoch(), shell.low) {
            return;
        }
        let members = self.replica.members();
        if members.epoch() != self.watch.members().epoch() {
            self.observer.turn(self.replica.shell.now, members);
        }
        self.watch.follow(members, self.replica.low_water_mark());
    }

    /// What doesn't fit is shown to all: somebody may hold what its author said before others.
    fn show_doubts(&mut self) {
        for Doubt { by, kind, seq } in self.observer.take_doubts() {
            let batch = self.replica.batch_at(seq);
            for message in self.watch.said(by, kind, seq, batch) {
                self.replica.shell.send(To::Others, message);
            }
        }
    }

    /// Says whom it suspects by now, and whom no more; and how much it does for clients.
    fn look(&mut self) {
        let now = self.now();
        self.look_at = now + self.replica.config().status_interval();
        self.observer.tick(now);
        self.measure();
        #[cfg(feature = "guards")]
        self.watch_load(now);
        for decision in self.observer.suspicion_mut().decide(now) {
            let (peer, score) = (decision.suspect, decision.score.whole());
            self.replica.shell.event(match decision.verdict {
                Verdict::Accuse => EventKind::Suspected { peer, score, reasons: decision.reasons },
                Verdict::Withdraw => EventKind::Unsuspected { peer, score },
            });
        }
    }
}

/// Who signed what counts as its own word, wherever it comes from.
fn author(message: &Message) -> Option<NodeId> {
    match message {
        Message::Prepare(it) => node_of(it.by),
        Message::Commit(it) => node_of(it.by),
        Message::Checkpoint(it) => node_of(it.by),
        Message::ViewChange(it) => node_of(it.by),
        _ => None,
    }
}

impl<A: Application> Protocol for Node<A> {
    fn handle(&mut self, now: Time, input: Input) {
        let shell = &mut self.replica.shell;
        shell.now = shell.now.max(now);
        match &input {
            Input::Refused { from, message, why } => self.on_refused(*from, message, why),
            Input::Unreadable { from } => {
                self.observer.unreadable(self.replica.shell.now, *from);
            }
            Input::Message { from, message } if !self.see(*from, message) => {}
            #[cfg(feature = "guards")]
            Input::Request(message) if let Message::Evidence(evidence) = &**message => {
                self.on_testimony(evidence);
            }
            #[cfg(feature = "guards")]
            Input::Request(message) if self.gate.is_some() && !self.let_in(message) => {}
            _ => {
                self.replica.handle(now, input);
                self.follow();
            }
        }
        if self.observer.has_doubts() {
            self.show_doubts();
        }
        if self.look_at <= self.now() {
            self.look();
            self.speak();
        }
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        let effect = self.replica.poll_effect()?;
        if let Effect::Event(kind) = &effect {
            self.observer.saw(self.replica.shell.now, kind);
            #[cfg(feature = "guards")]
            if let Some(gate) = &mut self.gate {
                gate.saw(self.replica.shell.now, kind);
            }
        }
        Some(effect)
    }

    fn deadline(&self) -> Option<Time> {
        self.replica.deadline()
    }

    fn state_hash(&self) -> Digest {
        let eyes = (&self.watch, &self.observer, &self.proofs, self.look_at, &self.speaker);
        #[cfg(feature = "guards")]
        let eyes = (eyes, &self.gate);
        Digest::of(&(self.replica.state_hash(), self.genesis, eyes))
    }
}
