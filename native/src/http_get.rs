//! Asks a node's admin address, as a person would with a browser: one GET, one answer.

use std::{net::SocketAddr, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long a node may take: it answers from memory.
const PATIENCE: Duration = Duration::from_secs(10);
/// Room for the head of an answer.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// No answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum NoAnswer {
    /// The connection failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Nothing came in time.
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    TooSlow,
    /// It is no HTTP, or over the limit.
    #[error("what it answered is no HTTP answer of up to {limit} bytes")]
    Unreadable {
        /// The most that was expected.
        limit: usize,
    },
    /// It refused.
    #[error("it answered with status {0}")]
    Status(u16),
}

/// The body of what is at a path, up to so many bytes.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    limit: usize,
) -> Result<Vec<u8>, NoAnswer> {
    timeout(PATIENCE, ask(address, path, limit)).await.unwrap_or(Err(NoAnswer::TooSlow))
}

async fn ask(address: SocketAddr, path: &str, limit: usize) -> Result<Vec<u8>, NoAnswer> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0: the body is as it is and ends with the connection.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take((limit + MAX_HEAD_BYTES) as u64).read_to_end(&mut answer).await?;
    let unreadable = || NoAnswer::Unreadable { limit };
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or_else(unreadable)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| unreadable())?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(unreadable)?;
    if code != 200 {
        return Err(NoAnswer::Status(code));
    }
    let body_starts = end + 4;
    // A body that was cut off at the limit is no answer.
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body = answer.split_off(body_starts);
    if length.is_some_and(|length| length != body.len()) { Err(unreadable()) } else { Ok(body) }
}
