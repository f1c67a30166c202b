//! Everything that the liars can say within the bounds.
//!
//! Each liar, at any time and to anybody: every proposal in the views whose primary it is, every
//! prepare and commit for every content at every position, and every view change and new view that
//! can be put together from its own statements and from those of others that were sent. Liars know
//! each other's statements too.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use conclave_core::{
    crypto::{Digest, Signed},
    ids::{NodeId, Principal, Seq, View},
    pbft::{Batch, Message, PrePrepare, Prepare, PreparedCertificate, ViewChange},
    protocol::To,
};

use super::{
    explore::Bounds,
    world::{MessageNumber, World},
};
use crate::{forge::Forge, rounds::request};

/// The view that replicas leave, and the one that they enter.
const VIEWS: [View; 2] = [View(0), View(1)];

/// Each replica's vote for one proposal.
type Votes = BTreeMap<NodeId, Arc<Signed<Prepare>>>;

/// What the liars of one exploration say.
#[derive(Debug)]
pub(super) struct Liars {
    forges: Vec<(NodeId, Forge)>,
    /// What they can say without hearing anybody.
    unprompted: Vec<MessageNumber>,
    /// Whether there is a view to change to.
    changes_view: bool,
    /// What else they can say after they heard these.
    prompted: Mutex<HashMap<Vec<MessageNumber>, Arc<[MessageNumber]>>>,
}

/// The contents that are fought over: one for each client, and the null batch if there is just one.
pub(super) fn contents(clients: u64) -> Vec<Arc<Batch>> {
    let of = |client| {
        let request = Signed::clone(&request(client, 1));
        Arc::new(Batch::new([request].into()))
    };
    let mut contents: Vec<_> = (1..=clients).map(of).collect();
    if contents.len() < 2 {
        contents.push(Arc::new(Batch::default()));
    }
    contents
}

fn signer(by: Principal) -> NodeId {
    match by {
        Principal::Node(node) => node,
        Principal::Client(_) => unreachable!("clients don't sign votes"),
    }
}

impl Liars {
    pub(super) fn new(world: &World, bounds: &Bounds) -> Self {
        let Bounds { liars, requests, positions, views } = bounds;
        let views = &VIEWS[..VIEWS.len().min(*views as usize)];
        let forge = |liar: &NodeId| (*liar, Forge::new(world.members.n(), *liar));
        let forges: Vec<_> = liars.iter().map(forge).collect();
        let mut unprompted = Vec::new();
        for (liar, forge) in &forges {
            let mut say = |message| unprompted.extend(world.message(*liar, To::Others, message));
            for view in views.iter().copied() {
                for seq in (1..=*positions).map(Seq) {
                    for batch in contents(*requests) {
                        let digest = batch.digest();
                        // What its role in a view forbids is refused, and so not said.
                        say(forge.pre_prepare(view, seq, &batch));
                        say(Message::Prepare(forge.prepare(view, seq, digest)));
                        say(forge.commit(view, seq, digest));
                    }
                }
            }
            if views.len() > 1 {
                say(forge.view_change(VIEWS[1], Vec::new()));
            }
        }
        unprompted.sort_unstable();
        unprompted.dedup();
        Self { forges, unprompted, changes_view: views.len() > 1, prompted: Mutex::default() }
    }

    /// What they can say after the correct replicas sent these.
    pub(super) fn say(&self, world: &World, heard: &[MessageNumber]) -> Vec<MessageNumber> {
        if !self.changes_view {
            return self.unprompted.clone();
        }
        let useful = |number: &&MessageNumber| {
            let known = world.known(**number);
            match &*known.message {
                Message::PrePrepare(it, _) => it.body.view == VIEWS[0],
                Message::Prepare(it) => it.body.view == VIEWS[0],
                Message::ViewChange(_) => true,
                _ => false,
            }
        };
        let heard: Vec<_> = heard.iter().filter(useful).copied().collect();
        let prompted = self.prompted.lock().unwrap_or_else(PoisonError::into_inner);
        let said = prompted.get(&heard).cloned();
        drop(prompted);
        let said = said.unwrap_or_else(|| {
            let said: Arc<[_]> = self.prompt(world, &heard).into();
            let mut prompted = self.prompted.lock().unwrap_or_else(PoisonError::into_inner);
            prompted.insert(heard, said.clone());
            said
        });
        let mut all = self.unprompted.clone();
        all.extend(said.iter());
        all.sort_unstable();
        all.dedup();
        all
    }

