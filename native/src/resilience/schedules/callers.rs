//! Calls that end in any way there is, and the account that is made of them: what callers saw, beside
//! what the guards counted.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use conclave_core::resilience::{
    Outcome,
    manager::{Config, Counters, Key, Policy, Snapshot},
};

use super::{
    Ask, CallError, Guards, Judged, Work,
    runtime::{self, JoinHandle, sleep, spawn, yield_now},
};

/// How an attempt goes, after so many turns of others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    Good(u32),
    Bad(u32),
    /// Its caller had asked for nonsense.
    Nonsense(u32),
    Panics(u32),
    /// It takes so many milliseconds, and is good then.
    Lasts(u64),
    /// It takes so many, and fails then.
    FailsAfter(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    Bad,
    Nonsense,
}

impl Judged for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Bad => Outcome::Failure,
            Self::Nonsense => Outcome::Neutral,
        }
    }
}

/// What callers saw. Each is counted where it happens, whatever the guards count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) asked: u64,
    pub(super) good: u64,
    pub(super) bad: u64,
    pub(super) timed_out: u64,
    pub(super) nonsense: u64,
    pub(super) panicked: u64,
    pub(super) gave_up: u64,
    /// A guard said no, before anything was attempted or to the first attempt.
    pub(super) rejected: u64,
    /// What was called isn't configured any more.
    pub(super) unknown: u64,
    pub(super) attempts: u64,
    /// Those of them that were good, before anybody was told so.
    pub(super) good_attempts: u64,
    /// Attempts under way, and the most at a time.
    inside: u64,
    pub(super) most_inside: u64,
    /// The most at a time while fewer were good than close a breaker, and how many those are.
    pub(super) most_probing: u64,
    pub(super) closes_after: u64,
}

thread_local! {
    // All of one exploration is on one thread.
    static SEEN: Cell<Seen> = Cell::default();
    static REACHED: Cell<Reached> = Cell::default();
}

/// What there was in all executions of a scene: one in which nothing happens shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    pub(super) seen: Seen,
    pub(super) counters: Counters,
    pub(super) waited: u64,
    pub(super) copies: u64,
    pub(super) late: u64,
    /// Executions in which guards were dropped, and made anew.
    pub(super) began_anew: u64,
    pub(super) probes_lost: u64,
    pub(super) opened: u64,
    pub(super) closed: u64,
}

/// All of it since this was last asked.
pub(super) fn reached() -> Reached {
    REACHED.take()
}

pub(super) fn saw(change: impl FnOnce(&mut Seen)) {
    let mut seen = SEEN.get();
    change(&mut seen);
    SEEN.set(seen);
}

pub(super) fn seen() -> Seen {
    SEEN.get()
}

/// Guards, and what is called under them.
#[derive(Clone)]
pub(super) struct World {
    pub(super) guards: Arc<Guards>,
    pub(super) key: Key,
}

/// Who is in the middle of an attempt, however that ends.
struct Inside;

impl Inside {
    fn enter() -> Self {
        saw(|seen| {
            seen.attempts += 1;
            seen.inside += 1;
            seen.most_inside = seen.most_inside.max(seen.inside);
            if seen.good_attempts < seen.closes_after {
                seen.most_probing = seen.most_probing.max(seen.inside);
            }
        });
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        saw(|seen| seen.inside -= 1);
    }
}

/// Counts a caller that gave up, unless its call ended before.
struct GaveUp;

impl Drop for GaveUp {
    fn drop(&mut self) {
        saw(|seen| seen.gave_up += 1);
    }
}

pub(super) fn config(policy: Policy) -> Config {
    Config::default().peers(1).operations([("read".to_owned(), policy)].into())
}

