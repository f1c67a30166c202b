//! What both HTTP servers share: a bound on connections, and who may ask.
//!
//! Both listen on loopback, where browsers are the danger: any page may make its visitor's browser
//! ask them. So the `Host` must be a loopback name (a page can point its own name at 127.0.0.1,
//! but not change that header), and only pages of loopback origins may read answers.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
    serve::Listener,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// HTTP connections at once; an event stream holds one.
const MAX_CONNECTIONS: usize = 256;

/// Serves until dropped.
pub async fn serve(listener: TcpListener, router: Router) {
    let loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let router =
        if loopback { router.layer(axum::middleware::from_fn(only_loopback)) } else { router };
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // It ends only if its listener does, which never does.
    let _ = axum::serve(Limited { listener, permits }, router).await;
}

/// An error as one sentence.
pub fn sentence(status: StatusCode, text: impl Into<String>) -> Response {
    let mut text = text.into();
    text.push('\n');
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Whether an authority (`host` or `host:port`) names this machine.
pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    matches!(host, "127.0.0.1" | "localhost" | "::1")
}

/// The origin of the asking page, if it is served from this machine.
fn loopback_origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let authority = origin.to_str().ok()?.strip_prefix("http://")?;
    is_loopback(authority).then_some(origin)
}

async fn only_loopback(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_loopback) {
        return sentence(
            StatusCode::FORBIDDEN,
            "This server answers only to 127.0.0.1, localhost or [::1] as its Host.",
        );
    }
    let origin = loopback_origin(request.headers()).cloned();
    let preflight = request.method() == Method::OPTIONS && origin.is_some();
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if preflight {
            let allow = header::ACCESS_CONTROL_ALLOW_METHODS;
            headers.insert(allow, HeaderValue::from_static("GET"));
            let allow = header::ACCESS_CONTROL_ALLOW_HEADERS;
            headers.insert(allow, HeaderValue::from_static("Last-Event-ID"));
        }
    }
    response
}

/// A listener that stops accepting while too many connections are open.
struct Limited {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl Listener for Limited {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        loop {
            // The semaphore is never closed.
            let Ok(permit) = self.permits.clone().acquire_owned().await else { continue };
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let _ = stream.set_nodelay(true); // only slower without
            return (Counted { stream, _permit: permit }, address);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that gives its place back when it closes.
struct Counted {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

use std::{
    pin::Pin,
    task::{Context, Poll},
};

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for yes in ["127.0.0.1:7700", "localhost", "localhost:1", "[::1]:7700", "[::1]"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in ["", "evil.example:7700", "127.0.0.1.evil.example", "localhost.evil:80", "::2"] {
            assert!(!is_loopback(no), "{no}");
        }
    }
}
