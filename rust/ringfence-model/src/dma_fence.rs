//! Fences (`drivers/dma-buf/dma-fence.c`, `include/linux/dma-fence.h`): what they are, how they come into being,
//! how they compare, and who knows of them.

use std::collections::VecDeque;

use ringfence_base::scenario::{Kind, ObjectKind};
use ringfence_base::{EventKind, ObjectRef, ProgramId, Published};

use crate::compile::Compiler;
use crate::dma_fence_array::{Array, Member};
use crate::dma_fence_cb::Node;
use crate::dma_fence_chain::Chain;
use crate::kernel::Kernel;
use crate::memory_usage::reserved;
use crate::plan::{KernelVersion, Plan, Source, class};
use crate::thread::NONE;
use crate::tracked::{Shared, tracked};
use crate::tracked_list::SharedList;
use crate::value::Value;

/// `struct dma_fence`, containers included. The index of one that is gone is never used again, so that whoever
/// still uses it is found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Fence {
    pub(crate) context: u64,
    pub(crate) seqno: u64,
    /// Virtual nanoseconds at which it was signaled.
    pub(crate) timestamp: u64,
    pub(crate) sort: FenceSort,
    /// Index in the world's locks.
    pub(crate) lock: u32,
    pub(crate) refs: u32,
    /// The declared timeline it is on; [`NONE`] for containers and stubs.
    pub(crate) timeline: u32,
    /// Its callbacks, in list order.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Neighbours among the published, unsignaled fences of its timeline, in the order of their numbers.
    pub(crate) earlier: u32,
    pub(crate) later: u32,
    /// Position in [`Fences::published`].
    pub(crate) published: u32,
    /// 0 or negative; 1 in an array that may still get one.
    pub(crate) error: i32,
    pub(crate) flags: u16,
}

/// Bits of [`Fence::flags`].
pub(crate) mod flag {
    /// It is signaled.
    pub(crate) const SIGNALED: u16 = 1;
    /// Signalling was asked for.
    pub(crate) const ENABLE_SIGNAL: u16 = 1 << 1;
    /// Numbers are compared in 64 bits.
    pub(crate) const SEQNO64: u16 = 1 << 2;
    /// The device is done with it.
    pub(crate) const HW_DONE: u16 = 1 << 3;
    /// Others know it.
    pub(crate) const PUBLISHED: u16 = 1 << 4;
    /// The last reference is gone; it is being taken apart.
    pub(crate) const RELEASED: u16 = 1 << 5;
    /// Its memory is gone.
    pub(crate) const FREED: u16 = 1 << 6;
    /// Its lock is its own and goes with it.
    pub(crate) const OWN_LOCK: u16 = 1 << 7;
}

/// `dma_fence::ops`, as far as it tells fences apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum FenceSort {
    /// A driver's: index of its declared ops, or [`NONE`] if it has none of the optional ones.
    Driver(u32),
    /// `dma_fence_array`: index in [`Fences::arrays`].
    Array(u32),
    /// `dma_fence_chain`: index in [`Fences::chains`].
    Chain(u32),
    /// A stub.
    Stub,
    /// On a `sw_sync` timeline: its index.
    SwSync(u32),
    /// `drm_sched_fence::scheduled` of this job.
    Scheduled(u32),
    /// `drm_sched_fence::finished` of this job.
    Finished(u32),
}

/// A declared fence context.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Timeline {
    pub(crate) context: u64,
    /// The number of the next fence.
    next: u64,
    /// The lock that its fences share, or [`NONE`].
    lock: u32,
    /// Index of its declared ops, or [`NONE`].
    ops: u32,
    /// Its published, unsignaled fences.
    pub(crate) earliest: u32,
    pub(crate) latest: u32,
    /// Virtual nanoseconds a published fence may take.
    bound: i64,
}

