//! What a call sets going outside its own future, and the place that it keeps meanwhile.
//!
//! An attempt whose deadline is over is dropped, and most work ends with it. A thread of
//! `spawn_blocking` doesn't, nor does a task: to give the place in the bulkhead away while they run
//! would let more run at once than may. So whatever outlives the future holds a [`Work`].

use std::{fmt, sync::Arc};

use conclave_core::{
    resilience::{
        Outcome,
        manager::{AbandonedCall, Call},
    },
    time::Time,
};

use super::{
    guards::{Guards, State},
    runtime::{Mutex, PoisonError},
};

/// Held by what goes on when its call's future is dropped. The call's place in the bulkhead is free
/// once its caller has a result or is gone, and every one of these is dropped: drop it where the work
/// really ends.
#[must_use = "the work counts as ended when this is dropped"]
pub struct Work {
    place: Arc<Place>,
}

/// A call's place in the bulkhead, whoever holds it.
pub(super) struct Place {
    guards: Arc<Guards>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// How many hold it besides the call itself.
    by: usize,
    /// The call, if only they hold it any more.
    abandoned: Option<AbandonedCall>,
}

impl Place {
    pub(super) fn new(guards: Arc<Guards>) -> Arc<Self> {
        Arc::new(Self { guards, held: Mutex::default() })
    }

    pub(super) fn work(self: &Arc<Self>) -> Work {
        self.change(|held| held.by += 1);
        Work { place: self.clone() }
    }

    /// Its caller has a result, or is gone.
    pub(super) fn leave(&self, state: &mut State, now: Time, call: Call, outcome: Outcome) {
        self.change(|held| {
            if held.by > 0 {
                held.abandoned = Some(state.manager.abandon(now, call, outcome));
            } else {
                state.manager.finish(now, call, outcome);
            }
        });
    }

    /// Always the inner of the two locks, if the guards' is taken as well.
    fn change<R>(&self, change: impl FnOnce(&mut Held) -> R) -> R {
        change(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Work {
    fn clone(&self) -> Self {
        self.place.work()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.place.guards.with(|state, now| {
            let ended = self.place.change(|held| {
                held.by -= 1;
                if held.by == 0 { held.abandoned.take() } else { None }
            });
            if let Some(ended) = ended {
                let key = ended.key();
                state.manager.end(now, ended);
                state.deliver(now, key);
            }
        });
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}
