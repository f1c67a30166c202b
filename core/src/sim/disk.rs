//! A node's disk: records that are safe, and records that are being written.

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

/// Records are compacted when so many have gathered since the last time.
const COMPACT_EVERY: usize = 64;

/// One disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    model: DiskModel,
    safe: Vec<Record>,
    compacted: usize,
    writing: VecDeque<(Time, RecordNumber, Record)>,
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
        Self { model, safe: Vec::new(), compacted: 0, writing: VecDeque::new() }
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
    pub(crate) fn read(&self) -> Vec<Record> {
        Record::compact(self.safe.clone())
    }

    /// How many records a crash now would lose.
    pub(crate) fn unsynced(&self) -> usize {
        self.writing.len()
    }

    /// How many records it holds.
    pub(crate) fn len(&self) -> usize {
        self.safe.len()
    }

    pub(crate) fn crash(&mut self) {
        self.writing.clear();
    }

    fn keep(&mut self, record: Record) {
        let stable = matches!(record, Record::Stable(..));
        self.safe.push(record);
        if stable && self.safe.len() >= self.compacted + COMPACT_EVERY {
            self.safe = Record::compact(core::mem::take(&mut self.safe));
            self.compacted = self.safe.len();
        }
    }
}
