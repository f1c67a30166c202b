//! No recommendation is ever unsound: every case there is.

use alloc::vec;
use core::time::Duration;

use super::{Watch, facts, under};
use crate::{
    analyzer::{Assumption, Deployment, Facts, Level, Network, Parameters, Policy, Protocol, Rule},
    time::Time,
};

/// What must hold, in other words than the analyzer's.
fn assert_sound(protocol: Protocol, facts: Facts, deployment: Deployment) {
    // n ≥ 3k+1 for the k that are proven to lie; where all are trusted, also for the suspected.
    let stands = |k: u16| u32::from(facts.members.n()) > 3 * u32::from(k);
    let any_quorum = stands(facts.convicted);
    let trusted = deployment == Deployment::CrashOnly && facts.convicted == 0;
    match protocol {
        Protocol::SafeMode => assert!(!protocol.orders_writes()),
        Protocol::Raft => assert!(stands(facts.known()) && trusted, "{facts:?} {deployment:?}"),
        _ => assert!(any_quorum, "{protocol:?} {facts:?}"),
    }
    if !any_quorum {
        assert_eq!(protocol, Protocol::SafeMode, "above f nothing but safe mode: {facts:?}");
    }
}

/// The default; one that offers Raft wherever it may; one that does so and then the strictest.
fn policies() -> vec::Vec<(Deployment, Policy)> {
    let rule = |level: &[Level], protocol| Rule {
        level: level.to_vec(),
        network: vec![],
        trend: vec![],
        protocol,
        parameters: Parameters::default(),
    };
    let raft = rule(&[Level::Low], Protocol::Raft);
    let with = |last| {
        let rules = vec![raft.clone(), rule(&[], last)];
        (Deployment::CrashOnly, Policy { rules, ..Policy::default() })
    };
    vec![
        (Deployment::Byzantine, Policy::default()),
        (Deployment::CrashOnly, Policy::default()),
        with(Protocol::Pbft),
        with(Protocol::TrustOrderedPbft),
        with(Protocol::SafeMode),
    ]
}

fn every_case(mut check: impl FnMut(Facts)) {
    for n in 4..=31 {
        for convicted in 0..=n {
            for suspected in 0..=n - convicted {
                let facts = facts(n, convicted, suspected);
                check(facts);
                check(under(facts, Protocol::Raft));
            }
        }
    }
}

#[test]
fn no_recommendation_is_ever_unsound_whatever_the_facts_and_what_went_before() {
    let (mut seen, mut cases) = (alloc::collections::BTreeSet::new(), 0);
    for (deployment, policy) in policies() {
        // From nothing, and with the level still where an attack left it.
        let fresh = Watch::new(policy, deployment);
        let mut shaken = fresh.clone();
        shaken.observe(Time(0), facts(31, 10, 0), Network::Calm);
        let mut recovered = shaken.clone();
        recovered.observe(Time(1), facts(31, 0, 0), Network::Calm);
        recovered.tick(Time(1) + Duration::from_hours(1));
        recovered.tick(Time(1) + Duration::from_hours(2));
        for before in [&fresh, &shaken, &recovered] {
            every_case(|facts| {
                for network in [Network::Calm, Network::Asynchronous] {
                    let mut analyzer = before.clone();
                    analyzer.observe(Time(1 << 40), facts, network);
                    let recommended = analyzer.recommendation().unwrap();
                    assert_sound(recommended.protocol, facts, deployment);
                    assert_eq!(recommended.facts.members, facts.members);
                    seen.insert(recommended.protocol);
                    cases += 1;
                }
            });
        }
    }
    assert_eq!(seen.len(), Protocol::ALL.len(), "each is recommended somewhere: {seen:?}");
    assert!(cases > 100_000, "{cases}");
}

#[test]
fn each_protocol_is_sound_exactly_where_its_assumption_holds() {
    for deployment in [Deployment::Byzantine, Deployment::CrashOnly] {
        every_case(|facts| {
            let above = |k: u16| u32::from(facts.members.n()) <= 3 * u32::from(k);
            for protocol in Protocol::ALL {
                let expected = match protocol.assumption() {
                    Assumption::Nothing => true,
                    Assumption::AtMostF => !above(facts.convicted),
                    Assumption::CrashOnly => {
                        !above(facts.known())
                            && deployment == Deployment::CrashOnly
                            && facts.convicted == 0
                    }
                };
                let sound = protocol.is_sound(facts, deployment).is_ok();
                assert_eq!(sound, expected, "{protocol:?} {facts:?} {deployment:?}");
            }
        });
    }
}

/// What quarantine counts is what the analyzer is told.
#[test]
fn the_facts_are_those_of_quarantine() {
    use crate::{
        crypto::Digest,
        detector::{
            evidence,
            quarantine::{Claim, Config, Quarantine, Statement},
        },
        ids::{NodeId, Principal, Seq},
        quorum::Membership,
        time::WallTime,
    };
    let members = Membership::new(7).unwrap();
    let mut quarantine = Quarantine::new(members, Config::default()).unwrap();
    let mut say = |by: u16, claim| {
        let by = Principal::Node(NodeId(by));
        let number = quarantine.last_number(by) + 1;
        let statement = Statement { number, claim };
        quarantine.apply(Seq(1), WallTime(1), by, &statement).outcome.unwrap();
    };
    let (proof, assumption) = (Digest::of(&1), evidence::Assumption::Absolute);
    say(0, Claim::Convict { offender: NodeId(6), proof, assumption });
    for by in 0..3 {
        say(by, Claim::Accuse { suspect: NodeId(5), score: 55, reasons: vec![] });
    }
    let facts = Facts::of(&quarantine);
    assert_eq!((facts.convicted, facts.suspected, facts.is_above_f()), (1, 1, false));
    assert_eq!(Level::of(facts), Level::High);
}
