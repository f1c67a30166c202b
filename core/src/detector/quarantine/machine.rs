//! The state, and what statements do to it. Every replica applies the same statements at the same
//! positions and times, and so comes to the same.

use alloc::{collections::VecDeque, vec::Vec};
use core::mem;

use serde::{Deserialize, Serialize};

use super::{
    config::Config,
    history::{Entry, MAX_HISTORY, What},
    record::Record,
    statement::{Claim, MAX_REASONS, Order, Refused, Statement},
    voice::{Standing, Voice},
};
use crate::{
    analyzer::Network,
    config::BadConfig,
    crypto::Digest,
    detector::{
        evidence::{Assumption, Offence},
        suspicion::Kind,
    },
    ids::{Epoch, NodeId, Principal, Seq},
    quorum::{Membership, NodeSet},
    sorted::SortedMap,
    time::WallTime,
};

/// The replicated state of quarantine, and what it follows, which is encoded elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quarantine {
    #[serde(skip)]
    pub(super) config: Config,
    #[serde(skip)]
    pub(super) members: Membership,
    pub(super) kept: Kept,
}

/// What of it is state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub(super) now: WallTime,
    pub(super) voices: SortedMap<NodeId, Voice>,
    pub(super) records: SortedMap<NodeId, Record>,
    /// The number of the administrator's last statement.
    pub(super) administrator: u64,
    /// The last epoch in which more than f are known to have lied, if there is one.
    pub(super) disproved: Option<Epoch>,
    pub(super) history: VecDeque<Entry>,
    /// How many entries there ever were.
    pub(super) decided: u64,
}

/// What came of a statement, or of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether it counted.
    pub outcome: Result<(), Refused>,
    /// What was decided, in order; time may decide something even if the statement was refused.
    pub decided: Vec<Entry>,
}

impl Quarantine {
    /// Of members of which nothing is known.
    pub fn new(members: Membership, config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        let kept = Kept {
            now: WallTime::default(),
            voices: members.nodes().map(|node| (node, Voice::default())).collect(),
            records: members.nodes().map(|node| (node, Record::default())).collect(),
            administrator: 0,
            disproved: None,
            history: VecDeque::new(),
            decided: 0,
        };
        Ok(Self { config, members, kept })
    }

    /// Goes on with what was kept: the members and the configuration are those of that moment.
    pub fn resumed(members: Membership, config: Config, kept: Kept) -> Self {
        Self { config, members, kept }
    }

    /// Executes a statement whose signature, and whose proof if it names one, hold.
    pub fn apply(
        &mut self,
        position: Seq,
        agreed_time: WallTime,
        by: Principal,
        statement: &Statement,
    ) -> Applied {
        let before = self.kept.decided;
        self.pass(position, agreed_time);
        let outcome = self.hear(position, by, statement);
        self.settle(position);
        Applied { outcome, decided: self.entries_after(before) }
    }

    /// A member brought a proof that proves nothing: it isn't heard for as long as an unfounded
    /// accusation counts.
    pub fn mislead(&mut self, position: Seq, agreed_time: WallTime, by: NodeId) -> Vec<Entry> {
        let before = self.kept.decided;
        self.pass(position, agreed_time);
        let until = self.kept.now.after_ms(self.config.unfounded_ms);
        if let Some(voice) = self.kept.voices.get_mut(&by) {
            voice.misled = Some(until);
            self.enter(position, by, What::Misled);
        }
        self.settle(position);
        self.entries_after(before)
    }

    /// Lets agreed time pass: terms end, accusations turn out to be unfounded.
    pub fn advance(&mut self, position: Seq, agreed_time: WallTime) -> Vec<Entry> {
        let before = self.kept.decided;
        self.pass(position, agreed_time);
        self.settle(position);
        self.entries_after(before)
    }

    /// The membership is another. Who leaves is forgotten, with all that it said and all that was
    /// said of it; who joins has a blank record.
    pub fn turn(&mut self, position: Seq, members: Membership) -> Vec<Entry> {
        let before = self.kept.decided;
        let (ended, was_above) = (self.members.epoch(), self.is_above_f());
        self.members = members;
        let stays = |node: &NodeId| members.contains(*node);
        self.kept.voices.retain(|node, _| stays(node));
        self.kept.records.retain(|node, _| stays(node));
        for voice in self.kept.voices.values_mut() {
            voice.accusations.retain(|node, _| stays(node));
            voice.unfounded.retain(|node, _| stays(node));
            voice.replacement = None;
            voice.vouched = NodeSet::default();
        }
        for node in members.nodes() {
            self.kept.voices.entry(node).or_default();
            self.kept.records.entry(node).or_default();
        }
        // As long as the same members are beyond what any quorum stands, all of that stays as it is.
        if was_above && !self.is_above_f() {
            self.overturn(position, ended);
        }
        self.settle(position);
        self.entries_after(before)
    }