tracked! {
    /// All fences of a world.
    pub(crate) struct Fences {
        pub(crate) list: SharedList<Fence, 2>,
        pub(crate) timelines: SharedList<Timeline>,
        /// Callbacks: first those that the scenario declares, then the kernel's own.
        pub(crate) nodes: SharedList<Node, 2>,
        /// The first unused node.
        pub(crate) unused_node: Shared<u32>,
        pub(crate) arrays: SharedList<Array>,
        pub(crate) members: SharedList<Member>,
        pub(crate) chains: SharedList<Chain>,
        /// All published fences that are not signaled, in no particular order.
        pub(crate) published: Shared<Vec<u32>>,
        /// Containers whose `irq_work` is queued, and those of them that are being served.
        pub(crate) irq_work: Shared<VecDeque<u32>>,
        pub(crate) irq_work_serving: Shared<VecDeque<u32>>,
        /// The stub that everybody shares.
        pub(crate) stub: Shared<u32>,
        /// Fence contexts given out so far.
        contexts: Shared<u64>,
    }
}

impl Fences {
    /// Bytes that they have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        reserved(self.list.unmarked())
            + reserved(self.timelines.unmarked())
            + reserved(self.nodes.unmarked())
            + reserved(self.arrays.unmarked())
            + reserved(self.members.unmarked())
            + reserved(self.chains.unmarked())
            + reserved(self.published.unmarked())
    }

    #[inline]
    pub(crate) fn get(&self, fence: u32) -> &Fence {
        &self.list[fence as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, fence: u32) -> &mut Fence {
        &mut self.list[fence as usize]
    }

    /// A bit of [`flag`] is set.
    #[inline]
    pub(crate) fn has(&self, fence: u32, flag: u16) -> bool {
        self.get(fence).flags & flag != 0
    }

    /// `dma_fence_context_alloc(1)`.
    pub(crate) fn new_context(&mut self) -> u64 {
        *self.contexts += 1;
        *self.contexts
    }

    /// `dma_fence_init()`.
    pub(crate) fn add(&mut self, sort: FenceSort, lock: u32, context: u64, seqno: u64, flags: u16) -> u32 {
        self.list.push(Fence {
            context,
            seqno,
            timestamp: 0,
            sort,
            lock,
            refs: 1,
            timeline: NONE,
            first: NONE,
            last: NONE,
            earlier: NONE,
            later: NONE,
            published: NONE,
            error: 0,
            flags,
        });
        self.list.len() as u32 - 1
    }

    /// Virtual nanoseconds that it may take once it is published, if its timeline says so.
    pub(crate) fn bound(&self, fence: u32) -> Option<i64> {
        self.timelines.get(self.get(fence).timeline as usize).map(|timeline| timeline.bound)
    }

    /// The driver that declares its timeline, if one does.
    pub(crate) fn driver<'p>(&self, plan: &'p Plan, fence: u32) -> Option<&'p str> {
        let timelines = &plan.by_kind[Kind::Timeline as usize];
        let id = timelines.get(self.get(fence).timeline as usize)?;
        plan.scenario.objects[id.index()].driver.as_deref()
    }

    /// `__dma_fence_is_later()` by the rules of the fence `by`.
    pub(crate) fn is_later(&self, a: u64, b: u64, by: u32) -> bool {
        if self.has(by, flag::SEQNO64) { a > b } else { (a as u32).wrapping_sub(b as u32).cast_signed() > 0 }
    }

    /// Takes it off the list of published, unsignaled fences. Returns whether an earlier one of its timeline is
    /// still on it.
    fn unpublish(&mut self, fence: u32) -> bool {
        let Fence { timeline, earlier, later, published, seqno, .. } = *self.get(fence);
        if published != NONE {
            self.published.swap_remove(published as usize);
            if let Some(&moved) = self.published.get(published as usize) {
                self.get_mut(moved).published = published;
            }
            self.get_mut(fence).published = NONE;
        }
        if timeline == NONE {
            return false;
        }
        let Timeline { earliest, .. } = self.timelines[timeline as usize];
        if published == NONE {
            return earliest != NONE && self.is_later(seqno, self.get(earliest).seqno, fence);
        }
        match earlier {
            NONE => self.timelines[timeline as usize].earliest = later,
            earlier => self.get_mut(earlier).later = later,
        }
        match later {
            NONE => self.timelines[timeline as usize].latest = earlier,
            later => self.get_mut(later).earlier = earlier,
        }
        earlier != NONE
    }

    /// It is gone: nobody can wait for it.
    pub(crate) fn forget_published(&mut self, fence: u32) {
        if self.get(fence).published != NONE {
            self.unpublish(fence);
        }
    }

    /// Puts it on the list of published, unsignaled fences.
    fn publish(&mut self, fence: u32) {
        let position = self.published.len() as u32;
        self.published.push(fence);
        self.get_mut(fence).published = position;
        let Fence { timeline, seqno, .. } = *self.get(fence);
        let Some(&Timeline { latest, .. }) = self.timelines.get(timeline as usize) else { return };
        // Nearly always it is the latest; whoever publishes out of order pays for the walk.
        let mut earlier = latest;
        while earlier != NONE && self.is_later(self.get(earlier).seqno, seqno, fence) {
            earlier = self.get(earlier).earlier;
        }
        let owner = &mut self.timelines[timeline as usize];
        let later = match earlier {
            NONE => std::mem::replace(&mut owner.earliest, fence),
            earlier => std::mem::replace(&mut self.list[earlier as usize].later, fence),
        };
        match later {
            NONE => owner.latest = fence,
            later => self.list[later as usize].earlier = fence,
        }
        let entry = self.get_mut(fence);
        (entry.earlier, entry.later) = (earlier, later);
    }
}

