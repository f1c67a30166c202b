//! `/events`: what happens, as it happens, to any number of viewers at their own pace.
//!
//! Server-sent events. Each message's data is one [`Event`](conclave_core::event::Event) as JSON
//! and its id the event's number. Numbers only grow, also across a restart of the node.
//!
//! * First comes `event: hello` with the node's [`Status`](crate::node::Status).
//! * A new viewer gets the newest events that are kept (`?backlog=N`, by default 1000; 0: none).
//! * One that comes back with `Last-Event-ID` (or `?after=ID`) goes on after that one.
//! * One that is too slow skips what is no longer kept and gets `event: lagged` with
//!   `{"missed": N}`; one that comes back after a restart gets `event: restarted`.
//! * When nothing happens, a comment says every few seconds that the node is there.

use std::{convert::Infallible, fmt::Write as _, time::Duration};

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{sync::watch, time::timeout};

use super::Watched;
use crate::http::sentence;

/// A new viewer's view of the past, unless it says otherwise.
const DEFAULT_BACKLOG: u64 = 1_000;
/// Events put into one piece of the answer.
const MAX_AT_ONCE: usize = 256;
/// Silence longer than this means that the connection is gone.
const HEARTBEAT: Duration = Duration::from_secs(5);

pub(super) async fn stream(
    State(watched): State<Watched>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = match Asked::parse(query.as_deref().unwrap_or_default(), &headers) {
        Ok(asked) => asked,
        Err(why) => return sentence(StatusCode::BAD_REQUEST, why),
    };
    if watched.guards.events_are_off() {
        let why = "This node has too much to do to show its events to one more viewer.";
        let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, why);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("15"));
        return response;
    }
    let log = watched.observer.log();
    let mut opening = String::from("retry: 1000\n\n");
    if let Ok(status) = serde_json::to_string(&watched.status()) {
        let _ = write!(opening, "event: hello\ndata: {status}\n\n");
    }
    let from = match asked.after {
        Some(last) if last < log.start() => {
            let _ = write!(opening, "event: restarted\ndata: {{}}\n\n");
            log.start()
        }
        Some(last) => last.saturating_add(1).min(log.next()),
        None => log.next().saturating_sub(asked.backlog).max(log.oldest()),
    };
    let news = log.subscribe();
    let viewing = watched.observer.viewing();
    let viewer = Viewer { watched, news, from, opening: Some(opening), _viewing: viewing };
    let body = Body::from_stream(stream::unfold(viewer, |mut viewer| async {
        let piece = viewer.next_piece().await?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), viewer))
    }));
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    backlog: u64,
    after: Option<u64>,
}

impl Asked {
    fn parse(query: &str, headers: &HeaderMap) -> Result<Self, String> {
        let mut asked = Self { backlog: DEFAULT_BACKLOG, after: None };
        if let Some(last) = headers.get("last-event-id") {
            let number = last.to_str().ok().and_then(|text| text.parse().ok());
            asked.after = Some(number.ok_or("Last-Event-ID is not an event's number.")?);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = value.parse().map_err(|_| {
                let shown: String = pair.chars().take(80).collect();
                format!("In the query, \"{shown}\" should have a whole number after \"=\".")
            })?;
            match name {
                "backlog" => asked.backlog = number,
                "after" => asked.after = Some(number),
                _ => return Err("The query may say backlog=N and after=ID.".into()),
            }
        }
        Ok(asked)
    }
}

struct Viewer {
    watched: Watched,
    news: watch::Receiver<u64>,
    from: u64,
    opening: Option<String>,
    _viewing: crate::node::CountedConnection,
}

impl Viewer {
    /// What to send next; waits until there is something. `None` if there will never be.
    async fn next_piece(&mut self) -> Option<String> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        let from = self.from;
        match timeout(HEARTBEAT, self.news.wait_for(|next| *next > from)).await {
            Err(_) => return Some(": still here\n\n".into()),
            Ok(Err(_)) => return None,
            Ok(Ok(_)) => {}
        }
        let read = self.watched.observer.log().read(self.from, MAX_AT_ONCE);
        self.from = read.next();
        let mut piece = String::with_capacity(read.events.len() * 256);
        if read.missed > 0 {
            self.watched.observer.viewer_lagged(read.missed);
            let _ = write!(piece, "event: lagged\ndata: {{\"missed\":{}}}\n\n", read.missed);
        }
        for (number, event) in (read.first..).zip(&read.events) {
            if let Ok(json) = serde_json::to_string(&**event) {
                let _ = write!(piece, "id: {number}\ndata: {json}\n\n");
            }
        }
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_viewer_asks_is_understood_or_refused_in_words() {
        let none = HeaderMap::new();
        let parse = |query| Asked::parse(query, &none);
        assert_eq!(parse(""), Ok(Asked { backlog: 1_000, after: None }));
        assert_eq!(parse("backlog=0&after=7"), Ok(Asked { backlog: 0, after: Some(7) }));
        assert!(parse("backlog=x").unwrap_err().contains("backlog=x"));
        assert!(parse("backlog").unwrap_err().contains("whole number"));
        assert!(parse("foo=1").is_err());

        let mut resumed = HeaderMap::new();
        resumed.insert("last-event-id", HeaderValue::from_static("12"));
        assert_eq!(Asked::parse("", &resumed).unwrap().after, Some(12));
        resumed.insert("last-event-id", HeaderValue::from_static("-1"));
        assert!(Asked::parse("", &resumed).is_err());
    }
}
