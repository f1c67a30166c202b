//! No guard allocates between construction and drop, whatever is admitted, settled or rejected. In a
//! program of its own, because it counts all that the program allocates.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use conclave_core::{
    resilience::{
        Outcome, Priority,
        breaker::{self, Breaker},
        bulkhead::{self, Admission, Bulkhead},
        chaos::{self, Experiment, Phase, Target},
        health::{
            Check, CheckConfig, Composite, OutlierConfig, Outliers, Part, PhiAccrual, PhiConfig,
            State,
        },
        rate::{self, Limiter},
        retry::{self, HedgeConfig, Hedger, Hint, Next, Retry},
    },
    time::Time,
};
use conclave_tests::guards;

struct Counting;

thread_local! {
    /// What this thread allocated: what runs the test has a thread of its own.
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

// Safety: all that is asked of it the system's allocator does.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + 1);
        // Safety: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Safety: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often anything was allocated meanwhile.
fn allocations(mut during: impl FnMut()) -> u64 {
    let before = ALLOCATED.get();
    during();
    ALLOCATED.get() - before
}

#[test]
fn nothing_is_allocated_between_construction_and_drop() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1, "it counts");
    for mut guarded in guards::all() {
        let mut passed = 0;
        let count = allocations(|| {
            // Far enough apart for windows, buckets and granules to turn.
            for round in 0..100 {
                passed += guarded.run(Time::from_millis(round * 7_000), 10_000);
            }
        });
        assert_eq!((count, passed), (0, 1_000_000), "{}", guarded.name());
    }
    assert_eq!(allocations(rejections_at_the_limit()), 0);
    assert_eq!(allocations(failures_and_probes()), 0);
    assert_eq!(allocations(a_full_line()), 0);
    assert_eq!(allocations(checks_and_comparisons()), 0);
    assert_eq!(allocations(an_experiment()), 0);
    assert_eq!(allocations(copies()), 0);
}

fn rejections_at_the_limit() -> impl FnMut() {
    let mut guard = Limiter::new(rate::Config::default()).expect("valid");
    move || {
        let rejected = (0..10_000).filter(|_| guard.admit(Time(0), 1, Priority::Normal).is_err());
        assert_eq!(rejected.count(), 9_920);
    }
}

fn failures_and_probes() -> impl FnMut() {
    let mut breaker = Breaker::new(breaker::Config::default()).expect("valid");
    let mut retry = Retry::new(retry::Config::default()).expect("valid");
    move || {
        for second in 0..10_000 {
            let now = Time::from_millis(second * 1_000);
            let mut attempts = retry.begin(now, None);
            if let Ok(permit) = breaker.admit(now) {
                breaker.settle(now, permit, Outcome::Failure);
            }
            let _ = retry.after(now, &mut attempts, Outcome::Failure, Hint::None);
        }
        assert!(breaker.snapshot().counters.opened > 10);
    }
}

fn a_full_line() -> impl FnMut() {
    let config = bulkhead::Config::default().concurrent(4).line(16);
    let mut guard = Bulkhead::new(config).expect("valid");
    move || {
        let mut waited = 0;
        for round in 0..10_000 {
            let now = Time::from_millis(round * 10);
            for priority in Priority::ALL {
                match guard.admit(now, priority, None) {
                    Ok(Admission::Go(permit)) => guard.release(now, permit),
                    Ok(Admission::Wait(_)) => waited += 1,
                    Err(_) => {}
                }
            }
            // Every third round nobody has room: permits are kept until the next.
            let mut kept = [(); 4].map(|()| None);
            if round % 3 == 0 {
                for place in &mut kept {
                    if let Ok(Admission::Go(permit)) = guard.admit(now, Priority::Normal, None) {
                        *place = Some(permit);
                    }
                }
                let _ = guard.admit(now, Priority::Normal, None);
            }
            kept.into_iter().flatten().for_each(|permit| guard.release(now, permit));
            while let Some(turn) = guard.poll_turn(now) {
                turn.result.into_iter().for_each(|permit| guard.release(now, permit));
            }
        }
        assert!(waited > 0 || guard.snapshot().counters.admitted_later > 0);
    }
}

fn checks_and_comparisons() -> impl FnMut() {
    let mut check = Check::new(CheckConfig::default()).expect("valid");
    let mut phi = PhiAccrual::new(PhiConfig::default()).expect("valid");
    let compared = OutlierConfig::default().peers(7).at_most(2);
    let mut compared = Outliers::new(compared).expect("valid");
    let part = |number: u8| Part {
        name: number.to_string(),
        required: number.is_multiple_of(2),
        needs: (0..number).collect(),
    };
    let mut parts = Composite::new((0..64).map(part).collect()).expect("valid");
    move || {
        let (mut causes, mut ejected) = (0, 0);
        for round in 0..10_000_u64 {
            let now = Time::from_millis(round * 2_000);
            let outcome = if round % 9 < 4 { Outcome::Failure } else { Outcome::Success };
            if let Some(probe) = check.poll(now) {
                check.settle(now, probe, outcome);
            }
            phi.heartbeat(now);
            phi.tick(now);
            for peer in 0..7 {
                let outcome = if peer == 3 { Outcome::Failure } else { Outcome::Success };
                (0..20).for_each(|_| compared.settle(now, peer, outcome));
            }
            ejected += u64::from(compared.is_ejected(3));
            parts.set((round % 64) as usize, check.state());
            causes += parts.causes().count();
            assert!(parts.state(63) != Some(State::Up) || round >= 64);
            let _ = parts.overall();
        }
        assert!(causes > 0 && ejected > 0 && phi.snapshot().heartbeats > 0);
    }
}

fn an_experiment() -> impl FnMut() {
    let config = chaos::Config::default().name("one".into()).hypothesis("none notices".into());
    let mut experiment = Experiment::new(config).expect("valid");
    move || {
        let mut injected = 0;
        experiment.permit(Time::ZERO, Time::from_millis(86_400_000)).expect("long enough");
        for round in 0..20_000 {
            let now = Time::from_millis(round * 10);
            let target = Target { peer: (round % 4) as u16, operation: 0 };
            injected += u64::from(experiment.inject(now, target).is_some());
            experiment.settle(now, Outcome::Success, std::time::Duration::ZERO);
            experiment.tick(now);
        }
        assert!(injected > 0 && experiment.phase() == Phase::Held);
    }
}

fn copies() -> impl FnMut() {
    let mut hedger = Hedger::new(HedgeConfig::default()).expect("valid");
    move || {
        let mut sent = 0;
        for round in 0..10_000 {
            let now = Time::from_millis(round * 1_000);
            let mut race = hedger.begin(now, Some(std::time::Duration::from_millis(5)), None);
            let next = hedger.next(Time::from_millis(round * 1_000 + 5), &mut race);
            sent += u64::from(next == Next::Send);
            let copy = race.copies();
            hedger.won(race, copy.min(u8::from(next == Next::Send)));
        }
        assert!(sent > 100);
    }
}
