//! The simulation side: branches of one run, the clock, what is selected. No drawing here.

use conclave_core::{
    app::KeyValue,
    event::{Event, EventKind, Place},
    ids::{ClientId, NodeId, Principal},
    pbft::{Phase, Replica},
    replica::Docket,
    sim::{Action, Address, Cluster, Host, Recording, Run, RunError, Scenario, SimClient},
};

use crate::model::{
    belief::{self, Agreed, Held},
    chronicle::Chronicle,
    pace::{Clock, Pace, Times},
    scene::{Current, Face, NodeState, Scene, Selection},
    words,
};
use crate::resilience::History;

/// The most branches that are kept: each holds a run's events in memory.
pub(crate) const MAX_BRANCHES: usize = 12;

/// One history: the run as told, or as it became after somebody acted.
pub(crate) struct Branch {
    /// "main", "crash 0 @ 812".
    pub(crate) name: String,
    /// All its moments.
    pub(crate) recording: Recording,
    /// The same, indexed for drawing.
    pub(crate) chronicle: Chronicle,
    /// What guards did in it.
    pub(crate) history: History,
    /// The run is over and recorded whole.
    pub(crate) complete: bool,
    /// Steps that the chronicle has.
    indexed: u64,
}

impl Times for Recording {
    fn steps(&self) -> u64 {
        Self::steps(self)
    }
    fn at_us(&self, steps: u64) -> u64 {
        self.step_time(steps).as_micros()
    }
}

impl Branch {
    /// From its beginning.
    pub(crate) fn new(name: String, recording: Recording) -> Self {
        let mut branch = Self {
            name,
            recording,
            chronicle: Chronicle::default(),
            history: History::default(),
            complete: false,
            indexed: 0,
        };
        branch.index();
        branch
    }

    /// Records some more steps.
    fn extend(&mut self, steps: u64) {
        if !self.complete {
            self.complete = self.recording.extend(steps);
            self.index();
        }
    }

    fn index(&mut self) {
        let steps = self.recording.steps();
        for step in self.indexed..steps {
            for event in &self.recording.events()[self.recording.events_of(step)] {
                self.chronicle.push(step, event);
                self.history.push(event);
            }
        }
        self.indexed = steps;
    }

    /// The scenario's length and what was recorded beyond it, in µs.
    pub(crate) fn end_us(&self) -> f64 {
        let recorded = self.recording.at_us(self.recording.steps());
        let planned = self.recording.run().scenario.duration_ms;
        let planned = u64::from(planned) * 1_000;
        if self.complete { recorded.max(1) as f64 } else { recorded.max(planned) as f64 }
    }
}

/// A run, its branches and where we are in it.
pub(crate) struct Lab {
    /// Every history, the first one as the scenario (or link) tells it.
    pub(crate) branches: Vec<Branch>,
    /// Which one is shown.
    pub(crate) current: usize,
    /// Where in it.
    pub(crate) clock: Clock,
    /// Whether time runs.
    pub(crate) playing: bool,
    /// How fast.
    pub(crate) pace: Pace,
    /// What is looked at.
    pub(crate) selected: Option<Selection>,
    /// How much time fills the lanes' width, in µs.
    pub(crate) span_us: f64,
    /// A position that a link asks for and that isn't recorded yet.
    wanted: Option<u64>,
    /// The replicas at this moment.
    faces: Vec<Face>,
    /// What is cut at this moment.
    cuts: Vec<(NodeId, NodeId)>,
    /// The clients.
    clients: Vec<ClientId>,
    zoomed: bool,
}

impl Lab {
    /// Begins a run.
    pub(crate) fn new(run: Run, name: &str, position: u64) -> Result<Self, RunError> {
        let mut lab = Self {
            branches: vec![Branch::new(name.to_owned(), Recording::new(run)?)],
            current: 0,
            clock: Clock::default(),
            playing: false,
            pace: Pace::Even,
            selected: None,
            span_us: 60e3,
            wanted: (position > 0).then_some(position),
            faces: Vec::new(),
            cuts: Vec::new(),
            clients: Vec::new(),
            zoomed: false,
        };
        lab.look();
        Ok(lab)
    }

    /// The history that is shown.
    pub(crate) fn branch(&self) -> &Branch {
        &self.branches[self.current]
    }

    /// The scenario.
    pub(crate) fn scenario(&self) -> &Scenario {
        &self.branch().recording.run().scenario
    }

    /// The cluster at this moment.
    pub(crate) fn cluster(&self) -> &Cluster {
        self.branch().recording.cluster()
    }

