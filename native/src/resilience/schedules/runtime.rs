//! The runtime that schedules are explored on: shuttle's lock, and a clock that stands still until the
//! test lets time pass ([`pass`]), or makes it one more task ([`Flow`]), which then goes on to the next
//! time that somebody sleeps for whenever the scheduler has it run.
//!
//! All tasks of an exploration are on one thread, so what they share here needs no lock, and nobody is
//! interrupted in it.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    ops::Add,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

pub(super) use std::sync::PoisonError;

pub(super) use shuttle::{
    future::{JoinHandle, spawn, yield_now},
    sync::Mutex,
};

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

#[derive(Default)]
struct Clock {
    now: Duration,
    numbers: u64,
    sleepers: Vec<Sleeper>,
    /// The task that lets time pass, while nobody sleeps.
    idle: Option<Waker>,
    stopped: bool,
}

struct Sleeper {
    number: u64,
    until: Duration,
    waker: Waker,
}

/// A time of this clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(Duration);

impl Instant {
    pub(super) fn now() -> Self {
        CLOCK.with_borrow(|clock| Self(clock.now))
    }

    pub(super) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, more: Duration) -> Self {
        Self(self.0 + more)
    }
}

/// Who waits for a time.
pub(super) struct Sleep {
    number: u64,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        CLOCK.with_borrow_mut(|clock| {
            clock.sleepers.retain(|it| it.number != self.number);
            if clock.now >= self.until {
                return Poll::Ready(());
            }
            let (number, until) = (self.number, self.until);
            clock.sleepers.push(Sleeper { number, until, waker: context.waker().clone() });
            if let Some(idle) = clock.idle.take() {
                idle.wake();
            }
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        CLOCK.with_borrow_mut(|clock| clock.sleepers.retain(|it| it.number != self.number));
    }
}

pub(super) fn sleep_until(until: Instant) -> Sleep {
    CLOCK.with_borrow_mut(|clock| {
        clock.numbers += 1;
        Sleep { number: clock.numbers, until: until.0 }
    })
}

pub(super) fn sleep(time: Duration) -> Sleep {
    sleep_until(Instant::now() + time)
}

/// The time was over before it was done.
pub(super) struct Elapsed;

/// As tokio's: what is done in time counts, also if the time is over.
pub(super) async fn timeout_at<F: Future>(until: Instant, done: F) -> Result<F::Output, Elapsed> {
    let (mut done, mut over) = (pin!(done), pin!(sleep_until(until)));
    poll_fn(|context| match done.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => over.as_mut().poll(context).map(|()| Err(Elapsed)),
    })
    .await
}

/// Another exploration: it is zero again, and nobody sleeps.
pub(super) fn begin() {
    drop(CLOCK.take());
}

/// So much time passes at once.
pub(super) fn pass(time: Duration) {
    let due = CLOCK.with_borrow_mut(|clock| {
        clock.now += time;
        clock.due()
    });
    wake(due);
}

/// Time that passes by itself.
pub(super) struct Flow(JoinHandle<()>);

impl Flow {
    pub(super) fn begin() -> Self {
        CLOCK.with_borrow_mut(|clock| clock.stopped = false);
        Self(spawn(async {
            while poll_fn(next).await {
                yield_now().await;
            }
        }))
    }

    /// Until here.
    pub(super) async fn stop(self) {
        CLOCK.with_borrow_mut(|clock| {
            clock.stopped = true;
            if let Some(idle) = clock.idle.take() {
                idle.wake();
            }
        });
        self.0.await.unwrap();
    }
}

/// Goes on to the next time that somebody sleeps for; false once it is to stop.
fn next(context: &mut Context<'_>) -> Poll<bool> {
    let due = CLOCK.with_borrow_mut(|clock| {
        if clock.stopped {
            return None;
        }
        let Some(next) = clock.sleepers.iter().map(|it| it.until).min() else {
            clock.idle = Some(context.waker().clone());
            return Some(Vec::new());
        };
        clock.now = clock.now.max(next);
        Some(clock.due())
    });
    match due {
        None => Poll::Ready(false),
        Some(due) if due.is_empty() => Poll::Pending,
        Some(due) => {
            wake(due);
            Poll::Ready(true)
        }
    }
}

/// Not while the clock is looked at: whoever wakes may look at it.
fn wake(due: Vec<Sleeper>) {
    for sleeper in due {
        sleeper.waker.wake();
    }
}

impl Clock {
    fn due(&mut self) -> Vec<Sleeper> {
        let now = self.now;
        self.sleepers.extract_if(.., |it| it.until <= now).collect()
    }
}
