//! States of the cluster, what can happen next, and the properties.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use conclave_core::{
    crypto::Digest,
    ids::{NodeId, Seq, View},
    pbft::Batch,
    quorum::Membership,
};
use stateright::{Checker as _, HasDiscoveries, Model, Property};

use super::{
    liar::{Liars, contents},
    world::{LocalNumber, MessageNumber, Step, World},
};

/// The most messages that one step delivers: with its own vote a replica needs so many more for a
/// quorum of three.
const BUNDLE: usize = 2;

/// What an exploration goes through.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Which of the four replicas lie.
    pub liars: Vec<NodeId>,
    /// How many clients ask, one request each.
    pub requests: u64,
    /// At how many positions liars propose and vote.
    pub positions: u64,
    /// How many views there are: in the last, nobody loses patience. 1 or 2.
    pub views: u64,
}

/// How far the cluster as a whole is: what belongs to an earlier stage doesn't happen any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Everybody is in view 0.
    ViewZero,
    /// Patience ended, in order of numbers; so far for this replica and some before it.
    Leaving(usize),
    /// Whose patience was to end, it did. The rest follows the others, or stays.
    ViewOne,
}

/// One state of the cluster: where each correct replica is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    replicas: Vec<LocalNumber>,
    stage: Stage,
}

/// One replica takes steps until it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    replica: usize,
    steps: Vec<Step>,
    to: LocalNumber,
    stage: Stage,
}

type Moves = Arc<[(Vec<Step>, LocalNumber)]>;

/// The cluster as `stateright` sees it.
#[derive(Debug)]
struct Cluster {
    bounds: Bounds,
    world: World,
    liars: Liars,
    legal: BTreeSet<Digest>,
    /// The moves of a replica, given the messages that would change it.
    moves: Mutex<HashMap<(LocalNumber, Vec<MessageNumber>), Moves>>,
}

/// What came of an exploration.
#[derive(Clone, Debug)]
pub struct Explored {
    /// States reached, counting each way there.
    pub states: usize,
    /// Different ones.
    pub unique: usize,
    /// Moves on the longest of the shortest ways.
    pub depth: usize,
    /// Different states of one replica that were met.
    pub replica_states: usize,
    /// Different messages.
    pub messages: usize,
    /// How long it took.
    pub took: Duration,
    /// A way to each property's example or, where it should always hold, counterexample.
    pub found: BTreeMap<&'static str, String>,
}

/// Always: no two correct replicas execute different batches at one position.
pub const AGREEMENT: &str = "agreement";
/// Always: what is executed was asked for or is null, and no request is executed twice.
pub const VALIDITY: &str = "validity";
/// Sometimes: a request commits in view 0.
pub const COMMITS_IN_VIEW_0: &str = "a request commits in view 0";
/// Sometimes: a request commits in view 1.
pub const COMMITS_IN_VIEW_1: &str = "a request commits in view 1";

impl Cluster {
    fn heard(&self, state: &State) -> Vec<MessageNumber> {
        let mut sent: Vec<_> =
            state.replicas.iter().flat_map(|it| self.world.local(*it).sent.clone()).collect();
        sent.sort_unstable();
        sent.dedup();
        let liars = self.liars.say(&self.world, &sent);
        sent.extend(liars);
        sent.sort_unstable();
        sent.dedup();
        sent
    }

