//! One call, from asking to its end.

use std::{io, mem, sync::Arc, time::Duration};

use conclave_core::{
    resilience::{
        Outcome, Priority,
        chaos::{Fault, Injection},
        manager::{
            Attempt, BeginError, Begun, Call, Hedge, Instead, Key, Rejected, Turn, Unknown, Waiting,
        },
        retry::Hint,
        timeout::{Deadline, Scope},
    },
    time::Time,
};
use thiserror::Error;
use tokio::sync::oneshot;

use super::{
    guards::Guards,
    runtime::{sleep, sleep_until, timeout_at, yield_now},
    work::{Place, Work},
};

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How much it weighs against the rate.
    pub weight: u32,
    /// How much it matters, if not as much as its operation does.
    pub priority: Option<Priority>,
    /// How long its caller waits, if not for as long as its operation may take.
    pub patience: Option<Duration>,
}

impl Default for Ask {
    /// One call that matters, and may take, as much as its operation says.
    fn default() -> Self {
        Self { weight: 1, priority: None, patience: None }
    }
}

/// What an error says of the other side.
pub trait Judged {
    /// How the attempt ended.
    fn outcome(&self) -> Outcome {
        Outcome::Failure
    }

    /// What it says of another attempt.
    fn hint(&self) -> Hint {
        Hint::None
    }
}

impl Judged for io::Error {
    fn outcome(&self) -> Outcome {
        match self.kind() {
            io::ErrorKind::TimedOut => Outcome::Timeout,
            io::ErrorKind::QuotaExceeded | io::ErrorKind::ResourceBusy => Outcome::Overload,
            io::ErrorKind::InvalidInput => Outcome::Neutral,
            _ => Outcome::Failure,
        }
    }
}

/// Why a call has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallError<E> {
    /// The call's own error, of its last attempt.
    #[error(transparent)]
    Failed(E),
    /// Its last attempt wasn't done in time. It may still have its effect.
    #[error("the {set_by}'s deadline was over before it was done")]
    TimedOut {
        /// Whose deadline it was.
        set_by: Scope,
    },
    /// No attempt was made.
    #[error(transparent)]
    Rejected(Rejected),
    /// What it is a call of isn't configured any more.
    #[error(transparent)]
    Unknown(Unknown),
    /// An experiment made its last attempt fail.
    #[error("an experiment made it fail")]
    Injected,
}

impl Guards {
    /// Makes a call under all guards of `key`. `attempt` begins an attempt each time that it is
    /// called; one whose deadline is over is dropped. Where the operation has a hedge, several may be
    /// under way at once: the first that is good counts, and the others are dropped.
    pub async fn call<T, E, F>(
        &self,
        key: Key,
        ask: Ask,
        attempt: impl FnMut(Deadline) -> F,
    ) -> Result<T, CallError<E>>
    where
        E: Judged,
        F: Future<Output = Result<T, E>>,
    {
        self.carry_through(key, ask, None, attempt).await
    }

    /// The same where an attempt sets going what isn't dropped with it, such as a thread of
    /// `spawn_blocking`: the [`Work`] goes there, and the call's place in the bulkhead stays taken
    /// until that has really ended, whoever has given up by then.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use conclave::resilience::{Ask, CallError, Guards};
    /// # use conclave_core::resilience::manager::Key;
    /// # async fn read(guards: &Arc<Guards>, key: Key) -> Result<Vec<u8>, CallError<std::io::Error>> {
    /// guards
    ///     .call_with_work(key, Ask::default(), |_, work| async move {
    ///         let reading = tokio::task::spawn_blocking(move || {
    ///             let _work = work; // until the thread is done
    ///             std::fs::read("on-a-slow-disk")
    ///         });
    ///         reading.await.unwrap_or_else(|why| Err(why.into()))
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn call_with_work<T, E, F>(
        self: &Arc<Self>,
        key: Key,
        ask: Ask,
        mut attempt: impl FnMut(Deadline, Work) -> F,
    ) -> Result<T, CallError<E>>
    where
        E: Judged,
        F: Future<Output = Result<T, E>>,
    {
        let place = Place::new(self.clone());
        let with_work = |deadline| attempt(deadline, place.work());
        self.carry_through(key, ask, Some(place.clone()), with_work).await
    }

