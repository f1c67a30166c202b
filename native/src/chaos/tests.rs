//! Who may begin an experiment, what it does, and what ends it.

use std::{sync::Arc, thread::sleep, time::Duration};

use conclave_core::{
    config::BadConfig,
    crypto::{Digest, Directory, Ed25519, SecretKey, Signed},
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp},
    pbft::MessageKind,
    quorum::Membership,
    resilience::chaos::{Aborted, BadPermission, Config, Fault, NotPermitted, Permission, Phase},
    time::WallTime,
};

use super::{Asked, Chaos, NotStarted, PermittedBy};
use crate::node::Clock;

const NOW: WallTime = WallTime(1_800_000_000_000);
const OWN: NodeId = NodeId(0);

fn key(byte: u8) -> SecretKey {
    SecretKey::from_seed(&[byte; 32])
}

/// At one of four nodes, of which one may be faulty. Nothing is under way.
fn chaos(development: bool) -> Chaos {
    let known: Directory = [(Principal::ADMINISTRATOR, key(1).public())].into_iter().collect();
    let authenticator = Ed25519::new(Principal::Node(OWN), key(9), Arc::new(known));
    let members = Membership::new(4).unwrap();
    Chaos::new(OWN, Clock::start(), development, members, Arc::new(authenticator))
}

/// One that touches nothing.
pub(crate) fn quiet() -> Chaos {
    chaos(true)
}

/// Touches all, and is over within a second.
fn config(fault: Fault) -> Config {
    Config::default()
        .name("one".into())
        .hypothesis("clients notice nothing".into())
        .fault(fault)
        .share_ppm(1_000_000)
        .baseline_ms(200)
        .inject_ms(300)
        .recover_ms(300)
        .window_ms(1_000)
        .slow_ms(40)
        .minimum_calls(3)
}

fn asked(config: Config) -> Asked {
    Asked::Development(config.into())
}

fn permission(chaos: &Chaos, lasts_ms: u64, experiment: Config) -> Permission {
    let number = chaos.seen().number.unwrap();
    Permission { node: OWN, number, until: NOW.after_ms(lasts_ms), experiment }
}

fn permitted(permission: Permission) -> Asked {
    let administrator = Ed25519::new(Principal::ADMINISTRATOR, key(1), Arc::default());
    Asked::Permitted(Signed::new(permission, &administrator).into())
}

fn phase(chaos: &Chaos) -> Phase {
    chaos.tick();
    chaos.seen().experiment.unwrap().phase
}

/// Clients ask, and are answered at once, for so long as it is in this phase.
fn requests_are_executed(chaos: &Chaos, during: Phase) {
    for number in 0..1_000 {
        for client in 0..10 {
            let request = RequestId { client: ClientId(client), timestamp: Timestamp(number) };
            chaos.saw(&EventKind::RequestAccepted { request });
            let (seq, digest, requests) = (Seq(number), Digest::default(), vec![request]);
            chaos.saw(&EventKind::Executed { seq, digest, requests });
        }
        if phase(chaos) != during {
            return;
        }
        sleep(Duration::from_millis(5));
    }
    panic!("seconds later it is still {during:?}");
}

#[test]
fn it_injects_between_two_looks_and_ends_by_itself() {
    let chaos = chaos(true);
    chaos.start(asked(config(Fault::Drop))).unwrap();
    assert!(!chaos.injects());
    assert_eq!(chaos.inject(NodeId(1), MessageKind::Prepare), None);
    requests_are_executed(&chaos, Phase::Baseline);
    assert!(chaos.injects());
    assert_eq!(chaos.start(asked(config(Fault::Drop))), Err(NotStarted::UnderWay));
    let touched = |peer| chaos.inject(NodeId(peer), MessageKind::Prepare).is_some();
    assert!(touched(1) && !touched(2) && touched(1), "one peer, as max_peers says");
    assert!(!chaos.cuts_off(NodeId(1)), "it is no partition");
    requests_are_executed(&chaos, Phase::Injecting);
    assert!(!chaos.injects() && !touched(1));
    requests_are_executed(&chaos, Phase::Recovering);
    let seen = chaos.seen().experiment.unwrap();
    assert_eq!((seen.phase, seen.runs, seen.peers.clone()), (Phase::Held, false, vec![NodeId(1)]));
    assert_eq!((seen.counters.injected, seen.counters.spared), (2, 1));
    assert_eq!(seen.says, "over: the hypothesis held");
    let (totals, _) = chaos.counted();
    assert_eq!((totals.begun, totals.refused, totals.injected["drop"]), (1, 1, 2));
    assert_eq!(totals.ended["held"], 1);
}

