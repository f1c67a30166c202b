//! The scenarios that this core brings.

use super::scenario::Scenario;

/// A scenario file that is part of the core.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub source: &'static str,
}

macro_rules! builtins {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin {
            name: $name,
            source: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),*]
    };
}

/// All of them, in the order in which the lab shows them.
pub const BUILTIN: &[Builtin] = builtins![
    "normal-case",
    "silent-primary",
    "slow-primary",
    "equivocating-primary",
    "partition-and-heal",
    "checkpoints",
    "crash-and-recover",
    "late-replica",
    "lying-disk",
    "lost-reply",
    "two-faced-view-change",
    "colluding-f",
    "one-liar-too-many",
    "membership-change",
];

/// The one with this name. Built-in scenarios are valid: a test reads every one.
pub fn builtin(name: &str) -> Option<Scenario> {
    let builtin = BUILTIN.iter().find(|builtin| builtin.name == name)?;
    Scenario::parse(builtin.source).ok()
}