async fn attempt(way: Way) -> Result<(), Error> {
    let turns = match way {
        Way::Good(turns) | Way::Bad(turns) | Way::Nonsense(turns) | Way::Panics(turns) => turns,
        Way::Lasts(ms) | Way::FailsAfter(ms) => {
            sleep(Duration::from_millis(ms)).await;
            0
        }
    };
    for _ in 0..turns {
        yield_now().await;
    }
    match way {
        Way::Good(_) | Way::Lasts(_) => saw(|seen| seen.good_attempts += 1),
        Way::Bad(_) | Way::FailsAfter(_) => return Err(Error::Bad),
        Way::Nonsense(_) => return Err(Error::Nonsense),
        // Without the hook: it would say that the test failed.
        Way::Panics(_) => resume_unwind(Box::new("half-way")),
    }
    Ok(())
}

/// Carries a call out and counts how it ended.
async fn account(call: impl Future<Output = Result<(), CallError<Error>>>) {
    saw(|seen| seen.asked += 1);
    let gave_up = GaveUp;
    let ended = {
        let mut call = pin!(call);
        poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
            polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
        })
        .await
    };
    mem::forget(gave_up);
    saw(|seen| {
        *match ended {
            Some(Ok(())) => &mut seen.good,
            Some(Err(CallError::Failed(Error::Bad))) => &mut seen.bad,
            Some(Err(CallError::Failed(Error::Nonsense))) => &mut seen.nonsense,
            Some(Err(CallError::TimedOut { .. })) => &mut seen.timed_out,
            Some(Err(CallError::Rejected(_))) => &mut seen.rejected,
            Some(Err(CallError::Unknown(_))) => &mut seen.unknown,
            Some(Err(CallError::Injected)) => unreachable!("there is no experiment"),
            None => &mut seen.panicked,
        } += 1;
    });
}

impl World {
    pub(super) fn new(policy: Policy) -> Self {
        runtime::begin();
        SEEN.take();
        let guards = Guards::new(config(policy)).unwrap();
        let key = guards.key(0, "read").unwrap();
        Self { guards, key }
    }

    /// A call whose attempts go that way.
    pub(super) fn call(&self, way: Way) -> impl Future<Output = ()> + Send + use<> {
        let Self { guards, key } = self.clone();
        account(async move {
            let attempt = |_| {
                let inside = Inside::enter();
                async move {
                    let _inside = inside;
                    attempt(way).await
                }
            };
            guards.call(key, Ask::default(), attempt).await
        })
    }

    /// A call whose attempts go that way, and each of which sets work going that lasts for so many turns
    /// of others, whatever becomes of the attempt.
    pub(super) fn worker(&self, way: Way, turns: u32) -> JoinHandle<()> {
        let Self { guards, key } = self.clone();
        spawn(account(async move {
            let attempt = |_, work| {
                let inside = Inside::enter();
                spawn(async move {
                    let _work: Work = work;
                    let _inside = inside; // over a moment before that
                    for _ in 0..turns {
                        yield_now().await;
                    }
                });
                attempt(way)
            };
            guards.call_with_work(key, Ask::default(), attempt).await
        }))
    }

    /// The same on a task of its own.
    pub(super) fn caller(&self, way: Way) -> JoinHandle<()> {
        spawn(self.call(way))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.guards.manager(|manager, _| manager.snapshot(self.key)).unwrap()
    }

    /// The same where the peer was taken away for a while: its guards may have gone, and what they had
    /// counted with them. What came after adds up all the same.
    pub(super) fn settle_since_it_is_back(&self) {
        let (seen, snapshot) = (seen(), self.snapshot());
        let counters = snapshot.counters;
        if seen.asked == counters.asked + seen.unknown {
            self.settle();
            return;
        }
        let what = || format!("{seen:?} {snapshot:?}");
        self.nothing_is_held(&snapshot);
        assert!(counters.asked + seen.unknown < seen.asked, "{}", what());
        let Counters { succeeded, timed_out, attempts, .. } = counters;
        assert!(succeeded <= seen.good && timed_out <= seen.timed_out, "{}", what());
        assert!(attempts <= seen.attempts, "{}", what());
        let mut reached = REACHED.get();
        reached.began_anew += 1;
        reached.count(seen, counters);
        REACHED.set(reached);
    }

