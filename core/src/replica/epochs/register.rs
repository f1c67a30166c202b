//! The replicated state of membership: part of every checkpoint, changed by execution alone.

use alloc::{vec, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{
    chain::Roster,
    change::{Change, ChangeOutcome, ChangeRefused, MAX_CONTACT_BYTES, NewMember},
};
use crate::{
    crypto::PublicKey,
    ids::{NodeId, Seq},
    quorum::{MAX_NODES, Membership, NodeSet},
};

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
}

impl Register {
    /// The register of a cluster that begins with these members.
    pub fn new(members: Membership) -> Self {
        Self { members, used: members.set(), joined: vec![], next: None }
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

    /// Executes the administrator's operation at a position. The founders' keys stand in every
    /// replica's configuration and not in the state, so they come from there.
    pub(crate) fn execute(
        &mut self,
        at: Seq,
        interval: u64,
        operation: &[u8],
        founders_keys: &[PublicKey],
    ) -> ChangeOutcome {
        let agreed = match Change::decode(operation) {
            Some(change) => self.agree(at, interval, change, founders_keys),
            None => Err(ChangeRefused::Unreadable),
        };
        match agreed {
            Ok(next) => {
                let members = next.members;
                self.used = next.added.iter().fold(self.used, |mut used, member| {
                    used.insert(member.id);
                    used
                });
                self.joined.extend(next.added.iter().cloned());
                self.next = Some(next);
                ChangeOutcome::Changed { epoch: members.epoch(), after: members.start() }
            }
            Err(refused) => ChangeOutcome::Refused(refused),
        }
    }

    fn agree(
        &self,
        at: Seq,
        interval: u64,
        change: Change,
        founders_keys: &[PublicKey],
    ) -> Result<Roster, ChangeRefused> {
        if let Some(end) = self.end() {
            return Err(ChangeRefused::UnderWay(end));
        }
        if change.add.is_empty() && change.remove.is_empty() {
            return Err(ChangeRefused::Empty);
        }
        let mut nodes = self.members.set();
        for node in change.remove {
            if !nodes.remove(node) {
                return Err(ChangeRefused::NotAMember(node));
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
            let of_founder = member.key.is_some_and(|key| founders_keys.contains(&key));
            if of_founder || member.key.is_some() && before.any(|other| other.key == member.key) {
                return Err(ChangeRefused::KeyUsed(id));
            }
            if member.contact.len() > MAX_CONTACT_BYTES {
                return Err(ChangeRefused::LongContact(id));
            }
            nodes.insert(id);
        }
        let end = Seq(at.0.div_ceil(interval).saturating_mul(interval));
        Ok(Roster { members: self.members.successor(end, nodes)?, added: change.add })
    }
}