    /// Whom it is about. Quarantine changes nothing in it.
    pub fn members(&self) -> Membership {
        self.members
    }

    /// Whether more members are convicted than may be: then more than f lie. For proof holds if no more
    /// do, and would have it otherwise.
    pub fn is_above_f(&self) -> bool {
        self.convicted().len() > self.members.byzantine_f()
    }

    /// Who is in quarantine.
    pub fn restrained(&self) -> NodeSet {
        self.set(Record::is_restrained)
    }

    /// Whether a member is.
    pub fn is_restrained(&self, node: NodeId) -> bool {
        self.kept.records.get(&node).is_some_and(Record::is_restrained)
    }

    /// Who is proven to have lied, whatever the administrator decided.
    pub fn convicted(&self) -> NodeSet {
        self.set(|record| record.convicted.is_some())
    }

    /// How many are, however many lie.
    fn surely_convicted(&self) -> u16 {
        self.set(Record::is_surely_convicted).len()
    }

    /// Whether a proof against a member, of an epoch if it is of one, would change what is held of it.
    pub(crate) fn is_news(&self, Offence { by, place, assumption, .. }: &Offence) -> bool {
        let sure = *assumption == Assumption::Absolute;
        let record = self.record(*by).filter(|record| record.convicted.is_some());
        record.map_or(sure || self.may_assume_f(place.epoch), |it| sure && it.assumes_f)
    }

    /// Whether proof of an epoch may assume that at most f lie.
    fn may_assume_f(&self, epoch: Option<Epoch>) -> bool {
        self.kept.disproved < epoch && self.surely_convicted() <= self.members.byzantine_f()
    }

    /// Who is suspected by f+1 and not convicted: held, or waiting for a place.
    pub fn suspected(&self) -> NodeSet {
        self.set(|record| record.convicted.is_none() && (record.hold.is_some() || record.waits))
    }

    /// A member's record.
    pub fn record(&self, node: NodeId) -> Option<&Record> {
        self.kept.records.get(&node)
    }

    /// Who accuses a member now.
    pub fn accusers(&self, suspect: NodeId) -> NodeSet {
        let mut accusers = NodeSet::default();
        for (node, voice) in self.kept.voices.iter() {
            if voice.live(suspect).is_some() {
                accusers.insert(*node);
            }
        }
        accusers
    }

    /// Whom a member accuses now, and when it said so last.
    pub fn accused_by(&self, author: NodeId) -> impl Iterator<Item = (NodeId, WallTime)> {
        let said =
            self.kept.voices.get(&author).into_iter().flat_map(|voice| voice.accusations.iter());
        said.filter(|(_, it)| it.live).map(|(suspect, it)| (*suspect, it.said))
    }

    /// What the network is like: the worst that f+1 members say at least.
    pub fn network(&self) -> Network {
        let mut said: Vec<Network> = self.kept.voices.values().map(|voice| voice.network).collect();
        said.sort_unstable();
        said.into_iter().rev().nth(usize::from(self.members.byzantine_f())).unwrap_or_default()
    }

    /// What it is like around one member, as that says.
    pub fn network_around(&self, node: NodeId) -> Network {
        self.kept.voices.get(&node).map_or_else(Network::default, |voice| voice.network)
    }

    /// Against whom a member says in this epoch that it has proof.
    pub fn vouched_by(&self, node: NodeId) -> NodeSet {
        self.kept.voices.get(&node).map(|voice| voice.vouched).unwrap_or_default()
    }

    /// Whom a member proposes in whose place.
    pub fn replacement_by(&self, node: NodeId) -> Option<Digest> {
        self.kept.voices.get(&node)?.replacement
    }

    /// Whether f+1 members propose the same: one of them is correct.
    pub(crate) fn is_shared(&self, proposal: Digest) -> bool {
        let by = self.kept.voices.values().filter(|voice| voice.replacement == Some(proposal));
        by.count() > usize::from(self.members.byzantine_f())
    }

    /// How many decisions there ever were.
    pub fn decided(&self) -> u64 {
        self.kept.decided
    }

    /// Terms and windows.
    pub fn config(&self) -> Config {
        self.config
    }

    /// The agreed time of what it heard last.
    pub fn now(&self) -> WallTime {
        self.kept.now
    }

    /// Whether a member isn't heard because it brought a proof that proves nothing.
    pub fn is_misled(&self, node: NodeId) -> bool {
        self.kept.voices.get(&node).is_some_and(|voice| voice.misled.is_some())
    }

