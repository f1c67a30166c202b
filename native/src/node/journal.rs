//! Records in a file, appended in groups, each group synced at once: one sync a group, however
//! many records came while the last one was under way.
//!
//! ```text
//! header   "CONCLAVE" version:u16 node:u16 cluster:32 crc32
//! group    "Jrnl" number:u64 length:u32 crc32 crc32 payload (again and again; numbers big-endian;
//!          the first checksum is of number and length, the second of the payload)
//! payload  postcard of the group's records
//! ```
//!
//! A crash can leave the *last* group cut short: its records were never reported durable, so that
//! tail is cut off. Anything else is lost memory: a group that is as long as it says and doesn't
//! hold, the last one too; a header that doesn't; a journal that is gone although its directory was
//! in use. An empty directory is a beginning or a loss, as whoever opens it knows ([`Beginning`]).
//! After a loss the file is set aside, and what is left of it begins with the words that this node
//! forgot ([`Record::Forgot`]): its replica recovers before it votes (`conclave_core::pbft`). What
//! can't be told from a torn tail is only a file that lost its end exactly within the last group.
//! At the start, and when the file has grown, what later records made
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

use super::storage::{Beginning, Progress, Storage, StorageError};
use crate::config::ClusterConfig;

const FILE: &str = "journal";
const NEXT_FILE: &str = "journal.next";
const DAMAGED_FILE: &str = "journal.damaged";
const LOCK_FILE: &str = "lock";

const FILE_MAGIC: &[u8; 8] = b"CONCLAVE";
const VERSION: u16 = 3;
const GROUP_MAGIC: &[u8; 4] = b"Jrnl";
const GROUP_HEADER: usize = 4 + 8 + 4 + 4 + 4;

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
    /// Of one node in a cluster, which its first members' public keys identify.
    pub fn of(node: NodeId, config: &ClusterConfig) -> Self {
        let keys: Vec<_> = config.first_nodes().map(|node| node.public_key).collect();
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
    /// Opens the journal in `directory`; if that is empty, `beginning` says whether it is created.
    /// Gives the records that are in it, in order. If some are lost, the rest say so, and `life`
    /// numbers the life without them: it must be higher than at every start before.
    pub fn open(
        directory: &Path,
        owner: JournalIdentity,
        life: u64,
        beginning: Beginning,
    ) -> Result<(Self, Vec<Record>), StorageError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |why| StorageError::Io { path, why }
        };
        let lock_path = directory.join(LOCK_FILE);
        let path = directory.join(FILE);
        let was_in_use = lock_path.exists();
        if !was_in_use && !path.exists() && beginning == Beginning::Unexpected {
            return Err(StorageError::Empty(directory.to_owned()));
        }
        fs::create_dir_all(directory).map_err(io(directory))?;
        let lock = private(&lock_path, false).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(StorageError::InUse(directory.to_owned()));
            }
            Err(fs::TryLockError::Error(why)) => return Err(io(&lock_path)(why)),
        }
        let (mut records, damage) = match fs::read(&path) {
            Ok(bytes) => read_all(&path, &bytes, owner)?,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                (Vec::new(), (was_in_use || beginning == Beginning::Lost).then_some(0))
            }
            Err(why) => return Err(io(&path)(why)),
        };
        if let Some(offset) = damage {
            tracing::error!(
                path = %path.display(),
                offset,
                life,
                "the journal is damaged: this node lost memory, and recovers before it votes"
            );
            if path.exists() {
                let aside = directory.join(DAMAGED_FILE);
                fs::copy(&path, &aside).map_err(io(&aside))?;
            }
            records.push(Record::Forgot(life));
        }
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
        let (kept, damage) =
            read_all(&path, &fs::read(&path)?, self.owner).map_err(io::Error::other)?;
        if let Some(offset) = damage {
            // A running node still knows everything: it stops, and starts again as one that knows
            // what it lost.
            return Err(io::Error::other(format!("byte {offset} can't be read back")));
        }
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
    let of_header = crc32(&bytes[4..]);
    bytes.extend(of_header.to_be_bytes());
    bytes.extend(crc32(&payload).to_be_bytes());
    bytes.extend(payload);
    Ok(bytes)
}

