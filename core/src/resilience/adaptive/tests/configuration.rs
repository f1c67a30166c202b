//! What can't work is refused with its field.

use super::{ALGORITHMS, AdaptiveLimiter, Algorithm, Config, at, limiter, open_to_all};
use crate::resilience::{Priority, adaptive::MAX_LIMIT};

fn field(config: Config) -> &'static str {
    AdaptiveLimiter::new(config).unwrap_err().field
}

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let good = Config::default;
    for algorithm in ALGORITHMS {
        assert_eq!(good().algorithm(algorithm).validate(), Ok(()));
    }
    assert_eq!(field(good().min(0)), "min");
    assert_eq!(field(good().max(MAX_LIMIT + 1)), "max");
    assert_eq!(field(good().min(30).max(29)), "max");
    assert_eq!(field(good().initial(1)), "initial");
    assert_eq!(field(good().initial(1_001)), "initial");
    assert_eq!(field(good().window_ms(0)), "window_ms");
    assert_eq!(field(good().minimum_calls(0)), "minimum_calls");
    assert_eq!(field(good().drop_percent(9)), "drop_percent");
    assert_eq!(field(good().drop_percent(100)), "drop_percent");
    assert_eq!(field(good().lease_ms(99)), "lease_ms");
    assert_eq!(field(good().normal_ppm(499_999)), "normal_ppm");
    let gradient = |tolerance_percent, smoothing_ppm, long_windows, queue| {
        let it = Algorithm::Gradient2 { tolerance_percent, smoothing_ppm, long_windows, queue };
        field(good().algorithm(it))
    };
    assert_eq!(gradient(99, 1, 2, 1), "tolerance_percent");
    assert_eq!(gradient(100, 0, 2, 1), "smoothing_ppm");
    assert_eq!(gradient(100, 1, 1, 1), "long_windows");
    assert_eq!(gradient(100, 1, 2, 0), "queue");
    assert_eq!(field(good().algorithm(Algorithm::Vegas { probe_windows: 1 })), "probe_windows");
}

#[test]
fn other_bounds_move_the_limit_into_them_and_keep_who_is_under_way() {
    let mut guard = limiter(open_to_all(Algorithm::Aimd));
    let permits: alloc::vec::Vec<_> =
        (0..20).map(|_| guard.admit(at(0), Priority::Normal).unwrap()).collect();
    guard.reconfigure(open_to_all(Algorithm::Aimd).initial(5).max(5)).unwrap();
    assert_eq!((guard.limit(), guard.snapshot().under_way), (5, 20));
    assert!(guard.admit(at(0), Priority::Consensus).is_err());
    drop(permits);
    assert!(guard.reconfigure(Config::default().min(0)).is_err());
    assert_eq!(guard.config().max, 5);
}
