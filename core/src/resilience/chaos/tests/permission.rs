//! Who may permit what, where, until when, and how often.

use alloc::sync::Arc;

use super::{Fault, config};
use crate::{
    crypto::{Authenticator, Digest, Directory, Ed25519, SecretKey, Signed},
    ids::{ClientId, NodeId, Principal},
    resilience::chaos::{BadPermission, MAX_PERMISSION_MS, Permission},
    time::WallTime,
};

const NOW: WallTime = WallTime(1_800_000_000_000);
const HERE: NodeId = NodeId(2);

fn key(byte: u8) -> SecretKey {
    SecretKey::from_seed(&[byte; 32])
}

/// Knows the administrator and client 1.
fn directory() -> Arc<Directory> {
    let known = [(Principal::ADMINISTRATOR, 1), (Principal::Client(ClientId(1)), 2)];
    Arc::new(known.into_iter().map(|(who, byte)| (who, key(byte).public())).collect())
}

fn number() -> Digest {
    Digest::of_bytes(b"given out")
}

fn permission(until: WallTime) -> Permission {
    Permission { node: HERE, number: number(), until, experiment: config(Fault::Drop) }
}

fn signed(permission: Permission, by: Principal, byte: u8) -> Signed<Permission> {
    Signed::new(permission, &Ed25519::new(by, key(byte), Arc::default()))
}

fn checked(signed: &Signed<Permission>, number: Digest) -> Result<u64, BadPermission> {
    let node = Ed25519::new(Principal::Node(HERE), key(9), directory());
    Permission::check(signed, &node, HERE, number, NOW)
}

#[test]
fn the_administrator_permits_one_experiment_at_one_node_for_an_hour_at_most() {
    let minute = permission(NOW.after_ms(60_000));
    let good = signed(minute.clone(), Principal::ADMINISTRATOR, 1);
    assert_eq!(checked(&good, number()), Ok(60_000));
    assert_eq!(checked(&good, Digest::of_bytes(b"the next one")), Err(BadPermission::Used));
    let elsewhere = Permission { node: NodeId(3), ..minute };
    let elsewhere = signed(elsewhere, Principal::ADMINISTRATOR, 1);
    assert_eq!(checked(&elsewhere, number()), Err(BadPermission::Node(NodeId(3))));

    let until = |until| checked(&signed(permission(until), Principal::ADMINISTRATOR, 1), number());
    assert_eq!(until(NOW.after_ms(MAX_PERMISSION_MS)), Ok(MAX_PERMISSION_MS));
    assert_eq!(until(NOW.after_ms(3_600_001)), Err(BadPermission::TooLong(3_600_001)));
    assert!(matches!(until(NOW), Err(BadPermission::Over { .. })));
    assert!(matches!(until(WallTime(0)), Err(BadPermission::Over { .. })));
    assert!(matches!(until(WallTime(u64::MAX)), Err(BadPermission::TooLong(_))));
}

#[test]
fn nobody_else_permits_anything_and_nothing_else_is_permitted() {
    let minute = || permission(NOW.after_ms(60_000));
    let client = Principal::Client(ClientId(1));
    assert_eq!(checked(&signed(minute(), client, 2), number()), Err(BadPermission::By(client)));
    let forged = signed(minute(), Principal::ADMINISTRATOR, 2);
    assert_eq!(checked(&forged, number()), Err(BadPermission::Signature));
    let good = signed(minute(), Principal::ADMINISTRATOR, 1);
    for change in [
        |it: &mut Permission| it.until = it.until.after_ms(1),
        |it: &mut Permission| it.experiment.max_peers += 1,
        |it: &mut Permission| it.experiment.fault = Fault::Partition,
    ] {
        let mut other = good.clone();
        change(&mut other.body);
        assert_eq!(checked(&other, number()), Err(BadPermission::Signature));
    }
    let alone = Ed25519::new(Principal::Node(HERE), key(9), Arc::default());
    assert!(!alone.knows(Principal::ADMINISTRATOR));
    let refused = Permission::check(&good, &alone, HERE, number(), NOW);
    assert_eq!(refused, Err(BadPermission::NoAdministrator));
}
