//! Calls under guards, in tokio's own time.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use conclave_core::{
    resilience::{
        Outcome, breaker, bulkhead,
        chaos::{self, Aborted, Experiment, Fault},
        manager::{Config, Key, Manager, Policy, Rejected, Unknown},
        retry::{self, Hint},
        timeout::{self, Scope},
    },
    time::Time,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tower_layer::Layer as _;
use tower_service::Service;

use super::{Ask, CallError, CannotInject, GuardLayer, Guards, Judged, Work};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken(u32);

impl Judged for Broken {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Nonsense;

impl Judged for Nonsense {
    fn outcome(&self) -> Outcome {
        Outcome::Neutral
    }

    fn hint(&self) -> Hint {
        Hint::Never
    }
}

/// Two at a time and one in line for a second, three attempts 100 and 200 ms apart, a second each;
/// open after four failures in a row.
fn policy() -> Policy {
    let breaker = breaker::Config::default().failure_rate_ppm(None).failures_in_a_row(Some(4));
    let timeout = timeout::Config::default().adaptive(false).initial_ms(1_000);
    Policy::default()
        .bulkhead(Some(bulkhead::Config::default().concurrent(2).line(1)))
        .breaker(Some(breaker))
        .retry(Some(retry::Config::default().jitter(retry::Jitter::None)))
        .timeout(timeout)
}

fn guards(policy: Policy) -> (Arc<Guards>, Key) {
    let config = Config::default().operations([("read".to_owned(), policy)].into());
    let guards = Guards::new(config).unwrap();
    let key = guards.key(0, "read").unwrap();
    (guards, key)
}

/// A call on a task of its own that takes so long, and says so.
fn takes(guards: &Arc<Guards>, key: Key, ms: u64) -> JoinHandle<Result<u64, CallError<Broken>>> {
    let guards = guards.clone();
    tokio::spawn(async move {
        let attempt = |_| async move {
            sleep(Duration::from_millis(ms)).await;
            Ok(ms)
        };
        guards.call(key, Ask::default(), attempt).await
    })
}

fn running(guards: &Guards, key: Key) -> (u32, u32) {
    let snapshot = guards.manager(|manager, _| manager.snapshot(key)).unwrap().bulkhead.unwrap();
    (snapshot.running, snapshot.waiting)
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_and_the_calls_own_error_comes_out_unchanged() {
    let (guards, key) = guards(policy());
    let (begun, made) = (Instant::now(), AtomicU32::new(0));
    let attempt = |_| async { Err::<(), _>(Broken(made.fetch_add(1, Ordering::SeqCst))) };
    let result = guards.call(key, Ask::default(), attempt).await;
    assert_eq!(result, Err(CallError::Failed(Broken(2))), "the last of three");
    assert!((300..305).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    // What is the caller's own fault isn't, and success is success.
    let result = guards.call(key, Ask::default(), |_| async { Err::<(), _>(Nonsense) }).await;
    assert_eq!(result, Err(CallError::Failed(Nonsense)));
    let result = guards.call(key, Ask::default(), |_| async { Ok::<_, Broken>(7) }).await;
    assert_eq!(result, Ok(7));
    assert_eq!(running(&guards, key), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_ended_by_the_nearest_deadline() {
    let (guards, key) = guards(policy().retry(None));
    let begun = Instant::now();
    let hangs = |_| pending::<Result<(), Broken>>();
    let result = guards.call(key, Ask::default(), hangs).await;
    assert_eq!(result, Err(CallError::TimedOut { set_by: Scope::Attempt }));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let hurried = Ask { patience: Some(Duration::from_millis(200)), ..Ask::default() };
    let result = guards.call(key, hurried, hangs).await;
    assert_eq!(result, Err(CallError::TimedOut { set_by: Scope::Client }));
    assert!(begun.elapsed() < Duration::from_millis(1_300));
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_rejects_at_once_and_says_when_to_come_back() {
    let (guards, key) = guards(policy().retry(None));
    for number in 0..4 {
        let _ = guards.call(key, Ask::default(), |_| async { Err::<(), _>(Broken(number)) }).await;
    }
    let result = guards.call(key, Ask::default(), |_| async { Ok::<_, Broken>(()) }).await;
    let Err(CallError::Rejected(rejected @ Rejected::Breaker(_))) = result else {
        panic!("{result:?}");
    };
    let retry_at = rejected.retry_at().unwrap();
    sleep(retry_at.since(Time::ZERO)).await;
    let result = guards.call(key, Ask::default(), |_| async { Ok::<_, Broken>(()) }).await;
    assert_eq!(result, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn who_is_in_line_goes_on_when_somebody_is_done_or_gives_up() {
    let (guards, key) = guards(policy());
    let call = |ms| takes(&guards, key, ms);
    let (first, second) = (call(100), call(900));
    sleep(Duration::from_millis(1)).await;
    let third = call(10);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(running(&guards, key), (2, 1));
    let crowd = guards.call(key, Ask::default(), |_| async { Ok::<_, Broken>(()) }).await;
    assert!(matches!(crowd, Err(CallError::Rejected(Rejected::Bulkhead(_)))));
    assert_eq!((first.await.unwrap(), third.await.unwrap()), (Ok(100), Ok(10)));
    // The next waits for the second, which gives up.
    let fourth = call(800);
    sleep(Duration::from_millis(1)).await;
    let fifth = call(1);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(running(&guards, key), (2, 1));
    second.abort();
    assert_eq!(fifth.await.unwrap(), Ok(1));
    // One that leaves the line takes nobody's place.
    let sixth = call(700);
    sleep(Duration::from_millis(1)).await;
    let leaves = call(1);
    sleep(Duration::from_millis(1)).await;
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    assert_eq!(running(&guards, key), (2, 0));
    assert_eq!((fourth.await.unwrap(), sixth.await.unwrap()), (Ok(800), Ok(700)));
    assert_eq!(running(&guards, key), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_in_line_for_ever() {
    let (guards, key) = guards(policy().timeout(timeout::Config::default()).retry(None));
    let hang = || {
        let guards = guards.clone();
        tokio::spawn(async move {
            guards.call(key, Ask::default(), |_| pending::<Result<(), Broken>>()).await
        })
    };
    let hanging = [hang(), hang()];
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    let result = guards.call(key, Ask::default(), |_| async { Ok::<_, Broken>(()) }).await;
    let Err(CallError::Rejected(Rejected::Bulkhead(rejected))) = result else {
        panic!("{result:?}");
    };
    assert_eq!(rejected.why, bulkhead::Why::Waited);
    assert!(begun.elapsed() <= Duration::from_millis(1_005), "{:?}", begun.elapsed());
    for call in hanging {
        call.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_in_line_when_its_operation_goes_is_served_and_then_nothing_is_kept_of_it() {
    let (guards, key) = guards(policy());
    let call = |ms| takes(&guards, key, ms);
    let under_way = [call(100), call(200)];
    sleep(Duration::from_millis(1)).await;
    let in_line = call(10);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(running(&guards, key), (2, 1));
    guards.reconfigure(Config::default()).unwrap();
    let refused = guards.call(key, Ask::default(), |_| async { Ok::<_, Broken>(()) }).await;
    assert_eq!(refused, Err(CallError::Unknown(Unknown::Operation)));
    assert_eq!(in_line.await.unwrap(), Ok(10));
    for (call, ms) in under_way.into_iter().zip([100, 200]) {
        assert_eq!(call.await.unwrap(), Ok(ms));
    }
    // When time passes, which the host lets, they go: it is there again and knows nothing of those calls.
    guards.manager(Manager::tick);
    guards
        .reconfigure(Config::default().operations([("read".to_owned(), policy())].into()))
        .unwrap();
    let asked = guards.manager(|manager, _| manager.snapshot(key)).unwrap().counters.asked;
    assert_eq!((asked, running(&guards, key)), (0, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn callers_that_vanish_at_any_moment_leave_nothing_behind() {
    let (guards, key) = guards(policy());
    for round in 0..500_u64 {
        let crowd: Vec<_> = (0..6)
            .map(|number| {
                let guards = guards.clone();
                tokio::spawn(async move {
                    let attempt = |_| async move {
                        sleep(Duration::from_millis(number * 7 % 20)).await;
                        if number % 2 == 0 { Ok(()) } else { Err(Broken(0)) }
                    };
                    let patience = Duration::from_millis((round * 13 + number * 5) % 40);
                    timeout(patience, guards.call(key, Ask::default(), attempt)).await
                })
            })
            .collect();
        for call in crowd {
            let _ = call.await.unwrap();
        }
        assert_eq!(running(&guards, key), (0, 0), "round {round}");
    }
    let counters = guards.manager(|manager, _| manager.snapshot(key)).unwrap().counters;
    assert!(counters.begun > 500 && counters.no_room > 0, "{counters:?}");
}

#[tokio::test]
async fn threads_that_call_at_once_are_never_more_than_there_may_be() {
    let (guards, key) = guards(policy().breaker(None).retry(None));
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (guards, now, most) = (guards.clone(), now.clone(), most.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                runtime.unwrap().block_on(async {
                    for _ in 0..500 {
                        let attempt = |_| async {
                            most.fetch_max(
                                now.fetch_add(1, Ordering::SeqCst) + 1,
                                Ordering::SeqCst,
                            );
                            tokio::task::yield_now().await;
                            now.fetch_sub(1, Ordering::SeqCst);
                            Ok::<_, Broken>(())
                        };
                        let _ = guards.call(key, Ask::default(), attempt).await;
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    assert_eq!(running(&guards, key), (0, 0));
    let counters = guards.manager(|manager, _| manager.snapshot(key)).unwrap().counters;
    assert_eq!(counters.asked, 2_000);
    assert_eq!(counters.begun + counters.no_room, 2_000);
}

#[tokio::test]
async fn a_thread_that_runs_on_after_its_deadline_keeps_its_place_until_it_has_ended() {
    let timeout = timeout::Config::default().adaptive(false).initial_ms(20);
    let bulkhead = bulkhead::Config::default().concurrent(1).line(1);
    let policy = policy().bulkhead(Some(bulkhead)).retry(None).timeout(timeout);
    let (guards, key) = guards(policy.breaker(None));
    let (ends, ended) = std::sync::mpsc::channel::<()>();
    let ended = Arc::new(std::sync::Mutex::new(ended));
    let call = guards.call_with_work(key, Ask::default(), |_, work| {
        let ended = ended.clone();
        let thread = tokio::task::spawn_blocking(move || {
            let _work = work;
            ended.lock().unwrap().recv().unwrap();
        });
        async move { thread.await.map_err(|_| Broken(0)) }
    });
    assert_eq!(call.await, Err(CallError::TimedOut { set_by: Scope::Attempt }));
    assert_eq!(running(&guards, key), (1, 0), "nothing can end the thread");
    let counters = guards.manager(|manager, _| manager.snapshot(key)).unwrap().counters;
    assert_eq!((counters.timed_out, counters.abandoned), (1, 1));
    // Whoever comes meanwhile is in line until it has ended.
    let next = takes(&guards, key, 0);
    while running(&guards, key).1 == 0 {
        tokio::task::yield_now().await;
    }
    ends.send(()).unwrap();
    assert_eq!(next.await.unwrap(), Ok(0));
    assert_eq!(running(&guards, key), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn work_that_ends_with_its_call_is_as_if_it_had_not_been() {
    let (guards, key) = guards(policy());
    let made = AtomicU32::new(0);
    let attempt = |_, work: Work| {
        let number = made.fetch_add(1, Ordering::SeqCst);
        async move {
            drop(work.clone());
            drop(work);
            if number == 1 { Ok(number) } else { Err(Broken(number)) }
        }
    };
    assert_eq!(guards.call_with_work(key, Ask::default(), attempt).await, Ok(1));
    let counters = guards.manager(|manager, _| manager.snapshot(key)).unwrap().counters;
    assert_eq!((counters.succeeded, counters.abandoned), (1, 0));
    assert_eq!(running(&guards, key), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_experiment_is_carried_out_at_the_call() {
    let (guards, key) = guards(policy().retry(None));
    let experiment = |fault| {
        let config = chaos::Config::default()
            .name("one".into())
            .hypothesis("it is noticed".into())
            .fault(fault)
            .share_ppm(1_000_000)
            .failed_ppm(1_000_000)
            .slow_ppm(1_000_000)
            .minimum_calls(1)
            .baseline_ms(10);
        Experiment::new(config).unwrap()
    };
    assert_eq!(
        guards.set_experiment(Some(experiment(Fault::Crash))),
        Err(CannotInject(Fault::Crash))
    );
    let latency = Fault::Latency { ms: 300, jitter_ms: 0 };
    for (fault, made_times, expected) in [
        (Fault::Error, 0, Err(CallError::Injected)),
        (Fault::Partition, 0, Err(CallError::TimedOut { set_by: Scope::Attempt })),
        (Fault::Drop, 1, Err(CallError::TimedOut { set_by: Scope::Attempt })),
        (Fault::Duplicate, 2, Ok(())),
        (latency, 1, Ok(())),
    ] {
        guards.set_experiment(Some(experiment(fault))).unwrap();
        guards.manager(|manager, now| {
            let experiment = manager.experiment().unwrap();
            experiment.permit(now, now + Duration::from_hours(1)).unwrap();
        });
        let made = AtomicU32::new(0);
        let attempt = |_| async {
            made.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Broken>(())
        };
        assert_eq!(guards.call(key, Ask::default(), attempt).await, Ok(()), "only looking");
        sleep(Duration::from_millis(11)).await;
        guards.manager(Manager::tick);
        made.store(0, Ordering::SeqCst);
        let begun = Instant::now();
        assert_eq!(guards.call(key, Ask::default(), attempt).await, expected, "{fault:?}");
        assert_eq!(made.load(Ordering::SeqCst), made_times, "{fault:?}");
        assert!(fault != latency || begun.elapsed() >= Duration::from_millis(300));
        guards.manager(|manager, now| manager.experiment().unwrap().abort(now, Aborted::Operator));
        let _ = guards.call(key, Ask::default(), attempt).await;
    }
}

#[tokio::test(start_paused = true)]
async fn time_passes_for_guards_that_nobody_asks() {
    let (guards, key) = guards(policy().retry(None));
    let ticking = tokio::spawn(guards.clone().run());
    for _ in 0..4 {
        let _ = guards.call(key, Ask::default(), |_| async { Err::<(), _>(Broken(0)) }).await;
    }
    sleep(Duration::from_secs(11)).await;
    let breaker = guards.manager(|manager, _| manager.snapshot(key)).unwrap().breaker.unwrap();
    assert_eq!(breaker.state, breaker::State::HalfOpen);
    ticking.abort();
}

#[tokio::test(start_paused = true)]
async fn callers_that_go_away_open_the_breaker_of_what_hangs_and_of_nothing_else() {
    let (guards, key) = guards(policy());
    for _ in 0..40 {
        assert_eq!(takes(&guards, key, 60).await.unwrap(), Ok(60));
    }
    let state = || {
        let seen = guards.manager(|manager, _| manager.snapshot(key)).unwrap();
        seen.breaker.unwrap().state
    };
    let hangs = |_| pending::<Result<(), Broken>>();
    for patience in [10, 500] {
        assert_eq!(state(), breaker::State::Closed);
        for _ in 0..4 {
            let call = guards.call(key, Ask::default(), hangs);
            assert!(timeout(Duration::from_millis(patience), call).await.is_err());
        }
    }
    assert_eq!(state(), breaker::State::Open);
}

fn hedged() -> Policy {
    let hedge = retry::HedgeConfig::default().after_ms(50);
    policy().repeatable(true).hedge(Some(hedge))
}

/// What ends an attempt that was begun, also if it is dropped.
struct Ends(Arc<AtomicU32>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_is_asked_once_more_and_the_first_answer_counts() {
    let (guards, key) = guards(hedged());
    let (begun, made) = (Instant::now(), AtomicU32::new(0));
    let ended = Arc::new(AtomicU32::new(0));
    let attempt = |_| {
        let (number, ends) = (made.fetch_add(1, Ordering::SeqCst), Ends(ended.clone()));
        async move {
            let _ends = ends;
            sleep(Duration::from_millis(if number == 0 { 900 } else { 20 })).await;
            Ok::<_, Broken>(number)
        }
    };
    assert_eq!(guards.call(key, Ask::default(), attempt).await, Ok(1), "the copy");
    assert!((70..75).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(ended.load(Ordering::SeqCst), 2, "the other is dropped");
    let seen = guards.manager(|manager, _| manager.snapshot(key)).unwrap();
    assert_eq!((seen.counters.attempts, seen.hedge.unwrap().won_by_copy), (2, 1));
    assert_eq!(seen.breaker.unwrap().rates.calls, 1, "what was dropped says nothing");
    // What is quick has no copy, and what isn't declared repeatable never has.
    assert_eq!(guards.call(key, Ask::default(), attempt).await, Ok(2));
    guards
        .reconfigure(Config::default().operations([("read".to_owned(), policy())].into()))
        .unwrap();
    made.store(0, Ordering::SeqCst);
    assert_eq!(guards.call(key, Ask::default(), attempt).await, Ok(0));
    assert_eq!(running(&guards, key), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn where_the_first_fails_its_copy_may_still_win_and_where_both_do_it_is_retried() {
    let (guards, key) = guards(hedged());
    let made = AtomicU32::new(0);
    let attempt = |good: u32| {
        let made = &made;
        move |_| async move {
            let number = made.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(100)).await;
            if number == good { Ok(number) } else { Err(Broken(number)) }
        }
    };
    assert_eq!(guards.call(key, Ask::default(), attempt(1)).await, Ok(1));
    made.store(0, Ordering::SeqCst);
    assert_eq!(guards.call(key, Ask::default(), attempt(2)).await, Ok(2), "the second attempt");
    let seen = guards.manager(|manager, _| manager.snapshot(key)).unwrap();
    assert_eq!(seen.retry.unwrap().counters.rescued, 1);
    assert_eq!(seen.breaker.unwrap().counters.admitted, seen.counters.attempts);
}

/// Fails as often as it is told to, then answers.
#[derive(Clone)]
struct Flaky {
    failures: Arc<AtomicU32>,
}

impl Service<u32> for Flaky {
    type Response = u32;
    type Error = Broken;
    type Future = std::future::Ready<Result<u32, Broken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        let left =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
        std::future::ready(if left.is_ok() { Err(Broken(request)) } else { Ok(request * 2) })
    }
}

#[tokio::test(start_paused = true)]
async fn any_tower_service_can_be_put_under_them() {
    let (guards, key) = guards(policy());
    let failures = Arc::new(AtomicU32::new(2));
    let layer = GuardLayer::new(guards.clone(), key, Ask::default());
    let mut service = layer.layer(Flaky { failures: failures.clone() });
    assert_eq!(service.call(21).await, Ok(42), "the third attempt");
    failures.store(3, Ordering::SeqCst);
    assert_eq!(service.call(1).await, Err(CallError::Failed(Broken(1))));
    // Its operation isn't configured any more: an error, and not a call without guards.
    guards.reconfigure(Config::default()).unwrap();
    assert_eq!(service.call(1).await, Err(CallError::Unknown(Unknown::Operation)));
}

/// What somebody else's type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status(u16);

/// Always the same.
#[derive(Clone)]
struct Says(Status, Arc<AtomicU32>);

impl Service<()> for Says {
    type Response = ();
    type Error = Status;
    type Future = std::future::Ready<Result<(), Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        self.1.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Err(self.0))
    }
}

#[tokio::test(start_paused = true)]
async fn a_closure_judges_errors_that_do_not_judge_themselves() {
    let (guards, key) = guards(policy());
    let layer =
        GuardLayer::new(guards.clone(), key, Ask::default()).judged_by(|status: &Status| {
            match status.0 {
                503 => (Outcome::Overload, Hint::None),
                _ => (Outcome::Neutral, Hint::Never),
            }
        });
    for (status, times) in [(Status(503), 3), (Status(404), 1)] {
        let made = Arc::new(AtomicU32::new(0));
        let mut service = layer.layer(Says(status, made.clone()));
        assert_eq!(service.call(()).await, Err(CallError::Failed(status)), "as it was");
        assert_eq!(made.load(Ordering::SeqCst), times, "{status:?}");
    }
    let seen = guards.manager(|manager, _| manager.snapshot(key)).unwrap();
    assert_eq!((seen.counters.failed, seen.counters.neutral), (1, 1));
}
