//! Callers that come, wait, give up and are done in any order: the orders are drawn from seeds, and each
//! is carried out by hand, poll by poll, so that what fails once fails again.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use conclave_core::{
    crypto::Digest,
    resilience::{
        bulkhead,
        manager::{Config, Key, Policy},
        retry,
    },
};
use tokio::{
    task::yield_now,
    time::{advance, sleep},
};

use super::{Ask, Guards, Judged};

const RUN: u32 = 2;
const LINE: u32 = 2;

#[derive(Debug)]
struct Broken;

impl Judged for Broken {}

/// Counts whoever is in the middle of an attempt, however that ends.
struct Inside(Arc<AtomicU32>);

impl Inside {
    fn enter(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn policy(run: u32) -> Policy {
    Policy::default()
        .bulkhead(Some(bulkhead::Config::default().concurrent(run).line(LINE).line_ms(300)))
        .retry(Some(retry::Config::default().attempts(2).base_ms(50)))
        .breaker(None)
}

fn config(run: u32) -> Config {
    Config::default().operations([("read".to_owned(), policy(run))].into())
}

/// A number that the seed, the step and the question decide.
fn drawn(seed: u32, step: u32, question: u32, below: u64) -> u64 {
    Digest::of(&(seed, step, question)).prefix() % below
}

type Caller = Pin<Box<dyn Future<Output = ()>>>;

/// Somebody whose attempts take some turns or some time, and end well or don't.
fn caller(guards: &Arc<Guards>, key: Key, inside: &Arc<AtomicU32>, seed: u32, step: u32) -> Caller {
    let (guards, inside) = (guards.clone(), inside.clone());
    Box::pin(async move {
        let ends_well = drawn(seed, step, 10, 2) == 0;
        let attempt = |_| {
            let inside = Inside::enter(&inside);
            async move {
                let _inside = inside;
                match drawn(seed, step, 11, 3) {
                    0 => {}
                    1 => yield_now().await,
                    _ => sleep(Duration::from_millis(drawn(seed, step, 12, 200))).await,
                }
                if ends_well { Ok(()) } else { Err(Broken) }
            }
        };
        let _ = guards.call(key, Ask::default(), attempt).await;
    })
}

fn seen(guards: &Guards, key: Key) -> bulkhead::Snapshot {
    guards.manager(|manager, _| manager.snapshot(key)).unwrap().bulkhead.unwrap()
}

#[tokio::test(start_paused = true)]
async fn whatever_the_order_no_more_run_than_may_and_everything_is_given_back() {
    let (mut waited, mut gave_up, mut made_smaller) = (0, 0, 0);
    for seed in 0..150 {
        let guards = Guards::new(config(RUN)).unwrap();
        let key = guards.key(0, "read").unwrap();
        let inside = Arc::new(AtomicU32::new(0));
        let mut callers: Vec<Caller> = Vec::new();
        let mut may_run = RUN;
        for step in 0..150 {
            let any = |count: usize| drawn(seed, step, 1, count.max(1) as u64) as usize;
            match drawn(seed, step, 0, 12) {
                0..3 if callers.len() < 7 => {
                    callers.push(caller(&guards, key, &inside, seed, step));
                }
                3 if !callers.is_empty() => {
                    gave_up += 1;
                    drop(callers.swap_remove(any(callers.len())));
                }
                4 => advance(Duration::from_millis(drawn(seed, step, 2, 150))).await,
                5 if step % 40 == 0 => {
                    may_run = 1 + drawn(seed, step, 3, 3) as u32;
                    made_smaller += 1;
                    guards.reconfigure(config(may_run)).unwrap();
                }
                _ if !callers.is_empty() => {
                    let at = any(callers.len());
                    let mut context = Context::from_waker(Waker::noop());
                    if let Poll::Ready(()) = callers[at].as_mut().poll(&mut context) {
                        drop(callers.swap_remove(at));
                    }
                }
                _ => {}
            }
            let bulkhead = seen(&guards, key);
            let running = inside.load(Ordering::SeqCst);
            assert!(running <= bulkhead.running, "seed {seed}, step {step}: {bulkhead:?}");
            // Who ran before it was made smaller goes on.
            assert!(bulkhead.running <= may_run.max(3), "seed {seed}, step {step}: {bulkhead:?}");
            assert!(bulkhead.waiting <= LINE, "seed {seed}, step {step}: {bulkhead:?}");
            waited += bulkhead.waiting;
        }
        callers.clear();
        let bulkhead = seen(&guards, key);
        assert_eq!((bulkhead.running, bulkhead.waiting), (0, 0), "seed {seed}: {bulkhead:?}");
        assert_eq!(inside.load(Ordering::SeqCst), 0, "seed {seed}");
    }
    assert!(waited > 1_000 && gave_up > 500, "{waited} {gave_up} {made_smaller}");
}
