//! The replicated state of membership: part of every checkpoint, changed by execution alone.

use alloc::{vec, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{
    chain::Roster,
    change::{Change, ChangeOutcome, ChangeRefused, MAX_CONTACT_BYTES, NewMember},
};
use crate::{
    analyzer::{Deployment, Facts, Protocol, Unsound},
    crypto::PublicKey,
    ids::{NodeId, Seq},
    pbft::must_fit,
    quorum::{MAX_NODES, Membership, NodeSet},
};

/// What decides, beside the register itself, whether a change can be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// An epoch ends at a multiple of it.
    pub(crate) checkpoint_interval: u64,
    /// It must be one that the members bear.
    pub(crate) window: u64,
    /// What is declared about the members.
    pub(crate) deployment: Deployment,
    /// Who is proven to have lied, by what is agreed.
    pub(crate) convicted: NodeSet,
    /// Who else is suspected, likewise.
    pub(crate) suspected: NodeSet,
    /// Who is in quarantine, for whatever reason: in the next epoch they come last as primaries.
    pub(crate) restrained: NodeSet,
    /// What they are recommended to run.
    pub(crate) recommended: Protocol,
    /// What they switch to without being asked, whatever the administrator switched to
    /// ([`Follow`](crate::analyzer::Follow)),
    pub(crate) must: Option<Protocol>,
    /// and what unless the administrator decided otherwise.
    pub(crate) may: Option<Protocol>,
    /// The founders' keys stand in every replica's configuration and not in the state.
    pub(crate) founders_keys: &'a [PublicKey],
}

/// Who is a member, who ever was, and what change is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    members: Membership,
    /// Every number that was ever given to a replica.
    used: NodeSet,
    /// Everyone who ever joined, in order. Bounded: a number joins once.
    joined: Vec<NewMember>,
    /// The next membership, once a change was agreed.
    next: Option<Roster>,
    /// Whom the administrator named to come last as primaries. Who comes last because the docket
    /// restrained it isn't among them, and comes forward once it is free.
    named: NodeSet,
    /// What was recommended when the administrator switched to another protocol: it stands until
    /// something else is recommended.
    overruled: Option<Protocol>,
}

impl Register {
    /// The register of a cluster that begins with these members.
    pub fn new(members: Membership) -> Self {
        Self {
            members,
            used: members.set(),
            joined: vec![],
            next: None,
            named: members.last(),
            overruled: None,
        }
    }

    /// The membership of the epoch that the state is in.
    pub fn members(&self) -> Membership {
        self.members
    }

    /// Everyone who ever joined after the beginning, in order.
    pub fn joined(&self) -> &[NewMember] {
        &self.joined
    }

    /// Whether a node is, was or will be a member.
    pub fn ever_member(&self, node: NodeId) -> bool {
        self.used.contains(node)
    }

    /// The next membership, if a change was agreed. The epoch ends where it starts.
    pub fn next(&self) -> Option<&Roster> {
        self.next.as_ref()
    }

    /// The last position of this epoch, if it is known already.
    pub(crate) fn end(&self) -> Option<Seq> {
        self.next.as_ref().map(|next| next.members.start())
    }

    /// The checkpoint at the epoch's end is stable: the next epoch begins.
    pub(crate) fn turn(&mut self) {
        if let Some(next) = self.next.take() {
            self.members = next.members;
        }
    }

    /// Those that were members from the beginning.
    pub(crate) fn founders(&self) -> NodeSet {
        self.joined.iter().fold(self.used, |mut founders, member| {
            founders.remove(member.id);
            founders
        })
    }

    /// Executes the administrator's operation at a position.
    pub(crate) fn execute(&mut self, at: Seq, terms: &Terms, operation: &[u8]) -> ChangeOutcome {
        let Some(change) = Change::decode(operation) else {
            return ChangeOutcome::Refused(ChangeRefused::Unreadable);
        };
        let (named, asked) = (self.named_by(&change), change.protocol);
        match self.agree(at, terms, change) {
            Ok(next) => {
                self.named = named;
                if asked.is_some() {
                    self.overruled = Some(terms.recommended).filter(|it| Some(*it) != asked);
                }
                self.begin_after(next)
            }
            Err(refused) => ChangeOutcome::Refused(refused),
        }
    }

    /// Nobody asks, but by what the docket has, another protocol is wanted. If it is sound, the epoch
    /// ends as for any change.
    pub(crate) fn follow_docket(&mut self, at: Seq, terms: &Terms) {
        if self.overruled != Some(terms.recommended) {
            self.overruled = None;
        }
        let wanted = terms.must.or(terms.may.filter(|_| self.overruled.is_none()));
        let wanted = wanted.filter(|it| *it != self.members.protocol());
        let Some(protocol) = wanted.filter(|_| self.next.is_none()) else { return };
        let change = Change::switch_to(protocol);
        let named = self.named_by(&change);
        if let Ok(next) = self.successor(at, terms, change, self.members.set()) {
            self.named = named;
            self.begin_after(next);
        }
    }

