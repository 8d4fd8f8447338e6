//! Maintaining order in a list: who comes first, in constant time.
//!
//! Labels as in Bender, Cole, Demaine, Farach-Colton and Zito, "Two Simplified Algorithms for Maintaining
//! Order in a List" (ESA 2002): every element has a 64-bit label; where there is no label left between two
//! neighbours, the smallest enclosing label range that is sparse enough is spread out evenly. Amortised
//! O(log n) labels change per insertion.

/// Distance between elements that are appended.
const APPEND_GAP: u64 = 1 << 32;
/// How much denser a range may be than one twice its size, as a fraction: 2 / 3.
const DENSITY: (u128, u128) = (2, 3);
const NONE: u32 = u32::MAX;

/// A list over the elements `0..len`, each of them in the list or not.
#[derive(Default)]
pub(crate) struct OrderedList {
    label: Vec<u64>,
    prev: Vec<u32>,
    next: Vec<u32>,
    last: Option<u32>,
}

impl OrderedList {
    pub(crate) fn clear(&mut self) {
        self.label.clear();
        self.prev.clear();
        self.next.clear();
        self.last = None;
    }

    /// Makes room for one more element, not in the list yet.
    pub(crate) fn add_element(&mut self) {
        self.label.push(0);
        self.prev.push(NONE);
        self.next.push(NONE);
    }

    /// Label 0 is given to nobody, so it means "not in the list".
    #[inline]
    pub(crate) fn contains(&self, element: u32) -> bool {
        self.label[element as usize] != 0
    }

    /// Position among the elements of the list: compare, nothing else.
    #[inline]
    pub(crate) fn label(&self, element: u32) -> u64 {
        self.label[element as usize]
    }

    pub(crate) fn push_last(&mut self, element: u32) {
        match self.last {
            None => self.label[element as usize] = APPEND_GAP,
            Some(last) => match self.label[last as usize].checked_add(APPEND_GAP) {
                Some(label) => {
                    self.label[element as usize] = label;
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
        self.label[element as usize] = bounds.0 + (bounds.1 - bounds.0) / 2;
        let after = self.next[at as usize];
        self.join(at, element);
        if after == NONE {
            self.next[element as usize] = NONE;
            self.last = Some(element);
        } else {
            self.join(element, after);
        }
    }

    pub(crate) fn insert_before(&mut self, at: u32, element: u32) {
        let before = self.prev[at as usize];
        if before != NONE {
            return self.insert_after(before, element);
        }
        if self.label[at as usize] < 2 {
            self.relabel_around(at);
        }
        self.label[element as usize] = self.label[at as usize] / 2;
        self.prev[element as usize] = NONE;
        self.join(element, at);
    }

    pub(crate) fn remove(&mut self, element: u32) {
        let (before, after) = (self.prev[element as usize], self.next[element as usize]);
        if before != NONE {
            self.next[before as usize] = after;
        }
        if after == NONE {
            self.last = (before != NONE).then_some(before);
        } else {
            self.prev[after as usize] = before;
        }
        self.label[element as usize] = 0;
        self.prev[element as usize] = NONE;
        self.next[element as usize] = NONE;
    }

    fn join(&mut self, before: u32, after: u32) {
        self.next[before as usize] = after;
        self.prev[after as usize] = before;
    }

    fn gap_after(&self, at: u32) -> (u64, u64) {
        let after = self.next[at as usize];
        (self.label[at as usize], if after == NONE { u64::MAX } else { self.label[after as usize] })
    }

    /// Spreads the smallest sparse enough range around `at` out evenly.
    fn relabel_around(&mut self, at: u32) {
        let (mut first, mut last, mut count) = (at, at, 1_u64);
        let mut capacity = (1_u128, 1_u128);
        for bits in 1..=64_u32 {
            capacity = (capacity.0 * 2 * DENSITY.0 / DENSITY.1 + 1, capacity.1);
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let low = self.label[at as usize] & !mask;
            let high = low | mask;
            while self.prev[first as usize] != NONE && self.label[self.prev[first as usize] as usize] >= low {
                first = self.prev[first as usize];
                count += 1;
            }
            while self.next[last as usize] != NONE && self.label[self.next[last as usize] as usize] <= high {
                last = self.next[last as usize];
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
            self.label[at as usize] = label;
            if at == last {
                break;
            }
            at = self.next[at as usize];
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
