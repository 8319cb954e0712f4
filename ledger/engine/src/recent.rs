// SPDX-License-Identifier: Apache-2.0
//! What was met lately, up to a number and a size; the oldest is forgotten first.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

pub(crate) struct Recent<K, V> {
    order: VecDeque<(K, usize)>,
    values: HashMap<K, V>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

impl<K: Hash + Eq + Copy, V> Recent<K, V> {
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            order: VecDeque::new(),
            values: HashMap::new(),
            bytes: 0,
            most,
            most_bytes,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    /// Remembers a value; one that was remembered under the key stays.
    pub(crate) fn add(&mut self, key: K, value: V, bytes: usize) {
        if self.values.contains_key(&key) {
            return;
        }
        self.values.insert(key, value);
        self.order.push_back((key, bytes));
        self.bytes += bytes;
        while self.order.len() > self.most || self.bytes > self.most_bytes {
            let Some((old, bytes)) = self.order.pop_front() else {
                return;
            };
            self.values.remove(&old);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_by_number_and_by_size() {
        let mut recent = Recent::new(2, 10);
        for key in 1..=3 {
            recent.add(key, key * 10, 1);
        }
        assert_eq!(
            [1, 2, 3].map(|key| recent.get(&key).copied()),
            [None, Some(20), Some(30)]
        );
        recent.add(4, 40, 9);
        assert_eq!(
            [2, 3, 4].map(|key| recent.get(&key).copied()),
            [None, Some(30), Some(40)]
        );
        recent.add(5, 50, 11);
        assert_eq!(recent.get(&5), None);
        assert_eq!((recent.order.len(), recent.bytes), (0, 0));
    }
}
