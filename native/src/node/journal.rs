//! Records in a file, appended in groups, each group synced at once: one sync a group, however
//! many records came while the last one was under way.
//!
//! ```text
//! header   "CONCLAVE" version:u16 node:u16 cluster:32 crc32
//! group    "Jrnl" number:u64 length:u32 crc32 payload      (again and again; numbers big-endian)
//! payload  postcard of the group's records
//! ```
//!
//! A crash can leave the *last* group half written: its records were never reported durable, so
//! that tail is cut off. Damage with an intact later group behind it is no torn tail but lost
//! memory, and the node refuses to start. (Damage to the last group alone can't be told from a
//! torn tail by anybody.) At the start, and when the file has grown, what later records made
//! useless is dropped: the rest is written to a new file that then takes the place of the old one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    thread,
};

use conclave_core::{crypto::Digest, ids::NodeId, pbft::Record, protocol::RecordNumber};
use tokio::sync::{mpsc, watch};

use super::storage::{Progress, Storage, StorageError};
use crate::config::ClusterConfig;

const FILE: &str = "journal";
const NEXT_FILE: &str = "journal.next";
const LOCK_FILE: &str = "lock";

const FILE_MAGIC: &[u8; 8] = b"CONCLAVE";
const VERSION: u16 = 1;
const GROUP_MAGIC: &[u8; 4] = b"Jrnl";
const GROUP_HEADER: usize = 4 + 8 + 4 + 4;

/// Records under way to the disk before the driver waits.
const MAX_QUEUED: usize = 4_096;
/// Records that share one sync at the most, so that a group fits well into memory.
const MAX_GROUP: usize = 512;
/// The file is rewritten when it has grown by this much,
const MIN_GROWTH_BYTES: u64 = 64 * 1024 * 1024;
/// and to this many times what was left the last time.
const MIN_GROWTH_FACTOR: u64 = 4;

/// Whose records these are: a journal is never read by another node or in another cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalIdentity {
    node: NodeId,
    cluster: Digest,
}

impl JournalIdentity {
    /// Of one node in a cluster, which its members' public keys identify.
    pub fn of(node: NodeId, config: &ClusterConfig) -> Self {
        let keys: Vec<_> = config.nodes.iter().map(|node| node.public_key).collect();
        Self { node, cluster: Digest::of(&keys) }
    }

    fn header(self) -> Vec<u8> {
        let mut header = FILE_MAGIC.to_vec();
        header.extend(VERSION.to_be_bytes());
        header.extend(self.node.0.to_be_bytes());
        header.extend(self.cluster.0);
        let checksum = crc32(&header);
        header.extend(checksum.to_be_bytes());
        header
    }
}

/// A journal that a thread writes.
pub struct Journal {
    queue: Option<mpsc::Sender<(RecordNumber, Record)>>,
    progress: watch::Receiver<Progress>,
    writer: Option<thread::JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal in `directory`, creating it if there is none. Gives the records that are
    /// in it, in order.
    pub fn open(
        directory: &Path,
        owner: JournalIdentity,
    ) -> Result<(Self, Vec<Record>), StorageError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |why| StorageError::Io { path, why }
        };
        fs::create_dir_all(directory).map_err(io(directory))?;
        let lock_path = directory.join(LOCK_FILE);
        let lock = private(&lock_path, false).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(StorageError::InUse(directory.to_owned()));
            }
            Err(fs::TryLockError::Error(why)) => return Err(io(&lock_path)(why)),
        }
        let path = directory.join(FILE);
        let records = match fs::read(&path) {
            Ok(bytes) => read_all(&path, &bytes, owner)?,
            Err(why) if why.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(why) => return Err(io(&path)(why)),
        };
        let records = Record::compact(records);
        let file = JournalFile::rewrite(directory, owner, &records).map_err(io(&path))?;

        let (queue, receiver) = mpsc::channel(MAX_QUEUED);
        let (sender, progress) = watch::channel(Progress::default());
        let writer = Writer { file, receiver, progress: sender, _lock: lock };
        let writer = thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run())
            .map_err(io(&path))?;
        Ok((Self { queue: Some(queue), progress, writer: Some(writer) }, records))
    }
}

