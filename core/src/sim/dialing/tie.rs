//! One node's way to one other: whether it is connected, and the guards under which it dials.

use core::time::Duration;

use super::config::Dialing;
use crate::{
    config::BadConfig,
    resilience::{
        Outcome,
        breaker::{self, Breaker, Permit},
        retry::{Attempts, Hint, Retry, Verdict},
    },
    time::Time,
};

/// Where nothing says when to try again.
const A_WHILE: Duration = Duration::from_millis(100);

/// How an attempt will end, and how long that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    pub(super) takes: Duration,
}

/// A permit in a moment of a run. Moments are copied, the breaker with them: each copy settles its own.
#[derive(Debug)]
struct Held(Permit);

impl Clone for Held {
    fn clone(&self) -> Self {
        Self(self.0.in_a_copy())
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is a connection.
    Connected,
    /// There is none, and another attempt is made then.
    Waits {
        /// When.
        at: Time,
    },
    /// One is being made.
    Dials,
}

#[derive(Clone, Debug)]
enum State {
    Connected,
    Waits { attempts: Attempts, at: Time },
    Dials { attempts: Attempts, until: Time, outcome: Outcome, permit: Held },
}

/// The way to one other node.
#[derive(Clone, Debug)]
pub struct Tie {
    breaker: Breaker,
    retry: Retry,
    state: State,
    /// It is given up if nothing gets through for so long.
    timeout: Duration,
    /// Since when nothing has got through.
    silent_since: Option<Time>,
    lost: u64,
}

impl Tie {
    /// Connected. `seed`: of its waits.
    pub(super) fn new(config: &Dialing, seed: u64) -> Result<Self, BadConfig> {
        Ok(Self {
            breaker: Breaker::new(config.breaker())?,
            retry: Retry::new(config.retry(seed))?,
            state: State::Connected,
            timeout: config.timeout(),
            silent_since: None,
            lost: 0,
        })
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Connected => Stage::Connected,
            State::Waits { at, .. } => Stage::Waits { at },
            State::Dials { .. } => Stage::Dials,
        }
    }

    /// What its breaker does.
    pub fn breaker(&self) -> breaker::Snapshot {
        self.breaker.snapshot()
    }

    /// How many attempts failed since it was connected.
    pub fn attempts(&self) -> u32 {
        match &self.state {
            State::Connected => 0,
            State::Waits { attempts, .. } | State::Dials { attempts, .. } => attempts.made(),
        }
    }

    /// How many messages were lost because it wasn't connected.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// A message is to leave by it. Whether it does.
    pub(super) fn takes_a_message(&mut self) -> bool {
        let connected = matches!(self.state, State::Connected);
        self.lost += u64::from(!connected);
        connected
    }

    /// Something got through, if it was connected.
    pub(super) fn got_through(&mut self) {
        self.silent_since = None;
    }

    /// Something didn't. Whether that is the end of the connection.
    pub(super) fn did_not_get_through(&mut self, now: Time) -> bool {
        let since = *self.silent_since.get_or_insert(now);
        now.since(since) >= self.timeout && self.broke(now)
    }

    /// The connection is no more. Whether there was one.
    pub(super) fn broke(&mut self, now: Time) -> bool {
        self.silent_since = None;
        let had = matches!(self.state, State::Connected);
        if had {
            self.state = State::Waits { attempts: self.retry.begin(now, None), at: now };
        }
        had
    }

    /// Goes on as far as it can by now. `attempt`: how one would end that begins now.
    pub(super) fn go_on(&mut self, now: Time, attempt: impl Fn() -> Attempt) {
        if self.next_wake().is_none_or(|at| at > now) {
            return;
        }
        self.state = match core::mem::replace(&mut self.state, State::Connected) {
            State::Connected => State::Connected,
            State::Waits { attempts, .. } => match self.breaker.admit(now) {
                Ok(permit) => {
                    let Attempt { outcome, takes } = attempt();
                    let (permit, until) = (Held(permit), now + takes);
                    State::Dials { attempts, until, outcome, permit }
                }
                Err(rejected) => {
                    let soonest = now + Duration::from_micros(1);
                    let at = rejected.retry_at.unwrap_or(now + A_WHILE).max(soonest);
                    State::Waits { attempts, at }
                }
            },
            State::Dials { mut attempts, outcome, permit: Held(permit), .. } => {
                self.breaker.settle(now, permit, outcome);
                match self.retry.after(now, &mut attempts, outcome, Hint::None) {
                    Verdict::Done => State::Connected,
                    Verdict::Again { at, .. } => State::Waits { attempts, at },
                    // Its attempts are unlimited; if they end anyhow, they begin again.
                    Verdict::GiveUp(_) => {
                        State::Waits { attempts: self.retry.begin(now, None), at: now + A_WHILE }
                    }
                }
            }
        };
    }

    /// When it goes on.
    pub(in super::super) fn next_wake(&self) -> Option<Time> {
        match self.state {
            State::Connected => None,
            State::Waits { at, .. } => Some(at),
            State::Dials { until, .. } => Some(until),
        }
    }
}
