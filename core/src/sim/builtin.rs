//! The scenarios that this core brings: as the files that people read or, without the feature
//! `files`, packed by the build tool into what those files mean ([`pack`]).

use super::scenario::Scenario;

/// A scenario that is part of the core.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// The text of its file.
    #[cfg(feature = "files")]
    pub source: &'static str,
}

macro_rules! builtins {
    ($($(#[$only:meta])* $name:literal),* $(,)?) => {
        &[$($(#[$only])* Builtin {
            name: $name,
            #[cfg(feature = "files")]
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
    "equivocation-proven",
    "slow-network-suspects-nobody",
    "partition-and-heal",
    "checkpoints",
    "fast-reads",
    "crash-and-recover",
    "late-replica",
    "lying-disk",
    "lost-reply",
    "two-faced-view-change",
    "colluding-f",
    "one-liar-too-many",
    "framing-an-honest-node",
    "rising-threat",
    "membership-change",
    "switch-while-the-primary-dies",
    "why-not-raft",
    #[cfg(feature = "guards")]
    "client-flood",
    #[cfg(feature = "guards")]
    "flaky-link",
    #[cfg(feature = "guards")]
    "flaky-link-jitter",
    #[cfg(feature = "guards")]
    "error-budget",
    #[cfg(feature = "guards")]
    "chaos-abort",
];

/// The one with this name. Built-in scenarios are valid: a test reads every one.
#[cfg(feature = "files")]
pub fn builtin(name: &str) -> Option<Scenario> {
    let builtin = BUILTIN.iter().find(|builtin| builtin.name == name)?;
    Scenario::parse(builtin.source).ok()
}

/// All that can be carried out without the feature `guards`, in the core's encoding, one after the
/// other: what a build without files is made of,
/// named to the compiler by the environment variable `CONCLAVE_SCENARIOS`.
#[cfg(feature = "files")]
pub fn pack() -> alloc::vec::Vec<u8> {
    let mut packed = alloc::vec::Vec::new();
    let all = BUILTIN.iter().filter_map(|known| builtin(known.name));
    for scenario in all.filter(|scenario| !scenario.needs_guards()) {
        crate::crypto::encode_into(&scenario, &mut packed);
    }
    packed
}

/// What [`pack`] made.
#[cfg(not(feature = "files"))]
const PACKED: &[u8] = include_bytes!(env!(
    "CONCLAVE_SCENARIOS",
    "without the feature `files`, this names the packed scenarios: build with `cargo xtask`"
));

/// The one with this name.
#[cfg(not(feature = "files"))]
pub fn builtin(name: &str) -> Option<Scenario> {
    find(PACKED, name)
}

/// The one with this name among packed ones.
#[cfg(any(test, not(feature = "files")))]
fn find(packed: &[u8], name: &str) -> Option<Scenario> {
    let mut rest = packed;
    while let Ok((scenario, others)) = postcard::take_from_bytes::<Scenario>(rest) {
        if scenario.name == name {
            return Some(scenario);
        }
        rest = others;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_what_the_files_say() {
        let packed = pack();
        for known in BUILTIN {
            let scenario = builtin(known.name).filter(|it| !it.needs_guards());
            assert_eq!(find(&packed, known.name), scenario);
        }
        assert_eq!(find(&packed, "atlantis"), None);
        assert_eq!(find(&packed[..packed.len() - 1], "why-not-raft"), None);
    }
}
