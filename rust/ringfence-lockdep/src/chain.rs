//! The cache of lock chains already proven (`lookup_chain_cache_add()`).
//!
//! Linux hashes the sequence of held locks into 64 bits. Here a chain is a node of a trie, its identity
//! exact: no collision can hide a problem. A step is (class, read) and, for the exact search, the
//! flags that decide which dependencies the chain adds; dropping the flags of every step gives the
//! chain that Linux would look up, so one trie serves both searches and knows at any time what
//! Linux would have skipped.

use ringfence_base::{AcquireFlags, ClassId, Read};

use crate::held::WaitLimit;
use crate::irqs::{HARDIRQS_OFF, Irqs};
use crate::pair_map::PairMap;

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

    /// Index of the class, if the lock is taken exclusively and without flags.
    #[inline]
    const fn plain_class(self) -> Option<usize> {
        let shift = FLAG_BITS + 2;
        if self.0 & ((1 << shift) - 1) == 0 { Some((self.0 >> shift) as usize) } else { None }
    }

    /// No step: no read has this number.
    const NONE: Self = Self(u32::MAX);

    /// Most classes a step can tell apart.
    pub(crate) const CLASSES_MAX: usize = 1 << (32 - FLAG_BITS - 2);
}

/// Set once the chain's dependencies are proven and recorded.
const PROVEN: u32 = 1 << 31;
/// Set once Linux would have the chain in its cache.
const KERNEL_CACHED: u32 = 1 << 30;
const NODE: u32 = KERNEL_CACHED - 1;
/// Set in the number of a chain of one lock, taken exclusively and without flags; the rest is its class.
const HEAD: u32 = 1 << 29;

/// What decides, besides the chain, whether there is anything to check: the state of the task and the flags
/// of the acquisition, but for the nest lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Manner(u8);

impl Manner {
    const NEVER: Self = Self(0);

    #[inline]
    pub(crate) fn of(irqs: &Irqs, flags: &AcquireFlags, hardirqs_off: bool) -> Self {
        let state = (irqs.bits() & !HARDIRQS_OFF) | (u8::from(hardirqs_off) * HARDIRQS_OFF);
        Self(1 | (u8::from(flags.trylock) << 1) | (u8::from(flags.check) << 2) | state)
    }
}

#[derive(Clone, Copy)]
struct Node {
    /// The node of the same chain without flags, and the two marks.
    kernel: u32,
    /// The step last taken from here, and where it leads: nearly always the next one again.
    latest: Step,
    child: u32,
    /// How the chain was last made with nothing to report. Made so again, there is nothing to check: its
    /// dependencies are proven, the usages on record, and the wait context allows it as it did.
    settled: Manner,
    /// [`HeldLock::wait_limit`](crate::held::HeldLock::wait_limit) of its last lock, if it is settled.
    wait_limit: WaitLimit,
}

impl Node {
    const fn new(kernel: u32) -> Self {
        Self { kernel, latest: Step::NONE, child: 0, settled: Manner::NEVER, wait_limit: WaitLimit::OPEN }
    }
}

pub(crate) struct ChainCache {
    nodes: Vec<Node>,
    /// Per class: the chain of this lock alone, taken exclusively and without flags.
    heads: Vec<Node>,
    /// All other steps.
    steps: PairMap,
    /// How many chains Linux would have cached.
    pub(crate) kernel_cached: usize,
}

impl Default for ChainCache {
    fn default() -> Self {
        Self { nodes: vec![Node::new(0)], heads: Vec::new(), steps: PairMap::default(), kernel_cached: 0 }
    }
}

impl ChainCache {
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.heads.clear();
        self.nodes.clear();
        self.nodes.push(Node::new(0));
        self.kernel_cached = 0;
    }

    pub(crate) fn add_class(&mut self) {
        let head = HEAD | u32::try_from(self.heads.len()).expect("engine bug: more than 2^32 classes");
        self.heads.push(Node::new(head));
    }

    #[inline]
    fn node(&self, chain: Chain) -> &Node {
        if chain.0 & HEAD == 0 {
            &self.nodes[chain.0 as usize]
        } else {
            &self.heads[(chain.0 & !HEAD) as usize]
        }
    }

    #[inline]
    fn node_mut(&mut self, chain: Chain) -> &mut Node {
        if chain.0 & HEAD == 0 {
            &mut self.nodes[chain.0 as usize]
        } else {
            &mut self.heads[(chain.0 & !HEAD) as usize]
        }
    }

    /// The chain with one more step.
    #[inline]
    pub(crate) fn step(&mut self, chain: Chain, step: Step) -> Chain {
        let likely = self.likely_step(chain, step);
        if likely == Chain::EMPTY { self.other_step(chain, step) } else { likely }
    }

    /// The same, if it is a head or was taken from here last; else the empty chain.
    #[inline]
    pub(crate) fn likely_step(&self, chain: Chain, step: Step) -> Chain {
        if chain == Chain::EMPTY
            && let Some(class) = step.plain_class()
        {
            return Chain(HEAD | class as u32);
        }
        let node = self.node(chain);
        if node.latest == step { Chain(node.child) } else { Chain::EMPTY }
    }

    fn other_step(&mut self, chain: Chain, step: Step) -> Chain {
        let known = self.steps.get((chain.0, step.0));
        let child = known.map_or_else(|| self.grow(chain, step), Chain);
        let node = self.node_mut(chain);
        (node.latest, node.child) = (step, child.0);
        child
    }

    #[cold]
    fn grow(&mut self, chain: Chain, step: Step) -> Chain {
        let kernel_parent = Chain(self.node(chain).kernel & NODE);
        let is_kernel = kernel_parent == chain && step == step.without_flags();
        let kernel = (!is_kernel).then(|| self.step(kernel_parent, step.without_flags()));
        let node = u32::try_from(self.nodes.len()).ok().filter(|node| *node < HEAD);
        let node = node.expect("engine bug: more than 2^29 lock chains");
        self.nodes.push(Node::new(kernel.map_or(node, |chain| chain.0)));
        self.steps.get_or_insert((chain.0, step.0), node);
        Chain(node)
    }

    /// The wait limit of a chain's last lock, if there is nothing to check when it is made in this manner.
    #[inline]
    pub(crate) fn settled(&self, chain: Chain, manner: Manner) -> Option<WaitLimit> {
        let node = self.node(chain);
        (node.settled == manner).then_some(node.wait_limit)
    }

    pub(crate) fn settle(&mut self, chain: Chain, manner: Manner, wait_limit: WaitLimit) {
        let node = self.node_mut(chain);
        (node.settled, node.wait_limit) = (manner, wait_limit);
    }

    #[inline]
    pub(crate) fn is_proven(&self, chain: Chain) -> bool {
        self.node(chain).kernel & PROVEN != 0
    }

    pub(crate) fn mark_proven(&mut self, chain: Chain) {
        self.node_mut(chain).kernel |= PROVEN;
    }

    /// Looks the chain up as Linux does, and adds it: true if Linux would have found it.
    pub(crate) fn kernel_look_up_add(&mut self, chain: Chain) -> bool {
        let kernel = Chain(self.node(chain).kernel & NODE);
        let entry = &mut self.node_mut(kernel).kernel;
        let hit = *entry & KERNEL_CACHED != 0;
        *entry |= KERNEL_CACHED;
        self.kernel_cached += usize::from(!hit);
        hit
    }
}