/// All records of the intact groups up to the first that isn't, and where something is lost.
fn read_all(
    path: &Path,
    bytes: &[u8],
    owner: JournalIdentity,
) -> Result<(Vec<Record>, Option<usize>), StorageError> {
    let not_ours = |why: &str| StorageError::NotOurs { path: path.into(), why: why.into() };
    let header = owner.header();
    if !bytes.starts_with(&header) {
        let Some(found) = bytes.get(..header.len()) else { return Ok((Vec::new(), Some(0))) };
        if !found.starts_with(FILE_MAGIC) {
            return Err(not_ours("it is no journal"));
        }
        let (body, checksum) = found.split_at(header.len() - 4);
        if crc32(body).to_be_bytes() != checksum {
            return Ok((Vec::new(), Some(0)));
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
        match group_at(&bytes[offset..], number) {
            Group::Intact(group, length) => {
                records.extend(group);
                offset += length;
                number += 1;
            }
            Group::CutShort => {
                tracing::warn!(path = %path.display(), offset, "a torn tail was cut off");
                break;
            }
            Group::Damaged => return Ok((records, Some(offset))),
        }
    }
    Ok((records, None))
}

/// What stands at the beginning of some bytes.
enum Group {
    /// The group that was expected, and its length.
    Intact(Vec<Record>, usize),
    /// The beginning of one.
    CutShort,
    /// Something else.
    Damaged,
}

fn group_at(bytes: &[u8], expected: u64) -> Group {
    let Some((header, rest)) = bytes.split_first_chunk::<GROUP_HEADER>() else {
        return Group::CutShort;
    };
    let [magic, number_high, number_low, length, of_header, of_payload] = words(header);
    let number = u64::from(number_high) << 32 | u64::from(number_low);
    let holds = magic == u32::from_be_bytes(*GROUP_MAGIC)
        && crc32(&header[4..16]) == of_header
        && number == expected;
    if !holds {
        return Group::Damaged;
    }
    let Some(payload) = rest.get(..length as usize) else { return Group::CutShort };
    if crc32(payload) != of_payload {
        return Group::Damaged;
    }
    match postcard::from_bytes(payload) {
        Ok(records) => Group::Intact(records, GROUP_HEADER + payload.len()),
        Err(_) => Group::Damaged,
    }
}

/// A header's six words.
fn words(header: &[u8; GROUP_HEADER]) -> [u32; GROUP_HEADER / 4] {
    let mut words = [0; GROUP_HEADER / 4];
    for (word, bytes) in words.iter_mut().zip(header.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

/// CRC-32 (IEEE 802.3).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
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

    const LIFE: u64 = 7;

    fn record() -> Record {
        // One that no compaction drops.
        let batch = Batch::default();
        let body =
            PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(1), digest: batch.digest() };
        let keys = Simulated::new(Principal::Node(NodeId(0)), 1);
        Record::PrePrepare(Signed::new(body, &keys).into(), batch.into())
    }

    /// As a node that may begin with nothing.
    fn open(
        directory: &Path,
        owner: JournalIdentity,
        life: u64,
    ) -> Result<(Journal, Vec<Record>), StorageError> {
        Journal::open(directory, owner, life, Beginning::First)
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
        let (mut journal, records) = open(&folder.0, OWNER, LIFE).unwrap();
        assert!(records.is_empty());
        let mut progress = journal.progress();
        for number in 1..=100 {
            journal.append(number, record()).await;
        }
        progress.wait_for(|progress| progress.durable == 100).await.unwrap();
        assert!(matches!(open(&folder.0, OWNER, LIFE), Err(StorageError::InUse(_))));
        drop(journal);
        let (_, records) = open(&folder.0, OWNER, LIFE).unwrap();
        assert_eq!(records.len(), 100);
    }

    #[test]
    fn a_torn_tail_is_cut_off_wherever_it_tears() {
        let (folder, starts) = Folder::with_three_groups("torn");
        let whole = fs::read(folder.journal()).unwrap();
        for end in starts[2]..whole.len() {
            fs::write(folder.journal(), &whole[..end]).unwrap();
            let (_, records) = open(&folder.0, OWNER, LIFE).unwrap();
            assert_eq!(records.len(), 2, "torn at {end}");
        }
    }

    fn forgot(records: &[Record]) -> bool {
        records.last() == Some(&Record::Forgot(LIFE))
    }

    #[test]
    fn damage_is_not_taken_for_a_torn_tail_wherever_it_is() {
        let (folder, starts) = Folder::with_three_groups("damaged");
        let whole = fs::read(folder.journal()).unwrap();
        for at in starts[1]..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            fs::write(folder.journal(), &damaged).unwrap();
            let (_, records) = open(&folder.0, OWNER, LIFE).unwrap();
            assert!(forgot(&records), "byte {at} was changed unnoticed");
            let aside = fs::read(folder.0.join(DAMAGED_FILE)).unwrap();
            assert_eq!(aside, damaged, "it is set aside as it was");
        }
    }

    #[test]
    fn what_was_forgotten_stays_forgotten_at_the_next_start() {
        let (folder, starts) = Folder::with_three_groups("again");
        let mut damaged = fs::read(folder.journal()).unwrap();
        damaged[starts[1] + GROUP_HEADER] ^= 0x40;
        fs::write(folder.journal(), &damaged).unwrap();
        drop(open(&folder.0, OWNER, LIFE).unwrap());
        let (_, records) = open(&folder.0, OWNER, LIFE + 1).unwrap();
        assert!(forgot(&records), "the file is whole now, but not the memory");
    }

    #[test]
    fn a_journal_that_is_gone_is_missed_and_one_that_never_was_is_not() {
        let folder = Folder::new("gone");
        let (journal, records) = open(&folder.0, OWNER, LIFE).unwrap();
        assert!(records.is_empty());
        drop(journal);
        fs::remove_file(folder.journal()).unwrap();
        let (_, records) = open(&folder.0, OWNER, LIFE).unwrap();
        assert!(forgot(&records));
    }

    #[test]
    fn an_empty_directory_is_no_beginning_for_a_node_that_has_begun() {
        let folder = Folder::new("empty");
        for made in [false, true] {
            if made {
                fs::create_dir(&folder.0).unwrap();
            }
            let opened = Journal::open(&folder.0, OWNER, LIFE, Beginning::Unexpected);
            assert!(matches!(opened, Err(StorageError::Empty(_))));
        }
        // It left nothing behind that would look like a journal that is gone.
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
        let (journal, records) = Journal::open(&folder.0, OWNER, LIFE, Beginning::Lost).unwrap();
        assert!(forgot(&records));
        drop(journal);
        // What there is, is read, whatever an empty directory would mean.
        for beginning in [Beginning::Unexpected, Beginning::First] {
            let (_, records) = Journal::open(&folder.0, OWNER, LIFE, beginning).unwrap();
            assert!(forgot(&records), "{beginning:?}");
        }
    }

    #[test]
    fn the_journal_of_another_node_is_refused() {
        let (folder, _) = Folder::with_three_groups("other");
        let other = JournalIdentity { node: NodeId(2), ..OWNER };
        assert!(matches!(open(&folder.0, other, LIFE), Err(StorageError::NotOurs { .. })));
        assert!(open(&folder.0, OWNER, LIFE).is_ok(), "and it is left as it was");
    }
}
