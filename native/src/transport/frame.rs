//! Frames: four bytes of length (big-endian) and then so many bytes. Length 0 is a keepalive.
//!
//! A frame over the limit is refused on the strength of its four bytes, before anything of it is
//! read or allocated for.

use std::{io, time::Duration};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::{Instant, timeout_at},
};

use super::limits::{FRAME_TIMEOUT, IDLE_TIMEOUT};

/// Bytes before a message.
pub(super) const HEADER: usize = 4;
/// How much is asked for at once: grows with what arrives, not with what is announced.
const READ_STEP: usize = 64 * 1024;

/// Why no further frame comes from a connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The other end is done.
    #[error("the connection was closed")]
    Closed,
    /// The connection ended inside a frame.
    #[error("the connection ended inside a frame")]
    Cut,
    /// More than the other end may send at once.
    #[error("a frame of {announced} bytes was announced, over the limit of {limit}")]
    TooLong {
        /// What its four bytes said.
        announced: usize,
        /// The most it may be.
        limit: usize,
    },
    /// Not even a keepalive.
    #[error("nothing came for {} s", .0.as_secs())]
    Idle(Duration),
    /// It trickles.
    #[error("one frame took over {} s", .0.as_secs())]
    Slow(Duration),
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FrameError {
    /// Whether the other end just went away, with or without a word.
    pub fn is_end(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        match self {
            Self::Closed => true,
            Self::Io(why) => matches!(why.kind(), UnexpectedEof | ConnectionReset | BrokenPipe),
            _ => false,
        }
    }
}

/// A message as a frame.
pub fn frame(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEADER + message.len());
    // Messages are at most 64 MiB.
    bytes.put_u32(message.len() as u32);
    bytes.put_slice(message);
    bytes.freeze()
}

/// The frame that says only that one is there.
pub fn keepalive() -> Bytes {
    Bytes::from_static(&[0; HEADER])
}

/// Takes frames off a connection.
pub struct FrameReader<R> {
    from: R,
    buffer: BytesMut,
    limit: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads frames of at most `limit` bytes.
    pub fn new(from: R, limit: usize) -> Self {
        Self { from, buffer: BytesMut::new(), limit }
    }

    /// The length of the next frame that isn't a keepalive, checked against the limit. Nothing of
    /// the frame itself is taken yet: call [`body`](Self::body) next.
    pub async fn announced(&mut self) -> Result<usize, FrameError> {
        loop {
            let announced = self.header().await?;
            if announced > 0 {
                return Ok(announced);
            }
        }
    }

    /// The same, or 0 for a keepalive.
    pub async fn header(&mut self) -> Result<usize, FrameError> {
        let deadline = Instant::now() + IDLE_TIMEOUT;
        while self.buffer.len() < HEADER {
            let empty = self.buffer.is_empty();
            let read = timeout_at(deadline, self.fill(READ_STEP))
                .await
                .map_err(|_| FrameError::Idle(IDLE_TIMEOUT))??;
            if read == 0 {
                return Err(if empty { FrameError::Closed } else { FrameError::Cut });
            }
        }
        let announced = self.buffer.get_u32() as usize;
        if announced > self.limit {
            return Err(FrameError::TooLong { announced, limit: self.limit });
        }
        Ok(announced)
    }

    /// The frame that was [`announced`](Self::announced).
    pub async fn body(&mut self, announced: usize) -> Result<Bytes, FrameError> {
        let deadline = Instant::now() + FRAME_TIMEOUT;
        while self.buffer.len() < announced {
            let missing = announced - self.buffer.len();
            let read = timeout_at(deadline, self.fill(missing.min(READ_STEP)))
                .await
                .map_err(|_| FrameError::Slow(FRAME_TIMEOUT))??;
            if read == 0 {
                return Err(FrameError::Cut);
            }
        }
        Ok(self.buffer.split_to(announced).freeze())
    }

    /// Announcement and body in one.
    pub async fn next(&mut self) -> Result<Bytes, FrameError> {
        let announced = self.announced().await?;
        self.body(announced).await
    }

    async fn fill(&mut self, at_least_room: usize) -> io::Result<usize> {
        self.buffer.reserve(at_least_room);
        self.from.read_buf(&mut self.buffer).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn frames_come_out_as_they_went_in_however_they_are_cut_up() {
        let (mut writer, reader) = duplex(16);
        let mut reader = FrameReader::new(reader, 1_000);
        let sent = [vec![1; 1], vec![2; 999], vec![3; 30]];
        let stream: Vec<u8> = sent
            .iter()
            .flat_map(|message| [keepalive(), frame(message)])
            .flat_map(|bytes| bytes.to_vec())
            .collect();
        let writing = tokio::spawn(async move {
            for piece in stream.chunks(7) {
                writer.write_all(piece).await.unwrap();
            }
        });
        for message in sent {
            assert_eq!(reader.next().await.unwrap(), message);
        }
        writing.await.unwrap();
        assert!(matches!(reader.next().await, Err(FrameError::Closed)));
    }

    #[tokio::test]
    async fn a_frame_over_the_limit_is_refused_by_its_header_alone() {
        let (mut writer, reader) = duplex(64);
        let mut reader = FrameReader::new(reader, 1_000);
        writer.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
        // The body never comes: if the reader waited for it, this would not return.
        let error = reader.next().await.unwrap_err();
        assert!(matches!(error, FrameError::TooLong { announced: 0xffff_ffff, limit: 1_000 }));
        assert!(reader.buffer.capacity() <= 2 * READ_STEP, "nothing was allocated for it");
    }

    #[tokio::test]
    async fn an_end_inside_a_frame_is_told_from_an_end_between_frames() {
        let (mut writer, reader) = duplex(64);
        let mut reader = FrameReader::new(reader, 1_000);
        writer.write_all(&[0, 0, 0, 9, 1, 2]).await.unwrap();
        drop(writer);
        assert!(matches!(reader.next().await, Err(FrameError::Cut)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_given_up() {
        let (_writer, reader) = duplex(64);
        let mut reader = FrameReader::new(reader, 1_000);
        assert!(matches!(reader.next().await, Err(FrameError::Idle(_))));
    }
}
