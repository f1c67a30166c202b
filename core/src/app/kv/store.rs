//! The store: buckets of keys, and what operations do to them.

use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};

use super::{
    MAX_KEY_BYTES, Operation, Outcome,
    bucket::{BUCKETS, Bucket, Entry, bucket_of},
};
use crate::{
    app::{Application, BadPiece, Context},
    sorted::{SortedMap, SortedSet},
    time::WallTime,
};

/// How many expired keys one operation clears away. An operation adds at most one key, so they
/// never pile up, and none takes long. A key that waits to be cleared away is as good as gone.
const CLEARED_AT_A_TIME: usize = 8;

/// The store. Buckets are shared between clones until one of them changes.
#[derive(Clone, Debug, Default)]
pub struct KeyValue {
    buckets: SortedMap<u32, Arc<Bucket>>,
    /// Every key that expires, by when. Follows from the buckets.
    expiries: BTreeSet<(WallTime, Vec<u8>)>,
    /// The buckets that changed since it was last asked to forget which.
    changed: SortedSet<u32>,
}

/// The same keys with the same values; not how they came about.
impl PartialEq for KeyValue {
    fn eq(&self, other: &Self) -> bool {
        self.buckets == other.buckets
    }
}

impl Eq for KeyValue {}

impl KeyValue {
    /// The value of a key, even if its time is over and it waits to be cleared away.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entry(bucket_of(key), key).map(|entry| entry.value.as_slice())
    }

    /// Every key and value, in the order of keys. Gathers them first: for viewers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let mut all: Vec<_> = self
            .buckets
            .values()
            .flat_map(|bucket| bucket.0.iter())
            .map(|(key, entry)| (key.as_slice(), entry.value.as_slice()))
            .collect();
        all.sort_unstable();
        all.into_iter()
    }

    fn entry(&self, bucket: u32, key: &[u8]) -> Option<&Entry> {
        self.buckets.get(&bucket)?.0.get(key)
    }

    fn live(&self, bucket: u32, key: &[u8], time: WallTime) -> Option<&Vec<u8>> {
        self.entry(bucket, key).filter(|entry| entry.is_live(time)).map(|entry| &entry.value)
    }

    /// What [`Operation::Get`] of a key answers.
    pub fn answer(&self, key: &[u8], context: &Context) -> Outcome {
        if key.len() > MAX_KEY_BYTES {
            return Outcome::Malformed;
        }
        Outcome::Value(self.live(bucket_of(key), key, context.time).cloned())
    }

    fn put(&mut self, index: u32, key: &[u8], value: &[u8], expires: Option<WallTime>) {
        self.changed.insert(index);
        let bucket = Arc::make_mut(self.buckets.entry(index).or_default());
        let before = match bucket.0.get_mut(key) {
            Some(known) => {
                known.value.clear();
                known.value.extend_from_slice(value);
                core::mem::replace(&mut known.expires, expires)
            }
            None => {
                bucket.0.insert(key.to_vec(), Entry { value: value.to_vec(), expires });
                None
            }
        };
        if before != expires {
            if let Some(before) = before {
                self.expiries.remove(&(before, key.to_vec()));
            }
            if let Some(at) = expires {
                self.expiries.insert((at, key.to_vec()));
            }
        }
    }

    fn remove(&mut self, index: u32, key: &[u8]) {
        let Some(bucket) = self.buckets.get_mut(&index).filter(|it| it.0.contains_key(key)) else {
            return;
        };
        self.changed.insert(index);
        let bucket = Arc::make_mut(bucket);
        let known = bucket.0.remove(key);
        if bucket.0.is_empty() {
            self.buckets.remove(&index);
        }
        if let Some(at) = known.and_then(|entry| entry.expires) {
            self.expiries.remove(&(at, key.to_vec()));
        }
    }

    fn clear_away(&mut self, time: WallTime) {
        for _ in 0..CLEARED_AT_A_TIME {
            let Some((_, key)) = self.expiries.first().filter(|(at, _)| *at <= time) else {
                return;
            };
            let key = key.clone();
            self.remove(bucket_of(&key), &key);
        }
    }

    /// Carries out one operation.
    pub fn apply(&mut self, operation: &Operation<&[u8]>, context: &Context) -> Outcome {
        let time = context.time;
        self.clear_away(time);
        if !operation.within_limits() {
            return Outcome::Malformed;
        }
        let bucket = bucket_of(operation.key());
        match *operation {
            Operation::Get { key } => Outcome::Value(self.live(bucket, key, time).cloned()),
            Operation::Put { key, value } => {
                self.put(bucket, key, value, None);
                Outcome::Done
            }
            Operation::PutFor { key, value, ttl_ms } => {
                self.put(bucket, key, value, Some(time.after_ms(ttl_ms)));
                Outcome::Done
            }
            Operation::Delete { key } => {
                let existed = self.live(bucket, key, time).is_some();
                self.remove(bucket, key);
                Outcome::Removed(existed)
            }
            Operation::CompareAndSet { key, expected, new } => {
                let current = self.live(bucket, key, time);
                if current.map(Vec::as_slice) != expected {
                    return Outcome::Kept(current.cloned());
                }
                match new {
                    Some(value) => self.put(bucket, key, value, None),
                    None => self.remove(bucket, key),
                }
                Outcome::Swapped
            }
        }
    }
}

