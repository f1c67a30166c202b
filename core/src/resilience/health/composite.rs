//! Parts, and which of them need which: what is down because something else is isn't a cause.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::check::State;
use crate::config::{BadConfig, must};

/// The most parts there can be: bounds how long it takes to look at all of them.
pub const MAX_PARTS: usize = 64;

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// Whether nothing works without it.
    pub required: bool,
    /// The parts that it needs, by their numbers: all of them before it, so that none needs itself.
    pub needs: Vec<u8>,
}

/// What the parts make together. Rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overall {
    /// All are up.
    Up,
    /// Of a required one nobody knows yet, and none is down.
    Unknown,
    /// One that isn't required is down, or not known.
    Degraded,
    /// A required one is down.
    Down,
}

/// All parts.
#[derive(Clone, Debug)]
pub struct Composite {
    parts: Vec<Part>,
    states: Vec<State>,
}

impl Composite {
    /// Of these parts; of none anything is known.
    pub fn new(parts: Vec<Part>) -> Result<Self, BadConfig> {
        let count = parts.len();
        must((1..=MAX_PARTS).contains(&count), "parts", count as u64, "from 1 to 64 parts")?;
        for (at, part) in parts.iter().enumerate() {
            let later = part.needs.iter().find(|need| usize::from(**need) >= at);
            let number = later.map_or(0, |it| u64::from(*it));
            must(later.is_none(), "needs", number, "a part needs parts before it only")?;
        }
        let states = alloc::vec![State::Unknown; count];
        Ok(Self { parts, states })
    }

    /// What a check says of a part; false if there is no such part.
    pub fn set(&mut self, part: usize, state: State) -> bool {
        let known = self.states.get_mut(part);
        known.map(|it| *it = state).is_some()
    }

    /// Whether a part is up, what it needs included.
    pub fn state(&self, part: usize) -> Option<State> {
        let known = part < self.parts.len();
        known.then(|| self.with_needs()[part])
    }

    /// What all make together.
    pub fn overall(&self) -> Overall {
        let states = self.with_needs();
        let each = self.parts.iter().zip(states).map(|(part, state)| match state {
            State::Up => Overall::Up,
            State::Down if part.required => Overall::Down,
            State::Unknown if part.required => Overall::Unknown,
            State::Down | State::Unknown => Overall::Degraded,
        });
        each.max().unwrap_or(Overall::Unknown)
    }

    /// Those that are down of their own: all that they need is up.
    pub fn causes(&self) -> impl Iterator<Item = &Part> {
        let states = self.with_needs();
        let own = move |at: usize, part: &Part| {
            let needs_up = part.needs.iter().all(|it| states[usize::from(*it)] != State::Down);
            self.states[at] == State::Down && needs_up
        };
        self.parts.iter().enumerate().filter(move |(at, part)| own(*at, part)).map(|(_, part)| part)
    }

    /// What needs something that is down is down; something not known, not known. On the stack: who
    /// looks allocates nothing.
    fn with_needs(&self) -> [State; MAX_PARTS] {
        let mut states = [State::Unknown; MAX_PARTS];
        for (at, (part, own)) in self.parts.iter().zip(&self.states).enumerate() {
            let needs = |state| part.needs.iter().any(|it| states[usize::from(*it)] == state);
            states[at] = match own {
                _ if *own == State::Down || needs(State::Down) => State::Down,
                _ if *own == State::Unknown || needs(State::Unknown) => State::Unknown,
                _ => State::Up,
            };
        }
        states
    }
}
