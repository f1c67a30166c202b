//! The last events of a guard, for whoever asks. Nobody has to: the oldest give way.

use alloc::vec::Vec;

use serde::Serialize;

/// So many are kept: more transitions than a guard goes through between two looks at it.
const KEPT: usize = 32;

/// The last events, the oldest first. There are so few, and they come so rarely, that moving them up costs
/// less than what a ring would add to a page for each kind of event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Journal<E> {
    events: Vec<E>,
    lost: u64,
}

impl<E> Default for Journal<E> {
    fn default() -> Self {
        Self { events: Vec::with_capacity(KEPT), lost: 0 }
    }
}

impl<E> Journal<E> {
    pub(super) fn note(&mut self, event: E) {
        if self.events.len() == KEPT {
            self.events.remove(0);
            self.lost = self.lost.saturating_add(1);
        }
        self.events.push(event);
    }

    /// The oldest that nobody has taken.
    pub(super) fn take(&mut self) -> Option<E> {
        (!self.events.is_empty()).then(|| self.events.remove(0))
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
    fn the_oldest_give_way_and_are_counted() {
        let mut journal = Journal::default();
        (0..40).for_each(|number| journal.note(number));
        assert_eq!((journal.take(), journal.take(), journal.lost()), (Some(8), Some(9), 8));
    }
}