#[test]
fn a_partition_cuts_off_whom_it_touches_and_nobody_else() {
    let chaos = chaos(true);
    chaos.start(asked(config(Fault::Partition).peers(vec![2]))).unwrap();
    assert!(!chaos.cuts_off(NodeId(2)));
    requests_are_executed(&chaos, Phase::Baseline);
    assert!(chaos.cuts_off(NodeId(2)) && !chaos.cuts_off(NodeId(1)));
    assert!(chaos.inject(NodeId(2), MessageKind::Commit).is_some());
}

#[test]
fn what_clients_ask_for_is_touched_only_where_the_node_itself_is_listed() {
    let request = |timestamp| RequestId { client: ClientId(1), timestamp: Timestamp(timestamp) };
    for (peers, touched) in [(vec![], false), (vec![1], false), (vec![OWN.0], true)] {
        let chaos = chaos(true);
        let slow = Fault::Latency { ms: 100, jitter_ms: 0 };
        chaos.start(asked(config(slow).peers(peers.clone()))).unwrap();
        assert_eq!(chaos.asked(request(1)), None, "it only looks");
        requests_are_executed(&chaos, Phase::Baseline);
        let injection = chaos.asked(request(2));
        assert_eq!(injection.is_some(), touched, "{peers:?}");
        if let Some(injection) = injection {
            assert_eq!(injection.delay, Duration::from_millis(100));
            assert_eq!(
                chaos.inject(NodeId(1), MessageKind::Prepare),
                None,
                "no link is in its scope"
            );
            chaos.tick();
            assert_eq!(chaos.seen().experiment.unwrap().peers, [OWN]);
            assert!(chaos.abort());
            assert_eq!(chaos.asked(request(3)), None);
        }
    }
}

#[test]
fn what_is_held_back_before_it_is_taken_on_counts_from_when_it_came() {
    let chaos = chaos(true);
    let slow = Fault::Latency { ms: 100, jitter_ms: 0 };
    chaos.start(asked(config(slow).peers(vec![OWN.0]).inject_ms(60_000))).unwrap();
    requests_are_executed(&chaos, Phase::Baseline);
    for client in 0..3 {
        let request = RequestId { client: ClientId(client), timestamp: Timestamp(5_000) };
        assert!(chaos.asked(request).is_some());
        sleep(Duration::from_millis(50));
        chaos.saw(&EventKind::RequestAccepted { request });
        let (seq, digest, requests) = (Seq(1), Digest::default(), vec![request]);
        chaos.saw(&EventKind::Executed { seq, digest, requests });
    }
    assert_eq!(phase(&chaos), Phase::Aborted(Aborted::Refuted), "clients waited for it");
}

