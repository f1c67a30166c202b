//! An observer beside every replica and every client, and auditors who see all of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use conclave_core::{
    crypto::Authenticator,
    detector::evidence::{
        Answers, Assumption, Evidence, Offence, OffenceKind, Transcript, Watch, accuse, verify,
    },
    ids::{ClientId, Epoch, NodeId, Principal},
    pbft::Message,
    quorum::Membership,
    sim::{Action, Cluster, Heard, MAX_STEPS, Run, Verdict},
};

use super::oracle::Oracle;

/// What came of a run.
pub(crate) struct Observed {
    pub(crate) verdict: Verdict,
    pub(crate) liars: BTreeSet<NodeId>,
    /// Of the latest epoch.
    pub(crate) members: Membership,
    keys: Arc<dyn Authenticator>,
    watches: Vec<Watch>,
    /// Who found what, and what that proves.
    found: Vec<(Principal, Offence)>,
    /// What all that arrived anywhere proves.
    audited: Vec<Offence>,
    /// Whom the nodes themselves hold proof against at the end; who ever crashed is not asked.
    known: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// What correct observers saw happen, by an account of its own: who, and of what.
    expected: BTreeSet<(NodeId, NodeId, OffenceKind)>,
}

struct Observers {
    watches: Vec<Watch>,
    answers: BTreeMap<ClientId, Answers>,
    oracles: Vec<Oracle>,
    found: Vec<(Principal, Offence)>,
    everything: BTreeMap<Epoch, (Membership, Transcript)>,
}

impl Observers {
    fn new(cluster: &Cluster) -> Self {
        let (members, window) = (cluster.members(), cluster.scenario().config.window);
        Self {
            watches: cluster.nodes().iter().map(|_| Watch::new(members, window)).collect(),
            answers: BTreeMap::new(),
            oracles: cluster.nodes().iter().map(|_| Oracle::new(members, window)).collect(),
            found: Vec::new(),
            everything: BTreeMap::new(),
        }
    }

    fn hear(&mut self, cluster: &Cluster, heard: &Heard) {
        match heard.to {
            Principal::Node(node) => self.hear_at(cluster, node, heard),
            Principal::Client(client) if !heard.refused => {
                let members = cluster.members();
                let answers = self.answers.entry(client).or_insert_with(|| Answers::new(members));
                answers.follow(members);
                if let Some(evidence) = answers.heard(&heard.message) {
                    let keys = cluster.nodes()[0].replica().authenticator();
                    self.judge(heard.to, &evidence, members, &**keys);
                }
            }
            Principal::Client(_) => {}
        }
    }

    fn hear_at(&mut self, cluster: &Cluster, node: NodeId, heard: &Heard) {
        let replica = cluster.nodes()[node.0 as usize].replica();
        let watch = &mut self.watches[node.0 as usize];
        let oracle = &mut self.oracles[node.0 as usize];
        // What is turned away changes nothing, and is judged by where its receiver is: after a start from
        // a disk that lost something that may be an earlier epoch.
        if heard.refused {
            watch.follow(replica.members(), replica.low_water_mark());
            oracle.follow(replica.members(), replica.low_water_mark());
        }
        let (members, keys) = (watch.members(), &**replica.authenticator());
        if heard.refused {
            oracle.refused(&heard.message, keys);
            watch.refused(&heard.message, keys);
        } else {
            oracle.saw(&heard.message);
            watch.saw(&heard.message);
        }
        let found = watch.take_found();
        watch.follow(replica.members(), replica.low_water_mark());
        oracle.follow(replica.members(), replica.low_water_mark());
        for evidence in found {
            self.judge(heard.to, &evidence, members, keys);
        }
        let (_, all) = self.everything.entry(members.epoch()).or_insert((members, <_>::default()));
        match &heard.message {
            Message::PrePrepare(it, _) => all.pre_prepares.push(it.clone()),
            Message::Prepare(it) => all.prepares.push(it.clone()),
            Message::Commit(it) => all.commits.push(it.clone()),
            Message::Checkpoint(it) => all.checkpoints.push(it.clone()),
            Message::ViewChange(it) => all.view_changes.push(it.clone()),
            Message::NewView(it) => all.new_views.push(it.clone()),
            Message::Decided(it) => all.commits.extend(it.commits.iter().cloned()),
            _ => {}
        }
    }

    fn judge(
        &mut self,
        at: Principal,
        evidence: &Evidence,
        members: Membership,
        keys: &dyn Authenticator,
    ) {
        let read = Evidence::decode(&evidence.encode()).expect("it is read as it was written");
        let offence = verify(&read, members, keys)
            .unwrap_or_else(|why| panic!("{at} found what is no proof: {why}: {evidence:?}"));
        assert_eq!(evidence.accused(), Principal::Node(offence.by));
        self.found.push((at, offence));
    }
}

/// Whom the nodes that never crashed hold proof against.
fn known(run: &Run, cluster: &Cluster) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let crashed = |id: NodeId| {
        run.scenario
            .faults
            .iter()
            .any(|fault| matches!(fault.action, Action::Crash { node } if node == id))
    };
    let nodes = (0..).map(NodeId).zip(cluster.nodes());
    nodes
        .filter(|(id, _)| !crashed(*id))
        .map(|(id, host)| (id, host.node().proofs().offenders().iter().collect()))
        .collect()
}