    async fn carry_through<T, E, F>(
        &self,
        key: Key,
        ask: Ask,
        place: Option<Arc<Place>>,
        mut attempt: impl FnMut(Deadline) -> F,
    ) -> Result<T, CallError<E>>
    where
        E: Judged,
        F: Future<Output = Result<T, E>>,
    {
        let mut running = self.enter(key, ask, place).await?;
        let mut last = None;
        loop {
            let made = match running.admit() {
                Ok(made) => made,
                Err(Instead::Again { at }) => {
                    sleep_until(self.instant(at)).await;
                    continue;
                }
                Err(Instead::GiveUp(rejected)) => {
                    let (outcome, error) =
                        last.unwrap_or((Outcome::Overload, CallError::Rejected(rejected)));
                    running.finish(outcome);
                    return Err(error);
                }
                Err(Instead::Done) => unreachable!("nothing is done before an attempt"),
            };
            let result = if made.hedged {
                self.race(&mut running, made, &mut attempt).await
            } else {
                self.in_time(made, &mut attempt).await
            };
            let (outcome, hint) = judge(&result);
            let after = running.settle(outcome, hint);
            match (result, after) {
                (Ok(value), _) => {
                    running.finish(outcome);
                    return Ok(value);
                }
                (Err(error), Instead::Again { at }) => {
                    last = Some((outcome, error));
                    sleep_until(self.instant(at)).await;
                }
                (Err(error), _) => {
                    running.finish(outcome);
                    return Err(error);
                }
            }
        }
    }

    async fn enter<E>(
        &self,
        key: Key,
        ask: Ask,
        place: Option<Arc<Place>>,
    ) -> Result<Running<'_>, CallError<E>> {
        let (begun, turn) = self.with(|state, now| {
            let deadline = ask.patience.map(|it| now + it);
            let begun = state.manager.begin(now, key, ask.weight, ask.priority, deadline);
            let turn = match &begun {
                Ok(Begun::Wait(waiting)) => Some(state.enlist(key, waiting.ticket())),
                _ => None,
            };
            // There may be room, or somebody who matters less has lost its place.
            state.deliver(now, key);
            (begun, turn)
        });
        let call = match begun {
            Ok(Begun::Go(call)) => call,
            Ok(Begun::Wait(waiting)) => {
                let Some(turn) = turn else { unreachable!("who is in line is told") };
                let in_line = InLine { guards: self, waiting: Some(waiting), turn };
                in_line.wait().await.map_err(CallError::Rejected)?
            }
            Err(BeginError::Rejected(rejected)) => return Err(CallError::Rejected(rejected)),
            Err(BeginError::Unknown(unknown)) => return Err(CallError::Unknown(unknown)),
        };
        Ok(Running { guards: self, call: Some(call), place, attempt: None, copies: Vec::new() })
    }

    /// An attempt, until its deadline at the latest.
    pub(super) async fn in_time<T, E, F>(
        &self,
        made: Made,
        attempt: &mut impl FnMut(Deadline) -> F,
    ) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let until = self.instant(made.deadline.at);
        match timeout_at(until, carry_out(made, attempt)).await {
            Ok(result) => result,
            Err(_) => Err(CallError::TimedOut { set_by: made.deadline.set_by }),
        }
    }
}

/// An attempt that may be made.
#[derive(Clone, Copy)]
pub(super) struct Made {
    deadline: Deadline,
    injection: Option<Injection>,
    /// Whether it may have copies.
    hedged: bool,
}

impl Made {
    fn of(attempt: &Attempt, hedged: bool) -> Self {
        Self { deadline: attempt.deadline(), injection: attempt.injection(), hedged }
    }
}

/// Makes an attempt, and does to it what an experiment wants.
async fn carry_out<T, E, F>(
    made: Made,
    attempt: &mut impl FnMut(Deadline) -> F,
) -> Result<T, CallError<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let Some(Injection { fault, delay }) = made.injection else {
        return attempt(made.deadline).await.map_err(CallError::Failed);
    };
    match fault {
        Fault::Error => return Err(CallError::Injected),
        Fault::Partition => std::future::pending::<()>().await,
        Fault::Latency { .. } | Fault::Reorder { .. } => sleep(delay).await,
        Fault::Duplicate => drop(attempt(made.deadline).await),
        // Its answer came, and is none.
        Fault::Corruption => {
            let _ = attempt(made.deadline).await;
            return Err(CallError::Injected);
        }
        // Its answer is lost, after it was made; the others aren't set up around calls.
        _ => {
            let _ = attempt(made.deadline).await;
            std::future::pending::<()>().await;
        }
    }
    attempt(made.deadline).await.map_err(CallError::Failed)
}

pub(super) fn judge<T, E: Judged>(result: &Result<T, CallError<E>>) -> (Outcome, Hint) {
    match result {
        Ok(_) => (Outcome::Success, Hint::None),
        Err(CallError::Failed(error)) => (error.outcome(), error.hint()),
        Err(CallError::TimedOut { .. }) => (Outcome::Timeout, Hint::None),
        Err(_) => (Outcome::Failure, Hint::None),
    }
}

