//! Linearizability: every accepted result is the one that the one history gives, and the history
//! keeps real-time order: who asked after another was answered comes after it.
//!
//! A read has no place of its own in the history, so one must be found for it: a prefix of the
//! history as it stands when the read completes, that gives its result and holds everything that
//! was answered, and every place that was found for a read, before it was asked. Of all such
//! places the earliest is taken. That is enough: with the order of writes given, a place bounds
//! others only from below (whatever is asked later comes no earlier), so the earliest one leaves
//! every later read the most room, and places exist for all reads if and only if these do. What is
//! asked after a read completed can't stand before its place: that is in the history already.

use alloc::{format, string::String};

use super::{super::Invariant, Broken, History};
use crate::{
    app::Outcome,
    client::Way,
    ids::{ClientId, RequestId},
    sorted::SortedMap,
};

/// What clients were told, and when they asked.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Linearizability {
    /// The latest place in the history of any request or read that was answered.
    answered: u64,
    /// For each client that waits: what `answered` was when it asked.
    asked_after: SortedMap<ClientId, u64>,
}

impl Linearizability {
    pub(in super::super) fn submitted(&mut self, id: RequestId) {
        self.asked_after.insert(id.client, self.answered);
    }

    pub(in super::super) fn completed(
        &mut self,
        history: &History,
        id: RequestId,
        result: &[u8],
        way: Way,
    ) -> Result<(), Broken> {
        match way {
            Way::Ordered => self.ordered(history, id, result),
            Way::Read => self.read(history, id, result),
        }
    }

    fn read(&mut self, history: &History, id: RequestId, result: &[u8]) -> Result<(), Broken> {
        let after = self.asked_after.remove(&id.client).unwrap_or(0);
        let operation = history.asked(id).map(|asked| asked.operation.as_slice());
        let place = operation.and_then(|it| history.first_place(it, result, after));
        let Some(place) = place else {
            let detail = format!(
                "client {} read {} by request {}, which no state has held since it asked",
                id.client,
                words(result),
                id.timestamp
            );
            return Err((Invariant::Linearizability, detail));
        };
        self.answered = self.answered.max(place);
        Ok(())
    }

    fn ordered(&mut self, history: &History, id: RequestId, result: &[u8]) -> Result<(), Broken> {
        let broken = |detail| Err((Invariant::Linearizability, detail));
        let after = self.asked_after.remove(&id.client).unwrap_or(0);
        let Some((asked, (seq, order))) =
            history.asked(id).and_then(|asked| Some((asked, asked.executed?)))
        else {
            return broken(format!(
                "client {} accepted an answer to request {} that no correct node executed",
                id.client, id.timestamp
            ));
        };
        if asked.result != result {
            return broken(format!(
                "client {} accepted {} for request {}, where the history gives {}",
                id.client,
                words(result),
                id.timestamp,
                words(&asked.result)
            ));
        }
        if order <= after {
            return broken(format!(
                "request {} of client {} stands at {seq}, before one that was answered before it \
                 was asked",
                id.timestamp, id.client
            ));
        }
        self.answered = self.answered.max(order);
        Ok(())
    }
}