impl Application for KeyValue {
    const PIECES: u32 = BUCKETS;

    fn execute(&mut self, operation: &[u8], context: &Context) -> Vec<u8> {
        Operation::decode(operation)
            .map_or(Outcome::Malformed, |operation| self.apply(&operation, context))
            .encode()
    }

    fn query(&self, operation: &[u8], context: &Context) -> Option<Vec<u8>> {
        let outcome = match Operation::decode(operation) {
            Some(operation) if !operation.within_limits() => Outcome::Malformed,
            Some(Operation::Get { key }) => self.answer(key, context),
            Some(_) => return None,
            None => Outcome::Malformed,
        };
        Some(outcome.encode())
    }

    fn in_safe_mode(&self, operation: &[u8], context: &Context) -> Vec<u8> {
        let outcome = match Operation::decode(operation) {
            Some(Operation::Get { key }) => match self.answer(key, context) {
                Outcome::Value(value) => Outcome::Unsafe(value),
                other => other,
            },
            _ => Outcome::SafeMode,
        };
        outcome.encode()
    }

    fn needs_time(operation: &[u8]) -> bool {
        Operation::may_be_put_for(operation)
            && matches!(Operation::decode(operation), Some(Operation::PutFor { .. }))
    }

    fn follows_time(&self) -> bool {
        !self.expiries.is_empty()
    }

    fn piece(&self, index: u32) -> Option<Vec<u8>> {
        self.buckets.get(&index).map(|bucket| bucket.encode())
    }

    fn pieces(&self) -> Vec<u32> {
        self.buckets.keys().copied().collect()
    }

    fn install(&mut self, index: u32, bytes: Option<&[u8]>) -> Result<(), BadPiece> {
        if index >= BUCKETS {
            return Err(BadPiece { index });
        }
        let new = bytes.map(|bytes| Bucket::decode(index, bytes)).transpose()?;
        let expiring = |bucket: &Bucket| -> Vec<_> {
            let all = bucket.0.iter();
            all.filter_map(|(key, entry)| Some((entry.expires?, key.clone()))).collect()
        };
        let old = match new {
            Some(new) => {
                self.expiries.extend(expiring(&new));
                let new = Arc::new(new);
                self.buckets.insert(index, new.clone()).map(|old| (old, Some(new)))
            }
            None => self.buckets.remove(&index).map(|old| (old, None)),
        };
        if let Some((old, new)) = old {
            for (at, key) in expiring(&old) {
                let kept = new.as_ref().and_then(|new| new.0.get(&key)?.expires);
                if kept != Some(at) {
                    self.expiries.remove(&(at, key));
                }
            }
        }
        self.changed.insert(index);
        Ok(())
    }

