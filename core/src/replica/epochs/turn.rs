//! A replica's step from one epoch into the next, and what it does until it can take part.

use alloc::{sync::Arc, vec::Vec};

use super::{
    super::{
        allowance::Allowances,
        checkpoint::CheckpointVotes,
        durable::Record,
        ordering::News,
        shell::{Shell, Standing},
    },
    chain::{EpochEnd, MAX_LINKS, keys},
};
use crate::{
    app::Application,
    crypto::Signed,
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Seq, View},
    pbft::{CheckpointCertificate, FetchEpochEnds, Message},
    protocol::{Effect, To},
    quorum::Membership,
};

impl<A: Application> Shell<A> {
    /// Whether it votes for nothing: no member, or without the state that its epoch began with.
    pub(crate) fn is_following(&self) -> bool {
        self.standing == Standing::Following
    }

    pub(crate) fn may_take_part(&self) -> bool {
        self.members.contains(self.id) && self.register.members() == self.members
    }

    /// The last position of this epoch, if it is known already. Nothing above it is proposed,
    /// accepted or executed.
    pub(crate) fn last_position(&self) -> Seq {
        self.register.end().unwrap_or(Seq(u64::MAX))
    }

    /// Whether this replica's state has reached the end of its epoch. The register speaks of the next
    /// as soon as the last checkpoint is stable, which may be while it is being executed.
    pub(crate) fn is_at_end(&self) -> bool {
        self.is_over() || self.executed == self.last_position()
    }

    /// A checkpoint whose state is here became stable; perhaps an epoch ends with it.
    pub(crate) fn after_stable(&mut self, certificate: &CheckpointCertificate) {
        if self.register.end() != Some(certificate.seq()) {
            return;
        }
        if self.register.members() != self.members {
            // The chain was here before the state.
            self.turn_register(certificate.seq());
            self.news.push_back(News::Arrived);
            return;
        }
        let Some(next) = self.register.next().cloned() else { return };
        self.turn_register(certificate.seq());
        self.ended = Some(Arc::new(EpochEnd { certificate: certificate.clone(), next }));
    }

    /// Leaves everything of the old epoch behind: its votes, its views, and what was proposed above
    /// its end. Clients' requests come along.
    pub(crate) fn begin(&mut self, end: Arc<EpochEnd>) {
        let was_member = self.members.contains(self.id);
        self.authenticator = self.authenticator.with_keys(&end.next.keys().collect::<Vec<_>>());
        self.previous = Some(self.members);
        self.members = end.next.members;
        let (epoch, start) = (self.epoch(), self.members.start());
        self.chain.push(end.clone());
        self.outbox.persist(Record::EpochEnd(end));
        self.low = self.low.max(start);
        self.checkpoints = CheckpointVotes::default();
        self.view = View(0);
        self.standing = Standing::Following;
        self.ending_since = None;
        self.news.clear();
        self.transfer = None;
        self.allowances = Allowances::default();
        let (members, protocol) = (self.members.nodes().collect(), self.members.protocol());
        self.event(EventKind::EpochBegun { epoch, after: start, members, protocol });
        if was_member && !self.members.contains(self.id) {
            self.pending.clear();
            self.queue.clear();
            self.event(EventKind::Retired { epoch });
        }
    }

    /// Asks for the state. A member asks everyone who may have it, the old replicas too; who is
    /// none follows at leisure, and asks one member at a time.
    pub(crate) fn follow(&mut self) {
        let interval = self.config.status_interval();
        self.status_at = self.now + interval;
        let status = Message::Status(self.status());
        if !self.members.contains(self.id) {
            let turns = self.now.0 / (interval.as_micros() as u64).max(1);
            // A view's primary is the member of that rank.
            self.send(To::Node(self.members.primary(View(turns))), status);
            return;
        }
        self.send(To::Others, status.clone());
        let old = self.previous.into_iter().flat_map(Membership::nodes);
        for node in old.filter(|node| !self.members.contains(*node)).collect::<Vec<_>>() {
            self.send(To::Node(node), status.clone());
        }
    }

    /// The ends of epochs from this one on, as many as one message carries.
    fn epoch_ends(&self, from: Epoch) -> Option<Message> {
        let ends = self.chain.iter().filter(|end| end.epoch() >= from);
        let ends: Vec<_> = ends.take(MAX_LINKS).cloned().collect();
        if ends.is_empty() { None } else { Some(Message::EpochEnds(ends.into())) }
    }

    /// A peer is in an older epoch.
    pub(crate) fn show_epoch_ends(&mut self, peer: NodeId, from: Epoch) {
        if let Some(message) = self.epoch_ends(from) {
            self.send(To::Node(peer), message);
        }
    }

    /// A client believes in an older epoch, or asks whom it should not.
    pub(crate) fn tell_epoch_ends(&mut self, client: ClientId, from: Epoch) {
        if let Some(message) = self.epoch_ends(from) {
            self.outbox.push(Effect::Reply { client, message });
        }
    }

    pub(crate) fn on_fetch_epoch_ends(&mut self, fetch: &Signed<FetchEpochEnds>) {
        self.tell_epoch_ends(fetch.body.client, fetch.body.from);
    }

    /// Starting from disk: the state's own register has the keys of everyone who ever joined.
    pub(crate) fn learn_keys(&mut self) {
        let keys: Vec<_> = keys(self.register.joined()).collect();
        self.authenticator = self.authenticator.with_keys(&keys);
    }
}
