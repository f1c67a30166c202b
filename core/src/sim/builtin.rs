//! The scenarios that this core brings: natively the files that people read. A page begins with the
//! [`Gallery`] and gets what is opened from the place that it came from, packed by the build tool
//! ([`pack`]): so nobody downloads twenty scenarios to look at one.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{poster::Poster, scenario::Scenario};

/// All scenarios as a list shows them, and the first as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gallery {
    /// All there are, those included that this build can't carry out: another page can.
    pub posters: Vec<Poster>,
    /// What the first of them stands for.
    pub first: Scenario,
}

/// A scenario that is part of the core.
#[cfg(feature = "files")]
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// The text of its file.
    pub source: &'static str,
}

#[cfg(feature = "files")]
macro_rules! builtins {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin {
            name: $name,
            source: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),*]
    };
}

/// All of them, in the order in which the lab shows them, group by group.
#[cfg(feature = "files")]
pub const BUILTIN: &[Builtin] = builtins![
    "normal-case",
    "fast-reads",
    "checkpoints",
    "silent-primary",
    "slow-primary",
    "partition-and-heal",
    "lost-reply",
    "slow-network-suspects-nobody",
    "crash-and-recover",
    "late-replica",
    "lying-disk",
    "equivocating-primary",
    "equivocation-proven",
    "false-replies",
    "two-faced-view-change",
    "colluding-f",
    "one-liar-too-many",
    "framing-an-honest-node",
    "rising-threat",
    "why-not-raft",
    "membership-change",
    "convicted-replaced",
    "switch-while-the-primary-dies",
    "client-flood",
    "flaky-link",
    "flaky-link-jitter",
    "peer-comes-back",
    "slow-dependency",
    "slow-dependency-bulkhead",
    "error-budget",
    "chaos-abort",
];

/// The one with this name. Built-in scenarios are valid: a test reads every one.
#[cfg(feature = "files")]
pub fn builtin(name: &str) -> Option<Scenario> {
    let builtin = BUILTIN.iter().find(|builtin| builtin.name == name)?;
    Scenario::parse(builtin.source).ok()
}

/// What a page is built from and served with. One that is built without the feature `guards` shows the
/// posters of all, and can't read the scenarios that need it.
#[cfg(feature = "files")]
#[derive(Clone, Debug)]
pub struct Packed {
    /// The gallery in the core's encoding, named to the compiler by the environment variable
    /// `CONCLAVE_GALLERY`.
    pub gallery: Vec<u8>,
    /// Each scenario by its name, in the same encoding.
    pub scenarios: Vec<(&'static str, Vec<u8>)>,
}

/// Packs them.
#[cfg(feature = "files")]
pub fn pack() -> Option<Packed> {
    let all = BUILTIN.iter().filter_map(|known| Some((known.name, builtin(known.name)?)));
    let all: Vec<_> = all.collect();
    let posters = all.iter().map(|(_, scenario)| Poster::of(scenario)).collect();
    let gallery = Gallery { posters, first: all.first()?.1.clone() };
    let scenarios = all.iter().map(|(name, it)| (*name, crate::crypto::encode(it))).collect();
    Some(Packed { gallery: crate::crypto::encode(&gallery), scenarios })
}

/// What this build begins with.
#[cfg(feature = "files")]
pub fn gallery() -> Option<Gallery> {
    crate::crypto::decode(&pack()?.gallery)
}

/// What this build begins with.
#[cfg(not(feature = "files"))]
pub fn gallery() -> Option<Gallery> {
    crate::crypto::decode(include_bytes!(env!(
        "CONCLAVE_GALLERY",
        "without the feature `files`, this names the packed gallery: build with `cargo xtask`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_what_the_files_say() {
        let (Gallery { posters, first }, packed) = (gallery().unwrap(), pack().unwrap().scenarios);
        assert_eq!(Some(first), builtin(BUILTIN[0].name));
        assert_eq!(posters.len(), packed.len());
        for (poster, (name, bytes)) in posters.iter().zip(&packed) {
            assert_eq!(poster.name, *name);
            assert_eq!(poster.unpack(bytes), builtin(name));
            assert_eq!(poster.unpack(&bytes[1..]), None);
        }
        assert_eq!(posters.len(), BUILTIN.len());
        assert!(posters.iter().any(|it| it.needs_guards) && !posters[0].needs_guards);
    }

    #[test]
    fn a_poster_is_of_one_scenario_and_not_of_another_of_its_name() {
        let scenario = builtin("silent-primary").unwrap();
        let poster = Poster::of(&scenario);
        let longer = Scenario { duration_ms: scenario.duration_ms + 1, ..scenario };
        assert_eq!(poster.unpack(&crate::crypto::encode(&longer)), None);
    }
}
