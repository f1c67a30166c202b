//! The docket itself: quarantine, the analyzer, and by whom proofs are judged.

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};

use serde::Serialize;

use super::{
    affairs::Minutes,
    renewals::{Renewals, Wish},
    said::Said,
};
use crate::{
    analyzer::{Analyzer, Facts, Level, Protocol, Recommendation},
    crypto::{Authenticator, Digest, decode, encode},
    detector::{
        evidence::{Evidence, NotProven, Offence, verify},
        quarantine::{Claim, Entry, Kept, Quarantine, Record, Refused, Statement},
    },
    ids::{Epoch, NodeId, Principal, Seq},
    pbft::{Config, node_of},
    quorum::{Membership, NodeSet},
    time::{Time, WallTime},
};

/// How many past memberships are kept: a proof is put in the log within an epoch or two, or the
/// cluster changes faster than anybody can look.
pub const MAX_PAST: usize = 8;

/// What all agree on about who lies. Empty until somebody says something, or an epoch ends.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Docket {
    held: Option<Box<Held>>,
    /// When time alone decides something. Follows from what is held.
    #[serde(skip)]
    wake: Option<WallTime>,
    /// Whether more than f are convicted. Follows from what is held, too.
    #[serde(skip)]
    beyond: bool,
    /// Whether it differs from what the tree of the state has.
    #[serde(skip)]
    changed: bool,
}

/// What is encoded is state; the configuration and the members of the epoch are not.
#[derive(Clone, Debug, Serialize)]
struct Held {
    quarantine: Quarantine,
    analyzer: Analyzer,
    /// Of earlier epochs, the last first.
    past: VecDeque<Membership>,
    renewals: Renewals,
}

impl Held {
    /// `None`: with a configuration that no replica starts with.
    fn new(members: Membership, config: &Config) -> Option<Box<Self>> {
        let quarantine = Quarantine::new(members, config.quarantine).ok()?;
        let (analyzer, past) = (Analyzer::default(), VecDeque::new());
        Some(Box::new(Self { quarantine, analyzer, past, renewals: Renewals::default() }))
    }

    /// `None`: these bytes are none.
    fn resumed(bytes: &[u8], members: Membership, config: &Config) -> Option<Box<Self>> {
        let (kept, mut analyzer, past, renewals): (Kept, Analyzer, _, _) = decode(bytes)?;
        let quarantine = Quarantine::resumed(members, config.quarantine, kept);
        analyzer.resume(Facts::of(&quarantine), config.declared());
        Some(Box::new(Self { quarantine, analyzer, past, renewals }))
    }
}

impl Docket {
    /// Who is held, who is convicted, who said what; `None`: nobody ever said anything.
    pub fn quarantine(&self) -> Option<&Quarantine> {
        self.held.as_ref().map(|held| &held.quarantine)
    }

    /// How bad it is, and what should be run.
    pub fn analyzer(&self) -> Option<&Analyzer> {
        self.held.as_ref().map(|held| &held.analyzer)
    }

    /// What should be run, if anybody ever said anything.
    pub fn recommendation(&self) -> Option<&Recommendation> {
        self.analyzer()?.recommendation()
    }

    /// Which protocol should be run, also if nobody ever said anything.
    pub(super) fn recommended(&self, members: Membership, config: &Config) -> Protocol {
        let known = self.recommendation().map(|it| it.protocol);
        known.unwrap_or_else(|| Recommendation::of_peace(members, config.declared()).protocol)
    }

    /// How many decisions about members, and how many recommendations, there ever were.
    pub fn decided(&self) -> (u64, u64) {
        let of = |held: &Held| (held.quarantine.decided(), held.analyzer.decided());
        self.held.as_deref().map_or((0, 0), of)
    }

    /// Whether nobody ever said anything.
    pub fn is_empty(&self) -> bool {
        self.held.is_none()
    }

    /// Who is in quarantine, for whatever reason.
    pub fn restrained(&self) -> NodeSet {
        self.quarantine().map(Quarantine::restrained).unwrap_or_default()
    }

    /// Whether a member is.
    pub fn is_restrained(&self, node: NodeId) -> bool {
        self.quarantine().is_some_and(|quarantine| quarantine.is_restrained(node))
    }

    /// Who is proven to have lied.
    pub fn convicted(&self) -> NodeSet {
        self.quarantine().map(Quarantine::convicted).unwrap_or_default()
    }

