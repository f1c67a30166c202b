//! Asks a node's admin address, as a person would with a browser: one request, one answer.

use std::{net::SocketAddr, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::admin::OPERATOR_HEADER;

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
    /// It refused, and said why.
    #[error("{0}")]
    Refused(String),
}

/// The body of what is at a path, up to so many bytes.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    limit: usize,
) -> Result<Vec<u8>, NoAnswer> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    match ask(address, request.as_bytes(), limit).await? {
        (200, body) => Ok(body),
        (code, _) => Err(NoAnswer::Status(code)),
    }
}

/// Has something done. What it says where it refuses, one sentence, is the error.
pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    body: impl AsRef<[u8]>,
) -> Result<String, NoAnswer> {
    const LIMIT: usize = 16 * 1024;
    let body = body.as_ref();
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\n{OPERATOR_HEADER}: conclave\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    let (code, body) = ask(address, &request, LIMIT).await?;
    let said = String::from_utf8_lossy(&body).trim().to_owned();
    if code == 200 { Ok(said) } else { Err(NoAnswer::Refused(said)) }
}

async fn ask(
    address: SocketAddr,
    request: &[u8],
    limit: usize,
) -> Result<(u16, Vec<u8>), NoAnswer> {
    timeout(PATIENCE, exchange(address, request, limit)).await.unwrap_or(Err(NoAnswer::TooSlow))
}

async fn exchange(
    address: SocketAddr,
    request: &[u8],
    limit: usize,
) -> Result<(u16, Vec<u8>), NoAnswer> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0: the body is as it is and ends with the connection.
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.take((limit + MAX_HEAD_BYTES) as u64).read_to_end(&mut answer).await?;
    let unreadable = || NoAnswer::Unreadable { limit };
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or_else(unreadable)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| unreadable())?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(unreadable)?;
    let body_starts = end + 4;
    // A body that was cut off at the limit is no answer.
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body = answer.split_off(body_starts);
    if length.is_some_and(|length| length != body.len()) {
        Err(unreadable())
    } else {
        Ok((code, body))
    }
}
