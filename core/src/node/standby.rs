//! Who stands by, as this node's configuration has it; and whom it proposes in the place of a member
//! that is proven to lie, if the policy says so (`replace_convicted`).

use alloc::{boxed::Box, vec::Vec};

use serde::Serialize;

use super::machine::Node;
use crate::{
    app::Application,
    crypto::Digest,
    ids::NodeId,
    pbft::NewMember,
    replica::{Register, Said},
    time::Time,
};

/// For how many turns of its statuses a node is at hand after it was heard. It says where it stands to
/// one member after the other, one in each status interval, and twice that may be lost.
const HEARD_TURNS: u32 = 3;
/// The most that are taken note of; a cluster needs f.
const MOST: usize = 64;

/// Who stands by, and when each was heard last. At most [`MOST`].
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Standby(Vec<(NewMember, Option<Time>)>);

impl Standby {
    pub(super) fn heard(&mut self, now: Time, from: NodeId) {
        if let Some((_, heard)) = self.0.iter_mut().find(|(member, _)| member.id == from) {
            *heard = Some(now);
        }
    }

    /// The first that was never a member and has been heard since then.
    fn at_hand(&self, since: Time, register: &Register) -> Option<&NewMember> {
        let mut fresh = self.0.iter().filter(|(member, _)| !register.ever_member(member.id));
        fresh.find(|(_, heard)| heard.is_some_and(|at| at >= since)).map(|(member, _)| member)
    }
}

impl<A: Application> Node<A> {
    /// These stand by, in the order in which they are to be taken.
    pub fn stand_by(&mut self, standby: impl IntoIterator<Item = NewMember>) {
        let unheard = standby.into_iter().take(MOST).map(|member| (member, None));
        self.speaker.standby = Standby(unheard.collect());
    }

    /// Whom it proposes in whose place, if the docket doesn't know yet.
    pub(super) fn to_replace(&self) -> Option<Said> {
        let (config, register) = (self.replica.config(), self.replica.register());
        let docket = self.replica.docket();
        if !config.policy.replace_convicted || register.next().is_some() || docket.is_beyond() {
            return None;
        }
        let quarantine = docket.quarantine()?;
        let guilty = docket.convicted().iter().find(|node| quarantine.is_restrained(*node))?;
        let turns = u32::from(self.replica.members().n()) * HEARD_TURNS;
        let lasts = config.status_interval() * turns;
        let since = Time(self.now().0.saturating_sub(lasts.as_micros() as u64));
        let by = self.speaker.standby.at_hand(since, register)?;
        let own = self.replica.id();
        let said = quarantine.replacement_by(own) == Some(Digest::of(&(guilty, by)));
        let is_void = docket.convicted().contains(own);
        (!said && !is_void).then(|| Said::Replace { member: guilty, by: Box::new(by.clone()) })
    }
}
