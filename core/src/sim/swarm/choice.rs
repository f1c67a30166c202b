//! Drawing from a seed.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{dice::Dice, pbft::MessageKind};

/// How many kinds of message faults are drawn of. A seed names a storm for ever, so kinds that came
/// later are only lost or held back where all are.
const DRAWN_KINDS: usize = 22;

/// One stream of draws.
pub(super) struct Choice(Dice);

impl Choice {
    /// One stream of a storm's seed; streams don't influence each other. Those of the run that the
    /// storm becomes have lower numbers.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self(Dice::new(seed, 1_000_000 + stream))
    }

    pub(super) fn between(&mut self, range: Range<u32>) -> u32 {
        let width = range.end.saturating_sub(range.start);
        range.start + self.0.below(u64::from(width)) as u32
    }

    pub(super) fn one_in(&mut self, cases: u32) -> bool {
        self.between(0..cases) == 0
    }

    /// Whether a feature is in: about half of them are.
    pub(super) fn coin(&mut self) -> bool {
        self.one_in(2)
    }

    /// A value between, or 0 as often.
    pub(super) fn maybe(&mut self, range: Range<u32>) -> u32 {
        let value = self.between(range);
        if self.coin() { value } else { 0 }
    }

    pub(super) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.between(0..all.len() as u32) as usize].clone()
    }

    /// Some kinds of message, at least one.
    pub(super) fn some_kinds(&mut self) -> Vec<MessageKind> {
        self.some_of(&MessageKind::ALL[..DRAWN_KINDS], 1)
    }

    /// Some of them, at least so many, in any order.
    pub(super) fn some_of<T: Clone>(&mut self, all: &[T], at_least: usize) -> Vec<T> {
        let mut left = all.to_vec();
        let count = self.between(at_least as u32..all.len() as u32 + 1) as usize;
        (0..count).map(|_| left.swap_remove(self.between(0..left.len() as u32) as usize)).collect()
    }
}
