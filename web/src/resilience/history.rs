//! What guards did, by time: for one branch of a run, as far as it is recorded.

use conclave_core::{
    event::{Event, EventKind, Place},
    ids::{ClientId, NodeId, Principal},
    node::Why,
    resilience::{chaos::Phase, degradation::Level},
};

/// Requests that arrive are counted in windows of so many microseconds: the core's own, so that the
/// highest is what a verdict calls the peak.
pub(super) const WINDOW_US: u64 = 50_000;

/// What a client did when there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It asked everybody again.
    Asked,
    /// Enough replicas told it to come back later.
    PutOff,
    /// It gave up.
    GaveUp,
}

/// What guards did in a branch.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    arrived: Vec<u32>,
    turned_away: Vec<(u64, NodeId, Why)>,
    again: Vec<(u64, ClientId, Again)>,
    levels: Vec<(u64, NodeId, Level)>,
    burns: Vec<(u64, NodeId, bool)>,
    phases: Vec<(u64, Phase)>,
}

impl History {
    /// Takes in an event: they come in order.
    pub(crate) fn push(&mut self, event: &Event) {
        let us = event.at.as_micros();
        match (&event.kind, event.place) {
            (EventKind::Delivered { from: Principal::Client(_), .. }, Place::Node(_)) => {
                let window = (us / WINDOW_US) as usize;
                if self.arrived.len() <= window {
                    self.arrived.resize(window + 1, 0);
                }
                self.arrived[window] += 1;
            }
            (EventKind::TurnedAway { why, .. }, Place::Node(node)) => {
                self.turned_away.push((us, node, *why));
            }
            (EventKind::LevelChanged { to, .. }, Place::Node(node)) => {
                self.levels.push((us, node, *to));
            }
            (EventKind::BudgetBurns { over, pair: Some(_), .. }, Place::Node(node)) => {
                self.burns.push((us, node, !over));
            }
            (EventKind::RequestRetransmitted { request }, _) => {
                self.again.push((us, request.client, Again::Asked));
            }
            (EventKind::RequestPutOff { request, .. }, _) => {
                self.again.push((us, request.client, Again::PutOff));
            }
            (EventKind::RequestGivenUp { request, .. }, _) => {
                self.again.push((us, request.client, Again::GaveUp));
            }
            (EventKind::Experiment { phase }, _) => self.phases.push((us, *phase)),
            _ => {}
        }
    }

    /// Requests that arrived at replicas in each window.
    pub(super) fn arrived(&self) -> &[u32] {
        &self.arrived
    }

    /// When a replica turned somebody away for this reason.
    pub(super) fn turned_away(&self, node: NodeId, why: Why) -> Vec<u64> {
        let mut times = Vec::new();
        for (us, by, because) in &self.turned_away {
            if *by == node && *because == why {
                times.push(*us);
            }
        }
        times
    }

    /// When a client did this.
    pub(super) fn again(&self, client: ClientId, what: Again) -> Vec<u64> {
        let mut times = Vec::new();
        for (us, by, did) in &self.again {
            if *by == client && *did == what {
                times.push(*us);
            }
        }
        times
    }

    /// The levels of a replica, each from when on.
    pub(super) fn levels(&self, node: NodeId) -> Vec<(u64, Level)> {
        let own = self.levels.iter().filter(|it| it.1 == node).map(|it| (it.0, it.2));
        std::iter::once((0, Level::Normal)).chain(own).collect()
    }

    /// When an alert of a replica's error budget begins to fire and when none does any more, in turns.
    pub(super) fn alerts(&self, node: NodeId) -> Vec<(u64, bool)> {
        let (mut changes, mut firing) = (Vec::new(), 0_u32);
        for (us, by, fires) in &self.burns {
            if *by == node {
                let was_on = firing > 0;
                firing = if *fires { firing + 1 } else { firing.saturating_sub(1) };
                if was_on != (firing > 0) {
                    changes.push((*us, firing > 0));
                }
            }
        }
        changes
    }

    /// The phases of the experiment, each from when on.
    pub(super) fn phases(&self) -> &[(u64, Phase)] {
        &self.phases
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::sim::{Recording, Run, builtin};

    use super::*;

    fn history(name: &str) -> (History, Recording) {
        let scenario = builtin(name).unwrap();
        let seed = scenario.seed;
        let mut recording = Recording::new(Run::new(scenario, seed)).unwrap();
        while !recording.extend(u64::MAX) {}
        let mut history = History::default();
        recording.events().iter().for_each(|event| history.push(event));
        (history, recording)
    }

    #[test]
    fn the_highest_window_is_the_peak_that_the_verdict_counts_with_jitter_and_without() {
        let mut peaks = Vec::new();
        for name in ["flaky-link", "flaky-link-jitter"] {
            let (history, mut recording) = history(name);
            let steps = recording.steps();
            let peak = recording.seek(steps).counts().peak_requests;
            assert_eq!(
                history.arrived().iter().max().copied().map(u64::from),
                Some(peak),
                "{name}"
            );
            peaks.push(peak);
        }
        assert!(peaks[1] * 4 < peaks[0] * 3, "{peaks:?}");
    }

    #[test]
    fn what_was_turned_away_is_what_the_gates_count() {
        let (history, mut recording) = history("client-flood");
        let steps = recording.steps();
        for host in recording.seek(steps).nodes() {
            let id = host.replica().id();
            let refused = host.node().gate().unwrap().snapshot().counters.refused;
            for (why, refused) in Why::ALL.into_iter().zip(refused) {
                assert_eq!(history.turned_away(id, why).len() as u64, refused, "{id} {why}");
            }
        }
    }

    #[test]
    fn levels_go_up_and_back_and_alerts_end() {
        let (history, _) = history("error-budget");
        let levels = history.levels(NodeId(1));
        assert!(levels.len() >= 5 && levels.iter().any(|it| it.1 == Level::Severe), "{levels:?}");
        assert_eq!(levels.last().map(|it| it.1), Some(Level::Normal));
        let alerts = history.alerts(NodeId(1));
        assert!(!alerts.is_empty() && alerts.len().is_multiple_of(2), "{alerts:?}");
        assert!(alerts.iter().zip([true, false].into_iter().cycle()).all(|(it, on)| it.1 == on));
    }
}