#[test]
fn requests_that_hang_abort_it_though_nobody_waits_for_them() {
    let chaos = chaos(true);
    chaos.start(asked(config(Fault::Drop).inject_ms(60_000))).unwrap();
    requests_are_executed(&chaos, Phase::Baseline);
    for client in 0..2 {
        let request = RequestId { client: ClientId(client), timestamp: Timestamp(1_000) };
        chaos.saw(&EventKind::RequestAccepted { request });
    }
    for _ in 0..100 {
        if phase(&chaos) != Phase::Injecting {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    assert_eq!(
        phase(&chaos),
        Phase::Aborted(Aborted::Refuted),
        "two of them count, again and again"
    );
}

#[test]
fn who_turns_clients_away_is_not_steady() {
    let chaos = chaos(true);
    chaos.start(asked(config(Fault::Drop))).unwrap();
    for number in 0..3 {
        let request = RequestId { client: ClientId(1), timestamp: Timestamp(number) };
        let why = conclave_core::node::Why::ALL[0];
        chaos.saw(&EventKind::TurnedAway { request, why, retry_after_ms: 1 });
    }
    assert_eq!(phase(&chaos), Phase::Aborted(Aborted::NotSteady));
}

#[test]
fn without_permission_nothing_begins_but_in_development() {
    let chaos = chaos(false);
    assert_eq!(chaos.start_at(asked(config(Fault::Drop)), NOW), Err(NotStarted::NoPermission));
    let good = permission(&chaos, 60_000, config(Fault::Drop));
    let stranger = Ed25519::new(Principal::ADMINISTRATOR, key(2), Arc::default());
    let forged = Asked::Permitted(Signed::new(good.clone(), &stranger).into());
    let refused = NotStarted::Permission(BadPermission::Signature);
    assert_eq!(chaos.start_at(forged, NOW), Err(refused));
    assert!(chaos.seen().experiment.is_none());
    assert_eq!(chaos.start_at(permitted(good), NOW), Ok(()));
    let seen = chaos.seen().experiment.unwrap();
    assert_eq!(seen.permitted_by, PermittedBy::Administrator);
    assert_eq!(chaos.counted().0.refused, 2);
}

#[test]
fn a_permission_counts_once_and_no_longer_than_the_node_runs() {
    let used = Err(NotStarted::Permission(BadPermission::Used));
    let first = chaos(false);
    let asked = permitted(permission(&first, 60_000, config(Fault::Drop)));
    assert_eq!(first.start_at(asked.clone(), NOW), Ok(()));
    assert!(first.abort());
    assert_eq!(phase(&first), Phase::Aborted(Aborted::Operator));
    assert!(!first.abort(), "there is none any more");
    assert_eq!(first.start_at(asked.clone(), NOW), used, "a replay");
    let restarted = chaos(false);
    assert_eq!(restarted.start_at(asked, NOW), used);
    // What was refused for another reason isn't used up.
    let wrong = permission(&first, 60_000, config(Fault::Crash));
    let refused = first.start_at(permitted(wrong), NOW);
    assert_eq!(refused, Err(NotStarted::Fault(Fault::Crash)));
    let another = permitted(permission(&first, 60_000, config(Fault::Drop)));
    assert_eq!(first.start_at(another, NOW), Ok(()));
}

#[test]
fn what_is_over_permits_nothing_and_what_ends_meanwhile_ends_the_experiment() {
    let chaos = chaos(false);
    let over = permitted(permission(&chaos, 0, config(Fault::Drop)));
    let refused = chaos.start_at(over, NOW).unwrap_err();
    assert!(matches!(refused, NotStarted::Permission(BadPermission::Over { .. })), "{refused}");
    let short = permitted(permission(&chaos, 100, config(Fault::Drop)));
    assert_eq!(chaos.start_at(short, NOW), Err(NotStarted::TooShort(NotPermitted)));
    let long = permitted(permission(&chaos, 500, config(Fault::Drop).inject_ms(60_000)));
    chaos.start_at(long, NOW).unwrap();
    requests_are_executed(&chaos, Phase::Baseline);
    requests_are_executed(&chaos, Phase::Injecting);
    assert_eq!(phase(&chaos), Phase::Aborted(Aborted::PermissionOver));
}

#[test]
fn no_more_peers_are_touched_than_may_be_faulty_but_in_development() {
    let two = || config(Fault::Drop).max_peers(2);
    let in_development = chaos(true);
    assert_eq!(in_development.start(asked(two())), Ok(()));
    let chaos = chaos(false);
    let refused = chaos.start_at(permitted(permission(&chaos, 60_000, two())), NOW);
    assert_eq!(refused, Err(NotStarted::TooManyPeers { max_peers: 2, f: 1 }));
    chaos.follow(Membership::new(7).unwrap());
    assert_eq!(chaos.start_at(permitted(permission(&chaos, 60_000, two())), NOW), Ok(()));
    // Fewer may be faulty from then on.
    let started = chaos.seen().experiment.unwrap();
    assert!(started.runs);
    chaos.follow(Membership::new(4).unwrap());
    assert_eq!(phase(&chaos), Phase::Aborted(Aborted::Scope));
}

#[test]
fn what_can_not_work_is_refused_with_its_field() {
    let chaos = chaos(true);
    let refused = chaos.start(asked(config(Fault::Drop).hypothesis(String::new()))).unwrap_err();
    assert!(matches!(refused, NotStarted::Config(BadConfig { field: "hypothesis", .. })));
    for fault in [Fault::ClockSkew { ms: 5 }, Fault::DiskLoss, Fault::DiskCorruption, Fault::Crash]
    {
        assert_eq!(chaos.start(asked(config(fault))), Err(NotStarted::Fault(fault)));
    }
}

#[test]
fn a_new_state_or_epoch_leaves_nothing_to_wait_for() {
    let chaos = chaos(true);
    chaos.start(asked(config(Fault::Drop).baseline_ms(500))).unwrap();
    let request = RequestId { client: ClientId(1), timestamp: Timestamp(1) };
    chaos.saw(&EventKind::RequestAccepted { request });
    let (epoch, after) = (Epoch(1), Seq(100));
    let members = vec![OWN];
    let protocol = conclave_core::analyzer::Protocol::Pbft;
    chaos.saw(&EventKind::EpochBegun { epoch, after, members, protocol });
    sleep(Duration::from_millis(100));
    chaos.tick();
    assert_eq!(chaos.seen().experiment.unwrap().steady.calls, 0);
}
