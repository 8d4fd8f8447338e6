//! The whole state of one execution: one value that can be cloned, compared and hashed.
//!
//! It has one mutator, [`World::step`]. Everything else only looks.

use ringfence_base::{Action, Decide, Event};

use crate::kernel::Kernel;
use crate::lock::Locks;
use crate::plan::{ContextKind, Plan, Source};
use crate::thread::{NONE, State, Thread};

macro_rules! world {
    ($($(#[$doc:meta])* $field:ident: $type:ty;)*) => {
        /// The whole state of one execution.
        #[derive(PartialEq, Eq, Hash, Debug, Default)]
        pub struct World { $($(#[$doc])* pub(crate) $field: $type,)* }

        impl Clone for World {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)* }
            }

            /// Keeps the memory that is there: a run is reset in place.
            fn clone_from(&mut self, source: &Self) {
                $(self.$field.clone_from(&source.$field);)*
            }
        }
    };
}

world! {
    /// All contexts; a task id is an index.
    threads: Vec<Thread>;
    /// One bit per context: it is ready.
    ready: Vec<u64>;
    /// All locks.
    locks: Locks;
    /// Shared variables.
    cells: Vec<i64>;
    /// Virtual time and what is due.
    time: crate::time::Time;
    /// Which interrupts are pending and being served.
    interrupts: crate::interrupt::Interrupts;
    /// Completions and wait queues.
    sleep: crate::sleep::Sleepers;
    /// Acquire contexts.
    ww: crate::ww_acquire_ctx::WwContexts;
    /// Works, workqueues, timers, tasklets.
    deferred: crate::deferred::Deferred;
    /// Allocations, user memory, notifiers.
    memory: crate::memory::Memory;
    /// Fences.
    fences: crate::dma_fence::Fences;
    /// `sync_file`, `drm_syncobj`, `sw_sync`.
    sync: crate::sync::SyncObjects;
    /// Reservations.
    resvs: crate::dma_resv::Reservations;
    /// GPU schedulers, their entities and jobs.
    scheds: crate::sched_main::Scheds;
    /// GPUs.
    gpu: crate::gpu::Hardware;
}

impl World {
    /// Adds a context.
    pub(crate) fn add_thread(&mut self, thread: Thread) -> u32 {
        let task = self.threads.len() as u32;
        let state = thread.state;
        self.threads.push(thread);
        if self.ready.len() * 64 < self.threads.len() {
            self.ready.push(0);
        }
        self.set_state(task, state);
        task
    }

    /// The only place where a context's state changes.
    #[inline]
    pub(crate) fn set_state(&mut self, task: u32, state: State) {
        self.threads[task as usize].state = state;
        let (word, bit) = (task as usize / 64, 1u64 << (task % 64));
        if state == State::Ready {
            self.ready[word] |= bit;
        } else {
            self.ready[word] &= !bit;
        }
    }

    /// The contexts that can take a step, in the order of their ids.
    #[inline]
    pub fn ready(&self) -> impl Iterator<Item = u32> + '_ {
        self.ready.iter().enumerate().flat_map(|(word, &bits)| {
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
        for (word, &bits) in self.ready.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                actions.push(Action::Run(word as u32 * 64 + bits.trailing_zeros()));
                bits &= bits - 1;
            }
        }
        if self.interrupts.any_pending() {
            self.enabled_interrupts(plan, actions);
        }
        let early = plan.scenario.environment.early_timeouts;
        if self.time.is_due() || (!self.time.is_empty() && (early || actions.is_empty())) {
            actions.push(Action::Expire);
        }
    }

    fn enabled_interrupts(&self, plan: &Plan, actions: &mut Vec<Action>) {
        for (number, &source) in plan.sources.iter().enumerate() {
            if !self.interrupts.can_arrive(number) {
                continue;
            }
            for host in 0..self.threads.len() as u32 {
                if self.can_host(plan, source, host) {
                    actions.push(Action::Interrupt { source: number as u32, host });
                }
            }
        }
    }

    /// An interrupt arrives on an idle CPU, or on a context where it matters: one that holds a lock that spins, or
    /// one that serves a soft interrupt whose end others may spin for.
    fn can_host(&self, plan: &Plan, source: Source, host: u32) -> bool {
        let thread = &self.threads[host as usize];
        match plan.contexts[host as usize].kind {
            ContextKind::Idle(own) if thread.state == State::Idle => own == source,
            _ => {
                let running = match thread.state {
                    State::Ready => true,
                    // It spins, and can be interrupted while it does.
                    State::Blocked(crate::wait::Wait::Lock { lock, .. }) => {
                        plan.classes[self.locks.class(lock) as usize].sort.spins()
                    }
                    _ => false,
                };
                let open = !thread.irqs_off
                    && thread.hardirq == 0
                    && (source.is_hard() || (thread.bh_off == 0 && thread.softirq == 0));
                running && open && (thread.spinning != 0 || thread.softirq != 0)
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
        let task = match action {
            Action::Run(task) => task,
            Action::Interrupt { host, .. } => host,
            Action::Expire => NONE,
        };
        let mut kernel = Kernel { plan, w: self, events, decide, task, step: number, stepped: false };
        match action {
            Action::Run(_) => kernel.run(),
            Action::Interrupt { source, .. } => kernel.interrupt_arrives(source),
            Action::Expire => kernel.expire(),
        }
    }

    /// All contexts, in the order of their task ids.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// All locks.
    pub fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Virtual nanoseconds since the start.
    pub fn now(&self) -> u64 {
        self.time.now
    }
}
