//! Slow primaries: measured against what the backups themselves achieve, and replaced.
//!
//! A primary that is slow but legal, just within the request timeout, costs a cluster most of its
//! throughput and breaks no rule of the paper. Two designs answer that, and this follows both:
//!
//! * *Prime* (Amir, Coan, Kirsch, Lane, "Byzantine replication under attack", 2011): a primary's
//!   **turnaround** is compared with what the others could do, and each replica tells the others
//!   what it measured, so that no f of them can raise or lower what is demanded.
//! * *Aardvark* (Clement, Wong, Alvisi, Dahlin, Marchetti, NSDI 2009, §4.3): what is demanded is
//!   **based anew** after each view change and then rises, so that no primary stays slow for ever,
//!   and honest ones in a slow network aren't replaced for ever.
//!
//! | measured at a backup | from | to |
//! |---|---|---|
//! | turnaround of a batch | its oldest request was known here, before the batch was | it has prepared here, or others show that it was decided |
//! | round of a batch | its pre-prepare was accepted here | it has prepared here |
//!
//! A round is the backups' own work: each writes a record and sends a prepare. A backup judges by
//! medians of its last [`WINDOW`] batches. It finds the primary too slow when
//!
//! ```text
//! turnaround > (ROUNDS × round + batch delay + request timeout / FLOOR_SHARE) × 2^lenience
//! ```
//!
//! where *round* is the (f+1)-th smallest that replicas report of this view, its own included: one
//! of those f+1 is correct, so a primary that reaches some backups early and others late can't
//! make rounds look long, and f liars can't make them look shorter than every correct one's.
//! It says so in a [`Pace`], and a quorum that says so leaves the view together. Fewer change
//! nothing: neither f liars nor f liars and a replica with a bad line.
//!
//! A primary may also keep a backup from measuring anything, by proposing nothing to it. Where f
//! lie, every other replica is needed for a quorum, so what such a backup learns from others that
//! was decided counts as well: as a turnaround, and not as a round. Its own round is then the
//! longest there can be, and what the others report decides. If it gives up on the view by itself,
//! that counts as if it said that the primary is too slow.
//!
//! What a primary may not be blamed for: a request counts from when the view began at the
//! earliest, and, while full batches fill the pipeline, from when there was room again.
//!
//! How a backup knows requests before the primary proposes them: a client sends one in four to
//! all replicas, by a choice that nobody else can foresee (see [`Client`](crate::client::Client)),
//! so a primary must be quick with every one of them.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use serde::Serialize;

use super::{
    batch::Batch,
    config::Config,
    messages::{Message, Pace, PrePrepare},
    rules::Rules,
    slot::Slot,
};
use crate::{
    app::Application,
    event::{EventKind, ViewChangeCause},
    ids::{NodeId, Seq},
    protocol::To,
    quorum::Membership,
    replica::BatchBounds,
    sorted::SortedMap,
    time::Time,
};

/// How many batches a median is over. With fewer a few odd ones would decide, with more a slow
/// primary would be kept longer.
pub(crate) const WINDOW: usize = 8;
/// So many turnarounds must be known before a primary is judged: a median that two can't move.
pub(crate) const MIN_SAMPLES: usize = 5;
/// After so many further turnarounds a replica says again what it measures.
const SAY_EVERY: u32 = 4;
/// What a primary may take, in rounds of the backups. Two are the way to it and the prepare; a
/// request may rightly wait for the three phases of the batches before it; the rest is variation.
const ROUNDS: u64 = 8;
/// What a primary may take in any case is the request timeout divided by this: a loaded machine
/// is no attack, and an eighth of what a client waits for in the worst case is little.
const FLOOR_SHARE: u32 = 8;
/// Each view that was left because of its primary's pace doubles what the next may take, up to
/// this many times: as timers double (§4.5.2), so that views end if the measure itself is wrong.
const MAX_LENIENCE: u32 = 4;
/// After so many turnarounds in a row at a fair pace that is taken back by one step.
const FAIR_IN_A_ROW: u32 = 64;

