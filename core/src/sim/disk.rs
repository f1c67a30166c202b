//! A node's disk: records that are safe, and records that are being written.
//!
//! A crash loses what is being written and may leave half of a record: a torn tail, which nobody
//! was told was safe. Everything else that can't be read back is damage, and reading says so. A
//! disk that lies says "safe" and loses it at the next crash; it is found out because how much it
//! said was safe is written down at another place too. (One that loses both can't be found out by
//! anybody at home; such a node counts as Byzantine.)

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{pbft::Record, protocol::RecordNumber, time::Time};

/// How disks behave.
///
/// # Default
///
/// A sync takes no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiskModel {
    /// How long a record takes to be safe, in microseconds. A crash loses what isn't.
    pub sync_us: u32,
}

/// What can happen to a disk, besides losing what isn't safe yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// A record in the middle can't be read any more.
    Sector,
    /// The last record that was safe is half gone.
    Torn,
    /// All of it is gone.
    Lost,
    /// From now on it says that records are safe and forgets them at the next crash.
    Lies,
}

impl Damage {
    /// In words, of a disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sector => "has an unreadable sector",
            Self::Torn => "tears its last record",
            Self::Lost => "is lost",
            Self::Lies => "lies about what is safe",
        }
    }
}

/// What a restarting node finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Everything that was safe, and nothing else.
    Clean,
    /// The same, and the beginning of a record that never was: normal after a crash.
    TornTail,
    /// Something that was safe is missing.
    Damaged(Damage),
}

/// Records are compacted when so many have gathered since the last time.
const COMPACT_EVERY: usize = 64;

/// One disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    model: DiskModel,
    safe: Vec<Record>,
    compacted: usize,
    writing: VecDeque<(Time, RecordNumber, Record)>,
    /// A crash interrupted a write.
    torn: bool,
    /// What is missing, until a node has started from the rest.
    damage: Option<Damage>,
    /// It lies: what it says is safe since then.
    unsafe_since: Option<Vec<Record>>,
}

/// When a record will be safe.
pub(crate) enum Write {
    /// At once.
    Safe,
    /// Then.
    SafeAt(Time),
}

impl Disk {
    pub(crate) fn new(model: DiskModel) -> Self {
        Self {
            model,
            safe: Vec::new(),
            compacted: 0,
            writing: VecDeque::new(),
            torn: false,
            damage: None,
            unsafe_since: None,
        }
    }

    /// Something happens to it; false: there was nothing to lose.
    pub(crate) fn damage(&mut self, what: Damage) -> bool {
        let before = self.safe.len();
        match what {
            Damage::Sector if before > 0 => {
                self.safe.remove(before / 2);
            }
            Damage::Torn => {
                self.safe.pop();
            }
            Damage::Lost => self.safe.clear(),
            Damage::Lies => {
                self.unsafe_since.get_or_insert_default();
                return true;
            }
            Damage::Sector => {}
        }
        let lost = self.safe.len() < before;
        if lost {
            self.damage = Some(what);
        }
        lost
    }

    pub(crate) fn write(&mut self, now: Time, number: RecordNumber, record: Record) -> Write {
        if self.model.sync_us == 0 {
            self.keep(record);
            return Write::Safe;
        }
        let at = now + Duration::from_micros(u64::from(self.model.sync_us));
        self.writing.push_back((at, number, record));
        Write::SafeAt(at)
    }

    /// What has become safe by now: the highest number.
    pub(crate) fn synced(&mut self, now: Time) -> Option<RecordNumber> {
        let mut highest = None;
        while self.writing.front().is_some_and(|(at, ..)| *at <= now) {
            if let Some((_, number, record)) = self.writing.pop_front() {
                self.keep(record);
                highest = Some(number);
            }
        }
        highest
    }

    /// What a restarting node reads.
    pub(crate) fn read(&self) -> (Vec<Record>, Condition) {
        let condition = match self.damage {
            Some(what) => Condition::Damaged(what),
            None if self.torn => Condition::TornTail,
            None => Condition::Clean,
        };
        (Record::compact(self.safe.clone()), condition)
    }

    /// A node started from what it read: the rest was written anew.
    pub(crate) fn mend(&mut self) {
        self.torn = false;
        self.damage = None;
    }

    /// How many records a crash now would lose.
    pub(crate) fn unsynced(&self) -> usize {
        self.writing.len()
    }

    /// How many records it holds.
    pub(crate) fn len(&self) -> usize {
        self.safe.len()
    }

    /// Whether more was lost than was being written.
    pub(crate) fn crash(&mut self) -> bool {
        self.torn = !self.writing.is_empty();
        self.writing.clear();
        let lied = self.unsafe_since.take().is_some_and(|lost| !lost.is_empty());
        if lied {
            self.damage = Some(Damage::Lies);
        }
        lied
    }

    fn keep(&mut self, record: Record) {
        if let Some(lost) = &mut self.unsafe_since {
            lost.push(record);
            return;
        }
        let stable = matches!(record, Record::Stable(..));
        self.safe.push(record);
        if stable && self.safe.len() >= self.compacted + COMPACT_EVERY {
            self.safe = Record::compact(core::mem::take(&mut self.safe));
            self.compacted = self.safe.len();
        }
    }
}