impl Storage for Journal {
    async fn append(&mut self, number: RecordNumber, record: Record) {
        if let Some(queue) = &self.queue {
            // If the writer is gone it has said why in its progress.
            let _ = queue.send((number, record)).await;
        }
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    fn is_durable(&self) -> bool {
        true
    }
}

impl Drop for Journal {
    /// Waits for the writer, so that the directory is free for the next one to open it.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

struct Writer {
    file: JournalFile,
    receiver: mpsc::Receiver<(RecordNumber, Record)>,
    progress: watch::Sender<Progress>,
    _lock: File,
}

impl Writer {
    fn run(mut self) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        while self.receiver.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
            let last = group.last().map_or(0, |(number, _)| *number);
            let records: Vec<Record> = group.drain(..).map(|(_, record)| record).collect();
            match self.file.append(&records) {
                Ok(()) => self.progress.send_modify(|progress| progress.durable = last),
                Err(why) => {
                    let why = format!("{}: {why}", self.file.path().display());
                    self.progress.send_modify(|progress| progress.failed = Some(why));
                    return;
                }
            }
        }
    }
}

/// The file itself.
struct JournalFile {
    directory: PathBuf,
    owner: JournalIdentity,
    file: File,
    next_group: u64,
    length: u64,
    rewrite_at: u64,
}

impl JournalFile {
    /// A new file with these records, in the place of the old one once it is safe.
    fn rewrite(directory: &Path, owner: JournalIdentity, records: &[Record]) -> io::Result<Self> {
        let next = directory.join(NEXT_FILE);
        let mut file = private(&next, true)?;
        let mut bytes = owner.header();
        let mut next_group = 1;
        for group in records.chunks(MAX_GROUP) {
            bytes.extend(encode_group(next_group, group)?);
            next_group += 1;
        }
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&next, directory.join(FILE))?;
        File::open(directory)?.sync_all()?;
        let length = bytes.len() as u64;
        let rewrite_at = (length + MIN_GROWTH_BYTES).max(length * MIN_GROWTH_FACTOR);
        Ok(Self { directory: directory.to_owned(), owner, file, next_group, length, rewrite_at })
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let group = encode_group(self.next_group, records)?;
        self.file.write_all(&group)?;
        self.file.sync_data()?;
        self.next_group += 1;
        self.length += group.len() as u64;
        if self.length < self.rewrite_at {
            return Ok(());
        }
        let path = self.path();
        let kept = read_all(&path, &fs::read(&path)?, self.owner).map_err(io::Error::other)?;
        *self = Self::rewrite(&self.directory, self.owner, &Record::compact(kept))?;
        Ok(())
    }
}

/// Opens a file that only its owner may read: what clients store is nobody else's business.
fn private(path: &Path, truncate: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(truncate).mode(0o600).open(path)
}

