//! All moments of a run: its events, and snapshots from which every moment is reached soon.
//!
//! A recording runs ahead of what is looked at ([`Recording::extend`], in slices), keeps a copy of
//! the cluster every so often, and goes to any step by stepping on from the nearest copy before it.

use alloc::{sync::Arc, vec, vec::Vec};
use core::ops::Range;

use super::{
    action::Action,
    cluster::Cluster,
    run::{Run, RunError},
    verdict::Verdict,
};
use crate::{
    event::{Event, EventKind},
    time::Time,
};

/// How many steps lie between two snapshots: stepping so many takes a few milliseconds.
const SNAPSHOT_EVERY: u64 = 1_000;

/// The most steps that are recorded; what would come after is left out, and said.
pub const MAX_STEPS: u64 = 2_000_000;

/// A run with all its moments.
#[derive(Clone, Debug)]
pub struct Recording {
    run: Run,
    /// The end of what is recorded.
    head: Cluster,
    complete: bool,
    events: Vec<Event>,
    /// For each step: the time after it, and how many events there are then.
    ends: Vec<(Time, u32)>,
    /// Copies after 0, 1000, 2000, … steps.
    snapshots: Vec<Arc<Cluster>>,
    /// The moment that is looked at.
    cursor: Cluster,
    markers: Vec<(u64, u32)>,
}

impl Recording {
    /// The beginning of a run, nothing recorded yet.
    pub fn new(run: Run) -> Result<Self, RunError> {
        let start = Cluster::new(&run)?;
        let mut head = start.clone();
        head.record();
        Ok(Self {
            run,
            head,
            complete: false,
            events: Vec::new(),
            ends: Vec::new(),
            snapshots: vec![Arc::new(start.clone())],
            cursor: start,
            markers: Vec::new(),
        })
    }

    /// Records up to so many more steps. True: the run is recorded to its end.
    pub fn extend(&mut self, max_steps: u64) -> bool {
        for _ in 0..max_steps {
            if self.complete {
                break;
            }
            self.complete = !self.head.step() || self.head.steps() >= MAX_STEPS;
            if self.head.steps() as usize == self.ends.len() {
                break;
            }
            let step = self.ends.len() as u64;
            for event in self.head.take_events() {
                if let EventKind::Marker { index } = event.kind {
                    self.markers.push((step, index));
                }
                self.events.push(event);
            }
            self.ends.push((self.head.now(), self.events.len() as u32));
            if self.head.steps().is_multiple_of(SNAPSHOT_EVERY) {
                self.snapshots.push(Arc::new(self.head.clone()));
            }
        }
        self.complete
    }

    /// What is recorded.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// How many steps are recorded.
    pub fn steps(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Every recorded event.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events of one step (from 0): a range of [`Self::events`].
    pub fn events_of(&self, step: u64) -> Range<usize> {
        let end = |count: u64| match count.checked_sub(1) {
            None => 0,
            Some(last) => {
                let last = (last as usize).min(self.ends.len().saturating_sub(1));
                self.ends.get(last).map_or(0, |(_, end)| *end as usize)
            }
        };
        end(step)..end(step.saturating_add(1))
    }

    /// The time after so many steps.
    pub fn step_time(&self, steps: u64) -> Time {
        let last = (steps.min(self.steps()) as usize).checked_sub(1);
        last.and_then(|last| self.ends.get(last)).map_or(Time::ZERO, |(time, _)| *time)
    }

    /// The markers: the index of the step, and the number of the narration.
    pub fn markers(&self) -> &[(u64, u32)] {
        &self.markers
    }

    /// The moment that is looked at.
    pub fn cluster(&self) -> &Cluster {
        &self.cursor
    }

    /// After how many steps that is.
    pub fn position(&self) -> u64 {
        self.cursor.steps()
    }

    /// Goes to the moment after so many steps, or to the last recorded.
    pub fn seek(&mut self, steps: u64) -> &Cluster {
        let target = steps.min(self.steps());
        let nearest = (target / SNAPSHOT_EVERY) as usize;
        let nearest = nearest.min(self.snapshots.len() - 1);
        let here = self.cursor.steps();
        if here > target || self.snapshots[nearest].steps() > here {
            self.cursor = Cluster::clone(&self.snapshots[nearest]);
            self.cursor.stop_recording();
        }
        while self.cursor.steps() < target && self.cursor.step() {}
        &self.cursor
    }

    /// Another future: this run up to a step, where something is done. The past is taken over, not
    /// computed again; this recording stays as it is.
    pub fn fork(&self, step: u64, action: Action) -> Result<Self, RunError> {
        let step = step.min(self.steps());
        let run = self.run.forked(step, action);
        run.validate()?;
        let kept = (step / SNAPSHOT_EVERY) as usize;
        let kept = kept.min(self.snapshots.len() - 1);
        let events = self.events_of(step).start;
        let snapshots: Vec<_> = self.snapshots[..=kept]
            .iter()
            .map(|snapshot| {
                let mut snapshot = Cluster::clone(snapshot);
                snapshot.continue_as(&run);
                Arc::new(snapshot)
            })
            .collect();
        let mut head = Cluster::clone(&snapshots[kept]);
        head.stop_recording();
        while head.steps() < step && head.step() {}
        let mut cursor = head.clone();
        head.record();
        cursor.stop_recording();
        Ok(Self {
            run,
            head,
            complete: false,
            events: self.events[..events].to_vec(),
            ends: self.ends[..step as usize].to_vec(),
            snapshots,
            cursor,
            markers: self.markers.iter().copied().filter(|(at, _)| *at < step).collect(),
        })
    }

    /// What is to be said of everything that is recorded.
    pub fn verdict(&self) -> Verdict {
        self.head.verdict()
    }
}