/// The last [`WINDOW`] durations, in microseconds.
#[derive(Clone, Debug, Default, Serialize)]
struct Samples(VecDeque<u32>);

impl Samples {
    fn add(&mut self, sample: Duration) {
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(u32::try_from(sample.as_micros()).unwrap_or(u32::MAX));
    }

    fn median(&self) -> Option<u32> {
        let mut sorted: Vec<u32> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

/// When a batch came, for one position.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Timing {
    accepted: Time,
    /// Since when its oldest request that was known before it had waited for its primary.
    waited_since: Option<Time>,
}

/// What a replica measures of its view's primary, and what others say of it. Bounded: two windows
/// and a report of each replica.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Paces {
    turnarounds: Samples,
    rounds: Samples,
    /// When full batches last stopped to fill the pipeline.
    room_since: Time,
    /// The last of each replica for this view; its own too.
    reports: SortedMap<NodeId, Pace>,
    /// Turnarounds since the last report.
    unsaid: u32,
    lenience: u32,
    /// Turnarounds in a row at a fair pace.
    fair: u32,
}

impl Paces {
    /// What a turnaround may take, in microseconds.
    fn acceptable_us(&self, members: Membership, config: &Config) -> Option<u64> {
        let mut rounds: Vec<u32> = self.reports.values().map(|report| report.round_us).collect();
        rounds.sort_unstable();
        let round = rounds.get(usize::from(members.f())).or(rounds.last()).copied()?;
        let floor = config.request_timeout() / FLOOR_SHARE + config.batch_delay();
        let fair = ROUNDS * u64::from(round) + u64::try_from(floor.as_micros()).unwrap_or(u64::MAX);
        Some(fair.saturating_mul(1 << self.lenience))
    }

    /// Everything that was measured was another primary's.
    pub(crate) fn start_view(&mut self, now: Time) {
        let lenience = self.lenience;
        *self = Self { lenience, room_since: now, ..Self::default() };
    }

    fn finds_slow(&self, node: NodeId) -> bool {
        self.reports.get(&node).is_some_and(|report| report.too_slow)
    }

    /// The view is left. If for its primary's pace, the next one is judged more leniently.
    pub(crate) fn leave_view(&mut self, own: NodeId, why: ViewChangeCause) {
        if why == ViewChangeCause::SlowPrimary || self.finds_slow(own) {
            self.lenience = (self.lenience + 1).min(MAX_LENIENCE);
        }
        self.reports.clear();
    }
}

