//! Retransmission. OSDI'99 leaves it open (the version of TOCS 2002 has status messages): here a
//! replica that waits for something says where it stands, and whoever is ahead sends what it lacks:
//! an old message, a proof of decision, or the proof of a state to fetch.
//!
//! Nothing waits without a way out: every wait ends with a status, every status is answered, and
//! even a replica that waits for nothing says where it stands once in four intervals.

use alloc::{sync::Arc, vec::Vec};

use super::{
    allowance::{RESTRAINED, Work},
    machine::Replica,
    ordering::{Order, Ordering, each},
    shell::Shell,
};
use crate::{
    app::Application,
    ids::{NodeId, Seq},
    pbft::{Message, Status},
    protocol::To,
};

/// How many positions one answer brings a peer forward.
pub(crate) const POSITIONS_PER_ANSWER: usize = 16;
/// How many waiting requests are relayed to who leads at a time.
const RELAYED_AT_A_TIME: usize = 16;
/// How many status intervals an idle replica stays silent.
const IDLE_INTERVALS: u32 = 4;

impl<A: Application> Replica<A> {
    fn is_waiting(&self) -> bool {
        let shell = &self.shell;
        !shell.is_active()
            || shell.is_recovering()
            || !shell.pending.is_empty()
            || shell.register.end().is_some()
            || each!(&self.order, it => it.is_waiting(shell))
            || shell.checkpoints.any_after(shell.executed)
            || shell.transfer.is_some()
    }

    /// Says where it stands, and says again what the lowest unfinished position may have lost.
    pub(super) fn on_status_timer(&mut self) {
        let waiting = self.is_waiting();
        let Self { shell, order } = self;
        if shell.is_following() {
            shell.follow();
            return;
        }
        let interval = shell.config.status_interval();
        shell.status_at = shell.now + if waiting { interval } else { interval * IDLE_INTERVALS };
        shell.send(To::Others, Message::Status(shell.status()));
        if !waiting {
            return;
        }
        if shell.is_recovering() {
            shell.ask_for_renewal();
        }
        each!(order, it => it.repeat(shell));
        if shell.is_active() && !shell.is_recovering() && !shell.is_primary() {
            shell.relay_stuck();
        }
    }

    pub(super) fn on_status(&mut self, peer: NodeId, theirs: Status) {
        let Self { shell, order } = self;
        let ours = shell.status();
        if shell.may_cost(peer, Work::Answer) {
            shell.answer(order, peer, theirs);
        }
        let behind = theirs.epoch > ours.epoch
            || theirs.view > ours.view
            || theirs.executed > ours.executed
            || (theirs.view == ours.view && theirs.active && !ours.active);
        if behind && shell.status_at > shell.now + shell.config.status_interval() {
            shell.status_at = shell.now;
        }
    }
}

impl<A: Application> Shell<A> {
    pub(crate) fn status(&self) -> Status {
        Status {
            epoch: self.epoch(),
            view: self.view,
            active: self.is_active(),
            stable: self.low,
            executed: self.executed,
            proven: self.proven,
        }
    }

    /// What has waited for long is told to who leads.
    fn relay_stuck(&mut self) {
        let interval = self.config.status_interval();
        let stuck: Vec<_> = self
            .pending
            .iter()
            .filter(|pending| !pending.proposed && pending.since + interval <= self.now)
            .take(RELAYED_AT_A_TIME)
            .map(|pending| pending.request.clone())
            .collect();
        for request in stuck {
            self.send(To::Node(self.primary()), Message::Request(request));
        }
    }

    fn answer(&mut self, order: &mut Order, peer: NodeId, theirs: Status) {
        let to = To::Node(peer);
        if theirs.epoch > self.epoch() {
            // It knows how this epoch ended: ask it.
            self.send(to, Message::Status(self.status()));
            return;
        }
        let same_epoch = theirs.epoch == self.epoch();
        if same_epoch {
            each!(order, it => it.show_view(self, peer, &theirs));
        } else {
            self.show_epoch_ends(peer, theirs.epoch);
        }
        let unstable = if same_epoch { theirs.stable } else { Seq(u64::MAX) };
        for vote in self.checkpoints.of(self.id, unstable).cloned().collect::<Vec<_>>() {
            self.send(to, Message::Checkpoint(vote));
        }
        let behind = theirs.executed < self.low;
        // Who has the state and not its proof: votes for it are no longer kept here, and without it
        // a leader has no room. It has had the time to hear them.
        let unproven = same_epoch
            && theirs.stable < self.low
            && self.low_since + self.config.status_interval() <= self.now;
        if behind || unproven {
            let low = self.low;
            let stable = self.stable.as_ref().filter(|(certificate, _)| certificate.seq() == low);
            if let Some((certificate, _)) = stable {
                let certificate = Arc::new(certificate.clone());
                self.send(to, Message::Stable(certificate));
            }
        }
        if same_epoch && !behind {
            each!(order, it => it.show_positions(self, peer, &theirs));
        }
    }

    /// Whether a peer may make this replica work once more, for now.
    pub(crate) fn may_cost(&mut self, peer: NodeId, work: Work) -> bool {
        let mut window = self.config.status_interval() / 2;
        if self.docket.is_restrained(peer) {
            window *= RESTRAINED;
        }
        self.allowances.take(peer, work, self.now, window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::KeyValue,
        crypto::Simulated,
        detector::quarantine,
        ids::{ClientId, Principal, RequestId, Timestamp},
        pbft::Config,
        quorum::Membership,
        replica::Override,
        time::Time,
    };

    #[test]
    fn who_is_restrained_may_cost_a_quarter_of_what_others_may() {
        let keys = Arc::new(Simulated::new(Principal::Node(NodeId(0)), 7));
        let members = Membership::new(4).unwrap();
        let mut shell =
            Shell::new(NodeId(0), members, Config::default(), keys, KeyValue::default());
        let held = Override { node: NodeId(3), order: Some(quarantine::Order::Hold) };
        let id = RequestId { client: ClientId::ADMINISTRATOR, timestamp: Timestamp(1) };
        shell.administer(Seq(1), id, &held.encode());
        assert!(shell.docket.is_restrained(NodeId(3)));
        let window = shell.config.status_interval() / 2;
        let mut answered = |peer: u16| {
            let mut in_window = |number: u32| {
                shell.now = Time::from_millis(1) + window * number;
                shell.may_cost(NodeId(peer), Work::Answer)
            };
            (0..8).filter(|number| in_window(*number)).count()
        };
        assert_eq!((answered(2), answered(3)), (8, 2), "statuses, one in each of eight windows");
    }
}
