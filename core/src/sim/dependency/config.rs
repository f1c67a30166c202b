//! What the service, the workers and the compartment are set up with.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    app::Operation,
    config::{BadConfig, must},
    ids::ClientId,
    resilience::{
        bulkhead::{self, Order},
        settings::settings,
    },
    time::Time,
};

/// The longest that a worker, or the service, takes over a request: a minute.
const MAX_MS: u32 = 60_000;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It reads a key.
    Get,
    /// It writes a key.
    Put,
    /// It removes a key.
    Delete,
    /// It writes a key that is as expected.
    CompareAndSet,
}

impl Kind {
    fn of(operation: &Operation<&[u8]>) -> Self {
        match operation {
            Operation::Get { .. } => Self::Get,
            Operation::Put { .. } | Operation::PutFor { .. } => Self::Put,
            Operation::Delete { .. } => Self::Delete,
            Operation::CompareAndSet { .. } => Self::CompareAndSet,
        }
    }

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::CompareAndSet => "compare-and-set",
        }
    }
}

settings! {
    /// A service that each node asks about requests of one kind, and the workers that do so.
    pub struct Dependency {
        /// Which requests it is asked about.
        kind: Kind = Kind::Delete, "what can't be undone is what one asks about";
        /// The first so many clients ask for nothing else, the others for anything else.
        askers: u16 = 1, "somebody has to, and somebody has not to";
        /// How many requests a node works on at a time, of whatever kind, and how many are in line.
        workers: bulkhead::Config = bulkhead::Config::default().concurrent(4).order(Order::Fair), "a thread each";
        /// How long a worker takes over a request by itself.
        work_us: u32 = 500, "to read and check it";
        /// How long the service usually takes.
        latency_ms: u32 = 5, "in the same data centre";
        /// How long it takes while it is slow.
        slow_ms: u32 = 0, "0: it never is";
        /// From when on it is slow,
        slow_from_ms: u32 = 0, "with `slow_until_ms`";
        /// and until when.
        slow_until_ms: u32 = 0, "with `slow_from_ms`";
        /// How many of the requests that need it may be with the workers, and in line for that.
        compartment: Option<bulkhead::Config> = None, "without the pattern, as many as there are workers";
    }
}

impl Dependency {
    /// Refuses what can't work, saying which field and why.
    pub(in super::super) fn validate(&self, clients: u16) -> Result<(), BadConfig> {
        self.workers.validate()?;
        self.compartment.as_ref().map_or(Ok(()), bulkhead::Config::validate)?;
        let apart = (1..clients).contains(&self.askers);
        let somebody = "some clients need the service, and some don't";
        must(apart, "askers", u64::from(self.askers), somebody)?;
        must(self.work_us >= 1, "work_us", u64::from(self.work_us), "work takes time")?;
        for (field, ms) in [("latency_ms", self.latency_ms), ("slow_ms", self.slow_ms)] {
            must(ms <= MAX_MS, field, u64::from(ms), "a minute at most")?;
        }
        let in_order = self.slow_from_ms <= self.slow_until_ms;
        let until = u64::from(self.slow_until_ms);
        must(in_order, "slow_until_ms", until, "not before slow_from_ms")
    }

    /// Whether it is slow then.
    pub fn is_slow(&self, at: Time) -> bool {
        let ms = |ms: u32| Time::from_millis(u64::from(ms));
        self.slow_ms > 0 && (ms(self.slow_from_ms)..ms(self.slow_until_ms)).contains(&at)
    }

    /// Whether this client asks for what needs the service, and nothing else.
    pub fn is_asker(&self, client: ClientId) -> bool {
        client.0 < u64::from(self.askers)
    }

    /// Whether the service is to be asked about this.
    pub(super) fn is_about(&self, operation: &[u8]) -> bool {
        Operation::decode(operation).is_some_and(|it| Kind::of(&it) == self.kind)
    }

    /// How long a worker is busy that begins then.
    pub(super) fn work(&self, now: Time, needs: bool) -> Duration {
        let service = match (needs, self.is_slow(now)) {
            (false, _) => 0,
            (true, false) => self.latency_ms,
            (true, true) => self.slow_ms,
        };
        Duration::from_micros(u64::from(self.work_us)) + Duration::from_millis(u64::from(service))
    }

    /// What a client asks for that would ask for `drawn`: a kind by a number of the workload's ten.
    pub(in super::super) fn drawn(&self, client: ClientId, drawn: u64) -> u64 {
        /// The kind of each number that is drawn, and a number that stands for it.
        const STANDS_FOR: [(Kind, u64); 4] =
            [(Kind::Put, 0), (Kind::Get, 5), (Kind::CompareAndSet, 8), (Kind::Delete, 9)];
        let kind = |number| STANDS_FOR.iter().rev().find(|(_, first)| *first <= number);
        let is_of_kind = |(kind, _): &&(Kind, u64)| *kind == self.kind;
        if self.is_asker(client) {
            STANDS_FOR.iter().find(is_of_kind).map_or(drawn, |(_, number)| *number)
        } else if kind(drawn).as_ref().is_some_and(is_of_kind) {
            STANDS_FOR.iter().find(|it| !is_of_kind(it)).map_or(drawn, |(_, number)| *number)
        } else {
            drawn
        }
    }
}

settings! {
    /// What is expected of the clients that don't need the service, while it is slow.
    pub struct Others {
        /// They get so many answers at least, all together.
        min: u64 = 0, "none";
        /// They get no more.
        max: Option<u64> = None, "it doesn't matter";
    }
}
