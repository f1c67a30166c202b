//! What can't work is refused with its field.

use alloc::vec;

use super::{BudgetConfig, Config, Retry};
use crate::resilience::retry::{Backoff, HedgeConfig, Hedger};

fn field(config: Config) -> &'static str {
    Retry::new(config).unwrap_err().field
}

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().attempts(0)), "attempts");
    assert_eq!(field(good().attempts(101)), "attempts");
    assert_eq!(field(good().base_ms(0)), "base_ms");
    assert_eq!(field(good().cap_ms(99)), "cap_ms");
    assert_eq!(field(good().cap_ms(u64::MAX)), "cap_ms");
    assert_eq!(field(good().cap_ms(60_001)), "cap_ms");
    assert_eq!(field(good().growth_percent(99)), "growth_percent");
    assert_eq!(field(good().backoff(Backoff::Custom(vec![]))), "backoff");
    assert_eq!(field(good().backoff(Backoff::Custom(vec![1; 17]))), "backoff");
    assert_eq!(field(good().backoff(Backoff::Custom(vec![10_001]))), "backoff");
    assert_eq!(field(good().elapsed_ms(Some(0))), "elapsed_ms");
    assert_eq!(field(good().attempt_needs_ms(0)), "attempt_needs_ms");
    assert_eq!(field(good().retry_after_max_ms(60_001)), "retry_after_max_ms");
    let budget = BudgetConfig::default;
    assert_eq!(field(good().budget(budget().window_ms(15))), "window_ms");
    assert_eq!(field(good().budget(budget().share_ppm(10_000_001))), "share_ppm");
}

#[test]
fn a_hedge_that_can_not_work_is_refused() {
    let field = |config| Hedger::new(config).unwrap_err().field;
    let good = HedgeConfig::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().after_ms(0)), "after_ms");
    assert_eq!(field(good().after_at_least_ms(1_001)), "after_at_least_ms");
    assert_eq!(field(good().copies(0)), "copies");
    assert_eq!(field(good().copies(9)), "copies");
}