fn words(result: &[u8]) -> String {
    match Outcome::decode(result) {
        Some(outcome) => format!("“{outcome}”"),
        None => "something unreadable".into(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{
        app::Operation,
        crypto::{Signed, Simulated},
        ids::{NodeId, Principal, Seq, Timestamp},
        pbft::{Batch, Request},
        quorum::Membership,
        time::WallTime,
    };

    /// One key, a client that writes it and others that read it.
    struct World {
        history: History,
        linearizability: Linearizability,
        asked: [u64; 4],
        seq: u64,
    }

    impl World {
        fn new() -> Self {
            Self {
                history: History::new(Membership::new(4).unwrap(), &crate::pbft::Config::default()),
                linearizability: Linearizability::default(),
                asked: [0; 4],
                seq: 0,
            }
        }

        fn ask(&mut self, client: u64, operation: &Operation) -> RequestId {
            self.asked[client as usize] += 1;
            let timestamp = Timestamp(self.asked[client as usize]);
            let id = RequestId { client: ClientId(client), timestamp };
            self.history.submitted(id, operation.encode());
            self.linearizability.submitted(id);
            id
        }

        fn ask_read(&mut self, client: u64) -> RequestId {
            self.ask(client, &Operation::Get { key: b"k".to_vec() })
        }

        /// Client 0 writes, and a correct replica executes it; it has no answer yet.
        fn write(&mut self, value: &str) -> RequestId {
            let operation = Operation::Put { key: b"k".to_vec(), value: value.into() };
            self.execute(&operation, None)
        }

        fn execute(&mut self, operation: &Operation, time: Option<WallTime>) -> RequestId {
            let id = self.ask(0, operation);
            self.seq += 1;
            let keys = Simulated::new(Principal::Client(id.client), 1);
            let request = Request { id, operation: operation.encode() };
            let batch = Batch::of([Signed::new(request, &keys).into()].into(), time);
            let (seq, digest) = (Seq(self.seq), batch.digest());
            let node = Simulated::new(Principal::Node(NodeId(0)), 7);
            self.history.executed(NodeId(0), seq, digest, &[id], Some(&batch), &node).unwrap();
            id
        }

        fn written(&mut self, id: RequestId) {
            let done = Outcome::Done.encode();
            self.linearizability.completed(&self.history, id, &done, Way::Ordered).unwrap();
        }

        fn reads(&mut self, id: RequestId, value: Option<&str>) -> bool {
            let result: Vec<u8> = Outcome::Value(value.map(Into::into)).encode();
            self.linearizability.completed(&self.history, id, &result, Way::Read).is_ok()
        }
    }

    #[test]
    fn a_read_sees_every_write_that_was_answered_before_it_was_asked() {
        let mut world = World::new();
        let write = world.write("1");
        let early = world.ask_read(1);
        world.written(write);
        let late = world.ask_read(2);
        assert!(world.reads(early, None), "it was asked before the write was answered");
        assert!(!world.reads(late, None), "a stale read");
    }

    #[test]
    fn a_read_may_see_a_write_that_is_not_answered_yet_and_then_so_must_all_later_ones() {
        let mut world = World::new();
        world.write("1");
        let (first, at_the_same_time) = (world.ask_read(1), world.ask_read(2));
        assert!(world.reads(first, Some("1")));
        let later = world.ask_read(3);
        assert!(world.reads(at_the_same_time, None));
        assert!(!world.reads(later, None), "back in time");
    }

    #[test]
    fn a_read_of_what_was_never_there_or_is_overwritten_is_wrong() {
        let mut world = World::new();
        let one = world.write("1");
        world.written(one);
        let two = world.write("2");
        world.written(two);
        let read = world.ask_read(1);
        assert!(!world.reads(read, Some("3")));
        let read = world.ask_read(1);
        assert!(!world.reads(read, Some("1")));
        let read = world.ask_read(1);
        assert!(world.reads(read, Some("2")));
    }

    /// Found by random scenarios, which called such a read wrong.
    #[test]
    fn a_read_may_see_what_vanishes_when_time_goes_on_and_no_later_one_may() {
        let mut world = World::new();
        let (key, value) = (b"k".to_vec(), b"1".to_vec());
        let short = Operation::PutFor { key, value, ttl_ms: 10 };
        let write = world.execute(&short, Some(WallTime(1_000)));
        world.written(write);
        let (early, at_the_same_time) = (world.ask_read(1), world.ask_read(2));
        let other = Operation::Put { key: b"other".to_vec(), value: Vec::new() };
        world.execute(&other, Some(WallTime(1_000_000)));
        assert!(world.reads(early, Some("1")), "time had not gone on there");
        assert!(world.reads(at_the_same_time, None));
        let late = world.ask_read(3);
        assert!(!world.reads(late, Some("1")), "back in time");
    }

    /// The value comes back: the earliest place that fits is taken, and no other is excluded.
    #[test]
    fn of_several_places_that_fit_a_read_takes_the_earliest() {
        let mut world = World::new();
        let reads: Vec<_> = [1, 2, 3].map(|client| world.ask_read(client)).into();
        for value in ["a", "b", "a"] {
            world.write(value);
        }
        assert!(world.reads(reads[0], Some("a")));
        assert!(world.reads(reads[1], Some("b")));
        assert!(world.reads(reads[2], None));
        let after_b = world.ask_read(1);
        assert!(world.reads(after_b, Some("a")));
        let after_a_again = world.ask_read(2);
        assert!(!world.reads(after_a_again, Some("b")));
    }
}