/// A call that has its place. Whatever becomes of it, gives it back.
pub(super) struct Running<'a> {
    guards: &'a Guards,
    call: Option<Call>,
    /// Who else may hold its place.
    place: Option<Arc<Place>>,
    attempt: Option<Attempt>,
    /// Those of the attempt under way.
    copies: Vec<Option<Attempt>>,
}

impl Running<'_> {
    fn admit(&mut self) -> Result<Made, Instead> {
        let Some(call) = &mut self.call else { unreachable!("finished once") };
        let (attempt, hedged) = self.guards.with(|state, now| {
            let attempt = state.manager.attempt(now, call)?;
            Ok((attempt, state.manager.hedges(call.key())))
        })?;
        let made = Made::of(&attempt, hedged);
        self.attempt = Some(attempt);
        Ok(made)
    }

    /// A copy to be made beside what is under way, or until when there is none.
    pub(super) fn hedge(&mut self) -> Result<Made, Option<Time>> {
        let Some(call) = &mut self.call else { unreachable!("finished once") };
        match self.guards.with(|state, now| state.manager.hedge(now, call)) {
            Hedge::Send(copy) => {
                let made = Made::of(&copy, false);
                self.copies.push(Some(copy));
                Ok(made)
            }
            Hedge::Wait { until } => Err(Some(until)),
            Hedge::Enough => Err(None),
        }
    }

    /// One of several under way has ended so, and others go on.
    pub(super) fn lose(&mut self, number: usize, outcome: Outcome) {
        let ended = self.take(number);
        if let (Some(call), Some(attempt)) = (&self.call, ended) {
            self.guards.with(|state, now| state.manager.lose(now, call, attempt, outcome));
        }
    }

    /// That one's result is the call's. The others' work is dropped already.
    pub(super) fn decide(&mut self, number: usize) {
        let decides = self.take(number);
        for other in 0..=self.copies.len() {
            self.lose(other, Outcome::Neutral);
        }
        self.copies.clear();
        self.attempt = decides;
    }

    /// Zero is the first, one its first copy.
    fn take(&mut self, number: usize) -> Option<Attempt> {
        match number.checked_sub(1) {
            None => self.attempt.take(),
            Some(copy) => self.copies.get_mut(copy)?.take(),
        }
    }

    fn settle(&mut self, outcome: Outcome, hint: Hint) -> Instead {
        match (&mut self.call, self.attempt.take()) {
            (Some(call), Some(attempt)) => self
                .guards
                .with(|state, now| state.manager.settle(now, call, attempt, outcome, hint)),
            _ => unreachable!("settled once an attempt"),
        }
    }

    /// What was under way has been settled.
    fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(call) = self.call.take() else { return };
        let (attempt, copies) = (self.attempt.take(), mem::take(&mut self.copies));
        self.guards.with(|state, now| {
            for given_up in copies.into_iter().flatten().chain(attempt) {
                state.manager.give_up(now, &call, given_up);
            }
            let key = call.key();
            match &self.place {
                Some(place) => place.leave(state, now, call, outcome),
                None => state.manager.finish(now, call, outcome),
            }
            state.deliver(now, key);
        });
    }
}

impl Drop for Running<'_> {
    /// Its caller gave up, and dropped the attempt with it: nothing of it still runs, but for what
    /// holds a [`Work`].
    fn drop(&mut self) {
        self.end(Outcome::Neutral);
    }
}

/// A call in line. If it is dropped, it leaves.
struct InLine<'a> {
    guards: &'a Guards,
    waiting: Option<Waiting>,
    turn: oneshot::Receiver<Turn>,
}

impl InLine<'_> {
    async fn wait(mut self) -> Result<Call, Rejected> {
        let Some((key, until)) = self.waiting.as_ref().map(|it| (it.key(), it.until())) else {
            unreachable!("it waits once");
        };
        let turn = loop {
            let over = sleep_until(self.guards.instant(until));
            tokio::select! {
                biased;
                turn = &mut self.turn => break turn,
                () = over => {
                    self.guards.with(|state, now| state.deliver(now, key));
                    // Its own turn has come by now, in vain; unless the clock is a little behind.
                    yield_now().await;
                }
            }
        };
        let (Ok(turn), Some(waiting)) = (turn, self.waiting.take()) else {
            unreachable!("who is in line is told")
        };
        self.guards.with(|state, now| {
            let resumed = state.manager.resume(now, waiting, turn);
            state.deliver(now, key);
            resumed
        })
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take() else { return };
        let (key, turn) = (waiting.key(), &mut self.turn);
        self.guards.with(|state, now: Time| {
            state.strike(key, waiting.ticket());
            match turn.try_recv() {
                // It had its turn, and was dropped before it noticed.
                Ok(turn) => state.manager.decline(key, turn),
                Err(_) => state.manager.leave(waiting),
            }
            state.deliver(now, key);
        });
    }
}
