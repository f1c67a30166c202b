//! The last events of a guard, for whoever asks. Nobody has to: the oldest give way.

use alloc::collections::VecDeque;

use serde::Serialize;

/// So many are kept: more transitions than a guard goes through between two looks at it.
const KEPT: usize = 32;

/// The last events.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Journal<E> {
    events: VecDeque<E>,
    lost: u64,
}

impl<E> Default for Journal<E> {
    fn default() -> Self {
        Self { events: VecDeque::with_capacity(KEPT), lost: 0 }
    }
}

/// A copy has room for as many, so that it never allocates either.
impl<E: Clone> Clone for Journal<E> {
    fn clone(&self) -> Self {
        let mut new = Self::default();
        for event in &self.events {
            new.events.push_back(event.clone());
        }
        new.lost = self.lost;
        new
    }
}

impl<E> Journal<E> {
    pub(super) fn note(&mut self, event: E) {
        if self.events.len() == KEPT {
            self.events.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.events.push_back(event);
    }

    /// The oldest that nobody has taken.
    pub(super) fn take(&mut self) -> Option<E> {
        self.events.pop_front()
    }

    /// How many gave way before anybody took them.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_the_same_and_has_as_much_room() {
        let mut journal = Journal::default();
        (0..35).for_each(|number| journal.note(number));
        let copy = journal.clone();
        assert_eq!(copy, journal);
        assert!(copy.events.capacity() >= KEPT);
    }

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let mut journal = Journal::default();
        (0..40).for_each(|number| journal.note(number));
        assert_eq!((journal.take(), journal.take(), journal.lost()), (Some(8), Some(9), 8));
    }
}
