//! From level and conditions to a protocol: an operator's table, checked when it is loaded.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    follow::Follow,
    level::Level,
    network::{Conditions, Network},
    protocol::{Assumption, Deployment, Protocol},
    trend::Trend,
};
use crate::config::BadConfig;

/// The most rules: as many as there are combinations of level, network and trend, and one more.
pub const MAX_RULES: usize = 49;
/// The longest dwell time and window: a day.
const MAX_MS: u64 = 86_400_000;

/// A policy. The first rule that fits, and whose protocol is sound, decides.
///
/// # Default
///
/// For members that may lie. PBFT while few are known to; trust-ordered PBFT from Medium on, and as
/// soon as it gets worse; twice the time where the network is slow or lossy, and four times where it
/// keeps no bound. Five minutes of dwell time: as long as a first offence is held, so that a release
/// alone changes nothing. Nothing is switched and nobody is replaced unless an administrator asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How long it must have been better before it counts, in ms.
    pub dwell_ms: u64,
    /// How far back the trend looks, in ms.
    pub trend_window_ms: u64,
    /// Down to these shares Medium, High, Critical are left, in percent: below those at which they
    /// are entered.
    pub leave_percent: [u8; 3],
    /// From where on the network is slow, lossy, asynchronous. Each is left at half.
    pub bounds: Bounds,
    /// Whether a member that is proven to lie is replaced by one that stands by, if f+1 members know
    /// one.
    pub replace_convicted: bool,
    /// What members do by themselves of what is recommended.
    pub follow: Follow,
    /// In order.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// From where on the network is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Slow above so many microseconds.
    pub latency_us: u32,
    /// Lossy above so many parts per million.
    pub loss_ppm: u32,
    /// Asynchronous above so many parts per million.
    pub late_ppm: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { latency_us: 100_000, loss_ppm: 20_000, late_ppm: 100_000 }
    }
}

impl Bounds {
    pub(super) fn enter(self) -> Conditions {
        let Self { latency_us, loss_ppm, late_ppm } = self;
        Conditions { latency_us, loss_ppm, late_ppm }
    }

    pub(super) fn leave(self) -> Conditions {
        let Self { latency_us, loss_ppm, late_ppm } = self;
        Conditions { latency_us: latency_us / 2, loss_ppm: loss_ppm / 2, late_ppm: late_ppm / 2 }
    }
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// At these levels; empty: at all.
    #[serde(default)]
    pub level: Vec<Level>,
    /// In these networks; empty: in all.
    #[serde(default)]
    pub network: Vec<Network>,
    /// With these trends; empty: with all.
    #[serde(default)]
    pub trend: Vec<Trend>,
    /// This protocol
    pub protocol: Protocol,
    /// with these parameters.
    #[serde(default)]
    pub parameters: Parameters,
}

/// What of a protocol's configuration changes, in percent of what is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Its timeouts.
    pub timeout_percent: u16,
    /// Its batches: smaller ones lose less with a message.
    pub batch_percent: u16,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { timeout_percent: 100, batch_percent: 100 }
    }
}

impl Rule {
    pub(super) fn fits(&self, level: Level, network: Network, trend: Trend) -> bool {
        (self.level.is_empty() || self.level.contains(&level))
            && (self.network.is_empty() || self.network.contains(&network))
            && (self.trend.is_empty() || self.trend.contains(&trend))
    }

    /// Whether it may turn out to be unsound where others are sound, so that a later rule decides.
    fn may_give_way(&self) -> bool {
        self.protocol.assumption() == Assumption::CrashOnly
    }
}

impl Default for Policy {
    fn default() -> Self {
        let rule = |level: &[Level], network: &[Network], protocol, timeout_percent| Rule {
            level: level.to_vec(),
            network: network.to_vec(),
            trend: vec![],
            protocol,
            parameters: Parameters { timeout_percent, ..Parameters::default() },
        };
        let worse = &Level::ALL[1..];
        let (no_bound, poor) = (&Network::ALL[3..], &Network::ALL[1..3]);
        let (plain, ordered) = (Protocol::Pbft, Protocol::TrustOrderedPbft);
        let rising = Rule { trend: vec![Trend::Rising], ..rule(&[], &[], ordered, 100) };
        Self {
            dwell_ms: 300_000,
            trend_window_ms: 600_000,
            leave_percent: [8, 16, 28],
            bounds: Bounds::default(),
            replace_convicted: false,
            follow: Follow::Never,
            rules: vec![
                rule(worse, no_bound, ordered, 400),
                rule(worse, poor, ordered, 200),
                rule(worse, &[], ordered, 100),
                rule(&[], no_bound, plain, 400),
                rule(&[], poor, plain, 200),
                rising,
                rule(&[], &[], plain, 100),
            ],
        }
    }
}

/// A policy that isn't loaded. Rules are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadPolicy {
    /// A value that can't work.
    #[error("{field} = {value} can't work: {why}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What it was set to.
        value: u64,
        /// Why not.
        why: &'static str,
    },
    /// The same in a rule.
    #[error("rule {rule}: {field} = {value} can't work: {why}")]
    Parameter {
        /// Which rule.
        rule: usize,
        /// Which field.
        field: &'static str,
        /// What it was set to.
        value: u16,
        /// Why not.
        why: &'static str,
    },
    /// A crash-only protocol where members may lie.
    #[error(
        "rule {rule} offers {}, which is for crash-only deployments: declare the deployment \
         crash-only, or offer another protocol",
        .protocol.name()
    )]
    NotDeclared {
        /// Which rule.
        rule: usize,
        /// What it offers.
        protocol: Protocol,
    },
    /// A crash-only protocol where members are known to misbehave.
    #[error("rule {rule} offers {} at other levels than low: say level = [\"low\"]", .protocol.name())]
    NotLowOnly {
        /// Which rule.
        rule: usize,
        /// What it offers.
        protocol: Protocol,
    },
    /// No rule for a case, or none that stands evidence.
    #[error(
        "no rule that stands proof of a lie fits level {level}, a network that is {network} and a \
         trend that is {trend}: end with a rule without conditions"
    )]
    Uncovered {
        /// At this level,
        level: Level,
        /// in this network,
        network: Network,
        /// with this trend.
        trend: Trend,
    },
    /// A rule that decides nothing.
    #[error("rule {rule} never decides: those before it fit all of its cases")]
    NeverDecides {
        /// Which rule.
        rule: usize,
    },
}

