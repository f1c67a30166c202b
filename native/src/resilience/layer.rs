//! The same around any `tower` service.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use conclave_core::resilience::manager::Key;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    call::{Ask, CallError, Judged},
    guards::Guards,
};

/// Puts a service's requests under the guards of one peer and operation.
#[derive(Clone)]
pub struct GuardLayer {
    guards: Arc<Guards>,
    key: Key,
    ask: Ask,
}

impl GuardLayer {
    /// Requests are calls of `key`.
    pub fn new(guards: Arc<Guards>, key: Key, ask: Ask) -> Self {
        Self { guards, key, ask }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, layer: self.clone() }
    }
}

/// A service under guards. Each attempt is made on a clone of it, with a clone of the request.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    layer: GuardLayer,
}

impl<S, R> Service<R> for Guarded<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Judged + Send,
    R: Clone + Send + 'static,
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
            let attempt = move |_| {
                let (mut inner, request) = (inner.clone(), request.clone());
                async move {
                    poll_fn(|context| inner.poll_ready(context)).await?;
                    inner.call(request).await
                }
            };
            layer.guards.call(layer.key, layer.ask, attempt).await
        })
    }
}