    /// Whether a member's accusations count for nothing.
    pub fn is_silenced(&self, node: NodeId) -> bool {
        self.kept
            .voices
            .get(&node)
            .is_some_and(|voice| voice.is_silenced(self.members.byzantine_f()))
    }

    /// The number of an author's last statement: the next must be higher.
    pub fn last_number(&self, by: Principal) -> u64 {
        match by {
            Principal::Node(node) => self.kept.voices.get(&node).map_or(0, |voice| voice.number),
            Principal::Client(_) => self.kept.administrator,
        }
    }

    /// The last [`MAX_HISTORY`] decisions, oldest first.
    pub fn history(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.kept.history.iter()
    }

    /// The earliest time at which time alone decides something.
    pub fn next_wake(&self) -> Option<WallTime> {
        let Config { corroborate_within_ms, accusation_lasts_ms, .. } = self.config;
        let accusations = self.kept.voices.values().flat_map(move |voice| {
            voice.accusations.values().flat_map(move |it| {
                let judged = (it.standing == Standing::Pending)
                    .then(|| it.since.after_ms(corroborate_within_ms));
                let lapsed = it.live.then(|| it.said.after_ms(accusation_lasts_ms));
                judged.into_iter().chain(lapsed)
            })
        });
        let forgotten = self.kept.voices.values().flat_map(|voice| {
            let over = |suspect: &NodeId| voice.live(*suspect).is_none();
            voice.unfounded.iter().filter(move |(suspect, _)| over(suspect)).map(|(_, at)| *at)
        });
        let heard = self.kept.voices.values().filter_map(|voice| voice.misled);
        let released = self.kept.records.values().filter_map(|record| Some(record.hold?.until));
        accusations.chain(forgotten).chain(heard).chain(released).min()
    }

    fn set(&self, which: impl Fn(&Record) -> bool) -> NodeSet {
        let mut set = NodeSet::default();
        for (node, _) in self.kept.records.iter().filter(|(_, record)| which(record)) {
            set.insert(*node);
        }
        set
    }

    fn entries_after(&self, before: u64) -> Vec<Entry> {
        self.kept.history.iter().filter(|entry| entry.number > before).cloned().collect()
    }

    pub(super) fn enter(&mut self, position: Seq, node: NodeId, what: What) {
        self.kept.decided += 1;
        if self.kept.history.len() == MAX_HISTORY {
            self.kept.history.pop_front();
        }
        let (number, at) = (self.kept.decided, self.kept.now);
        self.kept.history.push_back(Entry { number, position, at, node, what });
    }

    /// One statement.
    fn hear(&mut self, position: Seq, by: Principal, said: &Statement) -> Result<(), Refused> {
        let last = self.last_number(by);
        let author = match by {
            Principal::Node(node) if self.members.contains(node) => Some(node),
            Principal::ADMINISTRATOR => None,
            _ => return Err(Refused::NoSay(by)),
        };
        if said.number <= last {
            return Err(Refused::Old { found: said.number, last });
        }
        match author.and_then(|node| self.kept.voices.get_mut(&node)) {
            Some(voice) => voice.number = said.number,
            None => self.kept.administrator = said.number,
        }
        match (&said.claim, author) {
            (Claim::Accuse { suspect, score, reasons }, Some(author)) => {
                self.accuse(author, *suspect, *score, reasons)
            }
            (Claim::Withdraw { suspect }, Some(author)) => self.withdraw(author, *suspect),
            (Claim::Convict { offender, proof, assumption }, _) => {
                self.prove(position, *offender, *proof, *assumption)
            }
            (Claim::Measure(_) | Claim::Replace(_) | Claim::Vouch { .. }, Some(author))
                if self.kept.records.get(&author).is_some_and(|it| it.convicted.is_some()) =>
            {
                Err(Refused::Convicted(author))
            }
            (Claim::Measure(network), Some(author)) => {
                self.kept.voices.entry(author).or_default().network = *network;
                Ok(())
            }
            (Claim::Vouch { offender, proof }, Some(author)) => {
                self.vouch(position, author, *offender, *proof)
            }
            (Claim::Replace(proposal), Some(author)) => {
                self.kept.voices.entry(author).or_default().replacement = Some(*proposal);
                Ok(())
            }
            (Claim::Order { node, order }, None) => {
                self.order(*node, *order)?;
                self.enter(position, *node, What::Ordered(*order));
                Ok(())
            }
            _ => Err(Refused::NoSay(by)),
        }
    }

