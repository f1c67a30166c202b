//! `ByzzFuzz` (Winter et al., OOPSLA 2023): a run with a few small faults, each in one round.
//!
//! A *process fault* changes what one liar says in one round to some receivers: a number by one, a
//! digest for another, a batch's time by some milliseconds, a part left out, nothing said at all, or
//! all of it rounds later. What was changed is signed again with the liar's own key, so that nobody can
//! refuse it for its signature. A *network fault* splits
//! the replicas in one round. Few and small faults find most bugs, and say what they were.

use std::{sync::Arc, time::Duration};

use conclave_core::{
    crypto::{Digest, Signable, Signed, Simulated},
    ids::{NodeId, Principal, Seq, View},
    pbft::{Batch, Message},
    time::WallTime,
};
use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

use crate::rounds::{LockStep, ROUND, Sent, brisk, keys, request, request_for};

/// How many rounds faults may come in: three views of a normal case each.
const ROUNDS_WITH_FAULTS: u64 = 40;
/// How many rounds there are altogether.
const ROUNDS: u64 = 80;
/// In which rounds clients ask.
const ASK_EVERY: u64 = 8;
/// How long that is kept which is written for a time: batches carry one until then.
const KEPT: Duration = ROUND.saturating_mul(20);
/// By how many rounds a message is late at most: those of a normal case.
const MOST_LATE: u64 = 4;
/// By how many milliseconds a time is changed: less than a round, so that it stays credible.
const TIME_OFF_MS: i8 = 5;

/// A small change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Nothing is said.
    Omit,
    /// The position, or the checkpoint's, by one up or down.
    Seq(i8),
    /// The view, by one up or down.
    View(i8),
    /// Another digest, and for a proposal the content that fits it.
    OtherDigest,
    /// The last part is left out: of a batch, of P, V or O.
    DropLast,
    /// The time that a batch carries, by so many milliseconds.
    Time(i8),
    /// The same, but it arrives so many rounds later.
    Late(u64),
}

/// What one liar does in one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFault {
    /// When.
    pub round: u64,
    /// Whom it tells so: a set of node numbers.
    pub receivers: u16,
    /// What.
    pub mutation: Mutation,
}

/// One run.
#[derive(Clone, Debug)]
pub struct ByzzFuzz {
    /// The cluster's size.
    pub n: u16,
    /// Who lies.
    pub liars: Vec<NodeId>,
    /// What they do.
    pub faults: Vec<ProcessFault>,
    /// In which round who hears whom: the second number is the set of those on one side.
    pub splits: Vec<(u64, u16)>,
}

/// What came of one.
#[derive(Clone, Debug)]
pub struct Fuzzed {
    /// Two correct replicas that executed different batches, and where.
    pub disagreement: Option<(NodeId, NodeId, Seq)>,
    /// How many messages were changed, held back or left out.
    pub mutated: usize,
    /// How many of these were held back and arrived later.
    pub late: usize,
    /// How many of these were proposals with another time.
    pub retimed: usize,
    /// How many messages a split stopped.
    pub stopped: usize,
    /// How many messages were refused on arrival.
    pub refused: usize,
    /// The highest position that a correct replica executed.
    pub executed: u64,
    /// The highest view of a correct replica.
    pub view: u64,
}

impl ByzzFuzz {
    /// The run of this seed, with up to so many process and network faults.
    #[must_use]
    pub fn new(n: u16, seed: u64, process_faults: u64, network_faults: u64) -> Self {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut below = |bound: u64| dice.next_u64() % bound;
        let f = u64::from((n - 1) / 3);
        let mut liars: Vec<_> = (0..f).map(|_| NodeId(below(u64::from(n)) as u16)).collect();
        liars.sort_unstable();
        liars.dedup();
        let mut faults = Vec::new();
        for _ in 0..=below(process_faults) {
            let mutation = match below(11) {
                0 => Mutation::Omit,
                1 => Mutation::Seq(1),
                2 => Mutation::Seq(-1),
                3 => Mutation::View(1),
                4 => Mutation::View(-1),
                5 | 6 => Mutation::OtherDigest,
                7 => Mutation::Time([TIME_OFF_MS, -TIME_OFF_MS][below(2) as usize]),
                8 | 9 => Mutation::Late(1 + below(MOST_LATE)),
                _ => Mutation::DropLast,
            };
            let receivers = below(1 << n) as u16;
            faults.push(ProcessFault { round: below(ROUNDS_WITH_FAULTS), receivers, mutation });
        }
        let splits = (0..below(network_faults + 1))
            .map(|_| (below(ROUNDS_WITH_FAULTS), below(1 << n) as u16))
            .collect();
        Self { n, liars, faults, splits }
    }

