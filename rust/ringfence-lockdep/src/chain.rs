//! The cache of lock chains already proven (`lookup_chain_cache_add()`).
//!
//! Linux hashes the sequence of held locks into 64 bits. Here a chain is a node of a trie, its identity
//! exact: no collision can hide a problem. A step is (class, read) and, for the exact search, the
//! flags that decide which dependencies the chain adds; dropping the flags of every step gives the
//! chain that Linux would look up, so one trie serves both searches and knows at any time what
//! Linux would have skipped.

use ringfence_base::{ClassId, Read};
use rustc_hash::FxHashMap;

/// A chain: a node of the trie. Chain 0 is the empty one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chain(u32);

impl Chain {
    pub(crate) const EMPTY: Self = Self(0);
}

/// What is appended to a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step(u32);

const FLAG_BITS: u32 = 3;
const TRYLOCK: u32 = 1;
const UNCHECKED: u32 = 2;
const EXCUSED: u32 = 4;

impl Step {
    /// What Linux hashes.
    #[inline]
    pub(crate) const fn kernel(class: ClassId, read: Read) -> Self {
        Self((class.raw() << (FLAG_BITS + 2)) | ((read as u32) << FLAG_BITS))
    }

    /// All that matters. `excused`: a nest lock excuses the recursion, so no dependency is added.
    #[inline]
    pub(crate) const fn exact(class: ClassId, read: Read, trylock: bool, check: bool, excused: bool) -> Self {
        let flags =
            ((trylock as u32) * TRYLOCK) | ((!check as u32) * UNCHECKED) | ((excused as u32) * EXCUSED);
        Self(Self::kernel(class, read).0 | flags)
    }

    const fn without_flags(self) -> Self {
        Self(self.0 & !((1 << FLAG_BITS) - 1))
    }

    /// Most classes a step can tell apart.
    pub(crate) const CLASSES_MAX: usize = 1 << (32 - FLAG_BITS - 2);
}

/// Set once the chain's dependencies are proven and recorded.
const PROVEN: u32 = 1 << 31;
/// Set once Linux would have the chain in its cache.
const KERNEL_CACHED: u32 = 1 << 30;
const NODE: u32 = KERNEL_CACHED - 1;

pub(crate) struct ChainCache {
    steps: FxHashMap<u64, u32>,
    /// Per node: the node of the same chain without flags, and the two marks.
    nodes: Vec<u32>,
    /// How many chains Linux would have cached.
    pub(crate) kernel_cached: usize,
}

impl Default for ChainCache {
    fn default() -> Self {
        Self { steps: FxHashMap::default(), nodes: vec![0], kernel_cached: 0 }
    }
}

impl ChainCache {
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.nodes.truncate(1);
        self.nodes[0] = 0;
        self.kernel_cached = 0;
    }

    /// The chain with one more step.
    #[inline]
    pub(crate) fn step(&mut self, chain: Chain, step: Step) -> Chain {
        let key = (u64::from(chain.0) << 32) | u64::from(step.0);
        match self.steps.get(&key) {
            Some(node) => Chain(*node),
            None => self.grow(chain, step, key),
        }
    }

    #[cold]
    fn grow(&mut self, chain: Chain, step: Step, key: u64) -> Chain {
        let kernel_parent = Chain(self.nodes[chain.0 as usize] & NODE);
        let is_kernel = kernel_parent == chain && step == step.without_flags();
        let kernel = (!is_kernel).then(|| self.step(kernel_parent, step.without_flags()));
        let node = u32::try_from(self.nodes.len()).ok().filter(|node| *node <= NODE);
        let node = node.expect("engine bug: more than 2^30 lock chains");
        self.nodes.push(kernel.map_or(node, |chain| chain.0));
        self.steps.insert(key, node);
        Chain(node)
    }

    #[inline]
    pub(crate) fn is_proven(&self, chain: Chain) -> bool {
        self.nodes[chain.0 as usize] & PROVEN != 0
    }

    pub(crate) fn mark_proven(&mut self, chain: Chain) {
        self.nodes[chain.0 as usize] |= PROVEN;
    }

    /// Looks the chain up as Linux does, and adds it: true if Linux would have found it.
    pub(crate) fn kernel_look_up_add(&mut self, chain: Chain) -> bool {
        let kernel = self.nodes[chain.0 as usize] & NODE;
        let entry = &mut self.nodes[kernel as usize];
        let hit = *entry & KERNEL_CACHED != 0;
        *entry |= KERNEL_CACHED;
        self.kernel_cached += usize::from(!hit);
        hit
    }
}
