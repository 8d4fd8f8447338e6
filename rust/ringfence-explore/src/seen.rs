//! The set of states that a search has seen.

use ringfence_base::Stateful;
use rustc_hash::FxHashSet;

/// A set of states.
pub trait Seen<S: Stateful> {
    /// Whether the present state is a new one. It no longer is.
    fn insert(&mut self, system: &S) -> bool;

    /// How many states there are in it.
    fn len(&self) -> usize;

    /// Nothing was seen yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that it takes.
    fn memory(&self) -> u64;

    /// Bytes that it would take on at once with the next new state, because it grows in leaps.
    fn growth(&self) -> u64;
}

/// Keeps of each state its fingerprint of 64 bits only. Two of n different states share one, and what only the later of
/// them leads to is missed, with a probability of at most n² / 2^65 if fingerprints are as good as random:
/// 1 in 37 million for a million states, 1 in 37 for a thousand million.
#[derive(Clone, Debug, Default)]
pub struct Fingerprints {
    /// Open addressing, linear probing; 0 is a free slot. A power of two of them, or none.
    slots: Vec<u64>,
    count: usize,
}

/// Of 16 slots, so many may be taken.
const FULL: usize = 11;

impl Fingerprints {
    /// Nothing was seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the fingerprint is a new one. It no longer is.
    #[inline]
    pub fn add(&mut self, fingerprint: u64) -> bool {
        if self.is_full() {
            self.grow();
        }
        // 0 means a free slot, so it shares one with 1.
        let new = Self::put(&mut self.slots, fingerprint.max(1));
        self.count += usize::from(new);
        new
    }

    fn is_full(&self) -> bool {
        self.count * 16 >= self.slots.len() * FULL
    }

    #[inline]
    fn put(slots: &mut [u64], fingerprint: u64) -> bool {
        let mask = slots.len() - 1;
        // The upper bits of a product depend on all bits of the fingerprint, however it was made.
        let spread = fingerprint.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut at = (spread >> 32) as usize & mask;
        loop {
            let slot = slots[at];
            if slot == fingerprint {
                return false;
            }
            if slot == 0 {
                slots[at] = fingerprint;
                return true;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = vec![0; (self.slots.len() * 2).max(1024)];
        for &fingerprint in self.slots.iter().filter(|&&slot| slot != 0) {
            Self::put(&mut larger, fingerprint);
        }
        self.slots = larger;
    }
}

impl<S: Stateful> Seen<S> for Fingerprints {
    #[inline]
    fn insert(&mut self, system: &S) -> bool {
        self.add(system.fingerprint())
    }

    fn len(&self) -> usize {
        self.count
    }

    fn memory(&self) -> u64 {
        (self.slots.len() * size_of::<u64>()) as u64
    }

    fn growth(&self) -> u64 {
        // While it is filled, the larger table stands beside the present one.
        if self.is_full() { ((self.slots.len() * 2).max(1024) * size_of::<u64>()) as u64 } else { 0 }
    }
}

/// Keeps all states whole: nothing is missed, for systems with few states and for tests of the fingerprint.
#[derive(Clone, Debug)]
pub struct WholeStates<T> {
    states: FxHashSet<T>,
    bytes: u64,
}

impl<T> Default for WholeStates<T> {
    fn default() -> Self {
        Self { states: FxHashSet::default(), bytes: 0 }
    }
}

impl<T> WholeStates<T> {
    /// Nothing was seen yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S: Stateful> Seen<S> for WholeStates<S::State> {
    fn insert(&mut self, system: &S) -> bool {
        let state = system.state();
        let bytes = S::state_bytes(&state) as u64;
        let new = self.states.insert(state);
        self.bytes += u64::from(new) * bytes;
        new
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn memory(&self) -> u64 {
        // The states with what they hold; free slots, and a byte of control for each.
        let free = self.states.capacity() - self.states.len();
        self.bytes + (free * size_of::<S::State>() + self.states.capacity()) as u64
    }

    fn growth(&self) -> u64 {
        let capacity = self.states.capacity();
        let full = self.states.len() == capacity;
        u64::from(full) * (2 * capacity.max(4) * (size_of::<S::State>() + 1)) as u64
    }
}