    fn moves(&self, local: LocalNumber, sent: &[MessageNumber]) -> Moves {
        let changes =
            |number: &&MessageNumber| self.world.step(local, Step::Deliver(**number)).0 != local;
        let live: Vec<_> = sent.iter().filter(changes).copied().collect();
        let key = (local, live);
        let known = self.moves.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let moves = self.find_moves(local, &key.1);
            self.moves.lock().unwrap_or_else(PoisonError::into_inner).insert(key, moves.clone());
            moves
        })
    }

    /// The smallest sets of messages that make a replica speak, and its timer.
    fn find_moves(&self, local: LocalNumber, live: &[MessageNumber]) -> Moves {
        let outward = |local| self.world.local(local).outward;
        let mut found: Vec<(Vec<Step>, LocalNumber)> = Vec::new();
        let mut silent = BTreeMap::from([(local, Vec::new())]);
        for _ in 0..BUNDLE {
            let mut longer = BTreeMap::new();
            let shorter = found.len();
            for (at, path) in silent {
                for step in live.iter().map(|number| Step::Deliver(*number)) {
                    let mut path: Vec<Step> = path.clone();
                    path.push(step);
                    let needless = |fewer: &[Step]| fewer.iter().all(|step| path.contains(step));
                    if found[..shorter].iter().any(|(fewer, _)| needless(fewer)) {
                        continue;
                    }
                    let (to, spoke) = self.world.step(at, step);
                    if to == at {
                        continue;
                    }
                    if !spoke {
                        longer.entry(to).or_insert(path);
                    } else if !found.iter().any(|(_, known)| outward(*known) == outward(to)) {
                        found.push((path, to));
                    }
                }
            }
            silent = longer;
        }
        let (to, _) = self.world.step(local, Step::Timer);
        if to != local && self.bounds.views > 1 {
            found.push((vec![Step::Timer], to));
        }
        found.into()
    }

    /// The stage that a move belongs to. `None`: that stage is over.
    fn stage(&self, now: Stage, replica: usize, steps: &[Step], to: LocalNumber) -> Option<Stage> {
        if steps.contains(&Step::Timer) {
            return match now {
                Stage::ViewZero => Some(Stage::Leaving(replica)),
                Stage::Leaving(last) if replica > last => Some(Stage::Leaving(replica)),
                Stage::Leaving(_) | Stage::ViewOne => None,
            };
        }
        let of_the_move =
            if self.world.local(to).is_in_view_0() { Stage::ViewZero } else { Stage::ViewOne };
        (now == Stage::ViewZero || of_the_move == Stage::ViewOne).then_some(of_the_move)
    }

    /// Whether all that this replica may do next is one step, so that with one move there never
    /// will be another to choose instead: the module's head says why.
    fn is_determined(&self, state: &State, replica: usize) -> bool {
        let local = self.world.local(state.replicas[replica]);
        let starter = self.world.members.primary(View(1));
        let awaits_the_only_new_view =
            !self.bounds.liars.contains(&starter) && local.id() != starter;
        state.stage == Stage::ViewOne
            && !local.is_in_view_0()
            && (local.is_in_view_1() || awaits_the_only_new_view)
    }

    fn has_committed(&self, state: &State, in_view: View) -> bool {
        let null = Batch::default().digest();
        state.replicas.iter().any(|local| {
            let committed = &self.world.local(*local).committed;
            committed.iter().any(|(view, _, digest)| *view == in_view && *digest != null)
        })
    }

    fn agrees(&self, state: &State) -> bool {
        let mut agreed: BTreeMap<Seq, Digest> = BTreeMap::new();
        state.replicas.iter().all(|local| {
            let local = self.world.local(*local);
            local
                .executed
                .iter()
                .all(|(seq, digest)| agreed.entry(*seq).or_insert(*digest) == digest)
        })
    }

    fn is_valid(&self, state: &State) -> bool {
        state.replicas.iter().all(|local| {
            let local = self.world.local(*local);
            let mut clients = local.executions.clone();
            clients.sort_unstable();
            clients.dedup();
            clients.len() == local.executions.len()
                && local.executed.values().all(|digest| self.legal.contains(digest))
        })
    }
}

impl Model for Cluster {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        let correct = self.world.members.nodes().filter(|node| !self.bounds.liars.contains(node));
        let start = |node| self.world.start(node, self.bounds.requests);
        vec![State { replicas: correct.map(start).collect(), stage: Stage::ViewZero }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Move>) {
        let sent = self.heard(state);
        for (replica, local) in state.replicas.iter().enumerate() {
            let moves = self.moves(*local, &sent);
            let moves = moves.iter().filter_map(|(steps, to)| {
                let stage = self.stage(state.stage, replica, steps, *to)?;
                Some(Move { replica, steps: steps.clone(), to: *to, stage })
            });
            let before = actions.len();
            actions.extend(moves);
            if actions.len() == before + 1 && self.is_determined(state, replica) {
                actions.drain(..before);
                return;
            }
        }
    }

    fn next_state(&self, state: &State, action: Move) -> Option<State> {
        let mut next = state.clone();
        next.replicas[action.replica] = action.to;
        next.stage = action.stage;
        Some(next)
    }

    fn format_action(&self, action: &Move) -> String {
        let steps = action.steps.iter().map(|step| match step {
            Step::Timer => "its timer".into(),
            Step::Deliver(number) => {
                let known = self.world.known(*number);
                let what = known.message.summary();
                format!("{} of {} ({:?})", what.kind.name(), known.from, what)
            }
        });
        let steps: Vec<_> = steps.collect();
        format!("correct replica {} gets {}", action.replica, steps.join(" and "))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AGREEMENT, Self::agrees),
            Property::always(VALIDITY, Self::is_valid),
            Property::sometimes(COMMITS_IN_VIEW_0, |model, state| {
                model.has_committed(state, View(0))
            }),
            Property::sometimes(COMMITS_IN_VIEW_1, |model, state| {
                model.has_committed(state, View(1))
            }),
        ]
    }
}

/// Goes through everything within the bounds.
///
/// # Panics
///
/// If there are no bounds like these: more liars than replicas, or no request.
#[must_use]
pub fn explore(bounds: &Bounds) -> Explored {
    let began = Instant::now();
    let members = Membership::new(4).expect("four replicas are a cluster");
    let world = World::new(members);
    let liars = Liars::new(&world, bounds);
    let mut legal: BTreeSet<_> =
        contents(bounds.requests).iter().map(|batch| batch.digest()).collect();
    legal.insert(Batch::default().digest());
    let model = Cluster { bounds: bounds.clone(), world, liars, legal, moves: Mutex::default() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let builder = model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    let checker = builder.spawn_bfs().join();
    let found = checker.discoveries().into_iter().map(|(property, path)| {
        let steps =
            path.into_actions().into_iter().map(|action| checker.model().format_action(&action));
        (property, steps.collect::<Vec<_>>().join("\n"))
    });
    let found = found.collect();
    let (messages, replica_states) = checker.model().world.counts();
    Explored {
        states: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        replica_states,
        messages,
        took: began.elapsed(),
        found,
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states, {} of them different, up to {} moves deep, of {} states of one replica and \
             {} messages, in {:.1} s",
            self.states,
            self.unique,
            self.depth,
            self.replica_states,
            self.messages,
            self.took.as_secs_f32()
        )
    }
}