    fn changed(&self) -> &SortedSet<u32> {
        &self.changed
    }

    fn forget_changes(&mut self) {
        self.changed.clear();
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::{super::MAX_VALUE_BYTES, *};

    const AT: fn(u64) -> Context = |ms| Context { time: WallTime(ms) };

    fn carry_out(store: &mut KeyValue, operation: &Operation, context: Context) -> Outcome {
        store.apply(&operation.lent(), &context)
    }

    fn put(key: &str, value: &str) -> Operation {
        Operation::Put { key: key.into(), value: value.into() }
    }

    fn put_for(key: &str, ttl_ms: u64) -> Operation {
        Operation::PutFor { key: key.into(), value: b"v".to_vec(), ttl_ms }
    }

    fn get(key: &str) -> Operation {
        Operation::Get { key: key.into() }
    }

    /// What state transfer does: every piece into an empty store.
    fn moved(store: &KeyValue) -> KeyValue {
        let mut other = KeyValue::default();
        for index in store.pieces() {
            other.install(index, store.piece(index).as_deref()).unwrap();
        }
        other
    }

    #[test]
    fn compare_and_set_writes_only_over_what_is_expected() {
        let mut store = KeyValue::default();
        let cas = |expected: Option<&str>, new: Option<&str>| Operation::CompareAndSet {
            key: b"k".to_vec(),
            expected: expected.map(Into::into),
            new: new.map(Into::into),
        };
        let mut apply = |operation| carry_out(&mut store, &operation, AT(0));
        assert_eq!(apply(cas(Some("a"), Some("b"))), Outcome::Kept(None));
        assert_eq!(apply(cas(None, Some("a"))), Outcome::Swapped);
        assert_eq!(apply(cas(None, Some("b"))), Outcome::Kept(Some(b"a".to_vec())));
        assert_eq!(apply(cas(Some("a"), None)), Outcome::Swapped);
        assert_eq!(store.get(b"k"), None);
    }

    #[test]
    fn delete_says_whether_there_was_anything() {
        let mut store = KeyValue::default();
        carry_out(&mut store, &put("k", "v"), AT(0));
        let delete = Operation::Delete { key: b"k".to_vec() };
        assert_eq!(carry_out(&mut store, &delete, AT(0)), Outcome::Removed(true));
        assert_eq!(carry_out(&mut store, &delete, AT(0)), Outcome::Removed(false));
    }

    #[test]
    fn no_bytes_change_the_state_unless_they_are_an_operation_within_limits() {
        let mut store = KeyValue::default();
        carry_out(&mut store, &put("k", "v"), AT(0));
        let before = store.clone();
        let long = Operation::Put { key: vec![0; MAX_KEY_BYTES + 1], value: vec![] }.encode();
        for bytes in [&[][..], &[9], &[1, 255, 255, 255, 255, 255], &long] {
            assert_eq!(Outcome::decode(&store.execute(bytes, &AT(0))), Some(Outcome::Malformed));
        }
        assert_eq!(store, before);
    }

    #[test]
    fn a_query_answers_reads_as_execution_does_and_leaves_writes_to_it() {
        let mut store = KeyValue::default();
        carry_out(&mut store, &put("k", "v"), AT(0));
        let read = get("k").encode();
        assert_eq!(store.query(&read, &AT(0)), Some(store.execute(&read, &AT(0))));
        assert_eq!(store.query(&put("k", "w").encode(), &AT(0)), None);
        assert_eq!(store.query(&[9], &AT(0)), Some(Outcome::Malformed.encode()));
    }

    #[test]
    fn a_key_is_gone_when_its_time_is_over_and_then_takes_no_room() {
        let mut store = KeyValue::default();
        carry_out(&mut store, &put_for("k", 10), AT(5));
        assert_eq!(carry_out(&mut store, &get("k"), AT(14)), Outcome::Value(Some(b"v".to_vec())));
        assert_eq!(store.query(&get("k").encode(), &AT(15)), Some(Outcome::Value(None).encode()));
        assert!(store.follows_time());
        assert_eq!(carry_out(&mut store, &get("other"), AT(15)), Outcome::Value(None));
        assert_eq!(store, KeyValue::default());
        assert!(!store.follows_time());
    }

    #[test]
    fn only_a_key_with_a_time_makes_a_batch_need_one() {
        let all = [
            get("k"),
            put("k", "v"),
            Operation::Delete { key: b"k".to_vec() },
            Operation::CompareAndSet { key: b"k".to_vec(), expected: None, new: None },
            put_for("k", 10),
        ];
        assert_eq!(
            all.map(|operation| KeyValue::needs_time(&operation.encode())),
            [false, false, false, false, true]
        );
        assert!(!KeyValue::needs_time(&[]) && !KeyValue::needs_time(&[4]), "no operation");
    }

    #[test]
    fn writing_a_key_again_replaces_its_time() {
        let mut store = KeyValue::default();
        carry_out(&mut store, &put_for("k", 10), AT(0));
        carry_out(&mut store, &put("k", "for ever"), AT(0));
        carry_out(&mut store, &put_for("l", 10), AT(0));
        carry_out(&mut store, &put_for("l", 100), AT(0));
        assert_eq!(
            carry_out(&mut store, &get("k"), AT(50)),
            Outcome::Value(Some(b"for ever".to_vec()))
        );
        assert_eq!(carry_out(&mut store, &get("l"), AT(50)), Outcome::Value(Some(b"v".to_vec())));
    }

    #[test]
    fn pieces_carry_the_whole_state_and_what_is_to_happen_to_it() {
        let mut store = KeyValue::default();
        for number in 0..500_u64 {
            let key = format!("k{number}");
            let operation = if number % 3 == 0 { put_for(&key, number) } else { put(&key, "v") };
            carry_out(&mut store, &operation, AT(0));
        }
        let mut other = moved(&store);
        assert_eq!(other, store);
        assert!(store.pieces().len() > 400, "spread over many pieces");
        for store in [&mut store, &mut other] {
            carry_out(store, &get("k0"), AT(499));
        }
        assert_eq!(other, store, "keys expire alike");
    }

    #[test]
    fn only_the_bucket_of_a_key_changes_with_it_and_a_clone_keeps_what_it_had() {
        let mut store = KeyValue::default();
        for number in 0..100 {
            carry_out(&mut store, &put(&format!("k{number}"), "v"), AT(0));
        }
        store.forget_changes();
        let before = store.clone();
        carry_out(&mut store, &put("k7", "w"), AT(0));
        assert_eq!(store.changed().iter().copied().collect::<Vec<_>>(), [bucket_of(b"k7")]);
        assert_eq!(before.get(b"k7"), Some(&b"v"[..]));
        let shared = before.buckets.iter().filter(|(index, bucket)| {
            store.buckets.get(index).is_some_and(|other| Arc::ptr_eq(bucket, other))
        });
        assert_eq!(shared.count(), before.buckets.len() - 1);
    }

    #[test]
    fn a_piece_that_is_not_canonical_is_refused() {
        let mut store = KeyValue::default();
        carry_out(&mut store, &put("k", "v"), AT(0));
        let index = bucket_of(b"k");
        let piece = store.piece(index).unwrap();
        let mut long = piece.clone();
        long.push(0);
        let bad = Err(BadPiece { index });
        for bytes in [&[][..], &[0], &[255; 9], &long] {
            assert_eq!(store.install(index, Some(bytes)), bad);
        }
        let elsewhere = (index + 1) % BUCKETS;
        assert_eq!(store.install(elsewhere, Some(&piece)), Err(BadPiece { index: elsewhere }));
        assert_eq!(store.install(BUCKETS, None), Err(BadPiece { index: BUCKETS }));
        let value = vec![0; MAX_VALUE_BYTES];
        carry_out(&mut store, &Operation::Put { key: b"k".to_vec(), value }, AT(0));
        assert_eq!(moved(&store), store);
    }
}
