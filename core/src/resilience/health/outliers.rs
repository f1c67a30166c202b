//! Who fails more often than the others, and is left alone for a while: never more than may be
//! faulty, whatever anybody does.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use serde::Serialize;

use crate::{
    config::{BadConfig, must},
    resilience::{
        Outcome,
        health::corroboration::MAX_MEMBERS,
        journal::Journal,
        settings::{MILLION, must_be_share, must_be_time, settings},
        steady::Steady,
    },
    time::Time,
};

settings! {
    /// How outliers are found.
    pub struct OutlierConfig {
        /// How many peers there are, numbered from 0.
        peers: u16 = 4, "the least that bear one liar";
        /// Never are more of them ejected at once.
        at_most: u16 = 1, "as many as may be faulty: with more, no quorum would be left";
        /// Peers are compared once in so many milliseconds.
        interval_ms: u64 = 10_000, "enough calls, soon enough";
        /// Who was called less often in that time isn't judged.
        minimum_calls: u32 = 20, "one of one is no rate";
        /// Ejected when such a share of its calls failed, in parts per million…
        failure_rate_ppm: u32 = 300_000, "what works mostly is of use";
        /// …and so much more than of the one in the middle.
        margin_ppm: u32 = 200_000, "where all fail, it is the network, or this host";
        /// For so many milliseconds, times how often it has been.
        eject_ms: u64 = 30_000, "a restart takes seconds";
        /// But never for longer than so many milliseconds.
        eject_max_ms: u64 = 300_000, "who is back is found within five minutes";
    }
}

