//! What can't work is refused with its field.

use super::{Bulkhead, Config, at, bulkhead, go, small};
use crate::resilience::{
    Priority,
    bulkhead::{MAX_CONCURRENT, MAX_LINE},
};

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let field = |config| Bulkhead::new(config).unwrap_err().field;
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().concurrent(0)), "concurrent");
    assert_eq!(field(good().concurrent(MAX_CONCURRENT + 1)), "concurrent");
    assert_eq!(field(good().line(MAX_LINE + 1)), "line");
    assert_eq!(field(good().line_ms(0)), "line_ms");
}

#[test]
fn with_fewer_slots_who_runs_goes_on_and_with_more_others_may() {
    let mut guard = bulkhead(small());
    let (first, second) = (go(&mut guard, at(0)), go(&mut guard, at(0)));
    guard.reconfigure(small().concurrent(1).line(0)).unwrap();
    assert_eq!((guard.snapshot().running, guard.snapshot().used_ppm), (2, 2_000_000));
    guard.release(at(0), first);
    assert!(guard.admit(at(0), Priority::Consensus, None).is_err(), "one still runs");
    guard.reconfigure(small().concurrent(3)).unwrap();
    let more = [go(&mut guard, at(0)), go(&mut guard, at(0))];
    assert_eq!(guard.snapshot().running, 3);
    guard.release(at(0), second);
    for permit in more {
        guard.release(at(0), permit);
    }
    assert_eq!(guard.snapshot().running, 0);
    assert!(guard.reconfigure(small().concurrent(0)).is_err());
    assert_eq!(guard.config().concurrent, 3);
}
