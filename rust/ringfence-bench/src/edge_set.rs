//! The validator that everybody writes first: a set of edges, and a depth-first search for each new one.
//!
//! It knows no readers, interrupts, trylocks, contexts or chains, and nothing of where a dependency came from.

use rustc_hash::{FxHashMap, FxHashSet};

/// Locks held by each task, and all pairs ever nested.
#[derive(Default)]
pub struct EdgeSet {
    held: Vec<Vec<u32>>,
    edges: FxHashSet<(u32, u32)>,
    inner: FxHashMap<u32, Vec<u32>>,
    /// New edges that closed a circle.
    pub circles: usize,
}

impl EdgeSet {
    /// A validator for this many tasks.
    pub fn new(tasks: usize) -> Self {
        Self { held: vec![Vec::new(); tasks], ..Self::default() }
    }

    /// Takes a lock.
    #[inline]
    pub fn acquire(&mut self, task: u32, lock: u32) {
        for index in 0..self.held[task as usize].len() {
            let outer = self.held[task as usize][index];
            if self.edges.insert((outer, lock)) {
                self.add(outer, lock);
            }
        }
        self.held[task as usize].push(lock);
    }

    /// Gives a lock back.
    #[inline]
    pub fn release(&mut self, task: u32, lock: u32) {
        let held = &mut self.held[task as usize];
        if let Some(index) = held.iter().rposition(|held| *held == lock) {
            held.remove(index);
        }
    }

    #[cold]
    fn add(&mut self, outer: u32, lock: u32) {
        if self.leads_to(lock, outer) {
            self.circles += 1;
        }
        self.inner.entry(outer).or_default().push(lock);
    }

    fn leads_to(&self, from: u32, to: u32) -> bool {
        let mut seen = FxHashSet::default();
        let mut stack = vec![from];
        while let Some(lock) = stack.pop() {
            if lock == to {
                return true;
            }
            if seen.insert(lock) {
                stack.extend(self.inner.get(&lock).into_iter().flatten());
            }
        }
        false
    }
}
