//! What can't work is refused with its field.

use alloc::{string::String, vec};

use super::{Config, Experiment, Fault, config};
use crate::resilience::chaos::MAX_CALLS;

#[test]
fn the_usual_is_valid_and_what_can_not_work_is_named() {
    let field = |config| Experiment::new(config).unwrap_err().field;
    let good = || config(Fault::Error);
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(Config::default()), "name");
    assert_eq!(field(good().hypothesis(String::new())), "hypothesis");
    assert_eq!(field(good().peers(vec![0; 257])), "peers");
    assert_eq!(field(good().operations(vec![0; 257])), "operations");
    assert_eq!(field(good().share_ppm(0)), "share_ppm");
    assert_eq!(field(good().max_peers(0)), "max_peers");
    assert_eq!(field(good().max_calls(MAX_CALLS + 1)), "max_calls");
    assert_eq!(field(good().baseline_ms(0)), "baseline_ms");
    assert_eq!(field(good().inject_ms(u64::MAX)), "inject_ms");
    assert_eq!(field(good().window_ms(9)), "window_ms");
    assert_eq!(field(good().failed_ppm(0)), "failed_ppm");
    assert_eq!(field(good().slow_ppm(1_000_001)), "slow_ppm");
    assert_eq!(field(good().minimum_calls(0)), "minimum_calls");
    assert_eq!(field(config(Fault::Latency { ms: u64::MAX, jitter_ms: 1 })), "fault");
    assert_eq!(field(config(Fault::Reorder { ms: 0 })), "fault");
    assert_eq!(field(config(Fault::ClockSkew { ms: 0 })), "fault");
    assert_eq!(config(Fault::ClockSkew { ms: -5 }).validate(), Ok(()));
}
