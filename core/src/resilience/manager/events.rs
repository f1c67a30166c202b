//! What happened to the guards, for whoever tells people.

use super::{guards::Guards, machine::Key};
use crate::resilience::{adaptive, breaker, bulkhead, rate, timeout};

/// What happened to a guard of one peer and operation. What becomes of single calls is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// To its rate limit.
    Rate(rate::Event),
    /// To its bulkhead.
    Bulkhead(bulkhead::Event),
    /// To its adaptive limit.
    Adaptive(adaptive::Event),
    /// To its breaker.
    Breaker(breaker::Event),
    /// To its timeout.
    Timeout(timeout::Event),
}

impl Guards {
    /// The oldest of one of them that nobody has taken.
    fn poll_event(&mut self) -> Option<Event> {
        let rate = self.rate.any().and_then(rate::Limiter::poll_event).map(Event::Rate);
        let bulkhead = || self.bulkhead.any()?.poll_event().map(Event::Bulkhead);
        let rate = rate.or_else(bulkhead);
        let adaptive = || self.adaptive.any()?.poll_event().map(Event::Adaptive);
        let adaptive = rate.or_else(adaptive);
        let breaker = || self.breaker.any()?.poll_event().map(Event::Breaker);
        adaptive.or_else(breaker).or_else(|| self.timeout.poll_event().map(Event::Timeout))
    }
}

/// The oldest event of the first guards that have one. Looks at all of them.
pub(super) fn first<'a>(all: impl Iterator<Item = (Key, &'a mut Guards)>) -> Option<(Key, Event)> {
    all.into_iter().find_map(|(key, guards)| Some((key, guards.poll_event()?)))
}
