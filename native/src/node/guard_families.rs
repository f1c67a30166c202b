//! The Prometheus families of guards. None is counted here: each scrape reads the core's own counters.

use std::fmt;

use conclave_core::{
    node::{Why, admission},
    resilience::{breaker, degradation::Level, objective::Standing},
};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{
    families::Families,
    guard_board::{BoardPlace, GuardsSeen},
};

/// See the module's head.
pub(super) struct GuardFamilies(pub(super) BoardPlace);

impl fmt::Debug for GuardFamilies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardFamilies")
    }
}

impl Collector for GuardFamilies {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(board) = self.0.get() else { return Ok(()) };
        let seen = board.read();
        let mut families = Families(encoder);
        if let Some(clients) = &seen.clients {
            families.clients(clients)?;
        }
        families.peers(&seen)
    }
}

impl Families<'_> {
    fn clients(&mut self, seen: &admission::Snapshot) -> fmt::Result {
        let admission::Snapshot { rate, may_wait, objective, degradation, usual_us, .. } = *seen;
        let counters = seen.counters;
        self.counter("guard_admitted", "What clients said and was let in", counters.admitted)?;
        let refused = Why::ALL.iter().zip(counters.refused);
        let refused = refused.map(|(why, count)| (("why", why.name().to_owned()), count));
        self.counters("guard_refused", "What clients said and was turned away", refused)?;
        let help = "Requests that were not executed within clients.patience_ms";
        self.counter("guard_overdue", help, counters.overdue)?;
        let help = "How long a request takes from its arrival to its execution, smoothed";
        self.gauge("guard_usual_microseconds", help, usual_us)?;
        let help = "Requests on their way to execution whose time is measured";
        self.gauge("guard_measured", help, u64::from(seen.measured))?;
        if let Some(most) = may_wait {
            let help = "Clients that may wait at a time";
            self.gauge("guard_may_wait", help, u64::from(most))?;
        }
        if let Some(rate) = rate {
            let help = "Clients that have used up some of their rate";
            self.gauge("guard_rate_busy_clients", help, u64::from(rate.busy))?;
        }
        if let Some(objective) = objective {
            let help = "How near the error budget is to firing, in parts per million";
            self.gauge("guard_budget_heat_ppm", help, objective.heat_ppm)?;
            let left = |it: Standing| it.left_ppm.unwrap_or(1_000_000);
            let help = "What is left of the error budget, in parts per million of it";
            self.gauge("guard_budget_left_ppm", help, left(objective.availability))?;
            if let Some(latency) = objective.latency {
                let help =
                    "What is left of the budget of slow requests, in parts per million of it";
                self.gauge("guard_latency_left_ppm", help, left(latency))?;
            }
            let calls = objective.counters.calls;
            self.counter("guard_budget_requests", "Requests that the promise is about", calls)?;
            let failed = objective.counters.failed;
            self.counter("guard_budget_failed", "Those of them that failed it", failed)?;
            let fired = objective.counters.fired;
            self.counter("guard_budget_fired", "Times that it burnt too quickly", fired)?;
        }
        if let Some(degradation) = degradation {
            let levels = Level::ALL.iter().map(|level| {
                let label = ("level", level.name().to_owned());
                (label, u64::from(*level == degradation.level))
            });
            self.gauges("guard_level", "How much is left out: 1 at the current level", levels)?;
            let help = "The highest signal of degradation, in parts per million";
            self.gauge("guard_signal_ppm", help, u64::from(degradation.highest_ppm))?;
            let moves = degradation.counters;
            self.counter("guard_level_worsened", "Levels down", moves.worsened)?;
            self.counter("guard_level_improved", "Levels up", moves.improved)?;
        }
        Ok(())
    }

    fn peers(&mut self, seen: &GuardsSeen) -> fmt::Result {
        let peer = |id: &dyn fmt::Display| ("peer", id.to_string());
        let queues = || seen.queues.iter().map(|it| (peer(&it.peer), it));
        let used = queues().map(|(peer, it)| (peer, u64::from(it.messages.used_ppm)));
        let help = "How full the queue to a peer is, in parts per million of its messages";
        self.gauges("guard_queue_used_ppm", help, used)?;
        let bytes = queues().map(|(peer, it)| (peer, it.bytes as u64));
        self.gauges("guard_queue_bytes", "Bytes that wait for a peer", bytes)?;
        let full = queues().map(|(peer, it)| (peer, it.messages.counters.full));
        self.counters("guard_queue_full", "Messages that found no place in a queue", full)?;

        let dialing = || seen.dialing.iter().map(|it| (peer(&it.peer), it.guards));
        let attempts = dialing().map(|(peer, it)| (peer, it.counters.attempts));
        self.counters("guard_dials", "Attempts to connect to a peer", attempts)?;
        let retries =
            dialing().map(|(peer, it)| (peer, it.retry.map_or(0, |retry| retry.counters.retries)));
        self.counters("guard_dial_retries", "Those of them after one that failed", retries)?;
        let open = dialing().map(|(peer, it)| {
            let open = |it: breaker::Snapshot| it.state != breaker::State::Closed;
            (peer, u64::from(it.breaker.is_some_and(open)))
        });
        self.gauges("guard_breaker_open", "1 while a peer's breaker isn't closed", open)?;
        let opened = dialing()
            .map(|(peer, it)| (peer, it.breaker.map_or(0, |breaker| breaker.counters.opened)));
        self.counters("guard_breaker_opened", "Times that a peer's breaker opened", opened)?;

        let links = || seen.peers.iter().map(|it| (peer(&it.peer), it));
        let phi = links().map(|(peer, it)| (peer, it.phi.map_or(0, |phi| phi.phi_milli)));
        let help = "How surely a peer is gone: minus the logarithm of the chance that it isn't, times 1000";
        self.gauges("guard_peer_phi_milli", help, phi)?;
        let suspected =
            links().map(|(peer, it)| (peer, u64::from(it.phi.is_some_and(|phi| phi.suspected))));
        self.gauges("guard_peer_silent", "1 while a peer counts as gone", suspected)?;
        let ejected = links().map(|(peer, it)| (peer, u64::from(it.ejected)));
        let help = "1 while more is lost to a peer than to others; never of more than f";
        self.gauges("guard_peer_ejected", help, ejected)?;
        let help = "Messages of members in quarantine that waited to be read";
        self.counter("guard_restrained_waits", help, seen.restrained_waits)
    }
}
