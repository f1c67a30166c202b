//! Both kinds of window against a list of all calls.

use alloc::{collections::VecDeque, vec::Vec};

use super::at;
use crate::{
    dice::Dice,
    resilience::breaker::{Rates, Window, window::Calls},
    time::Time,
};

fn rates<'a>(calls: impl Iterator<Item = &'a (bool, bool)>) -> Rates {
    calls.fold(Rates::default(), |all, (failed, slow)| Rates {
        calls: all.calls + 1,
        failed: all.failed + u32::from(*failed),
        slow: all.slow + u32::from(*slow),
    })
}

#[test]
fn the_last_calls_are_exactly_those() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed, 0);
        let size = 1 + dice.below(200) as u32;
        let mut window = Calls::new(Window::Calls(size));
        let mut model = VecDeque::new();
        for _ in 0..1_000 {
            let call = (dice.below(3) == 0, dice.below(4) == 0);
            model.push_back(call);
            if model.len() > size as usize {
                model.pop_front();
            }
            assert_eq!(window.count(at(0), call.0, call.1), rates(model.iter()), "seed {seed}");
            if dice.below(300) == 0 {
                window.clear();
                model.clear();
            }
        }
    }
}

#[test]
fn recent_calls_are_those_of_the_last_ten_buckets() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed, 0);
        let bucket_ms = 1 + dice.below(1_000);
        let mut window = Calls::new(Window::Ms(bucket_ms * 10));
        let (mut model, mut now_ms) = (Vec::new(), dice.below(1 << 40));
        for _ in 0..1_000 {
            now_ms += dice.below(bucket_ms) * dice.below(2);
            if dice.below(100) == 0 {
                now_ms += dice.below(bucket_ms * 30);
            }
            let call = (dice.below(3) == 0, dice.below(4) == 0);
            model.push((now_ms / bucket_ms, call));
            let newest = now_ms / bucket_ms;
            let recent = model.iter().filter(|(bucket, _)| bucket + 10 > newest).map(|(_, it)| it);
            assert_eq!(window.count(at(now_ms), call.0, call.1), rates(recent), "seed {seed}");
        }
        let later = at(now_ms + bucket_ms * 10);
        assert_eq!(window.rates(later), Rates::default(), "all have left");
    }
}

#[test]
fn the_end_of_time_is_a_time() {
    let mut window = Calls::new(Window::Ms(10));
    for now in [Time::ZERO, Time::MAX, Time::MAX] {
        window.count(now, true, true);
    }
    assert!(window.rates(Time::MAX).calls >= 1);
}
