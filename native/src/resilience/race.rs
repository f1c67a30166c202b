//! An attempt, and copies of it beside it while it lasts.

use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::Poll,
};

use conclave_core::resilience::timeout::Deadline;

use super::{
    call::{CallError, Judged, Made, Running, judge},
    guards::Guards,
    runtime::sleep_until,
};

impl Guards {
    /// Makes an attempt, and copies of it when the guards say so. The first result that is no failure
    /// counts, and the others are dropped; if all fail, the last of them counts.
    pub(super) async fn race<T, E, F>(
        &self,
        running: &mut Running<'_>,
        made: Made,
        attempt: &mut impl FnMut(Deadline) -> F,
    ) -> Result<T, CallError<E>>
    where
        E: Judged,
        F: Future<Output = Result<T, E>>,
    {
        // Copies begin one at a time, each in its turn to be polled: nobody ever waits for this.
        let attempt = Mutex::new(attempt);
        let make = |made| {
            let attempt = &attempt;
            async move {
                let mut begin =
                    |until| (*attempt.lock().unwrap_or_else(PoisonError::into_inner))(until);
                self.in_time(made, &mut begin).await
            }
        };
        // Only copies, which are few, are allocated.
        let mut first = pin!(Some(make(made)));
        let mut copies: Vec<Option<Pin<Box<_>>>> = Vec::new();
        loop {
            let until = match running.hedge() {
                Ok(copy) => {
                    copies.push(Some(Box::pin(make(copy))));
                    continue;
                }
                Err(until) => until,
            };
            let mut over = pin!(async {
                match until {
                    Some(until) => sleep_until(self.instant(until)).await,
                    None => pending().await,
                }
            });
            let ended = poll_fn(|context| {
                // The latest first: a copy that the guards admitted begins, whatever else ends.
                for (number, copy) in copies.iter_mut().enumerate().rev() {
                    if let Some(under_way) = copy
                        && let Poll::Ready(result) = under_way.as_mut().poll(context)
                    {
                        *copy = None;
                        return Poll::Ready(Some((1 + number, result)));
                    }
                }
                if let Some(under_way) = first.as_mut().as_pin_mut()
                    && let Poll::Ready(result) = under_way.poll(context)
                {
                    first.set(None);
                    return Poll::Ready(Some((0, result)));
                }
                over.as_mut().poll(context).map(|()| None)
            });
            let Some((number, result)) = ended.await else { continue };
            let (outcome, _) = judge(&result);
            if outcome.is_failure() && (first.is_some() || copies.iter().any(Option::is_some)) {
                running.lose(number, outcome);
                continue;
            }
            first.set(None);
            copies.clear();
            running.decide(number);
            return result;
        }
    }
}