    /// Runs it.
    #[must_use]
    pub fn run(&self) -> Fuzzed {
        let identities: Vec<u16> = (0..self.n).collect();
        let mut net = LockStep::new(self.n, &identities, &brisk());
        let (mut mutated, mut stopped) = (0, 0);
        let (mut late, mut retimed) = (0, 0);
        let mut held_back: Vec<(u64, Sent)> = Vec::new();
        for round in 0..ROUNDS {
            if round % ASK_EVERY == 0 {
                let (client, timestamp) = (1 + round / ASK_EVERY % 3, 1 + round / ASK_EVERY);
                let request = match client {
                    1 => request_for(client, timestamp, KEPT),
                    _ => request(client, timestamp),
                };
                (0..self.n as usize).for_each(|to| net.ask(to, &request));
            }
            let faults: Vec<_> = self.faults.iter().filter(|it| it.round == round).collect();
            let splits: Vec<_> = self.splits.iter().filter(|it| it.0 == round).collect();
            for (_, sent) in held_back.extract_if(.., |(until, _)| *until == round) {
                net.put_on_the_way(sent);
            }
            net.round(|sent| {
                let side = |set: u16, index: usize| set >> index & 1;
                if splits.iter().any(|(_, set)| side(*set, sent.from) != side(*set, sent.to)) {
                    stopped += 1;
                    return false;
                }
                let liar = NodeId(sent.from as u16);
                if !self.liars.contains(&liar) {
                    return true;
                }
                for fault in faults.iter().filter(|it| side(it.receivers, sent.to) == 1) {
                    match mutate(&sent.message, fault.mutation, &keys(Principal::Node(liar))) {
                        Mutated::As(message) => {
                            retimed += usize::from(matches!(fault.mutation, Mutation::Time(_)));
                            (sent.message, mutated) = (message, mutated + 1);
                        }
                        Mutated::Not => {}
                        Mutated::HeldBack(rounds) => {
                            (late, mutated) = (late + 1, mutated + 1);
                            held_back.push((round + rounds, sent.clone()));
                            return false;
                        }
                        Mutated::Withheld => {
                            mutated += 1;
                            return false;
                        }
                    }
                }
                true
            });
        }
        let correct = |node: NodeId| !self.liars.contains(&node);
        let of_correct = || net.instances().iter().filter(|instance| correct(instance.id));
        let executed = of_correct().filter_map(|it| it.executed().keys().last()).max();
        Fuzzed {
            disagreement: net.disagreement(correct),
            mutated,
            late,
            retimed,
            stopped,
            refused: net.refused(),
            executed: executed.map_or(0, |seq| seq.0),
            view: of_correct().map(|it| it.replica().view().0).max().unwrap_or(0),
        }
    }
}

/// Everything that a liar can make of a message by one small change.
#[must_use]
pub fn mutations_of(message: &Message, keys: &Simulated) -> Vec<Message> {
    use Mutation::{DropLast, OtherDigest, Seq, Time, View};
    let all = [
        Seq(1),
        Seq(-1),
        View(1),
        View(-1),
        OtherDigest,
        DropLast,
        Time(TIME_OFF_MS),
        Time(-TIME_OFF_MS),
    ];
    all.into_iter().filter_map(|mutation| mutated(message, mutation, keys)).collect()
}