    /// Whether a member is, however many lie.
    fn is_surely_convicted(&self, node: NodeId) -> bool {
        let record = self.quarantine().and_then(|quarantine| quarantine.record(node));
        record.is_some_and(Record::is_surely_convicted)
    }

    /// Whether a proof would change what is held of who it is against.
    pub(crate) fn is_news(&self, offence: &Offence) -> bool {
        self.quarantine().is_none_or(|quarantine| quarantine.is_news(offence))
    }

    /// Who is suspected by f+1 observers and not convicted.
    pub fn suspected(&self) -> NodeSet {
        self.quarantine().map(Quarantine::suspected).unwrap_or_default()
    }

    /// When time alone decides something, if anything waits for it.
    pub fn wake(&self) -> Option<WallTime> {
        self.wake
    }

    /// Whether it knows the members of an earlier epoch, and so judges proofs of it.
    pub fn remembers(&self, epoch: Epoch) -> bool {
        let past = self.held.as_ref().map(|held| &held.past);
        past.is_some_and(|past| past.iter().any(|members| members.epoch() == epoch))
    }

    /// Whether a member is to be replaced as f+1 propose: it is proven to lie, the administrator
    /// hasn't freed it, and agreement isn't broken. So nobody whom f+1 liars frame is replaced from when
    /// one of them is proven to lie beside it: the two can't both be right (see `quarantine`, rule 4).
    pub(super) fn is_replaced(&self, member: NodeId, proposal: Digest) -> bool {
        let convicted = self.is_restrained(member) && self.convicted().contains(member);
        convicted && !self.beyond && self.quarantine().is_some_and(|it| it.is_shared(proposal))
    }

    /// Whether more members are proven to lie than may: safe mode, in which nothing is written, and
    /// nothing is to be relied on.
    pub fn is_beyond(&self) -> bool {
        self.beyond
    }

    /// The life by which this epoch knows a member; 0: its first.
    pub(crate) fn life(&self, member: NodeId) -> u64 {
        self.held.as_ref().map_or(0, |held| held.renewals.life(member))
    }

    /// For which life a member says that another asks, and when it said so.
    pub(crate) fn wish(&self, by: NodeId, member: NodeId) -> Option<(u64, WallTime)> {
        let Wish { life, at, .. } = self.held.as_ref()?.renewals.wish(by, member)?;
        Some((life, at))
    }

    /// Whether this epoch is to end for somebody's new life.
    pub(super) fn renews(&self, at: Place) -> bool {
        let due = self.held.as_ref().and_then(|held| held.renewals.due(at.members));
        due.is_some_and(|due| due <= at.time)
    }

    fn derive(&mut self, members: Membership, config: &Config) {
        let Some(held) = &self.held else { return };
        let level =
            held.analyzer.next_wake(&config.policy).map(|at| WallTime(at.0.div_ceil(1_000)));
        let renewal = held.renewals.due(members);
        self.wake = held.quarantine.next_wake().into_iter().chain(level).chain(renewal).min();
        self.beyond = held.quarantine.is_above_f();
    }

    /// The bytes of its piece of the state. `None`: empty.
    pub(crate) fn piece(&self) -> Option<Vec<u8>> {
        self.held.as_ref().map(encode)
    }