    /// The replicas at this moment.
    pub(crate) fn faces(&self) -> &[Face] {
        &self.faces
    }

    /// The clients.
    pub(crate) fn clients(&self) -> &[ClientId] {
        &self.clients
    }

    /// How many reads this replica has answered by now.
    pub(crate) fn reads_answered(&self, node: NodeId) -> usize {
        let recording = &self.branch().recording;
        let past = match self.clock.steps {
            0 => 0,
            steps => recording.events_of(steps - 1).end,
        };
        let answered = |event: &&Event| {
            event.place == Place::Node(node) && matches!(event.kind, EventKind::ReadAnswered { .. })
        };
        recording.events()[..past].iter().filter(answered).count()
    }

    /// What replicas believe of each other at this moment.
    pub(crate) fn beliefs(&self) -> Held<'_> {
        self.branch().chronicle.beliefs().held(Some(self.clock.steps))
    }

    /// Whether there is anything left to record.
    pub(crate) fn recording(&self) -> bool {
        self.branches.iter().any(|branch| !branch.complete)
    }

    /// Records while `may_go_on` says so. The history that is shown comes first.
    pub(crate) fn extend(&mut self, mut may_go_on: impl FnMut() -> bool) {
        let order = std::iter::once(self.current).chain(0..self.branches.len());
        for index in order {
            while !self.branches[index].complete && may_go_on() {
                self.branches[index].extend(64);
            }
        }
        if let Some(wanted) = self.wanted {
            let branch = self.branch();
            if branch.recording.steps() >= wanted || branch.complete {
                self.wanted = None;
                self.seek(wanted);
            }
        }
        if !self.zoomed && self.branch().recording.steps() > 200 {
            self.zoomed = true;
            self.span_us = self.branch().chronicle.typical_flight_us() as f64 * 16.0;
        }
    }

    /// Goes to the state after this many steps.
    pub(crate) fn seek(&mut self, steps: u64) {
        self.clock = Clock::at(&self.branch().recording, steps);
        self.look();
    }

    /// Goes to this time.
    pub(crate) fn seek_time(&mut self, us: f64) {
        self.clock = Clock::at_time(&self.branch().recording, us);
        self.look();
    }

    /// Lets real seconds pass; stops at markers and at the end.
    pub(crate) fn advance(&mut self, wall_s: f64) {
        let branch = &self.branches[self.current];
        let markers: Vec<u64> =
            branch.recording.markers().iter().map(|(step, _)| step + 1).collect();
        let stopped = self
            .clock
            .advance(&branch.recording, self.pace, wall_s, |steps| markers.contains(&steps));
        let at_marker = markers.contains(&self.clock.steps);
        // At the end of what is recorded so far, wait for more.
        if stopped && (branch.complete || at_marker) {
            self.playing = false;
        }
        self.look();
    }

    /// The steps after which a marker, fault, view change or violation lies, in order.
    pub(crate) fn stops(&self) -> Vec<u64> {
        let branch = self.branch();
        let mut stops: Vec<u64> = branch
            .recording
            .markers()
            .iter()
            .map(|(step, _)| step + 1)
            .chain(branch.chronicle.marks().filter_map(|mark| {
                use crate::model::chronicle::Sign;
                matches!(mark.sign, Sign::Fault(_) | Sign::Violated(_)).then_some(mark.step + 1)
            }))
            .collect();
        stops.sort_unstable();
        stops.dedup();
        stops
    }

    /// Goes to the next (or previous) marker, fault or violation, else to the end (or start).
    pub(crate) fn jump(&mut self, forwards: bool) {
        let (stops, here) = (self.stops(), self.clock.steps);
        let target = if forwards {
            stops
                .into_iter()
                .find(|step| *step > here)
                .unwrap_or_else(|| self.branch().recording.steps())
        } else {
            stops.into_iter().rfind(|step| *step < here).unwrap_or(0)
        };
        self.seek(target);
    }

    /// The narration that was reached last.
    pub(crate) fn narration(&self) -> Option<usize> {
        let here = self.clock.steps;
        let markers = self.branch().recording.markers();
        markers
            .iter()
            .filter(|(step, _)| *step < here)
            .map(|(_, index)| *index as usize)
            .next_back()
    }

    /// Does something here, in a new branch, and shows what it did.
    pub(crate) fn act(&mut self, action: Action) -> Result<(), String> {
        if self.branches.len() >= MAX_BRANCHES {
            return Err(format!("{MAX_BRANCHES} branches are open: close one to make another."));
        }
        let at = self.clock.steps;
        let name = format!("{} @ {at}", words::action_name(&action));
        let fork = self.branch().recording.fork(at, action).map_err(|error| error.to_string())?;
        self.branches.push(Branch::new(name, fork));
        self.current = self.branches.len() - 1;
        // The act is the next step: take it, so that one sees what one did.
        self.branches[self.current].extend(256);
        self.seek(at + 1);
        Ok(())
    }

    /// Shows another branch at the same time.
    pub(crate) fn show(&mut self, index: usize) {
        if index < self.branches.len() && index != self.current {
            let us = self.clock.us;
            self.current = index;
            self.seek_time(us);
        }
    }

    /// Closes a branch; the first one stays.
    pub(crate) fn close(&mut self, index: usize) {
        if index == 0 || index >= self.branches.len() {
            return;
        }
        let us = self.clock.us;
        self.branches.remove(index);
        if self.current >= index {
            self.current -= 1;
        }
        self.seek_time(us);
    }

    /// This very moment as an address; `known` are the built-in scenarios that are here.
    pub(crate) fn address(&self, known: impl FnOnce(&str) -> Option<Scenario>) -> Address {
        Address::among(known, self.branch().recording.run(), self.clock.steps)
    }

    /// Everything that a painter needs.
    pub(crate) fn scene(&self, still: bool) -> Scene<'_> {
        let branch = self.branch();
        Scene {
            chronicle: &branch.chronicle,
            faces: &self.faces,
            clients: &self.clients,
            now_us: self.clock.us,
            steps: Some(self.clock.steps),
            extent_us: (0.0, branch.end_us()),
            cuts: &self.cuts,
            selected: self.selected,
            still,
        }
    }

    /// Brings faces and links to the clock's position.
    fn look(&mut self) {
        let branch = &mut self.branches[self.current];
        let cluster = branch.recording.seek(self.clock.steps);
        let founders = cluster.scenario().members;
        let members = cluster.members();
        let held = branch.chronicle.beliefs().held(Some(self.clock.steps));
        let docket = docket_of(cluster);
        self.faces = cluster
            .nodes()
            .iter()
            .map(|host| {
                let replica = host.replica();
                let node = replica.id();
                let state = match () {
                    () if !host.is_up() => NodeState::Down,
                    () if host.is_byzantine() => NodeState::Byzantine,
                    () if !members.contains(node) && founders.contains(node) => NodeState::Retired,
                    () if !members.contains(node) => NodeState::Spare,
                    () if cluster.is_cut_off(node) => NodeState::CutOff,
                    () if replica.is_recovering() => NodeState::Recovering,
                    () => NodeState::Up,
                };
                Face {
                    id: node,
                    state,
                    view: replica.view().0,
                    active: replica.is_active(),
                    primary: replica.is_primary() && members.contains(node),
                    executed: replica.last_executed().0,
                    current: current_slot(replica, &branch.chronicle),
                    standing: belief::standing(&held, node, Agreed::of(docket, node)),
                    verbs: host
                        .strategies()
                        .iter()
                        .map(conclave_core::sim::Strategy::name)
                        .collect(),
                }
            })
            .collect();
        self.cuts = members
            .nodes()
            .flat_map(|from| members.others(from).map(move |to| (from, to)))
            .filter(|(from, to)| cluster.is_cut(Principal::Node(*from), Principal::Node(*to)))
            .collect();
        self.clients = cluster.clients().iter().map(SimClient::id).collect();
    }
}

/// What is agreed, as far as any correct replica that runs has come.
pub(crate) fn docket_of(cluster: &Cluster) -> Option<&Docket> {
    let correct = cluster.nodes().iter().filter(|host| host.is_up() && !host.is_byzantine());
    let replicas = correct.map(Host::replica);
    Some(replicas.max_by_key(|replica| replica.last_executed())?.docket())
}

/// The number of a phase, as pictures use it.
pub(crate) const fn phase_number(phase: Phase) -> u8 {
    match phase {
        Phase::PrePrepared => 1,
        Phase::Prepared => 2,
        Phase::Committed => 3,
        Phase::Executed => 4,
    }
}

/// The lowest slot that isn't executed, else the last one that is.
fn current_slot(replica: &Replica<KeyValue>, chronicle: &Chronicle) -> Option<Current> {
    let mut chosen = None;
    for slot in replica.slots() {
        let phase = phase_number(slot.phase);
        let current = Current {
            seq: slot.seq.0,
            phase,
            digest: slot.digest,
            alt: chronicle.is_alt(slot.view, slot.seq, slot.digest),
        };
        chosen = Some(current);
        if phase < 4 {
            break;
        }
    }
    chosen
}
