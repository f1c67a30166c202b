//! Who says that who is down.

use alloc::collections::BTreeMap;

use super::at;
use crate::{
    dice::Dice,
    resilience::health::{Corroboration, CorroborationConfig, CorroborationEvent, NoSuchMember},
};

fn seven() -> Corroboration {
    let config = CorroborationConfig::default().members(7).faulty(2);
    Corroboration::new(config).unwrap()
}

#[test]
fn f_liars_bring_nobody_down_however_often_they_say_so() {
    let mut guard = seven();
    for _ in 0..1_000 {
        guard.report(at(0), 5, 0, true).unwrap();
        guard.report(at(0), 6, 0, true).unwrap();
    }
    assert!(!guard.is_down(0));
    assert_eq!(guard.reports(0), 2);
    guard.report(at(0), 1, 0, true).unwrap();
    assert!(guard.is_down(0), "one of three is correct");
    guard.report(at(1), 1, 0, false).unwrap();
    assert!(!guard.is_down(0));
    assert_eq!(guard.poll_event(), Some(CorroborationEvent::Down(0)));
    assert_eq!(guard.poll_event(), Some(CorroborationEvent::Up(0)));
}

#[test]
fn what_was_said_long_ago_counts_no_more() {
    let mut guard = seven();
    for by in 1..4 {
        guard.report(at(u64::from(by) * 1_000), by, 0, true).unwrap();
    }
    assert!(guard.is_down(0));
    assert_eq!(guard.next_wake(), Some(at(11_000)));
    guard.tick(at(11_000));
    assert!(!guard.is_down(0));
    guard.tick(at(13_000));
    assert_eq!(guard.next_wake(), None);
}

#[test]
fn nobody_reports_itself_and_strangers_are_refused() {
    let mut guard = seven();
    let refused = |by, of| Err(NoSuchMember { by, of, members: 7 });
    assert_eq!(guard.report(at(0), 3, 3, true), refused(3, 3));
    assert_eq!(guard.report(at(0), 7, 3, true), refused(7, 3));
    assert_eq!(guard.report(at(0), 3, u16::MAX, true), refused(3, u16::MAX));
    assert!(!guard.is_down(u16::MAX));
    assert_eq!(guard.reports(u16::MAX), 0);
}

#[test]
fn it_is_what_a_map_of_reports_says() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed, 0);
        let (mut guard, mut map, mut now_ms) = (seven(), BTreeMap::new(), 0);
        for _ in 0..1_000 {
            now_ms += dice.below(1_500);
            let (by, of) = (dice.below(7) as u16, dice.below(7) as u16);
            if by != of && dice.below(3) > 0 {
                guard.report(at(now_ms), by, of, true).unwrap();
                map.insert((of, by), now_ms + 10_000);
            } else if by != of {
                guard.report(at(now_ms), by, of, false).unwrap();
                map.remove(&(of, by));
            }
            guard.tick(at(now_ms));
            map.retain(|_, until| *until > now_ms);
            for of in 0..7 {
                let voices = map.keys().filter(|it| it.0 == of).count();
                assert_eq!(guard.is_down(of), voices >= 3, "seed {seed}");
            }
        }
    }
}
