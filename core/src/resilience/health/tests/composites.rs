//! Parts that need each other.

use alloc::{vec, vec::Vec};

use crate::resilience::health::{Composite, Overall, Part, State};

/// A disk, a store on it, a network, and an optional cache that needs both.
fn host() -> Composite {
    let part = |name: &str, required, needs: &[u8]| Part {
        name: name.into(),
        required,
        needs: needs.to_vec(),
    };
    let parts = vec![
        part("disk", true, &[]),
        part("store", true, &[0]),
        part("network", true, &[]),
        part("cache", false, &[1, 2]),
    ];
    Composite::new(parts).unwrap()
}

fn causes(guard: &Composite) -> Vec<&str> {
    guard.causes().map(|part| part.name.as_str()).collect()
}

#[test]
fn what_is_down_because_another_is_is_no_cause() {
    let mut guard = host();
    assert_eq!(guard.overall(), Overall::Degraded, "the cache may be down for all we know");
    (0..4).for_each(|part| assert!(guard.set(part, State::Up)));
    assert_eq!(guard.overall(), Overall::Up);
    guard.set(0, State::Down);
    guard.set(1, State::Down);
    assert_eq!((guard.overall(), causes(&guard)), (Overall::Down, vec!["disk"]));
    assert_eq!(guard.state(3), Some(State::Down), "it needs what needs the disk");
    guard.set(0, State::Up);
    assert_eq!(causes(&guard), ["store"]);
}

#[test]
fn what_is_not_required_only_degrades() {
    let mut guard = host();
    (0..3).for_each(|part| assert!(guard.set(part, State::Up)));
    guard.set(3, State::Down);
    assert_eq!((guard.overall(), causes(&guard)), (Overall::Degraded, vec!["cache"]));
    guard.set(2, State::Unknown);
    assert_eq!(guard.state(2), Some(State::Unknown));
    assert!(!guard.set(4, State::Up), "there is no such part");
    assert_eq!(guard.state(4), None);
}
