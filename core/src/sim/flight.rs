//! Messages on their way.

use alloc::collections::VecDeque;

use super::letter::Letter;
use crate::{
    ids::{MessageId, Principal},
    pbft::Message,
    time::Time,
};

/// One message on its way.
#[derive(Clone, Debug)]
pub struct InFlight {
    /// Which: no two of a run are the same, a duplicate included.
    pub id: MessageId,
    /// From whom.
    pub from: Principal,
    /// To whom.
    pub to: Principal,
    /// When it was sent.
    pub sent_at: Time,
    /// When it will arrive.
    pub due: Time,
    /// It is there, and waits until what came before is handled.
    #[cfg(feature = "guards")]
    pub(super) in_line: bool,
    pub(super) letter: Letter,
}

impl InFlight {
    pub(super) fn new(
        id: MessageId,
        (from, to): (Principal, Principal),
        sent_at: Time,
        due: Time,
        letter: Letter,
    ) -> Self {
        Self {
            id,
            from,
            to,
            sent_at,
            due,
            #[cfg(feature = "guards")]
            in_line: false,
            letter,
        }
    }

    /// What it says.
    pub fn message(&self) -> &Message {
        self.letter.message()
    }
}

/// All of them. Numbers are handed out in order, so the oldest are in front.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    first: u64,
    slots: VecDeque<Option<InFlight>>,
    count: usize,
}

impl Flights {
    /// The number that the next message gets.
    pub(super) fn next_id(&self) -> MessageId {
        MessageId(self.first + self.slots.len() as u64)
    }

    /// Takes a message on its way; its number must be [`Self::next_id`].
    pub(super) fn add(&mut self, flight: InFlight) {
        self.slots.push_back(Some(flight));
        self.count += 1;
    }

    /// Uses up a number for a message that never leaves.
    pub(super) fn skip(&mut self) {
        self.slots.push_back(None);
        self.drop_front();
    }

    /// Who is in front is on its way.
    fn drop_front(&mut self) {
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
    }

    fn index(&self, id: MessageId) -> Option<usize> {
        usize::try_from(id.0.checked_sub(self.first)?).ok()
    }

    pub(super) fn get_mut(&mut self, id: MessageId) -> Option<&mut InFlight> {
        let index = self.index(id)?;
        self.slots.get_mut(index)?.as_mut()
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&InFlight> {
        self.slots.get(self.index(id)?)?.as_ref()
    }

    pub(super) fn take(&mut self, id: MessageId) -> Option<InFlight> {
        let index = self.index(id)?;
        let flight = self.slots.get_mut(index)?.take()?;
        self.count -= 1;
        if index == 0 {
            self.drop_front();
        }
        Some(flight)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &InFlight> {
        self.slots.iter().flatten()
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }
}
