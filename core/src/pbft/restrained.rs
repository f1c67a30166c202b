//! Who is in quarantine doesn't lead: a replica leaves the view of a primary that the docket restrains,
//! and passes over views that such a one would lead.
//!
//! *Which* replica leads a view stays as it is (see `rotation` of the quorums), and so does what it
//! takes to start one. What changes is when a replica loses patience: with a primary that is
//! restrained it has none, as if its timer had run out (§4.4), and in views that it passes over its
//! timer has run out before they begin.
//!
//! *Safety.* A view change is safe whenever and for whatever view it is asked for, so nothing here can
//! break it, also while replicas have different dockets.
//!
//! *Liveness.* At most f are restrained where this is done at all: above f, which takes more than f
//! proven liars, no order helps. So at most f views in a row are passed over, and of the others that
//! follow, n − f at least in each turn, at most f have a faulty primary. What is left to show is that
//! correct replicas meet in one view:
//!
//! * The docket is agreed: who has executed the same has the same. At a position that restrains the
//!   primary, every correct replica leaves for the same view as soon as it has executed it.
//! * Who is behind still waits in the old view, or for one that others pass over. It has f+1 correct
//!   ones ahead of it once a quorum has executed that position, and joins them (§4.5.2). Until then
//!   there is no quorum ahead, and the ordinary timers run.
//! * Nobody goes back: a release makes no replica leave a view.
//!
//! So a restrained primary costs one view change when it comes to be restrained, and none later. A
//! liar can't make others leave a correct primary by this, for f of them restrain nobody (see
//! [`quarantine`](crate::detector::quarantine)).

use super::rules::Rules;
use crate::{
    app::Application,
    event::ViewChangeCause,
    ids::{NodeId, View},
};

impl<A: Application> Rules<'_, A> {
    /// Leaves the view if whoever leads it is restrained.
    pub(crate) fn leave_restrained(&mut self) {
        if self.is_active() && !self.is_over() && self.is_passed_over(self.primary()) {
            let next = self.next_view();
            self.leave_for(next, ViewChangeCause::Restrained);
        }
    }

    /// The next view that is worth asking for.
    pub(crate) fn next_view(&self) -> View {
        let mut next = self.view.next();
        while self.is_passed_over(self.members.primary(next)) {
            next = next.next();
        }
        next
    }

    /// At most f are, so views with other primaries follow.
    fn is_passed_over(&self, primary: NodeId) -> bool {
        !self.docket.is_empty()
            && self.docket.is_restrained(primary)
            && self.docket.restrained().len() <= self.members.f()
    }
}
