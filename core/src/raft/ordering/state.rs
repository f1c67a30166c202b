//! Where the log begins, and who leads.

use super::{super::Input, RaftOrdering};
use crate::{
    app::Application,
    event::EventKind,
    ids::{NodeId, Term, View},
    quorum::Membership,
    replica::{Shell, Standing},
};

/// The view in which a member leads a term.
fn view_of(members: Membership, term: Term, leader: NodeId) -> View {
    let rank = members.nodes().take_while(|node| *node != leader).count() as u64;
    View(term.0.saturating_mul(u64::from(members.n())).saturating_add(rank))
}

impl RaftOrdering {
    /// The log begins at the last stable checkpoint, or at the state that the leader's begins with,
    /// once a state is here that holds it.
    pub(super) fn cut_log<A: Application>(&mut self, shell: &mut Shell<A>) {
        let low = shell.low;
        if let Some((at, digest)) = self.offered
            && at.seq <= low
        {
            self.offered = None;
            self.tell(shell, Input::Installed { at, digest });
        }
        let may_be_cut =
            |raft: &super::Raft<_>| raft.snapshot().0.seq < low && raft.committed() >= low;
        if self.live(shell).is_some_and(may_be_cut)
            && let Some(digest) = shell.stable.as_ref().map(|(certificate, _)| certificate.digest())
        {
            self.tell(shell, Input::Compact { at: low, digest });
        }
    }

    /// If nobody ever led, the member of the lowest rank asks to, of those that nothing is held against.
    pub(super) fn stand_first<A: Application>(&mut self, shell: &mut Shell<A>) {
        let first = shell.members.nodes().find(|node| !shell.docket.is_restrained(*node));
        let is_first = first == Some(shell.id);
        let nobody_led = |raft: &super::Raft<_>| raft.term() == Term(0);
        if is_first && self.live(shell).is_some_and(nobody_led) {
            self.tell(shell, Input::Stand);
        }
    }

    /// Whoever is restrained leads no longer than it takes another to. If it lies it may not heed this:
    /// then proof ends the epoch, and not who leads it.
    pub(super) fn hand_over_if_restrained<A: Application>(&mut self, shell: &mut Shell<A>) {
        let docket = &shell.docket;
        if docket.is_empty() || !docket.is_restrained(shell.id) || shell.register.end().is_some() {
            return;
        }
        let may_lead = |node| !docket.is_restrained(node);
        if let Some(heir) = self.live(shell).and_then(|raft| raft.heir(may_lead)) {
            self.tell(shell, Input::Transfer(heir));
        }
    }

    /// Tells the shell who leads. Whoever waits, waits for that one from now on.
    pub(super) fn note_leader<A: Application>(&mut self, shell: &mut Shell<A>) {
        if shell.is_over() || shell.is_following() {
            return;
        }
        let led = self.live(shell).and_then(|raft| Some((raft.term(), raft.leader()?)));
        let Some((term, primary)) = led else {
            shell.standing = Standing::Changing { quorum_since: None };
            return;
        };
        let view = view_of(shell.members, term, primary);
        if shell.is_active() && shell.view == view {
            return;
        }
        shell.view = view;
        shell.standing = Standing::Active;
        let carried = self.carried(shell);
        let carried_over = u32::try_from(carried.len()).unwrap_or(u32::MAX);
        shell.event(EventKind::ViewEntered { view, primary, carried_over });
        shell.wait_anew(&carried);
        self.propose(shell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_tells_term_and_leader_and_rises_with_the_term() {
        let members = Membership::new(5).unwrap();
        let mut last = View(0);
        for term in 1..4 {
            for leader in members.nodes() {
                let view = view_of(members, Term(term), leader);
                assert_eq!((members.primary(view), view.0 / 5), (leader, term));
                assert!(view > last);
                last = view;
            }
        }
    }
}
