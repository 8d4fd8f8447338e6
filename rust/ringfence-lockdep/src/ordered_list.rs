//! Maintaining order in a list: who comes first, in constant time.
//!
//! Labels as in Bender, Cole, Demaine, Farach-Colton and Zito, "Two Simplified Algorithms for Maintaining
//! Order in a List" (ESA 2002): every element has a 64-bit label; where there is no label left between two
//! neighbours, the smallest enclosing label range that is sparse enough is spread out evenly. Amortised
//! O(log n) labels change per insertion.

use core::ops::{Index, IndexMut};

/// Distance between elements that are appended.
const APPEND_GAP: u64 = 1 << 32;
/// How much denser a range may be than one twice its size, as a fraction: 2 / 3.
const DENSITY: (u128, u128) = (2, 3);
const NONE: u32 = u32::MAX;

/// A list over the elements `0..len`, each of them in the list or not.
#[derive(Default)]
pub(crate) struct OrderedList {
    elements: Vec<Element>,
    last: Option<u32>,
}

/// Together, because moving an element needs all of it and a large list is in no cache.
#[derive(Clone, Copy)]
pub(crate) struct Element {
    /// 0 is given to nobody, so it means "not in the list".
    label: u64,
    prev: u32,
    next: u32,
}

impl Index<u32> for OrderedList {
    type Output = Element;

    #[inline]
    fn index(&self, element: u32) -> &Element {
        &self.elements[element as usize]
    }
}

impl IndexMut<u32> for OrderedList {
    #[inline]
    fn index_mut(&mut self, element: u32) -> &mut Element {
        &mut self.elements[element as usize]
    }
}

impl OrderedList {
    pub(crate) fn clear(&mut self) {
        self.elements.clear();
        self.last = None;
    }

    /// Makes room for one more element, not in the list yet.
    pub(crate) fn add_element(&mut self) {
        self.elements.push(Element { label: 0, prev: NONE, next: NONE });
    }

    #[inline]
    pub(crate) fn contains(&self, element: u32) -> bool {
        self[element].label != 0
    }

    /// Position among the elements of the list: compare, nothing else.
    #[inline]
    pub(crate) fn label(&self, element: u32) -> u64 {
        self[element].label
    }

    pub(crate) fn push_last(&mut self, element: u32) {
        match self.last {
            None => self[element].label = APPEND_GAP,
            Some(last) => match self[last].label.checked_add(APPEND_GAP) {
                Some(label) => {
                    self[element].label = label;
                    self.join(last, element);
                }
                None => return self.insert_after(last, element),
            },
        }
        self.last = Some(element);
    }

    pub(crate) fn insert_after(&mut self, at: u32, element: u32) {
        let mut bounds = self.gap_after(at);
        if bounds.1 - bounds.0 < 2 {
            self.relabel_around(at);
            bounds = self.gap_after(at);
        }
        self[element].label = bounds.0 + (bounds.1 - bounds.0) / 2;
        let after = self[at].next;
        self.join(at, element);
        if after == NONE {
            self[element].next = NONE;
            self.last = Some(element);
        } else {
            self.join(element, after);
        }
    }

    pub(crate) fn insert_before(&mut self, at: u32, element: u32) {
        let before = self[at].prev;
        if before != NONE {
            return self.insert_after(before, element);
        }
        if self[at].label < 2 {
            self.relabel_around(at);
        }
        self[element].label = self[at].label / 2;
        self[element].prev = NONE;
        self.join(element, at);
    }

    pub(crate) fn remove(&mut self, element: u32) {
        let (before, after) = (self[element].prev, self[element].next);
        if before != NONE {
            self[before].next = after;
        }
        if after == NONE {
            self.last = (before != NONE).then_some(before);
        } else {
            self[after].prev = before;
        }
        self[element].label = 0;
        self[element].prev = NONE;
        self[element].next = NONE;
    }

    fn join(&mut self, before: u32, after: u32) {
        self[before].next = after;
        self[after].prev = before;
    }

    fn gap_after(&self, at: u32) -> (u64, u64) {
        let after = self[at].next;
        (self[at].label, if after == NONE { u64::MAX } else { self[after].label })
    }

    /// Spreads the smallest sparse enough range around `at` out evenly.
    fn relabel_around(&mut self, at: u32) {
        let (mut first, mut last, mut count) = (at, at, 1_u64);
        let mut capacity = (1_u128, 1_u128);
        for bits in 1..=64_u32 {
            capacity = (capacity.0 * 2 * DENSITY.0 / DENSITY.1 + 1, capacity.1);
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let low = self[at].label & !mask;
            let high = low | mask;
            while self[first].prev != NONE && self[self[first].prev].label >= low {
                first = self[first].prev;
                count += 1;
            }
            while self[last].next != NONE && self[self[last].next].label <= high {
                last = self[last].next;
                count += 1;
            }
            let step = mask / (count + 1);
            if bits == 64 || (u128::from(count) <= capacity.0 && step >= 4) {
                return self.spread(first, last, low, step);
            }
        }
    }

    fn spread(&mut self, first: u32, last: u32, low: u64, step: u64) {
        let (mut at, mut label) = (first, low);
        loop {
            label += step;
            self[at].label = label;
            if at == last {
                break;
            }
            at = self[at].next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OrderedList;

    /// Against a plain vector, with insertions that always hit the same spot.
    #[test]
    fn agrees_with_a_vector() {
        for spread in [1, 2, 7] {
            let mut list = OrderedList::default();
            let mut naive: Vec<u32> = vec![0];
            list.add_element();
            list.push_last(0);
            for element in 1..3000_u32 {
                list.add_element();
                let at = (naive.len() / 2 + (element as usize * 7919) % spread) % naive.len();
                if element % 3 == 0 {
                    list.insert_before(naive[at], element);
                    naive.insert(at, element);
                } else {
                    list.insert_after(naive[at], element);
                    naive.insert(at + 1, element);
                }
                if element % 5 == 0 {
                    let gone = naive.remove((element as usize * 31) % naive.len());
                    list.remove(gone);
                    assert!(!list.contains(gone));
                    list.push_last(gone);
                    naive.push(gone);
                }
            }
            assert!(naive.windows(2).all(|pair| list.label(pair[0]) < list.label(pair[1])));
        }
    }
}