/// An object reference to a fence.
#[expect(clippy::unnecessary_wraps, reason = "goes where an object may be missing")]
pub(crate) const fn fence_object(fence: u32) -> Option<ObjectRef> {
    Some(ObjectRef { kind: Kind::Fence, index: fence })
}

impl Compiler {
    pub(crate) fn set_up_fences(&mut self) {
        for _ in &self.plan.by_kind[Kind::FenceCb as usize] {
            self.plan.initial.fences.nodes.push(Node::declared());
        }
        *self.plan.initial.fences.unused_node = NONE;
        for number in 0..self.plan.by_kind[Kind::Timeline as usize].len() {
            let timeline = self.timeline(number);
            self.plan.initial.fences.timelines.push(timeline);
        }
        for (number, name) in self.names_of(Kind::Fence).into_iter().enumerate() {
            let &ObjectKind::Fence { timeline, seqno } = self.plan.declared(Kind::Fence, number as u32)
            else {
                continue;
            };
            let timeline = self.plan.index(timeline);
            let ops = self.plan.initial.fences.timelines[timeline as usize].ops;
            let bits = flags_of(&self.plan.scenario.objects, &self.plan.by_kind, ops);
            let lock = self.plan.initial.fences.timelines[timeline as usize].lock;
            let lock = if lock == NONE { self.lock_of_class(&name, class::FENCE_INLINE) } else { lock };
            self.plan.initial.fences.on_timeline(timeline, seqno, ops, bits, lock);
        }
        let lock = self.lock_of_class("dma_fence_stub_lock", class::FENCE_STUB);
        let fences = &mut self.plan.initial.fences;
        *fences.stub = fences.add(FenceSort::Stub, lock, 0, 0, flag::SIGNALED | flag::ENABLE_SIGNAL);
        let kinds = [Kind::Timeline, Kind::Syncobj, Kind::SwSync, Kind::DrmSched];
        if kinds.iter().any(|&kind| !self.plan.by_kind[kind as usize].is_empty()) {
            self.source(Source::FenceIrqWork);
        }
    }

    fn timeline(&mut self, number: usize) -> Timeline {
        let &ObjectKind::Timeline { lock, ops, first_seqno, bound } =
            self.plan.declared(Kind::Timeline, number as u32)
        else {
            panic!("engine bug: a timeline that is none");
        };
        let index = |id: Option<ringfence_base::ObjectId>| id.map_or(NONE, |id| self.plan.index(id));
        Timeline {
            lock: index(lock),
            ops: index(ops),
            context: self.plan.initial.fences.new_context(),
            next: first_seqno,
            earliest: NONE,
            latest: NONE,
            bound: bound.unwrap_or(self.plan.scenario.environment.fence_bound),
        }
    }
}

/// The flags that declared ops give a fence.
fn flags_of(
    objects: &[ringfence_base::scenario::Object],
    by_kind: &[Vec<ringfence_base::ObjectId>],
    ops: u32,
) -> u16 {
    let id = by_kind[Kind::FenceOps as usize].get(ops as usize);
    match id.map(|id| &objects[id.index()].kind) {
        Some(ObjectKind::FenceOps { use_64bit_seqno: true, .. }) => flag::SEQNO64,
        _ => 0,
    }
}