    /// From its piece, in an epoch of these members. `None`: it is none.
    pub(crate) fn installed(
        piece: Option<&[u8]>,
        members: Membership,
        config: &Config,
    ) -> Option<Self> {
        let held = match piece {
            Some(bytes) => Some(Held::resumed(bytes, members, config)?),
            None => None,
        };
        let mut docket = Self { held, ..Self::default() };
        docket.derive(members, config);
        Some(docket)
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    pub(crate) fn forget_changes(&mut self) {
        self.changed = false;
    }

    /// A member says something.
    pub(super) fn hear(
        &mut self,
        at: Place,
        by: NodeId,
        number: u64,
        said: Said,
        keys: &dyn Authenticator,
    ) -> Minutes {
        let claim = match said {
            Said::Accuse { suspect, score, reasons } => Claim::Accuse { suspect, score, reasons },
            Said::Withdraw { suspect } => Claim::Withdraw { suspect },
            Said::Prove(evidence) => return self.prove(at, by, number, &evidence, keys),
            Said::Vouch { offender, proof } => Claim::Vouch { offender, proof },
            Said::Look => return self.advance(at),
            Said::Measure(network) => Claim::Measure(network),
            Said::Renew { member, life } => return self.renew(at, by, member, life),
            Said::Replace { member, by } => Claim::Replace(Digest::of(&(member, by))),
        };
        self.state(at, Principal::Node(by), number, claim).1
    }

    fn renew(&mut self, at: Place, by: NodeId, member: NodeId, life: u64) -> Minutes {
        let minutes = self.decide(at, |quarantine| quarantine.advance(at.seq, at.time));
        if let Some(held) = &mut self.held {
            held.renewals.hear(at.members, Wish { member, by, life, at: at.time });
        }
        self.derive(at.members, at.config);
        minutes
    }

    /// A statement that is what it says.
    pub(super) fn state(
        &mut self,
        at: Place,
        by: Principal,
        number: u64,
        claim: Claim,
    ) -> (Result<(), Refused>, Minutes) {
        let mut outcome = Ok(());
        let minutes = self.decide(at, |quarantine| {
            let applied = quarantine.apply(at.seq, at.time, by, &Statement { number, claim });
            outcome = applied.outcome;
            applied.decided
        });
        (outcome, minutes)
    }

    fn prove(
        &mut self,
        at: Place,
        by: NodeId,
        number: u64,
        evidence: &Evidence,
        keys: &dyn Authenticator,
    ) -> Minutes {
        match self.judge(at.members, by, evidence, keys) {
            Some(Ok(Offence { by: offender, assumption, .. })) => {
                let claim = Claim::Convict { offender, proof: Digest::of(evidence), assumption };
                self.state(at, Principal::Node(by), number, claim).1
            }
            Some(Err(_)) => self.decide(at, |quarantine| quarantine.mislead(at.seq, at.time, by)),
            None => self.advance(at),
        }
    }

    /// `None`: nothing would come of it, so it is not looked at.
    fn judge(
        &self,
        members: Membership,
        by: NodeId,
        evidence: &Evidence,
        keys: &dyn Authenticator,
    ) -> Option<Result<Offence, NotProven>> {
        let accused = node_of(evidence.accused()).filter(|node| members.contains(*node))?;
        let past = self.held.as_ref().map(|held| &held.past);
        let of = match evidence.epoch() {
            Some(epoch) if epoch != members.epoch() => {
                past?.iter().find(|past| past.epoch() == epoch).copied()?
            }
            _ => members,
        };
        if !members.contains(by)
            || self.is_surely_convicted(accused)
            || self.quarantine().is_some_and(|quarantine| quarantine.is_misled(by))
        {
            return None;
        }
        match verify(evidence, of, keys) {
            Err(NotProven::UnknownKey { .. }) => None,
            Ok(offence) if !self.is_news(&offence) => None,
            judged => Some(judged),
        }
    }

    /// Lets agreed time pass.
    pub(super) fn advance(&mut self, at: Place) -> Minutes {
        if self.wake.is_none_or(|wake| at.time < wake) {
            return Minutes::default();
        }
        self.decide(at, |quarantine| quarantine.advance(at.seq, at.time))
    }

    /// Another epoch begins after a position.
    pub(super) fn turn(&mut self, at: Place, next: Membership) -> Minutes {
        let minutes = self.decide(at, |quarantine| quarantine.turn(at.seq, next));
        if let Some(held) = &mut self.held {
            held.past.push_front(at.members);
            held.past.truncate(MAX_PAST);
            held.renewals.turn(at.members, next, at.time);
        }
        self.derive(next, at.config);
        minutes
    }

    fn decide(&mut self, at: Place, what: impl FnOnce(&mut Quarantine) -> Vec<Entry>) -> Minutes {
        if self.held.is_none() {
            self.held = Held::new(at.members, at.config);
        }
        let Some(held) = &mut self.held else { return Minutes::default() };
        self.changed = true;
        let decided = what(&mut held.quarantine);
        let now = Time::from_millis(held.quarantine.now().0);
        let facts = Facts::of(&held.quarantine);
        let network = held.quarantine.network();
        let threat = held.analyzer.observe(now, facts, network, at.config.declared());
        // The first says how it is when nobody has said anything yet.
        let threat = threat.filter(|it| it.level > Level::Low || held.analyzer.decided() > 1);
        self.derive(at.members, at.config);
        Minutes { decided, threat }
    }
}

/// Where in the log, at which agreed time, among whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) seq: Seq,
    pub(super) time: WallTime,
    pub(super) members: Membership,
    pub(super) config: &'a Config,
}