enum Mutated {
    As(Message),
    /// There is nothing in it to change so.
    Not,
    Withheld,
    HeldBack(u64),
}

fn by(number: u64, change: i8) -> u64 {
    number.saturating_add_signed(i64::from(change))
}

/// Changes a signed statement and signs it again; `None` if nothing changed.
fn again<T: Signable + Clone + PartialEq>(
    of: &Signed<T>,
    keys: &Simulated,
    change: impl FnOnce(&mut T),
) -> Option<Arc<Signed<T>>> {
    let mut body = of.body.clone();
    change(&mut body);
    (body != of.body).then(|| Arc::new(Signed::new(body, keys)))
}

fn mutate(message: &Message, mutation: Mutation, keys: &Simulated) -> Mutated {
    match mutation {
        Mutation::Omit => Mutated::Withheld,
        Mutation::Late(rounds) => Mutated::HeldBack(rounds),
        _ => mutated(message, mutation, keys).map_or(Mutated::Not, Mutated::As),
    }
}

/// One statement's place, changed.
fn at(view: &mut View, seq: &mut Seq, digest: &mut Digest, mutation: Mutation) {
    match mutation {
        Mutation::View(change) => view.0 = by(view.0, change),
        Mutation::Seq(change) => seq.0 = by(seq.0, change),
        Mutation::OtherDigest => *digest = Batch::default().digest(),
        Mutation::DropLast | Mutation::Time(_) | Mutation::Late(_) | Mutation::Omit => {}
    }
}

fn mutated(message: &Message, mutation: Mutation, keys: &Simulated) -> Option<Message> {
    Some(match message {
        Message::PrePrepare(it, batch) => {
            let batch = match mutation {
                Mutation::OtherDigest => Arc::new(Batch::default()),
                Mutation::DropLast => {
                    let mut requests = batch.requests().to_vec();
                    requests.pop();
                    Arc::new(Batch::of(requests, batch.time()))
                }
                Mutation::Time(change) => {
                    let time = batch.time().map(|time| WallTime(by(time.0, change)));
                    Arc::new(Batch::of(batch.requests().to_vec(), time))
                }
                _ => batch.clone(),
            };
            let header = again(it, keys, |body| {
                at(&mut body.view, &mut body.seq, &mut body.digest, mutation);
                body.digest = batch.digest();
            });
            Message::PrePrepare(header?, batch)
        }
        Message::Prepare(it) => Message::Prepare(again(it, keys, |body| {
            at(&mut body.view, &mut body.seq, &mut body.digest, mutation);
        })?),
        Message::Commit(it) => Message::Commit(again(it, keys, |body| {
            at(&mut body.view, &mut body.seq, &mut body.digest, mutation);
        })?),
        Message::Checkpoint(it) => Message::Checkpoint(again(it, keys, |body| {
            at(&mut View(0), &mut body.seq, &mut body.digest, mutation);
        })?),
        Message::ViewChange(it) => Message::ViewChange(again(it, keys, |body| {
            at(&mut body.view, &mut body.stable, &mut Digest::default(), mutation);
            if mutation == Mutation::DropLast {
                body.prepared.pop();
            }
        })?),
        Message::NewView(it) => Message::NewView(again(it, keys, |body| match mutation {
            Mutation::View(change) => body.view.0 = by(body.view.0, change),
            Mutation::DropLast => drop(body.pre_prepares.pop()),
            Mutation::Seq(_) => drop(body.view_changes.pop()),
            Mutation::OtherDigest => {
                for header in &mut body.pre_prepares {
                    let mut other = header.body;
                    other.digest = Batch::default().digest();
                    *header = Signed::new(other, keys);
                }
            }
            Mutation::Time(_) | Mutation::Late(_) | Mutation::Omit => {}
        })?),
        Message::Status(it) => {
            let mut it = *it;
            at(&mut it.view, &mut it.executed, &mut Digest::default(), mutation);
            Message::Status(it)
        }
        _ => return None,
    })
}