impl OutlierConfig {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(
            (3..=MAX_MEMBERS).contains(&self.peers),
            "peers",
            u64::from(self.peers),
            "from 3 (of two, neither is in the middle) to 256",
        )?;
        must(
            self.at_most < self.peers.div_ceil(2),
            "at_most",
            u64::from(self.at_most),
            "fewer than half: the others wouldn't be the measure any more",
        )?;
        must_be_time("interval_ms", self.interval_ms)?;
        must(self.minimum_calls > 0, "minimum_calls", 0, "no rate can be taken of no calls")?;
        must_be_share("failure_rate_ppm", self.failure_rate_ppm)?;
        must_be_share("margin_ppm", self.margin_ppm)?;
        must_be_time("eject_ms", self.eject_ms)?;
        must_be_time("eject_max_ms", self.eject_max_ms)?;
        let ordered = self.eject_ms <= self.eject_max_ms;
        must(ordered, "eject_max_ms", self.eject_max_ms, "it can't be below eject_ms")
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutlierEvent {
    /// A peer is left alone.
    Ejected {
        /// Which.
        peer: u16,
        /// What share of its calls failed, in parts per million.
        failed_ppm: u32,
        /// What share failed of the one in the middle.
        middle_ppm: u32,
        /// Until then.
        until: Time,
    },
    /// One would be, but as many are as may.
    Spared {
        /// Which.
        peer: u16,
    },
    /// One isn't any more.
    Returned {
        /// Which.
        peer: u16,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    calls: u32,
    failed: u32,
    until: Option<Time>,
    times: u32,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutlierSnapshot {
    /// How many are ejected.
    pub ejected: u16,
    /// How often any was.
    pub ejections: u64,
    /// How often one was spared because as many were as may be.
    pub spared: u64,
}

/// Watches how calls to each peer end.
#[derive(Clone, Debug)]
pub struct Outliers {
    config: OutlierConfig,
    clock: Steady,
    peers: Vec<Peer>,
    /// For comparing: here, so that nothing is allocated.
    rates: Vec<(u32, u16)>,
    next: Time,
    ejections: u64,
    spared: u64,
    events: Journal<OutlierEvent>,
}

impl Outliers {
    /// Nothing has been seen of anybody.
    pub fn new(config: OutlierConfig) -> Result<Self, BadConfig> {
        config.validate()?;
        let peers = usize::from(config.peers);
        Ok(Self {
            peers: vec![Peer::default(); peers],
            rates: Vec::with_capacity(peers),
            next: Time::ZERO + Duration::from_millis(config.interval_ms),
            config,
            clock: Steady::default(),
            ejections: 0,
            spared: 0,
            events: Journal::default(),
        })
    }

    /// Others from now on. Who is ejected stays so until then, as far as so many may be, and what was
    /// seen of each stays.
    pub fn reconfigure(&mut self, config: OutlierConfig) -> Result<(), BadConfig> {
        config.validate()?;
        let peers = usize::from(config.peers);
        self.peers.resize(peers, Peer::default());
        self.rates.reserve(peers.saturating_sub(self.rates.len()));
        let began = Time(self.next.0.saturating_sub(self.config.interval_ms * 1_000));
        self.next = began + Duration::from_millis(config.interval_ms);
        self.config = config;
        while self.ejected() > self.config.at_most {
            self.give_back_first();
        }
        Ok(())
    }

    /// How a call to a peer ended.
    pub fn settle(&mut self, now: Time, peer: u16, outcome: Outcome) {
        self.tick(now);
        if let Some(peer) = self.peers.get_mut(usize::from(peer))
            && outcome != Outcome::Neutral
        {
            peer.calls = peer.calls.saturating_add(1);
            peer.failed = peer.failed.saturating_add(u32::from(outcome.is_failure()));
        }
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        let now = self.clock.read(now);
        if now >= self.next {
            self.give_back(now);
            self.compare(now);
        }
    }

    /// When peers are compared next, and who has been left alone for long enough comes back.
    pub fn next_wake(&self) -> Time {
        self.clock.to_host(self.next)
    }

    /// Whether a peer is to be left alone.
    pub fn is_ejected(&self, peer: u16) -> bool {
        self.peers.get(usize::from(peer)).is_some_and(|it| it.until.is_some())
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> OutlierSnapshot {
        let (ejections, spared) = (self.ejections, self.spared);
        OutlierSnapshot { ejected: self.ejected(), ejections, spared }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<OutlierEvent> {
        self.events.take()
    }

    fn ejected(&self) -> u16 {
        self.peers.iter().filter(|it| it.until.is_some()).count() as u16
    }

    /// The one that would be back first is back now.
    fn give_back_first(&mut self) {
        let ejected = self.peers.iter_mut().enumerate().filter(|(_, peer)| peer.until.is_some());
        if let Some((number, peer)) = ejected.min_by_key(|(_, peer)| peer.until) {
            peer.until = None;
            self.events.note(OutlierEvent::Returned { peer: number as u16 });
        }
    }

    fn give_back(&mut self, now: Time) {
        for (number, peer) in self.peers.iter_mut().enumerate() {
            if peer.until.is_some_and(|until| until <= now) {
                peer.until = None;
                (peer.calls, peer.failed) = (0, 0);
                self.events.note(OutlierEvent::Returned { peer: number as u16 });
            }
        }
    }

    #[cold]
    fn compare(&mut self, now: Time) {
        self.next = now + Duration::from_millis(self.config.interval_ms);
        self.rates.clear();
        for (number, peer) in self.peers.iter().enumerate() {
            if peer.calls >= self.config.minimum_calls {
                let rate = u64::from(peer.failed) * u64::from(MILLION) / u64::from(peer.calls);
                self.rates.push((rate as u32, number as u16));
            }
        }
        // The worst first; the middle of those that were called is a correct one's, or between two
        // correct ones', as long as fewer than half of them are faulty.
        self.rates.sort_unstable_by_key(|(rate, peer)| (core::cmp::Reverse(*rate), *peer));
        let middle_ppm = self.rates.get(self.rates.len() / 2).map_or(0, |it| it.0);
        let comparable = self.rates.len() >= 3;
        let from =
            self.config.failure_rate_ppm.max(middle_ppm.saturating_add(self.config.margin_ppm));
        for at in 0..self.rates.len() {
            let (failed_ppm, peer) = self.rates[at];
            if comparable && failed_ppm >= from && !self.is_ejected(peer) {
                self.eject(now, peer, failed_ppm, middle_ppm);
            }
        }
        for peer in &mut self.peers {
            // Who behaved for a whole interval is forgiven one of its times.
            if peer.until.is_none() && peer.calls >= self.config.minimum_calls {
                peer.times = peer.times.saturating_sub(1);
            }
            (peer.calls, peer.failed) = (0, 0);
        }
    }

    fn eject(&mut self, now: Time, number: u16, failed_ppm: u32, middle_ppm: u32) {
        if self.ejected() >= self.config.at_most {
            self.spared = self.spared.saturating_add(1);
            self.events.note(OutlierEvent::Spared { peer: number });
            return;
        }
        let peer = &mut self.peers[usize::from(number)];
        peer.times = peer.times.saturating_add(1);
        let ms = self.config.eject_ms.saturating_mul(u64::from(peer.times));
        let until = now + Duration::from_millis(ms.min(self.config.eject_max_ms));
        peer.until = Some(until);
        self.ejections = self.ejections.saturating_add(1);
        let until = self.clock.to_host(until);
        self.events.note(OutlierEvent::Ejected { peer: number, failed_ppm, middle_ppm, until });
    }
}
