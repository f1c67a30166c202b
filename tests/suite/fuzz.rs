//! The fuzz targets with bytes from a seed, with mutations of valid input, and with everything that
//! ever broke one.

#[path = "../fuzz/native.rs"]
mod native;

use std::{fs, path::Path};

use conclave_tests::fuzzing::{self, Reached, TARGETS, Target};
use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

/// How many inputs of each kind a target gets: a slice, or `CONCLAVE_FUZZ` of them.
fn inputs(slice: u64) -> u64 {
    conclave_tests::number("CONCLAVE_FUZZ", slice)
}

fn target(name: &str) -> Target {
    TARGETS
        .into_iter()
        .chain(native::TARGETS)
        .find(|target| target.name == name)
        .expect("there is such a target")
}

struct Dice(Xoshiro256PlusPlus);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.0.next_u64() as u8).collect()
    }

    /// A few bytes changed, taken out, put in or cut off.
    fn mutate(&mut self, mut input: Vec<u8>, others: &[Vec<u8>]) -> Vec<u8> {
        for _ in 0..=self.below(6) {
            let at = self.below(input.len());
            match self.below(6) {
                0 if !input.is_empty() => input[at] ^= 1 << self.below(8),
                1 if !input.is_empty() => input[at] = [0, 1, 127, 128, 255][self.below(5)],
                2 if !input.is_empty() => drop(input.remove(at)),
                3 => input.truncate(at),
                4 => {
                    let other = &others[self.below(others.len())];
                    let from = self.below(other.len());
                    let end = (from + 1 + self.below(64)).min(other.len());
                    input.splice(at..at, other[from..end].iter().copied());
                }
                _ => {
                    let length = self.below(16);
                    let bytes = self.bytes(length);
                    input.splice(at..at, bytes);
                }
            }
        }
        input
    }
}

/// What once broke a target: files below `tests/fuzz/regressions`, a folder for each.
fn regressions(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions").join(name);
    let files = match fs::read_dir(&folder) {
        Ok(files) => files,
        Err(none) if none.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("{}: {error}", folder.display()),
    };
    let paths = files.map(|file| file.expect("the folder can be listed").path());
    paths.map(|path| fs::read(path).expect("the file can be read")).collect()
}

fn run(name: &str, slice: u64, longest: usize) {
    let Target { run, seeds, .. } = target(name);
    run_each(name, &seeds(), slice, longest, run);
}

fn run_each(name: &str, seeds: &[Vec<u8>], slice: u64, longest: usize, mut run: impl FnMut(&[u8])) {
    assert!(!seeds.is_empty(), "no valid input to start from");
    for input in seeds.iter().chain(&regressions(name)) {
        run(input);
    }
    for seed in 0..inputs(slice) {
        let mut dice = Dice(Xoshiro256PlusPlus::seed_from_u64(seed));
        let length = dice.below(longest);
        let bytes = dice.bytes(length);
        run(&bytes);
        let start = seeds[dice.below(seeds.len())].clone();
        let mutated = dice.mutate(start, seeds);
        run(&mutated);
    }
}

#[test]
fn no_bytes_break_decoding_and_checking_of_messages() {
    run("message", 20_000, 400);
}

#[test]
fn no_inputs_in_any_order_break_a_replica_or_make_two_disagree() {
    let mut reached = Reached::default();
    let seeds = fuzzing::replica_seeds();
    run_each("replica", &seeds, 1_500, 1_500, |bytes| {
        reached = reached + fuzzing::replica(bytes);
    });
    println!("{:?}", reached.named());
    let never: Vec<_> = reached.named().into_iter().filter(|(_, times)| *times == 0).collect();
    assert!(never.is_empty(), "no input led to these states: {never:?}");
}

#[test]
fn no_bytes_break_the_reading_of_scenarios() {
    run("scenario", 2_000, 400);
}

#[test]
fn no_bytes_break_the_reading_of_links() {
    run("link", 2_000, 400);
}

#[test]
fn no_bytes_break_the_judging_of_evidence_or_convict_who_never_lied() {
    run("evidence", 2_000, 600);
}

#[test]
fn no_bytes_break_the_reading_of_frames() {
    run("frames", 2_000, 4_000);
}

#[test]
fn no_bytes_break_the_reading_of_configurations() {
    run("config", 2_000, 400);
}