impl Observed {
    /// A whole run.
    pub(crate) fn of(run: &Run) -> Self {
        Self::until(run, |_| false)
    }

    /// A run up to some moment.
    pub(crate) fn until(run: &Run, over: impl Fn(&Cluster) -> bool) -> Self {
        let mut cluster = Cluster::new(run).expect("valid");
        cluster.listen();
        let mut observers = Observers::new(&cluster);
        while cluster.steps() < MAX_STEPS && cluster.step() {
            for heard in cluster.take_heard() {
                observers.hear(&cluster, &heard);
            }
            if over(&cluster) {
                break;
            }
        }
        let liars: BTreeSet<NodeId> = (0..)
            .zip(cluster.nodes())
            .filter(|(_, host)| host.is_byzantine())
            .map(|(id, _)| NodeId(id))
            .collect();
        let keys = cluster.nodes()[0].replica().authenticator().clone();
        let audited = observers
            .everything
            .values()
            .flat_map(|(members, all)| {
                accuse(std::slice::from_ref(all), *members, &*keys).into_iter().map(|evidence| {
                    verify(&evidence, *members, &*keys).expect("what is found is proven")
                })
            })
            .collect();
        let expected = (0..)
            .map(NodeId)
            .zip(&observers.oracles)
            .filter(|(at, _)| !liars.contains(at))
            .flat_map(|(at, oracle)| oracle.expected.iter().map(move |(by, kind)| (at, *by, *kind)))
            .collect();
        Self {
            verdict: cluster.verdict(),
            liars,
            members: cluster.members(),
            keys,
            watches: observers.watches,
            found: observers.found,
            audited,
            expected,
            known: known(run, &cluster),
        }
    }

    pub(crate) fn keys(&self) -> &dyn Authenticator {
        &*self.keys
    }

    fn correct(&self, at: Principal) -> bool {
        !matches!(at, Principal::Node(node) if self.liars.contains(&node))
    }

    /// Of what somebody was convicted by a correct observer.
    pub(crate) fn kinds(&self) -> BTreeSet<OffenceKind> {
        let found = self.found.iter().filter(|(at, _)| self.correct(*at));
        found.map(|(_, offence)| offence.kind).collect()
    }

    /// Whether correct observers, one or all together, convict it of this.
    pub(crate) fn proves(&self, by: NodeId, kind: OffenceKind) -> bool {
        let is = |offence: &Offence| (offence.by, offence.kind) == (by, kind);
        self.found.iter().any(|(at, offence)| self.correct(*at) && is(offence))
            || accuse(&self.held_by_correct(), self.members, self.keys())
                .iter()
                .any(|it| verify(it, self.members, self.keys()).is_ok_and(|it| is(&it)))
    }

    /// What the observers of correct replicas hold of the latest epoch.
    pub(crate) fn held_by_correct(&self) -> Vec<Transcript> {
        (0..)
            .map(NodeId)
            .zip(&self.watches)
            .filter(|(at, watch)| !self.liars.contains(at) && watch.members() == self.members)
            .map(|(_, watch)| watch.transcript())
            .collect()
    }

    /// Convictions of who never lied, by anyone, liars among the observers.
    pub(crate) fn framed(&self) -> impl Iterator<Item = String> {
        self.framed_by(|_| true)
    }

    /// The same, of those that stand however many lie.
    pub(crate) fn surely_framed(&self) -> impl Iterator<Item = String> {
        self.framed_by(|offence| offence.assumption == Assumption::Absolute)
    }

    fn framed_by(&self, counts: impl Fn(&Offence) -> bool) -> impl Iterator<Item = String> {
        let found = self.found.iter().map(|(at, offence)| (format!("{at}"), offence));
        let audited = self.audited.iter().map(|offence| ("an auditor".to_owned(), offence));
        found
            .chain(audited)
            .filter(move |(_, offence)| !self.liars.contains(&offence.by) && counts(offence))
            .map(|(at, offence)| format!("{at} convicts a correct replica: {offence}"))
    }

    /// What the observer beside a node found, and the node itself doesn't know.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = String> {
        self.found.iter().filter_map(|(at, offence)| {
            let Principal::Node(node) = at else { return None };
            let known = self.known.get(node).filter(|_| self.correct(*at))?;
            (!known.contains(&offence.by)).then(|| format!("node {node} doesn't know: {offence}"))
        })
    }

    /// What a correct observer saw and didn't find.
    pub(crate) fn missed(&self) -> impl Iterator<Item = String> {
        let found: BTreeSet<_> =
            self.found.iter().map(|(at, offence)| (*at, offence.by, offence.kind)).collect();
        self.expected
            .iter()
            .filter(move |(at, by, kind)| !found.contains(&(Principal::Node(*at), *by, *kind)))
            .map(|(at, by, kind)| format!("node {at} missed that node {by} signed {}", kind.name()))
    }
}