    fn prompt(&self, world: &World, heard: &[MessageNumber]) -> Vec<MessageNumber> {
        let known: Vec<_> =
            heard.iter().chain(&self.unprompted).map(|it| world.known(*it)).collect();
        let messages: Vec<_> = known.iter().map(|known| &*known.message).collect();
        let choices = choices_of_p(&certificates(world, &messages));
        let mut changes: BTreeMap<NodeId, Vec<Arc<Signed<ViewChange>>>> = BTreeMap::new();
        for message in &messages {
            if let Message::ViewChange(change) = message {
                changes.entry(signer(change.by)).or_default().push(change.clone());
            }
        }
        let mut said = Vec::new();
        for (liar, forge) in &self.forges {
            for prepared in choices.iter().filter(|prepared| !prepared.is_empty()) {
                let message = forge.view_change(VIEWS[1], prepared.clone());
                said.extend(world.message(*liar, To::Others, message.clone()));
                if let Message::ViewChange(change) = message {
                    changes.entry(*liar).or_default().push(change);
                }
            }
        }
        let starter = world.members.primary(VIEWS[1]);
        if let Some((liar, forge)) = self.forges.iter().find(|(liar, _)| *liar == starter) {
            for set in sets_of_v(&changes, world.members.quorum()) {
                said.extend(world.message(*liar, To::Others, forge.new_view(VIEWS[1], &set)));
            }
        }
        said
    }
}

/// One certificate for each proposal of view 0 that enough backups prepared.
fn certificates(world: &World, messages: &[&Message]) -> Vec<PreparedCertificate> {
    let mut votes: BTreeMap<(Seq, Digest), Votes> = BTreeMap::new();
    for message in messages {
        if let Message::Prepare(vote) = message
            && vote.body.view == VIEWS[0]
        {
            let of = votes.entry((vote.body.seq, vote.body.digest)).or_default();
            of.entry(signer(vote.by)).or_insert_with(|| vote.clone());
        }
    }
    let needed = world.members.quorum() - 1;
    let proposals = messages.iter().filter_map(|message| match message {
        Message::PrePrepare(header, _) if header.body.view == VIEWS[0] => Some(header),
        _ => None,
    });
    proposals
        .filter_map(|header| {
            let PrePrepare { seq, digest, .. } = header.body;
            let votes = votes.get(&(seq, digest)).filter(|votes| votes.len() >= needed)?;
            let prepares: Vec<_> = votes.values().take(needed).cloned().collect();
            Some(PreparedCertificate { pre_prepare: header.clone(), prepares: prepares.into() })
        })
        .collect()
}

/// Every *P*: for each position one of its certificates, or none.
fn choices_of_p(certificates: &[PreparedCertificate]) -> Vec<Vec<PreparedCertificate>> {
    let mut by_position: BTreeMap<Seq, Vec<&PreparedCertificate>> = BTreeMap::new();
    for certificate in certificates {
        by_position.entry(certificate.pre_prepare.body.seq).or_default().push(certificate);
    }
    let mut choices = vec![Vec::new()];
    for certificates in by_position.values() {
        let longer = choices.iter().flat_map(|choice: &Vec<PreparedCertificate>| {
            certificates.iter().map(move |certificate| {
                let mut choice = choice.clone();
                choice.push((*certificate).clone());
                choice
            })
        });
        let longer: Vec<_> = longer.collect();
        choices.extend(longer);
    }
    choices
}

/// Every *V*: so many replicas, with one view change each.
fn sets_of_v(
    changes: &BTreeMap<NodeId, Vec<Arc<Signed<ViewChange>>>>,
    size: usize,
) -> Vec<Vec<Arc<Signed<ViewChange>>>> {
    let mut sets: Vec<Vec<_>> = vec![Vec::new()];
    for changes in changes.values() {
        let larger = sets.iter().flat_map(|set| {
            changes.iter().map(move |change| {
                let mut set: Vec<Arc<Signed<ViewChange>>> = set.clone();
                set.push(change.clone());
                set
            })
        });
        let larger: Vec<_> = larger.collect();
        sets.extend(larger);
    }
    sets.retain(|set| set.len() == size);
    sets
}
