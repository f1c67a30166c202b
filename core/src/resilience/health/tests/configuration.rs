//! What can't work is refused with its field.

use alloc::{string::String, vec, vec::Vec};

use crate::resilience::health::{
    Check, CheckConfig, Composite, Corroboration, CorroborationConfig, MAX_INTERVALS, MAX_MEMBERS,
    OutlierConfig, Outliers, Part, PhiAccrual, PhiConfig,
};

#[test]
fn a_check_that_can_not_work_is_refused() {
    let field = |config| Check::new(config).unwrap_err().field;
    let good = CheckConfig::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().rise(0)), "rise");
    assert_eq!(field(good().fall(0)), "fall");
    assert_eq!(field(good().interval_ms(0)), "interval_ms");
    assert_eq!(field(good().timeout_ms(2_001)), "timeout_ms");
}

#[test]
fn a_phi_that_can_not_work_is_refused() {
    let field = |config| PhiAccrual::new(config).unwrap_err().field;
    let good = PhiConfig::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().threshold_milli(999)), "threshold_milli");
    assert_eq!(field(good().intervals(1)), "intervals");
    assert_eq!(field(good().intervals(MAX_INTERVALS + 1)), "intervals");
    assert_eq!(field(good().expected_ms(0)), "expected_ms");
    assert_eq!(field(good().least_deviation_ms(0)), "least_deviation_ms");
    assert_eq!(field(good().pause_ms(u64::MAX)), "pause_ms");
    assert_eq!(field(good().least_mean_ms(10_001)), "most_mean_ms");
}

#[test]
fn what_needs_itself_or_a_part_that_is_not_there_is_refused() {
    let part = |needs: Vec<u8>| Part { name: String::new(), required: true, needs };
    let field = |parts| Composite::new(parts).unwrap_err().field;
    assert_eq!(field(vec![]), "parts");
    assert_eq!(field(vec![part(vec![]); 65]), "parts");
    assert_eq!(field(vec![part(vec![0])]), "needs");
    assert_eq!(field(vec![part(vec![1]), part(vec![0])]), "needs");
}

#[test]
fn reports_and_outliers_that_can_not_work_are_refused() {
    let field = |config| Corroboration::new(config).unwrap_err().field;
    let good = CorroborationConfig::default;
    assert_eq!(field(good().members(1)), "members");
    assert_eq!(field(good().members(MAX_MEMBERS + 1)), "members");
    assert_eq!(field(good().faulty(3)), "faulty");
    assert_eq!(field(good().report_ms(0)), "report_ms");
    let field = |config| Outliers::new(config).unwrap_err().field;
    let good = OutlierConfig::default;
    assert_eq!(field(good().peers(2)), "peers");
    assert_eq!(field(good().at_most(2)), "at_most");
    assert_eq!(field(good().interval_ms(0)), "interval_ms");
    assert_eq!(field(good().minimum_calls(0)), "minimum_calls");
    assert_eq!(field(good().failure_rate_ppm(0)), "failure_rate_ppm");
    assert_eq!(field(good().margin_ppm(0)), "margin_ppm");
    assert_eq!(field(good().eject_ms(300_001)), "eject_max_ms");
}
