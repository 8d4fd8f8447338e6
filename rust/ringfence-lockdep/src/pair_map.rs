//! A hash table from two numbers to one, for the millions of dependencies and chain steps of a large graph.
//!
//! Open addressing, and an entry in one place of 12 bytes. Nothing of it is in a cache when the graph is
//! large, so what counts is how many places a look-up touches: here one, in a table with metadata of its
//! own two.

/// No value: the slot is free.
const FREE: u32 = u32::MAX;
/// 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const SMALLEST: usize = 16;

#[derive(Clone, Copy)]
struct Slot {
    key: (u32, u32),
    value: u32,
}

const FREE_SLOT: Slot = Slot { key: (0, 0), value: FREE };

/// Values are below `u32::MAX`; entries are never removed one by one.
#[derive(Default)]
pub(crate) struct PairMap {
    /// A power of two, or none yet.
    slots: Vec<Slot>,
    len: usize,
}

impl PairMap {
    pub(crate) fn clear(&mut self) {
        if self.len != 0 {
            self.slots.fill(FREE_SLOT);
            self.len = 0;
        }
    }

    /// The slot that holds the key, or the free one where it belongs. There must be slots.
    #[inline]
    fn find(&self, key: (u32, u32)) -> usize {
        let mask = self.slots.len() - 1;
        let hash = ((u64::from(key.0) << 32) | u64::from(key.1)).wrapping_mul(MULTIPLIER);
        let mut at = hash.rotate_left(32) as usize & mask;
        while self.slots[at].value != FREE && self.slots[at].key != key {
            at = (at + 1) & mask;
        }
        at
    }

    #[inline]
    pub(crate) fn get(&self, key: (u32, u32)) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let value = self.slots[self.find(key)].value;
        (value != FREE).then_some(value)
    }

    /// The value of the key, which is put there if there is none.
    pub(crate) fn get_or_insert(&mut self, key: (u32, u32), value: u32) -> u32 {
        // At most three quarters full.
        if self.len >= self.slots.len() / 4 * 3 {
            self.grow();
        }
        let at = self.find(key);
        let slot = &mut self.slots[at];
        if slot.value == FREE {
            *slot = Slot { key, value };
            self.len += 1;
        }
        slot.value
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![FREE_SLOT; (self.slots.len() * 2).max(SMALLEST)];
        for slot in core::mem::replace(&mut self.slots, larger) {
            if slot.value != FREE {
                let at = self.find(slot.key);
                self.slots[at] = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::PairMap;

    /// Against an ordered map, twice in the same memory.
    #[test]
    fn agrees_with_a_btree() {
        let mut map = PairMap::default();
        for multiplier in [7919, 32] {
            map.clear();
            let mut naive = BTreeMap::new();
            for number in 0..5000_u32 {
                let key = (number % 97, number.wrapping_mul(multiplier) % 1031);
                assert_eq!(map.get(key), naive.get(&key).copied());
                assert_eq!(map.get_or_insert(key, number), *naive.entry(key).or_insert(number));
            }
            assert!(naive.iter().all(|(key, value)| map.get(*key) == Some(*value)));
            assert_eq!(map.get((97, 0)), None);
        }
    }
}