impl<A: Application> Rules<'_, A> {
    /// A batch was accepted whose requests have waited since then, as far as they were known.
    pub(crate) fn time_proposal(&mut self, seq: Seq, waited_since: Option<Time>) {
        let room_since = self.own.paces.room_since;
        let waited_since = waited_since.map(|since| since.max(room_since));
        let timing = Timing { accepted: self.now, waited_since };
        if let Some(slot) = self.own.log.entry(seq) {
            slot.timing = Some(timing);
        }
    }

    /// A position has prepared: how long did it take?
    pub(crate) fn time_prepared(&mut self, seq: Seq) {
        let now = self.now;
        let Some(timing) = self.own.log.entry(seq).and_then(|slot| slot.timing.take()) else {
            return;
        };
        self.own.paces.rounds.add(now.since(timing.accepted));
        self.time_turnaround(timing.waited_since);
    }

    /// Others show that a proposal of this view was decided which has not prepared here: what waits
    /// here for it has waited until now.
    pub(crate) fn time_decided(&mut self, proposal: PrePrepare, batch: &Batch) {
        let PrePrepare { view, seq, .. } = proposal;
        if view != self.view || !self.is_active() || self.is_primary() {
            return;
        }
        let Some(slot) = self.own.log.entry(seq).filter(|slot| !slot.is_prepared()) else { return };
        let waited_since = match slot.timing.take() {
            Some(timing) => timing.waited_since,
            None => {
                let waited_since = batch.requests().iter().filter_map(|it| self.waits_since(it));
                waited_since.min().map(|since| since.max(self.own.paces.room_since))
            }
        };
        self.time_turnaround(waited_since);
    }

    fn time_turnaround(&mut self, waited_since: Option<Time>) {
        if let Some(since) = waited_since {
            self.own.paces.turnarounds.add(self.now.since(since));
            self.own.paces.unsaid += 1;
            self.judge_primary();
        }
    }

    /// A position is about to be executed: while full batches fill the pipeline the primary may
    /// not propose, so requests don't wait for *it*.
    pub(crate) fn note_room(&mut self, slot_is_full: bool) {
        let in_flight = self.own.proposed.0.saturating_sub(self.executed.0);
        if slot_is_full && in_flight >= self.config.pipeline {
            self.own.paces.room_since = self.now;
        }
    }

    fn judge_primary(&mut self) {
        let paces = &mut self.own.paces;
        if paces.turnarounds.0.len() < MIN_SAMPLES {
            return;
        }
        let Some(turnaround_us) = paces.turnarounds.median() else { return };
        let round_us = paces.rounds.median().unwrap_or(u32::MAX);
        let was_slow = paces.finds_slow(self.shell.id);
        let (epoch, view) = (self.shell.members.epoch(), self.shell.view);
        let mut report = Pace { epoch, view, turnaround_us, round_us, too_slow: was_slow };
        // The own round counts among the others'.
        paces.reports.insert(self.shell.id, report);
        let Some(acceptable_us) = paces.acceptable_us(self.shell.members, &self.shell.config)
        else {
            return;
        };
        report.too_slow = u64::from(turnaround_us) > acceptable_us;
        paces.reports.insert(self.shell.id, report);
        if report.too_slow {
            paces.fair = 0;
        } else {
            paces.fair += 1;
            if paces.fair >= FAIR_IN_A_ROW {
                paces.fair = 0;
                paces.lenience = paces.lenience.saturating_sub(1);
            }
        }
        if report.too_slow == was_slow && paces.unsaid < SAY_EVERY {
            return;
        }
        paces.unsaid = 0;
        if report.too_slow && !was_slow {
            let (view, primary) = (self.view, self.primary());
            self.event(EventKind::PrimaryTooSlow { view, primary, turnaround_us, acceptable_us });
        }
        self.send(To::Others, Message::Pace(report));
        self.leave_slow_primary();
    }

    /// What another replica measures. It speaks for its sender only, whom the link authenticates.
    pub(crate) fn on_pace(&mut self, from: NodeId, report: Pace) {
        if report.view == self.view && self.is_active() {
            self.own.paces.reports.insert(from, report);
            self.leave_slow_primary();
        }
    }

    /// Says again that the primary is too slow: the first message may be lost.
    pub(crate) fn repeat_pace(&mut self) {
        if let Some(report) = self.own.paces.reports.get(&self.id).filter(|it| it.too_slow) {
            let report = *report;
            self.send(To::Others, Message::Pace(report));
        }
    }

    /// Who asks for a later view complains as well: it judges the pace of this one no more.
    pub(crate) fn leave_slow_primary(&mut self) {
        let (own, view) = (&*self.own, self.shell.view);
        let find_slow = own.paces.reports.values().filter(|report| report.too_slow).count();
        // Mostly nobody's is here.
        let left = own
            .view_changes
            .iter()
            .filter(|(node, change)| change.body.view > view && !own.paces.finds_slow(**node));
        if find_slow + left.count() >= self.members.quorum() {
            self.leave_for(self.next_view(), ViewChangeCause::SlowPrimary);
        }
    }
}

impl Slot {
    /// Whether what was decided here fills a batch, so that waiting could not have made it larger.
    pub(crate) fn is_full(&self, bounds: BatchBounds) -> bool {
        self.decided.as_ref().is_some_and(|decided| {
            let requests = decided.batch.requests();
            let bytes: usize = requests.iter().map(|request| request.body.operation.len()).sum();
            requests.len() >= bounds.requests || bytes >= bounds.bytes / 2
        })
    }
}
