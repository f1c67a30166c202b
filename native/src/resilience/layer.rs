//! The same around any `tower` service.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use conclave_core::resilience::{Outcome, manager::Key, retry::Hint};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    call::{Ask, CallError, Judged},
    guards::Guards,
};

/// Who says of an error how its attempt ended, and what that means for another.
pub trait Judge<E>: Clone + Send + 'static {
    /// Of this one.
    fn judge(&self, error: &E) -> (Outcome, Hint);
}

/// Errors that judge themselves.
#[derive(Clone, Copy, Debug)]
pub struct Themselves;

impl<E: Judged> Judge<E> for Themselves {
    fn judge(&self, error: &E) -> (Outcome, Hint) {
        (error.outcome(), error.hint())
    }
}

impl<E, F: Fn(&E) -> (Outcome, Hint) + Clone + Send + 'static> Judge<E> for F {
    fn judge(&self, error: &E) -> (Outcome, Hint) {
        self(error)
    }
}

/// Puts a service's requests under the guards of one peer and operation.
#[derive(Clone)]
pub struct GuardLayer<J = Themselves> {
    guards: Arc<Guards>,
    key: Key,
    ask: Ask,
    judge: J,
}

impl GuardLayer {
    /// Requests are calls of `key`.
    pub fn new(guards: Arc<Guards>, key: Key, ask: Ask) -> Self {
        Self { guards, key, ask, judge: Themselves }
    }
}

impl<J> GuardLayer<J> {
    /// The same for a service whose errors are others' types: a closure judges them.
    pub fn judged_by<K>(self, judge: K) -> GuardLayer<K> {
        let Self { guards, key, ask, .. } = self;
        GuardLayer { guards, key, ask, judge }
    }
}

impl<S, J: Clone> Layer<S> for GuardLayer<J> {
    type Service = Guarded<S, J>;

    fn layer(&self, inner: S) -> Guarded<S, J> {
        Guarded { inner, layer: self.clone() }
    }
}

/// A service under guards. Each attempt is made on a clone of it, with a clone of the request.
#[derive(Clone)]
pub struct Guarded<S, J = Themselves> {
    inner: S,
    layer: GuardLayer<J>,
}

/// An error, and what was made of it.
struct Verdict<E> {
    error: E,
    made_of_it: (Outcome, Hint),
}

impl<E> Judged for Verdict<E> {
    fn outcome(&self) -> Outcome {
        self.made_of_it.0
    }

    fn hint(&self) -> Hint {
        self.made_of_it.1
    }
}

impl<E> CallError<E> {
    /// The same with another error of the call's own.
    fn map<F>(self, own: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            Self::Failed(error) => CallError::Failed(own(error)),
            Self::TimedOut { set_by } => CallError::TimedOut { set_by },
            Self::Rejected(rejected) => CallError::Rejected(rejected),
            Self::Unknown(unknown) => CallError::Unknown(unknown),
            Self::Injected => CallError::Injected,
        }
    }
}

impl<S, R, J> Service<R> for Guarded<S, J>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    R: Clone + Send + 'static,
    J: Judge<S::Error>,
{
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    /// Always: whether there is room is for the guards to say, to each request.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (inner, layer) = (self.inner.clone(), self.layer.clone());
        Box::pin(async move {
            let judge = layer.judge;
            let attempt = move |_| {
                let (mut inner, request, judge) = (inner.clone(), request.clone(), judge.clone());
                async move {
                    let ready = poll_fn(|context| inner.poll_ready(context)).await;
                    let answer = match ready {
                        Ok(()) => inner.call(request).await,
                        Err(error) => Err(error),
                    };
                    answer.map_err(|error| Verdict { made_of_it: judge.judge(&error), error })
                }
            };
            let answer = layer.guards.call(layer.key, layer.ask, attempt).await;
            answer.map_err(|error| error.map(|verdict| verdict.error))
        })
    }
}
