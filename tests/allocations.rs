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
        rate::{self, Limiter},
        retry::{self, Hint, Retry},
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
