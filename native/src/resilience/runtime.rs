//! What calls wait for besides each other: a lock, and time. Named in one place, because one test has
//! its own (`schedules`): there the same calls run on a lock and a clock that a scheduler drives.

pub(super) use std::sync::{Mutex, PoisonError};

pub(super) use tokio::{
    task::yield_now,
    time::{Instant, sleep, sleep_until, timeout_at},
};