    /// There is proof, or as good as.
    fn prove(
        &mut self,
        position: Seq,
        offender: NodeId,
        proof: Digest,
        assumption: Assumption,
    ) -> Result<(), Refused> {
        let assumes_f = assumption == Assumption::AtMostF;
        let record = self.kept.records.get_mut(&offender).ok_or(Refused::NotAMember(offender))?;
        if record.convicted.is_some() && (assumes_f || !record.assumes_f) {
            return Err(Refused::Known(offender));
        }
        record.convicted = Some(proof);
        record.assumes_f = assumes_f;
        self.enter(position, offender, What::Convicted { proof });
        self.convict(offender);
        if self.surely_convicted() > self.members.byzantine_f() {
            self.overturn(position, self.members.epoch());
        }
        Ok(())
    }

    /// One of f+1 that vouch is correct, if at most f lie, and has judged what it holds.
    fn vouch(
        &mut self,
        position: Seq,
        author: NodeId,
        offender: NodeId,
        proof: Digest,
    ) -> Result<(), Refused> {
        let limit = self.members.byzantine_f() + 1;
        let record = self.record(offender).ok_or(Refused::NotAMember(offender))?;
        if author == offender {
            return Err(Refused::Oneself);
        }
        if record.convicted.is_some() {
            return Err(Refused::Known(offender));
        }
        let voice = self.kept.voices.entry(author).or_default();
        if !voice.vouched.contains(offender) && voice.vouched.len() >= limit {
            return Err(Refused::TooMany { limit });
        }
        voice.vouched.insert(offender);
        let vouch = self.kept.voices.values().filter(|voice| voice.vouched.contains(offender));
        if vouch.count() >= usize::from(limit) && self.may_assume_f(Some(self.members.epoch())) {
            return self.prove(position, offender, proof, Assumption::AtMostF);
        }
        Ok(())
    }

    fn accuse(
        &mut self,
        author: NodeId,
        suspect: NodeId,
        score: u8,
        reasons: &[Kind],
    ) -> Result<(), Refused> {
        if !self.members.contains(suspect) {
            return Err(Refused::NotAMember(suspect));
        }
        if author == suspect {
            return Err(Refused::Oneself);
        }
        if reasons.len() > MAX_REASONS {
            return Err(Refused::TooManyReasons);
        }
        if self.kept.records.get(&author).is_some_and(|record| record.convicted.is_some()) {
            return Err(Refused::Convicted(author));
        }
        let (now, limit) = (self.kept.now, self.members.byzantine_f() + 1);
        let voice = self.kept.voices.entry(author).or_default();
        let known = voice.accusations.contains_key(&suspect);
        if !known && voice.accusations.len() >= usize::from(limit) {
            return Err(Refused::TooMany { limit });
        }
        voice.accuse(now, suspect, score, reasons.to_vec());
        Ok(())
    }

    fn withdraw(&mut self, author: NodeId, suspect: NodeId) -> Result<(), Refused> {
        let now = self.kept.now;
        let until = now.after_ms(self.config.unfounded_ms);
        match self.kept.voices.get_mut(&author).filter(|voice| voice.live(suspect).is_some()) {
            Some(voice) => {
                voice.end(suspect, until);
                voice.forget(now);
                Ok(())
            }
            None => Err(Refused::NotAccused(suspect)),
        }
    }

    /// All who accused it were right, and what it says itself is void. What others are held for may be its
    /// work.
    fn convict(&mut self, offender: NodeId) {
        for voice in self.kept.voices.values_mut() {
            voice.accusations.remove(&offender);
            voice.unfounded.remove(&offender);
        }
        if let Some(voice) = self.kept.voices.get_mut(&offender) {
            *voice = Voice { number: voice.number, ..Voice::default() };
        }
        if let Some(record) = self.kept.records.get_mut(&offender) {
            record.hold = None;
        }
        for record in self.kept.records.values_mut() {
            record.excuse(self.kept.now, &self.config);
        }
    }

    /// More than f lied in an epoch: what holds only if no more do proves nothing of it, nor of one before.
    fn overturn(&mut self, position: Seq, epoch: Epoch) {
        self.kept.disproved = Some(epoch);
        for node in self.members.nodes() {
            if let Some(record) = self.kept.records.get_mut(&node)
                && mem::take(&mut record.assumes_f)
            {
                record.convicted = None;
                self.enter(position, node, What::Acquitted);
            }
        }
    }

    fn order(&mut self, node: NodeId, order: Option<Order>) -> Result<(), Refused> {
        let limit = self.members.byzantine_f();
        let firm = self.set(|record| record.is_restrained() && !record.by_accusation());
        let record = self.kept.records.get_mut(&node).ok_or(Refused::NotAMember(node))?;
        if order == Some(Order::Hold) && !firm.contains(node) && firm.len() >= limit {
            return Err(Refused::Full { limit });
        }
        record.order = order;
        if order == Some(Order::Free) {
            record.hold = None;
        }
        Ok(())
    }
}
