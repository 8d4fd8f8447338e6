//! The whole state of one execution: one value that can be cloned, compared and hashed.
//!
//! It has one mutator, [`World::step`]. Everything else only looks.

use ringfence_base::{Action, Decide, Event};

use crate::kernel::Kernel;
use crate::lock::Locks;
use crate::plan::Plan;
use crate::thread::{NONE, State, Thread};
use crate::tracked::{Sealer, Tracked, Uses, tracked};
use crate::tracked_list::SharedList;
use crate::tracked_part::Part;

tracked! {
    /// The whole state of one execution.
    pub struct World {
        /// All contexts; a task id is an index.
        pub(crate) threads: SharedList<Thread, 2>,
        /// Which contexts are ready.
        pub(crate) ready: Ready,
        /// All locks.
        pub(crate) locks: Locks,
        /// Shared variables.
        pub(crate) cells: SharedList<i64>,
        /// Virtual time and what is due.
        pub(crate) time: Part<crate::time::Time>,
        /// Which interrupts are pending and being served.
        pub(crate) interrupts: Part<crate::interrupt::Interrupts>,
        /// Completions and wait queues.
        pub(crate) sleep: Part<crate::sleep::Sleepers>,
        /// Acquire contexts.
        pub(crate) ww: Part<crate::ww_acquire_ctx::WwContexts>,
        /// Works, workqueues, timers, tasklets.
        pub(crate) deferred: Part<crate::deferred::Deferred>,
        /// Allocations, user memory, notifiers.
        pub(crate) memory: Part<crate::memory::Memory>,
        /// Fences.
        pub(crate) fences: Part<crate::dma_fence::Fences>,
        /// `sync_file`, `drm_syncobj`, `sw_sync`.
        pub(crate) sync: Part<crate::sync::SyncObjects>,
        /// Reservations.
        pub(crate) resvs: Part<crate::dma_resv::Reservations>,
        /// GPU schedulers, their entities and jobs.
        pub(crate) scheds: Part<crate::sched_main::Scheds>,
        /// GPUs.
        pub(crate) gpu: Part<crate::gpu::Hardware>,
    }
}

impl World {
    /// Adds a context.
    pub(crate) fn add_thread(&mut self, thread: Thread) -> u32 {
        let task = self.threads.len() as u32;
        let state = thread.state;
        self.threads.push(thread);
        if self.ready.0.len() * 64 <= task as usize {
            self.ready.0.push(0);
        }
        self.set_state(task, state);
        task
    }

    /// The only place where a context's state changes.
    ///
    /// That another context becomes ready does not count as a use of it. Whether it is ready follows from what it
    /// waits for: whoever brings that about has written it, and the context looks at it in its next step. Only for
    /// interrupts a context that blocks is another place than one that runs.
    #[inline]
    pub(crate) fn set_state(&mut self, task: u32, state: State) {
        let thread = self.threads.unmarked_mut(task as usize);
        let was = std::mem::replace(&mut thread.state, state);
        if (thread.spinning != 0 || thread.softirq != 0) && was != state {
            self.threads.mark_written(task as usize);
        }
        let (word, bit) = (task as usize / 64, 1u64 << (task % 64));
        if state == State::Ready {
            self.ready.0[word] |= bit;
        } else {
            self.ready.0[word] &= !bit;
        }
    }