    /// Nobody is inside or in line, and what was counted adds up.
    fn nothing_is_held(&self, snapshot: &Snapshot) {
        let what = || format!("{:?} {snapshot:?}", seen());
        assert_eq!(seen().inside, 0);
        self.guards.with(|state, _| assert!(state.waiters.is_empty(), "nobody is in line"));
        let Counters { asked, begun, degraded, over_rate, no_room, crowded, left, .. } =
            snapshot.counters;
        let ended_before = degraded + over_rate + no_room + crowded + left;
        assert_eq!(asked, begun + ended_before, "{}", what());
        let Counters { succeeded, failed, neutral, .. } = snapshot.counters;
        assert_eq!(begun, succeeded + failed + neutral, "{}", what());
        if let Some(bulkhead) = &snapshot.bulkhead {
            assert_eq!((bulkhead.running, bulkhead.waiting), (0, 0), "{}", what());
        }
    }

    /// Once all callers are gone: nothing is held, and each call is counted once, as it ended.
    pub(super) fn settle(&self) {
        let (seen, snapshot) = (seen(), self.snapshot());
        let counters = snapshot.counters;
        let what = || format!("{seen:?} {snapshot:?}");
        self.nothing_is_held(&snapshot);
        assert_eq!(seen.asked, counters.asked + seen.unknown, "{}", what());
        let Counters { degraded, over_rate, no_room, crowded, left, .. } = counters;
        let Counters { succeeded, failed, timed_out, neutral, .. } = counters;
        assert_eq!((succeeded, timed_out), (seen.good, seen.timed_out), "{}", what());
        let to_begin_with = degraded + over_rate + no_room + crowded;
        assert_eq!(failed, seen.bad + timed_out + (seen.rejected - to_begin_with), "{}", what());
        assert_eq!(left + neutral, seen.gave_up + seen.nonsense + seen.panicked, "{}", what());
        assert_eq!(counters.attempts, seen.attempts, "{}", what());
        let mut reached = REACHED.get();
        reached.copies += snapshot.hedge.map_or(0, |hedge| hedge.copies);
        if let Some(bulkhead) = snapshot.bulkhead {
            reached.waited += bulkhead.counters.admitted_later;
        }
        if let Some(adaptive) = snapshot.adaptive {
            assert_eq!(adaptive.under_way, 0, "{}", what());
        }
        if let Some(breaker) = snapshot.breaker {
            assert_eq!(breaker.probes[0], 0, "{}", what());
            let rejected = breaker.counters.rejected;
            assert_eq!(breaker.counters.admitted, counters.attempts, "{}", what());
            assert_eq!(rejected, counters.attempts_rejected, "{}", what());
            reached.late += breaker.counters.late;
            reached.probes_lost += breaker.counters.probes_lost;
            reached.opened += breaker.counters.opened;
            reached.closed += breaker.counters.closed;
        }
        reached.count(seen, counters);
        REACHED.set(reached);
    }
}

impl Reached {
    fn count(&mut self, seen: Seen, counters: Counters) {
        let all = &mut self.seen;
        for (all, one) in [
            (&mut all.good, seen.good),
            (&mut all.bad, seen.bad),
            (&mut all.timed_out, seen.timed_out),
            (&mut all.nonsense, seen.nonsense),
            (&mut all.panicked, seen.panicked),
            (&mut all.gave_up, seen.gave_up),
            (&mut all.rejected, seen.rejected),
            (&mut all.unknown, seen.unknown),
            (&mut self.counters.left, counters.left),
            (&mut self.counters.no_room, counters.no_room),
            (&mut self.counters.abandoned, counters.abandoned),
            (&mut self.counters.over_rate, counters.over_rate),
            (&mut self.counters.attempts_rejected, counters.attempts_rejected),
        ] {
            *all += one;
        }
        all.most_inside = all.most_inside.max(seen.most_inside);
        all.most_probing = all.most_probing.max(seen.most_probing);
    }
}