    /// A member leaves and another joins, unless that is refused: then nothing happens.
    pub(crate) fn replace(&mut self, at: Seq, terms: &Terms, member: NodeId, by: NewMember) {
        let change = Change { add: vec![by], remove: vec![member], ..Change::default() };
        if let Ok(next) = self.agree(at, terms, change) {
            self.begin_after(next);
        }
    }

    /// The members stay, and so does all else: the next epoch knows somebody by another life.
    pub(crate) fn renew(&mut self, at: Seq, terms: &Terms) {
        if self.next.is_none()
            && let Ok(next) = self.successor(at, terms, Change::default(), self.members.set())
        {
            self.begin_after(next);
        }
    }

    fn begin_after(&mut self, next: Roster) -> ChangeOutcome {
        let members = next.members;
        self.used = next.added.iter().fold(self.used, |mut used, member| {
            used.insert(member.id);
            used
        });
        self.joined.extend(next.added.iter().cloned());
        self.next = Some(next);
        ChangeOutcome::Changed { epoch: members.epoch(), after: members.start() }
    }

    fn agree(&self, at: Seq, terms: &Terms, change: Change) -> Result<Roster, ChangeRefused> {
        if let Some(end) = self.end() {
            return Err(ChangeRefused::UnderWay(end));
        }
        let protocol = change.protocol.unwrap_or(self.members.protocol());
        let is_same = protocol == self.members.protocol();
        let same_order = change.protocol.is_none()
            || (self.named_by(&change) == self.named
                && self.last_under(terms, protocol, &change) == self.members.last());
        if change.add.is_empty() && change.remove.is_empty() && is_same && same_order {
            return Err(ChangeRefused::Empty);
        }
        if !change.last.is_empty() && protocol != Protocol::TrustOrderedPbft {
            return Err(ChangeRefused::NoOrder(protocol));
        }
        let mut nodes = self.members.set();
        for node in &change.remove {
            if !nodes.remove(*node) {
                return Err(ChangeRefused::NotAMember(*node));
            }
        }
        let mut used = self.used;
        for (index, member) in change.add.iter().enumerate() {
            let id = member.id;
            if id.0 >= MAX_NODES {
                return Err(ChangeRefused::NoSuchNumber(id));
            }
            if !used.insert(id) {
                return Err(ChangeRefused::NumberUsed(id));
            }
            let mut before = self.joined.iter().chain(&change.add[..index]);
            let of_founder = member.key.is_some_and(|key| terms.founders_keys.contains(&key));
            if of_founder || member.key.is_some() && before.any(|other| other.key == member.key) {
                return Err(ChangeRefused::KeyUsed(id));
            }
            if member.contact.len() > MAX_CONTACT_BYTES {
                return Err(ChangeRefused::LongContact(id));
            }
            nodes.insert(id);
        }
        if let Some(stranger) = change.last.iter().find(|node| !nodes.contains(**node)) {
            return Err(ChangeRefused::NotAMember(*stranger));
        }
        self.successor(at, terms, change, nodes)
    }

    /// The membership that a change leads to, if its protocol is sound.
    fn successor(
        &self,
        at: Seq,
        terms: &Terms,
        change: Change,
        nodes: NodeSet,
    ) -> Result<Roster, ChangeRefused> {
        let protocol = change.protocol.unwrap_or(self.members.protocol());
        let interval = terms.checkpoint_interval;
        let end = Seq(at.0.div_ceil(interval).saturating_mul(interval));
        let members = self.members.successor(end, nodes)?.under(protocol)?;
        must_fit(terms.window, members)?;
        let members = members.trusting_last(self.last_under(terms, protocol, &change));
        if protocol != self.members.protocol() {
            // Who leaves with the change is no reason against what comes after it.
            let stay = |known: NodeSet| known.common(nodes).len();
            let (convicted, suspected) = (stay(terms.convicted), stay(terms.suspected));
            let mut sound =
                protocol.is_sound(Facts { members, convicted, suspected }, terms.deployment);
            if members.is_crash_only() && suspected > 0 {
                sound = sound.and(Err(Unsound::Suspicion));
            }
            sound.map_err(|why| ChangeRefused::Unsound { protocol, why })?;
        }
        Ok(Roster { members, added: change.add })
    }

    /// Who comes last as primary: whom the docket restrains and, where trust orders them, whom the
    /// administrator names, or named.
    fn last_under(&self, terms: &Terms, protocol: Protocol, change: &Change) -> NodeSet {
        if protocol != Protocol::TrustOrderedPbft {
            return terms.restrained;
        }
        self.named_by(change).with(terms.restrained)
    }

    /// Whom the administrator has named once a change is made: with a protocol, who is named anew.
    fn named_by(&self, change: &Change) -> NodeSet {
        if change.protocol.is_none() {
            return self.named;
        }
        change.last.iter().fold(NodeSet::default(), |mut named, node| {
            named.insert(*node);
            named
        })
    }
}
