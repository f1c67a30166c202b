//! What can't work is refused with its field.

use alloc::{string::String, vec};

use super::{Config, Degradation, at, degradation};
use crate::resilience::degradation::{Feature, Level};

fn field(config: Config) -> &'static str {
    Degradation::new(config).unwrap_err().field
}

#[test]
fn the_default_is_valid_and_what_can_not_work_is_named() {
    let good = Config::default;
    assert_eq!(good().validate(), Ok(()));
    assert_eq!(field(good().signals(0)), "signals");
    assert_eq!(field(good().signals(17)), "signals");
    assert_eq!(field(good().enter_ppm([700_000, 700_000, 950_000])), "enter_ppm");
    assert_eq!(field(good().enter_ppm([700_000, 850_000, 1_000_001])), "enter_ppm");
    assert_eq!(field(good().leave_ppm([700_000, 750_000, 800_000])), "leave_ppm");
    assert_eq!(field(good().leave_ppm([500_000, 500_000, 800_000])), "leave_ppm");
    let never_left = good().leave_ppm([0, 650_000, 800_000]);
    assert_eq!(field(never_left), "leave_ppm", "nothing is below nothing");
    assert_eq!(good().leave_ppm([1, 650_000, 800_000]).validate(), Ok(()));
    assert_eq!(field(good().worsen_ms(0)), "worsen_ms");
    assert_eq!(field(good().improve_ms(1_999)), "improve_ms");
    assert_eq!(field(good().stale_ms(0)), "stale_ms");
    assert_eq!(field(good().shed_background_ppm([0, 1_000_001, 1_000_001])), "shed_background_ppm");
    assert_eq!(field(good().shed_normal_ppm([500_000, 0, 0])), "shed_normal_ppm");
    assert_eq!(field(good().shed_background_ppm([0; 3])), "shed_normal_ppm");
    assert_eq!(field(good().shed_important_ppm([1; 3])), "shed_important_ppm");
    let never_on = Feature { name: String::new(), off_from: Level::Normal };
    assert_eq!(field(good().features(vec![never_on.clone()])), "features");
    let off = Feature { off_from: Level::Severe, ..never_on };
    assert_eq!(field(good().features(vec![off; 65])), "features");
}

#[test]
fn other_thresholds_keep_the_level() {
    let mut guard = degradation(Config::default());
    guard.observe(at(0), 3, 1_000_000).unwrap();
    guard.tick(at(2_000));
    assert_eq!(guard.level(), Level::Degraded);
    guard.reconfigure(at(2_000), Config::default().signals(1)).unwrap();
    assert_eq!((guard.level(), guard.snapshot().highest_ppm), (Level::Degraded, 0));
    assert!(guard.reconfigure(at(2_000), Config::default().signals(0)).is_err());
    assert_eq!(guard.config().signals, 1);
}
