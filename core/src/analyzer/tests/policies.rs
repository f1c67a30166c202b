//! What is loaded, what isn't, and what is said.

use alloc::{format, string::ToString, vec};

use super::{Watch, facts};
use crate::{
    analyzer::{
        BadPolicy, Because, Deployment, Level, Network, Parameters, Policy, Protocol, Rule, Trend,
        Unsound,
    },
    time::Time,
};

const CRASH_ONLY: &str = r#"
[[rule]]
level = ["low"]
network = ["calm", "slow"]
protocol = "raft"

[[rule]]
protocol = "pbft"
parameters = { timeout_percent = 150 }
"#;

const BYZANTINE: Deployment = Deployment::Byzantine;
const TRUSTED: Deployment = Deployment::CrashOnly;

fn read(source: &str) -> Policy {
    toml::from_str(source).unwrap()
}

#[test]
fn the_default_is_sound_and_survives_being_written() {
    let policy = Policy::default();
    assert_eq!(policy.validate(BYZANTINE), Ok(()));
    assert_eq!(read(&toml::to_string(&policy).unwrap()), policy);
    assert_eq!(read(""), policy);
}

#[test]
fn a_crash_only_protocol_needs_a_declaration() {
    let policy = read(CRASH_ONLY);
    assert_eq!(policy.validate(TRUSTED), Ok(()));
    let refused = policy.validate(BYZANTINE).unwrap_err();
    assert_eq!(refused, BadPolicy::NotDeclared { rule: 1, protocol: Protocol::Raft });
    assert_eq!(
        refused.to_string(),
        "rule 1 offers Raft, which is for crash-only deployments: declare the deployment \
         crash-only, or offer another protocol"
    );
}

#[test]
fn a_crash_only_protocol_is_for_low_only() {
    let mut policy = read(CRASH_ONLY);
    policy.rules[0].level = vec![];
    let refused = Err(BadPolicy::NotLowOnly { rule: 1, protocol: Protocol::Raft });
    assert_eq!(policy.validate(TRUSTED), refused);
    policy.rules[0].level = vec![Level::Low, Level::Medium];
    assert_eq!(policy.validate(TRUSTED), refused);
}

#[test]
fn every_case_needs_a_rule_that_stands_proof_and_every_rule_a_case() {
    let mut policy = read(CRASH_ONLY);
    policy.rules[1].level = vec![Level::Medium, Level::High, Level::Critical];
    let (level, network, trend) = (Level::Low, Network::Calm, Trend::Falling);
    assert_eq!(policy.validate(TRUSTED), Err(BadPolicy::Uncovered { level, network, trend }));
    let mut policy = Policy::default();
    let last = policy.rules.last().unwrap().clone();
    policy.rules.push(Rule { trend: vec![Trend::Rising], ..last });
    assert_eq!(policy.validate(TRUSTED), Err(BadPolicy::NeverDecides { rule: 8 }));
}

#[test]
fn values_that_can_not_work_are_named() {
    let field = |policy: Policy| match policy.validate(TRUSTED).unwrap_err() {
        BadPolicy::Value { field, .. } | BadPolicy::Parameter { field, .. } => field,
        other => panic!("{other}"),
    };
    let good = Policy::default;
    assert_eq!(field(Policy { dwell_ms: 0, ..good() }), "dwell_ms");
    assert_eq!(field(Policy { trend_window_ms: 0, ..good() }), "trend_window_ms");
    assert_eq!(field(Policy { leave_percent: [10, 16, 28], ..good() }), "leave_percent");
    assert_eq!(field(Policy { leave_percent: [8, 5, 28], ..good() }), "leave_percent");
    assert_eq!(field(Policy { rules: vec![], ..good() }), "rule");
    let mut policy = good();
    policy.rules[0].parameters.timeout_percent = 9;
    assert_eq!(field(policy), "timeout_percent");
    assert!(toml::from_str::<Policy>("dwell = 3").is_err(), "no such field");
}

#[test]
fn the_first_proof_ends_a_crash_only_protocol() {
    let mut analyzer = Watch::new(read(CRASH_ONLY), TRUSTED);
    let first = analyzer.observe(Time(0), facts(20, 0, 0), Network::Calm).unwrap();
    assert_eq!((first.protocol, first.because), (Protocol::Raft, Because::Rule(1)));
    // A crashed node is what it is made for.
    analyzer.observe(Time(1), facts(20, 0, 1), Network::Calm);
    assert_eq!(analyzer.recommendation().unwrap().protocol, Protocol::Raft);
    // One proof of one lie isn't, although one of twenty is low.
    let then = analyzer.observe(Time(2), facts(20, 1, 0), Network::Calm).unwrap();
    assert_eq!((then.protocol, then.level), (Protocol::Pbft, Level::Low));
    let because = Because::Instead { wanted: Protocol::Raft, unsound: Unsound::Evidence };
    assert_eq!(then.because, because);
    assert_eq!(then.parameters, Parameters { timeout_percent: 150, ..Parameters::default() });
    let words = "PBFT instead of Raft, because there is proof that members lie.";
    assert_eq!(format!("{then}"), words);
}

#[test]
fn every_recommendation_says_why_in_one_sentence() {
    let mut analyzer = Watch::new(Policy::default(), BYZANTINE);
    let mut say = |convicted, suspected| {
        analyzer
            .observe(Time(0), facts(20, convicted, suspected), Network::Calm)
            .unwrap()
            .to_string()
    };
    assert_eq!(
        say(0, 1),
        "PBFT, because 1 of 20 replicas are known to misbehave (low, steady) and the network is \
         calm."
    );
    assert_eq!(
        say(1, 2),
        "trust-ordered PBFT, because 3 of 20 replicas are known to misbehave (medium, rising) and \
         the network is calm."
    );
    assert_eq!(
        say(3, 5),
        "trust-ordered PBFT, because 8 of 20 replicas are known to misbehave (critical, rising) and \
         the network is calm; that may be more than f: operators are called, and writes go on, for \
         suspicion is no proof."
    );
    assert_eq!(
        say(7, 1),
        "safe mode, because 7 of 20 replicas are proven to lie and at most 6 may: no writes, reads \
         are marked unsafe, operators are called."
    );
    for protocol in Protocol::ALL {
        assert_eq!(protocol.orders_writes(), *protocol != Protocol::SafeMode);
    }
}
