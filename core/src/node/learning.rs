//! How a proof is found, told, shown again, and judged.

use alloc::{boxed::Box, sync::Arc};

use super::{machine::Node, proofs::Proof};
use crate::{
    app::Application,
    crypto::Refusal,
    detector::evidence::{Evidence, NotProven, Offence, verify},
    event::EventKind,
    ids::{Epoch, NodeId},
    pbft::{EpochEnd, Message, MessageKind, Record},
    protocol::To,
    quorum::Membership,
    replica::Work,
};

impl<A: Application> Node<A> {
    /// What the watch found is told to everybody.
    pub(super) fn publish_found(&mut self) {
        for evidence in self.watch.take_found() {
            // It finds nothing else than what convicts. Still nobody is told before that is checked.
            self.publish(&evidence);
        }
    }

    /// What convicts is told to everybody, unless it is known.
    fn publish(&mut self, evidence: &Arc<Evidence>) {
        if let Some(Ok(offence)) = self.judge(evidence)
            && self.learn(offence, evidence, None)
        {
            self.replica.shell.send(To::Others, Message::Evidence(evidence.clone()));
        }
    }

    /// A peer shows a proof. Of this epoch, it was checked on its way in.
    pub(super) fn on_evidence(&mut self, from: NodeId, evidence: &Arc<Evidence>) {
        let epoch = self.replica.epoch();
        let checked = evidence.epoch().is_none_or(|of| of == epoch);
        if !checked && !self.replica.shell.may_cost(from, Work::Judge) {
            return;
        }
        match self.judge(evidence) {
            // Of an epoch that is still to come here: it will be shown again.
            None => {}
            Some(Ok(offence)) => {
                self.learn(offence, evidence, Some(from));
            }
            Some(Err(why)) => {
                let why = Refusal::NotProven(why);
                self.observer.refused(self.replica.shell.now, from, MessageKind::Evidence, &why);
            }
        }
    }

    /// A peer's epochs end otherwise than here: those who signed both ends contradict themselves. What was
    /// said in an epoch is forgotten with it, but for this.
    pub(super) fn compare_ends(&mut self, from: NodeId, ends: &[Arc<EpochEnd>]) {
        for end in ends {
            let own = self.replica.chain().iter().find(|own| own.epoch() == end.epoch());
            let Some(own) = own.filter(|own| own.certificate.digest() != end.certificate.digest())
            else {
                continue;
            };
            // Of an epoch that is over here nobody has checked it.
            let own = own.clone();
            if !self.replica.shell.may_cost(from, Work::Judge) {
                return;
            }
            for checkpoint in own.certificate.checkpoints.iter() {
                let theirs = end.certificate.checkpoints.iter().find(|it| it.by == checkpoint.by);
                let Some(other) = theirs else { continue };
                let evidence = Evidence::Checkpoints(checkpoint.clone(), other.clone()).into();
                self.publish(&evidence);
            }
        }
    }

    /// A client shows that a replica gave it another reply than f+1 others did, which no replica sees; or
    /// the administrator, what several nodes' accounts prove together. This one tells the others, as it
    /// does of what its own watch found. Who may show what, the host has looked at.
    #[cfg(feature = "guards")]
    pub(super) fn on_testimony(&mut self, evidence: &Arc<Evidence>) {
        self.publish(evidence);
    }

    /// Judges by the members of the epoch that it is of. `None`: they are not known here.
    fn judge(&self, evidence: &Evidence) -> Option<Result<Offence, NotProven>> {
        let members = match evidence.epoch() {
            Some(epoch) => self.members_of(epoch)?,
            None => self.replica.members(),
        };
        Some(verify(evidence, members, &**self.replica.authenticator()))
    }

    /// The members of an epoch that is proven here.
    fn members_of(&self, epoch: Epoch) -> Option<Membership> {
        let begun = self.replica.chain().iter().map(|end| end.next.members);
        let mut known = [self.genesis, self.replica.members()].into_iter().chain(begun);
        known.find(|members| members.epoch() == epoch)
    }

    /// Keeps what is new. False: it was known.
    fn learn(
        &mut self,
        offence: Offence,
        evidence: &Arc<Evidence>,
        shown_by: Option<NodeId>,
    ) -> bool {
        let (offender, evidence) = (offence.by, evidence.clone());
        self.watch.know(offender, offence.kind, offence.assumption);
        if !self.proofs.add(Proof::new(offence, evidence.clone())) {
            return false;
        }
        self.observer.convict(self.proofs.offenders());
        let shell = &mut self.replica.shell;
        shell.proven = self.proofs.fingerprint();
        shell.outbox.persist(Record::Evidence(evidence));
        shell.event(EventKind::Convicted { offender, offence: Box::new(offence), shown_by });
        true
    }

    /// A proof read from the disk. Judged again: it proves itself, and disks change bytes.
    pub(super) fn remember(&mut self, evidence: Arc<Evidence>) {
        if let Some(Ok(offence)) = self.judge(&evidence) {
            self.watch.know(offence.by, offence.kind, offence.assumption);
            self.proofs.add(Proof::new(offence, evidence));
            self.observer.convict(self.proofs.offenders());
            self.replica.shell.proven = self.proofs.fingerprint();
        }
    }

    /// A peer knows others to be guilty, or fewer: shows it a few proofs.
    pub(super) fn show(&mut self, peer: NodeId, theirs: u32) {
        let shell = &mut self.replica.shell;
        if theirs == shell.proven || self.proofs.is_empty() || !shell.may_cost(peer, Work::Show) {
            return;
        }
        for evidence in self.proofs.next_shown() {
            shell.send(To::Node(peer), Message::Evidence(evidence));
        }
    }
}