    /// The contexts that can take a step, in the order of their ids.
    #[inline]
    pub fn ready(&self) -> impl Iterator<Item = u32> + '_ {
        self.ready.0.iter().enumerate().flat_map(|(word, &bits)| {
            let mut bits = bits;
            std::iter::from_fn(move || {
                if bits == 0 {
                    return None;
                }
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                Some(word as u32 * 64 + bit)
            })
        })
    }

    /// Everything that can happen next, in a fixed order: contexts by id, then interrupts, then time. Empty: the
    /// execution is over.
    #[inline]
    pub fn enabled(&self, plan: &Plan, actions: &mut Vec<Action>) {
        actions.clear();
        for (word, &bits) in self.ready.0.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                actions.push(Action::Run(word as u32 * 64 + bits.trailing_zeros()));
                bits &= bits - 1;
            }
        }
        if self.interrupts.unmarked().any_pending() {
            self.enabled_interrupts(plan, actions);
        }
        let time = self.time.unmarked();
        let early = plan.scenario.environment.early_timeouts;
        if !time.is_empty() && (early || actions.is_empty() || time.is_due()) {
            actions.push(Action::Expire);
        }
    }

    /// The contexts that are ready, one bit for each, if these are all that can happen next; 0 if there may be more.
    /// As long as it is the same, so are [`World::enabled`].
    #[inline]
    pub fn only_ready(&self) -> u64 {
        match *self.ready.0 {
            [bits] if !self.interrupts.unmarked().any_pending() && self.time.unmarked().is_empty() => bits,
            _ => 0,
        }
    }

    fn enabled_interrupts(&self, plan: &Plan, actions: &mut Vec<Action>) {
        for number in 0..plan.sources.len() {
            if !self.interrupts.can_arrive(number) {
                continue;
            }
            for host in 0..self.threads.unmarked().len() as u32 {
                if self.can_host(plan, number, host) {
                    actions.push(Action::Interrupt { source: number as u32, host });
                }
            }
        }
    }

    /// One atomic transition. `number` is the number of the step, for events.
    ///
    /// # Panics
    /// If the action is not one of [`World::enabled`].
    #[inline]
    pub fn step(
        &mut self,
        plan: &Plan,
        action: Action,
        number: u64,
        events: &mut Vec<Event>,
        decide: &mut dyn Decide,
    ) {
        if let Action::Run(task) | Action::Interrupt { host: task, .. } = action {
            self.threads.mark_changed(task as usize);
        }
        match action {
            Action::Run(task) if self.plain_step(plan, task, number, events) => {}
            _ => self.any_step(plan, action, number, events, decide),
        }
    }

    /// A step that is none of the plain ones.
    #[inline(never)]
    pub(crate) fn any_step(
        &mut self,
        plan: &Plan,
        action: Action,
        number: u64,
        events: &mut Vec<Event>,
        decide: &mut dyn Decide,
    ) {
        let task = match action {
            Action::Run(task) | Action::Interrupt { host: task, .. } => task,
            Action::Expire => NONE,
        };
        let mut kernel = Kernel { plan, w: self, events, decide, task, step: number, stepped: false };
        match action {
            Action::Run(_) => kernel.run(),
            Action::Interrupt { source, .. } => kernel.interrupt_arrives(source),
            Action::Expire => kernel.expire(),
        }
    }

    /// Back to where `start` is, of which this world is a copy that has gone on: what has changed since is copied.
    pub fn restart(&mut self, start: &Self) {
        self.reset(start);
    }

    /// Seals what has changed: from here on, the state can be kept.
    pub fn seal(&mut self, sealer: &mut Sealer) {
        sealer.begin();
        Tracked::seal(self, sealer);
    }

    /// The same state as another one, which was sealed by the same sealer.
    pub fn adopt(&mut self, source: &Self) {
        Tracked::adopt(self, source);
    }

    /// All contexts, in the order of their task ids.
    pub fn threads(&self) -> &[Thread] {
        self.threads.unmarked()
    }

    /// All locks.
    pub fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Virtual nanoseconds since the start.
    pub fn now(&self) -> u64 {
        *self.time.now
    }
}

/// One bit per context: it is ready. It follows from the contexts' states, and is no resource of its own.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Ready(pub(crate) Vec<u64>);

impl Clone for Ready {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}

impl Tracked for Ready {
    const RESOURCES: u32 = 0;
    const SEALS: u64 = 0;

    fn collect(&self, _: &mut Uses<'_>) {}

    fn forget(&mut self) {}

    #[inline]
    fn reset(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }

    fn seal(&mut self, _: &mut Sealer) {}

    #[inline]
    fn adopt(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}
