//! Maps and sets that are sorted vectors, for what is few.
//!
//! Most of what a replica keeps by key is as many as there are replicas: votes, views that are
//! wanted, allowances. There a vector in order beats a tree: it is found by halving, read in one
//! sweep, and a tree's code for each pair of types is most of what the lab would have to send.
//! Inserting and removing move what lies behind, so whoever holds one says what bounds it; maps
//! that many strangers fill stay trees.
//!
//! Names and meaning are those of [`alloc::collections::BTreeMap`], and so is the encoding: which
//! of the two a map is changes no digest.

use alloc::vec::Vec;
use core::{
    borrow::Borrow,
    fmt::{Debug, Formatter, Result as FmtResult},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// A map in the order of its keys.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedMap<K, V> {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keys and values, keys rising.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Keys and values to change, keys rising.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys, rising.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values, in the order of keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values to change, in the order of keys.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The one with the highest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.0.last().map(|(key, value)| (key, value))
    }

    /// Takes out the one with the lowest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Keeps those that are to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where a key is, or where it belongs.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        // What comes last is looked at first: positions and times mostly rise.
        match self.0.last() {
            Some((last, _)) if last.borrow() < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(other, _)| other.borrow().cmp(key)),
        }
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// The value of a key, to change.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of a key, and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(core::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes out a key.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }

    /// The place of a key, to fill it if it is empty.
    pub fn entry(&mut self, key: K) -> Place<'_, K, V> {
        Place { map: self, key }
    }

    /// Those from a key on.
    pub fn range_from<'a>(
        &'a self,
        key: &K,
    ) -> impl DoubleEndedIterator<Item = (&'a K, &'a V)> + Clone + use<'a, K, V> {
        let (Ok(at) | Err(at)) = self.find(key);
        self.0[at..].iter().map(|(key, value)| (key, value))
    }

    /// Leaves those below a key, and returns the others.
    #[must_use]
    pub fn split_off(&mut self, key: &K) -> Self {
        let (Ok(at) | Err(at)) = self.find(key);
        Self(self.0.split_off(at))
    }
}

/// The place of a key in a map.
#[derive(Debug)]
pub struct Place<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    key: K,
}

impl<'a, K: Ord, V> Place<'a, K, V> {
    /// What is there, or this.
    pub fn or_insert(self, value: V) -> &'a mut V {
        let at = match self.map.find(&self.key) {
            Ok(at) => at,
            Err(at) => {
                self.map.0.insert(at, (self.key, value));
                at
            }
        };
        &mut self.map.0[at].1
    }

    /// What is there, or the default.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        let at = match self.map.find(&self.key) {
            Ok(at) => at,
            Err(at) => {
                self.map.0.insert(at, (self.key, V::default()));
                at
            }
        };
        &mut self.map.0[at].1
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, more: I) {
        for (key, value) in more {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let mut map = Self::new();
        map.extend(all);
        map
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = alloc::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Debug, V: Debug> Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Takes what the tree takes: keys in any order, of which the last of the same counts.
impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = SortedMap<K, V>;

    fn expecting(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut map = SortedMap::new();
        while let Some((key, value)) = all.next_entry()? {
            map.insert(key, value);
        }
        Ok(map)
    }
}

/// A set in order.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedSet<T>(Vec<T>);

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> SortedSet<T> {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// All, rising.
    pub fn iter(&self) -> core::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T: Ord> SortedSet<T> {
    /// Puts one in; whether it wasn't there.
    pub fn insert(&mut self, new: T) -> bool {
        let place = match self.0.last() {
            Some(last) if *last < new => Err(self.0.len()),
            _ => self.0.binary_search(&new),
        };
        if let Err(at) = place {
            self.0.insert(at, new);
        }
        place.is_err()
    }

    /// Takes one out; whether it was there.
    pub fn remove(&mut self, old: &T) -> bool {
        let place = self.0.binary_search(old);
        if let Ok(at) = place {
            self.0.remove(at);
        }
        place.is_ok()
    }

    /// Whether it is there.
    pub fn contains(&self, other: &T) -> bool {
        self.0.binary_search(other).is_ok()
    }
}

impl<T: Ord> Extend<T> for SortedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, more: I) {
        for new in more {
            self.insert(new);
        }
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut set = Self::new();
        set.extend(all);
        set
    }
}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = alloc::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a SortedSet<T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Debug> Debug for SortedSet<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.debug_set().entries(&self.0).finish()
    }
}

impl<T: Serialize> Serialize for SortedSet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::crypto::encode;

    /// Many ways of putting in and taking out, from a fixed start.
    fn steps() -> impl Iterator<Item = (u8, u16)> {
        let mut state = 7_u32;
        (0..5_000).map(move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as u8, (state >> 16) as u16 % 60)
        })
    }

    #[test]
    fn a_sorted_map_is_what_a_tree_is_whatever_happens_to_both() {
        let (mut sorted, mut tree) = (SortedMap::new(), BTreeMap::new());
        for (how, key) in steps() {
            match how % 8 {
                0..=2 => assert_eq!(sorted.insert(key, how), tree.insert(key, how)),
                3 => assert_eq!(sorted.remove(&key), tree.remove(&key)),
                4 => *sorted.entry(key).or_insert(1) = *tree.entry(key).or_insert(1),
                5 => *sorted.entry(key).or_default() ^= *tree.entry(key).or_default() & 1,
                6 if how < 16 => assert_eq!(sorted.pop_first(), tree.pop_first()),
                6 if how > 250 => {
                    sorted = sorted.split_off(&(key / 4));
                    tree = tree.split_off(&(key / 4));
                }
                _ => assert_eq!(sorted.get(&key).is_some(), tree.contains_key(&key)),
            }
            tree = if how % 8 == 5 { sorted.iter().map(|(k, v)| (*k, *v)).collect() } else { tree };
            assert!(sorted.iter().eq(tree.iter()));
            assert!(sorted.range_from(&key).eq(tree.range(key..)));
            assert_eq!(sorted.last_key_value(), tree.last_key_value());
            assert_eq!(encode(&sorted), encode(&tree), "no digest tells them apart");
        }
        assert!(sorted.len() > 20, "there was something to compare");
    }

    #[test]
    fn a_sorted_map_is_read_as_a_tree_is() {
        for pairs in [&[(1_u8, 2_u8), (3, 4)][..], &[(3, 4), (1, 2), (3, 9)], &[]] {
            let bytes = encode(&pairs);
            let tree: BTreeMap<u8, u8> = postcard::from_bytes(&bytes).unwrap();
            let sorted: SortedMap<u8, u8> = postcard::from_bytes(&bytes).unwrap();
            assert!(sorted.iter().eq(tree.iter()));
        }
    }

    #[test]
    fn a_sorted_set_is_what_a_tree_is_whatever_happens_to_both() {
        let (mut sorted, mut tree) = (SortedSet::new(), BTreeSet::new());
        for (how, it) in steps() {
            match how % 3 {
                0 => assert_eq!(sorted.insert(it), tree.insert(it)),
                1 => assert_eq!(sorted.remove(&it), tree.remove(&it)),
                _ => assert_eq!(sorted.contains(&it), tree.contains(&it)),
            }
            assert!(sorted.iter().eq(tree.iter()));
            assert_eq!(encode(&sorted), encode(&tree), "no digest tells them apart");
        }
        assert!(sorted.len() > 10, "there was something to compare");
    }
}