fn encode_group(number: u64, records: &[Record]) -> io::Result<Vec<u8>> {
    let payload = postcard::to_allocvec(records).map_err(io::Error::other)?;
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut bytes = GROUP_MAGIC.to_vec();
    bytes.extend(number.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(crc32_of(&[&bytes[4..], &payload]).to_be_bytes());
    bytes.extend(payload);
    Ok(bytes)
}

/// All records of all intact groups, without a torn tail.
fn read_all(
    path: &Path,
    bytes: &[u8],
    owner: JournalIdentity,
) -> Result<Vec<Record>, StorageError> {
    let not_ours = |why: &str| StorageError::NotOurs { path: path.into(), why: why.into() };
    let header = owner.header();
    if !bytes.starts_with(&header) {
        let damaged = || StorageError::Damaged { path: path.into(), offset: 0 };
        let found = bytes.get(..header.len()).ok_or_else(damaged)?;
        if !found.starts_with(FILE_MAGIC) {
            return Err(not_ours("it is no journal"));
        }
        let (body, checksum) = found.split_at(header.len() - 4);
        if crc32(body).to_be_bytes() != checksum {
            return Err(damaged());
        }
        if body[8..10] != header[8..10] {
            return Err(not_ours("another version of this program wrote it"));
        }
        return Err(not_ours("its header names another node or other public keys"));
    }
    let mut records = Vec::new();
    let mut offset = header.len();
    let mut number = 1;
    while offset < bytes.len() {
        let Some((group, length)) = group_at(&bytes[offset..], |found| found == number) else {
            let later = (offset + 1..bytes.len())
                .filter(|at| bytes[*at..].starts_with(GROUP_MAGIC))
                .any(|at| group_at(&bytes[at..], |found| found > number).is_some());
            if later {
                return Err(StorageError::Damaged { path: path.into(), offset: offset as u64 });
            }
            tracing::warn!(path = %path.display(), offset, "a torn tail was cut off");
            break;
        };
        records.extend(group);
        offset += length;
        number += 1;
    }
    Ok(records)
}

/// The intact group at the start of `bytes`, and its length; `None` if there is none.
fn group_at(bytes: &[u8], expected: impl Fn(u64) -> bool) -> Option<(Vec<Record>, usize)> {
    let (header, rest) = bytes.split_at_checked(GROUP_HEADER)?;
    let (magic, header) = header.split_first_chunk::<4>()?;
    let (number, _) = header.split_first_chunk::<8>()?;
    let (covered, checksum) = header.split_at(12);
    let length = u32::from_be_bytes(covered[8..].try_into().ok()?) as usize;
    let payload = rest.get(..length)?;
    let intact = magic == GROUP_MAGIC
        && expected(u64::from_be_bytes(*number))
        && crc32_of(&[covered, payload]).to_be_bytes() == checksum;
    if !intact {
        return None;
    }
    Some((postcard::from_bytes(payload).ok()?, GROUP_HEADER + length))
}

fn crc32(bytes: &[u8]) -> u32 {
    crc32_of(&[bytes])
}

/// CRC-32 (IEEE 802.3) of the parts one after the other.
fn crc32_of(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        crc = (crc >> 8) ^ CRC_TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize];
    }
    !crc
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use conclave_core::pbft::Batch;

    use conclave_core::{
        crypto::{Signed, Simulated},
        ids::{Epoch, Principal, Seq, View},
        pbft::PrePrepare,
    };

    use super::*;

    const OWNER: JournalIdentity = JournalIdentity { node: NodeId(1), cluster: Digest([7; 32]) };

    fn record() -> Record {
        // One that no compaction drops.
        let batch = Batch::default();
        let body =
            PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
        let keys = Simulated::new(Principal::Node(NodeId(0)), 1);
        Record::PrePrepare(Signed::new(body, &keys), batch.into())
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir()
                .join(format!("conclave-journal-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn journal(&self) -> PathBuf {
            self.0.join(FILE)
        }

        /// A journal with three groups of one record each; gives where each group starts.
        fn with_three_groups(name: &str) -> (Self, Vec<usize>) {
            let folder = Self::new(name);
            fs::create_dir_all(&folder.0).unwrap();
            let mut file = JournalFile::rewrite(&folder.0, OWNER, &[]).unwrap();
            let starts = (0..3)
                .map(|_| {
                    let start = file.length as usize;
                    file.append(&[record()]).unwrap();
                    start
                })
                .collect();
            (folder, starts)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[tokio::test]
    async fn records_are_reported_once_they_are_synced_and_read_back_in_order() {
        let folder = Folder::new("order");
        let (mut journal, records) = Journal::open(&folder.0, OWNER).unwrap();
        assert!(records.is_empty());
        let mut progress = journal.progress();
        for number in 1..=100 {
            journal.append(number, record()).await;
        }
        progress.wait_for(|progress| progress.durable == 100).await.unwrap();
        assert!(matches!(Journal::open(&folder.0, OWNER), Err(StorageError::InUse(_))));
        drop(journal);
        let (_, records) = Journal::open(&folder.0, OWNER).unwrap();
        assert_eq!(records.len(), 100);
    }

    #[test]
    fn a_torn_tail_is_cut_off_wherever_it_tears() {
        let (folder, starts) = Folder::with_three_groups("torn");
        let whole = fs::read(folder.journal()).unwrap();
        for end in starts[2]..whole.len() {
            fs::write(folder.journal(), &whole[..end]).unwrap();
            let (_, records) = Journal::open(&folder.0, OWNER).unwrap();
            assert_eq!(records.len(), 2, "torn at {end}");
        }
    }

    #[test]
    fn damage_before_an_intact_group_is_not_taken_for_a_torn_tail() {
        let (folder, starts) = Folder::with_three_groups("damaged");
        let whole = fs::read(folder.journal()).unwrap();
        for at in starts[1]..starts[2] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            fs::write(folder.journal(), &damaged).unwrap();
            let error = Journal::open(&folder.0, OWNER).err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("byte {at} was changed unnoticed"));
            assert!(error.contains(&format!("byte {}: damaged", starts[1])), "{error}");
        }
    }

    #[test]
    fn the_journal_of_another_node_is_refused() {
        let (folder, _) = Folder::with_three_groups("other");
        let other = JournalIdentity { node: NodeId(2), ..OWNER };
        assert!(matches!(Journal::open(&folder.0, other), Err(StorageError::NotOurs { .. })));
        assert!(Journal::open(&folder.0, OWNER).is_ok(), "and it is left as it was");
    }
}