impl Fences {
    /// A driver's fence; without a number it gets the timeline's next one.
    fn on_timeline(&mut self, timeline: u32, seqno: Option<u64>, ops: u32, flags: u16, lock: u32) -> u32 {
        let Timeline { context, next, lock: shared, .. } = self.timelines[timeline as usize];
        let seqno = seqno.unwrap_or(next);
        let flags = if shared == NONE { flags | flag::OWN_LOCK } else { flags };
        let fence = self.add(FenceSort::Driver(ops), lock, context, seqno, flags);
        self.get_mut(fence).timeline = timeline;
        if seqno >= next {
            self.timelines[timeline as usize].next = seqno.wrapping_add(1);
        }
        fence
    }
}

/// What a driver does for its fences.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ops {
    pub(crate) enable_signaling: Option<ProgramId>,
    pub(crate) signaled: Option<ProgramId>,
    pub(crate) wait: Option<ProgramId>,
    pub(crate) release: Option<ProgramId>,
    pub(crate) set_deadline: Option<ProgramId>,
}

impl Kernel<'_> {
    /// The optional ops of a driver's fence; none for others.
    #[inline]
    pub(crate) fn fence_ops(&self, fence: u32) -> Ops {
        match self.w.fences.get(fence).sort {
            FenceSort::Driver(ops) if ops != NONE => match *self.plan.declared(Kind::FenceOps, ops) {
                ObjectKind::FenceOps { enable_signaling, signaled, wait, release, set_deadline, .. } => {
                    Ops { enable_signaling, signaled, wait, release, set_deadline }
                }
                _ => panic!("engine bug: fence ops that are none"),
            },
            _ => Ops::default(),
        }
    }

    /// Calls one of a driver's ops; it gets as many of the arguments as it has parameters.
    pub(crate) fn call_fence_op(&mut self, program: ProgramId, args: &[Value]) -> crate::frame::Flow {
        let params = self.plan.scenario.programs[program.index()].params;
        self.call_program(program, &args[..params.min(args.len())])
    }

    /// `dma_fence_init()` on a declared timeline. Without ops of its own it has the timeline's.
    pub(crate) fn fence_init(&mut self, timeline: u32, seqno: Option<u64>, ops: Option<u32>) -> u32 {
        let Timeline { lock, ops: shared, .. } = self.w.fences.timelines[timeline as usize];
        let ops = ops.unwrap_or(shared);
        let flags = flags_of(&self.plan.scenario.objects, &self.plan.by_kind, ops);
        let lock = if lock == NONE { self.w.locks.add(class::FENCE_INLINE) } else { lock };
        let fence = self.w.fences.on_timeline(timeline, seqno, ops, flags, lock);
        self.emit(EventKind::FenceInit(fence));
        fence
    }

    /// `dma_fence_init()` of a fence that belongs to no declared timeline, with a lock of its own of this class.
    pub(crate) fn fence_init_own(&mut self, sort: FenceSort, class: u32, context: u64, seqno: u64) -> u32 {
        let lock = self.w.locks.add(class);
        let flags = match sort {
            FenceSort::Chain(_) => flag::OWN_LOCK | flag::SEQNO64,
            _ => flag::OWN_LOCK,
        };
        let fence = self.w.fences.add(sort, lock, context, seqno, flags);
        self.emit(EventKind::FenceInit(fence));
        fence
    }

    /// `dma_fence_init()` with somebody's lock, for a driver without optional ops.
    pub(crate) fn fence_init_with(&mut self, lock: u32, context: u64, seqno: u64) -> u32 {
        let fence = self.w.fences.add(FenceSort::Driver(NONE), lock, context, seqno, 0);
        self.emit(EventKind::FenceInit(fence));
        fence
    }

    /// Others know the fence from now on, and with a container what is in it: they may wait. Containers may be
    /// nested deeper than our own stack is: what is left to do is on the context's scratch.
    pub(crate) fn publish_fence(&mut self, fence: u32, how: Published) {
        let base = self.me().scratch.len();
        let mut next = Some(fence);
        while let Some(fence) = next {
            if fence != NONE && !self.w.fences.has(fence, flag::PUBLISHED | flag::FREED) {
                self.publish_one(fence, how);
                self.push_contents(fence);
            }
            let scratch = &mut self.me().scratch;
            next = if scratch.len() > base { scratch.pop().and_then(Value::index) } else { None };
        }
    }

    /// Puts what a container consists of on the scratch, the first on top.
    fn push_contents(&mut self, fence: u32) {
        let fences = &self.w.fences;
        let scratch = &mut self.w.threads[self.task as usize].scratch;
        match fences.get(fence).sort {
            FenceSort::Array(array) => {
                let Array { start, len, .. } = fences.arrays[array as usize];
                let members = &fences.members[start as usize..(start + len) as usize];
                scratch.extend(members.iter().rev().map(|member| Value::fence(member.fence)));
            }
            FenceSort::Chain(chain) => {
                let Chain { fence: contained, prev, .. } = fences.chains[chain as usize];
                scratch.extend([Value::fence(prev), Value::fence(contained)]);
            }
            FenceSort::Driver(_)
            | FenceSort::Stub
            | FenceSort::SwSync(_)
            | FenceSort::Scheduled(_)
            | FenceSort::Finished(_) => {}
        }
    }

    fn publish_one(&mut self, fence: u32, how: Published) {
        let entry = self.w.fences.get_mut(fence);
        entry.flags |= flag::PUBLISHED;
        if entry.flags & flag::SIGNALED == 0 {
            self.w.fences.publish(fence);
        }
        self.emit(EventKind::FencePublish(fence, how));
    }

    /// All published fences that are not signaled, in an order that depends on the run alone.
    pub(crate) fn published_fences(&self) -> &[u32] {
        &self.w.fences.published
    }

    /// Book-keeping of a fence that has just been signaled: is it out of order.
    pub(crate) fn fence_was_signaled(&mut self, fence: u32) {
        if self.w.fences.unpublish(fence) {
            self.broken(
                "RF501",
                "a fence is signaled before an earlier one of its timeline",
                fence_object(fence),
            );
        }
        let Fence { sort, .. } = *self.w.fences.get(fence);
        if self.plan.version == KernelVersion::Next && matches!(sort, FenceSort::Driver(_)) {
            let ops = self.fence_ops(fence);
            if ops.release.is_none() && ops.wait.is_none() {
                // The driver may be unloaded from here on: nothing calls into it any more.
                self.w.fences.get_mut(fence).sort = FenceSort::Driver(NONE);
            }
        }
    }

    /// The hardware is done with the fence: a driver's `signaled` op may say so.
    pub(crate) fn fence_hw_done(&mut self, fence: u32) {
        self.w.fences.get_mut(fence).flags |= flag::HW_DONE;
    }

    /// `dma_fence_is_later()`.
    pub(crate) fn fence_is_later(&mut self, a: u32, b: u32) -> bool {
        let (first, second) = (*self.w.fences.get(a), *self.w.fences.get(b));
        if first.context != second.context {
            self.broken("RF706", "comparing fences of different contexts", fence_object(a));
            return false;
        }
        self.w.fences.is_later(first.seqno, second.seqno, a)
    }

    /// `dma_fence_is_array()` or `dma_fence_is_chain()`.
    pub(crate) fn fence_is_container(&self, fence: u32) -> bool {
        matches!(self.w.fences.get(fence).sort, FenceSort::Array(_) | FenceSort::Chain(_))
    }
}

#[cfg(test)]
mod tests {
    use core::mem::size_of;

    use super::Fence;
    use crate::dma_fence_array::{Array, Member};
    use crate::dma_fence_cb::Node;
    use crate::dma_fence_chain::Chain;
    use crate::frame::Frame;
    use crate::lock::Lock;

    /// What an idle fence takes, with a lock of its own, and what a container adds to it.
    #[test]
    fn fences_are_small() {
        assert!(size_of::<Fence>() <= 80, "{}", size_of::<Fence>());
        assert!(size_of::<Fence>() + size_of::<Lock>() <= 128);
        assert!(size_of::<Chain>() + size_of::<Node>() <= 64);
        assert!(size_of::<Array>() + size_of::<Member>() + size_of::<Node>() <= 64);
        assert!(size_of::<Frame>() <= 96, "{}", size_of::<Frame>());
    }
}