/// Where whatever is wrong is said in one form: the rule by its number.
impl From<BadPolicy> for BadConfig {
    fn from(wrong: BadPolicy) -> Self {
        let rule = |rule: usize, why| Self { field: "policy.rule", value: rule as u64, why };
        match wrong {
            BadPolicy::Value { field, value, why } => Self { field, value, why },
            BadPolicy::Parameter { rule: number, why, .. } => rule(number, why),
            BadPolicy::NotDeclared { rule: number, .. } => {
                rule(number, "what it offers is for crash-only deployments, and none is declared")
            }
            BadPolicy::NotLowOnly { rule: number, .. } => {
                rule(number, "what it offers is for level = [\"low\"] only")
            }
            BadPolicy::Uncovered { .. } => {
                let why =
                    "not every case has a rule that stands proof: end with one without conditions";
                Self { field: "policy.rule", value: 0, why }
            }
            BadPolicy::NeverDecides { rule: number } => {
                rule(number, "it never decides: those before it fit all of its cases")
            }
        }
    }
}

impl BadPolicy {
    /// Which rule is wrong, if it is one.
    pub const fn rule(&self) -> Option<usize> {
        match self {
            Self::Parameter { rule, .. }
            | Self::NotDeclared { rule, .. }
            | Self::NotLowOnly { rule, .. }
            | Self::NeverDecides { rule } => Some(*rule),
            Self::Value { .. } | Self::Uncovered { .. } => None,
        }
    }

    /// Which field, if it is one.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Value { field, .. } | Self::Parameter { field, .. } => Some(field),
            Self::NotDeclared { .. } => Some("protocol"),
            Self::NotLowOnly { .. } => Some("level"),
            Self::Uncovered { .. } | Self::NeverDecides { .. } => None,
        }
    }
}

impl Policy {
    /// Refuses what can't be sound where this is declared, or can't work, saying where and why.
    pub fn validate(&self, deployment: Deployment) -> Result<(), BadPolicy> {
        self.check_values()?;
        for (rule, it) in (1..).zip(&self.rules) {
            it.check(rule, deployment)?;
        }
        self.check_cover()
    }

    fn check_values(&self) -> Result<(), BadPolicy> {
        let must = |holds, field, value, why| {
            if holds { Ok(()) } else { Err(BadPolicy::Value { field, value, why }) }
        };
        let rules = self.rules.len();
        must(
            (1..=MAX_RULES).contains(&rules),
            "rule",
            rules as u64,
            "a policy has from 1 to 49 rules",
        )?;
        for (field, value) in
            [("dwell_ms", self.dwell_ms), ("trend_window_ms", self.trend_window_ms)]
        {
            must((1..=MAX_MS).contains(&value), field, value, "from 1 ms to a day")?;
        }
        for (leave, enter) in self.leave_percent.iter().zip(Level::UP_TO_PERCENT) {
            must(
                *leave < enter,
                "leave_percent",
                u64::from(*leave),
                "a level is left below where it is entered (10, 20, 33), or it would flap",
            )?;
        }
        must(
            self.leave_percent.is_sorted(),
            "leave_percent",
            u64::from(self.leave_percent[0]),
            "the three rise from medium to critical",
        )
    }

    /// Every case has a rule that stands evidence, and every rule has a case.
    fn check_cover(&self) -> Result<(), BadPolicy> {
        let mut decides = vec![false; self.rules.len()];
        for level in Level::ALL {
            for network in Network::ALL {
                for trend in Trend::ALL {
                    let mut stands = false;
                    for (decides, rule) in decides.iter_mut().zip(&self.rules) {
                        if !stands && rule.fits(level, network, trend) {
                            *decides = true;
                            stands = !rule.may_give_way();
                        }
                    }
                    if !stands {
                        return Err(BadPolicy::Uncovered { level, network, trend });
                    }
                }
            }
        }
        match decides.iter().position(|decides| !decides) {
            Some(index) => Err(BadPolicy::NeverDecides { rule: index + 1 }),
            None => Ok(()),
        }
    }

    pub(super) fn dwell(&self) -> Duration {
        Duration::from_millis(self.dwell_ms)
    }

    pub(super) fn trend_window_us(&self) -> u64 {
        self.trend_window_ms * 1_000
    }
}

impl Rule {
    fn check(&self, rule: usize, deployment: Deployment) -> Result<(), BadPolicy> {
        let protocol = self.protocol;
        if protocol.assumption() == Assumption::CrashOnly {
            if deployment != Deployment::CrashOnly {
                return Err(BadPolicy::NotDeclared { rule, protocol });
            }
            if self.level != [Level::Low] {
                return Err(BadPolicy::NotLowOnly { rule, protocol });
            }
        }
        for (field, value) in [
            ("timeout_percent", self.parameters.timeout_percent),
            ("batch_percent", self.parameters.batch_percent),
        ] {
            if !(10..=1_000).contains(&value) {
                let why = "from a tenth (10) to ten times (1000) of what is configured";
                return Err(BadPolicy::Parameter { rule, field, value, why });
            }
        }
        Ok(())
    }
}
