//! The GPU's part of the wait-for graph: rings whose oldest work can't go on.
//!
//! A ring is a party like a context; their numbers come behind those of the contexts.

use std::collections::BTreeSet;

use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{ObjectRef, SiteId};

use crate::engine::Phase;
use crate::judge::effects::{Effect, program_effects};
use crate::plan::Plan;
use crate::ring::flag;
use crate::wait::Wait;
use crate::world::World;

/// Where work on a GPU stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GpuWorkState {
    /// Behind other work of its ring or engine.
    Queued,
    /// For a semaphore, at the head of its ring.
    AwaitsSemaphore,
    /// For a lock; it occupies its engine.
    AwaitsLock,
    /// It will be completed, if nothing comes in between.
    Runs,
    /// It never ends.
    Hung,
    /// At a memory fault.
    Faulted,
    /// It was preempted, and goes on later.
    Preempted,
    /// Its engine was stopped under it: by a reset, or for good.
    Stopped,
}

/// Work on a ring.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GpuWork {
    /// The ring; the engine, where it was submitted without one.
    pub ring: ObjectRef,
    /// Who executes it.
    pub engine: u32,
    /// Its fence, if somebody wants to know.
    pub fence: Option<u32>,
    /// Where it stands.
    pub state: GpuWorkState,
}

impl World {
    /// All work on all rings, oldest first on each.
    pub fn gpu_works<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = GpuWork> + 'a {
        let rings = 0..self.gpu.rings.len() as u32;
        rings.flat_map(move |ring| {
            let count = self.gpu.rings[ring as usize].queue.len();
            (0..count).map(move |position| GpuWork {
                ring: plan.ring_object(ring),
                engine: plan.gpu.rings[ring as usize].engine,
                fence: self.gpu.rings[ring as usize].queue[position].fence(),
                state: self.gpu_work_state(plan, ring, position),
            })
        })
    }

    fn gpu_work_state(&self, plan: &Plan, ring: u32, position: usize) -> GpuWorkState {
        let engine = &self.gpu.engines[plan.gpu.rings[ring as usize].engine as usize];
        let work = &self.gpu.rings[ring as usize].queue[position];
        match engine.phase() {
            _ if position != 0 => GpuWorkState::Queued,
            _ if self.gpu.rings[ring as usize].awaits.is_some() => GpuWorkState::AwaitsSemaphore,
            _ if engine.current() != Some(ring) && work.is(flag::PREEMPTED) => GpuWorkState::Preempted,
            _ if engine.current() != Some(ring) => GpuWorkState::Queued,
            Phase::Idle | Phase::Stopped => GpuWorkState::Stopped,
            Phase::Waiting => GpuWorkState::AwaitsLock,
            Phase::Running(_) => GpuWorkState::Runs,
            Phase::Hung => GpuWorkState::Hung,
            Phase::Faulted => GpuWorkState::Faulted,
        }
    }

    /// The GPU was given up.
    pub fn is_gpu_wedged(&self, gpu: u32) -> bool {
        self.gpu.wedged[gpu as usize]
    }

    /// The engine is being reset.
    pub fn is_engine_resetting(&self, engine: u32) -> bool {
        self.gpu.engines[engine as usize].is_resetting()
    }

    /// The ring that a party of the wait-for graph is; `None`: a context.
    pub fn ring_of_party(&self, plan: &Plan, party: u32) -> Option<ObjectRef> {
        self.ring_index(party).map(|ring| plan.ring_object(ring))
    }

    pub(super) fn ring_index(&self, party: u32) -> Option<u32> {
        party.checked_sub(self.threads.len() as u32)
    }

    pub(super) fn party_of_ring(&self, ring: u32) -> u32 {
        self.threads.len() as u32 + ring
    }

    /// Where the oldest work of a ring was put there.
    pub(super) fn emitted_at(&self, ring: u32) -> SiteId {
        self.gpu.rings[ring as usize].queue.front().map_or(SiteId::UNKNOWN, |work| work.at)
    }

    /// What the oldest work of a ring waits for, if there is any, in a world in which nothing happens.
    pub(super) fn gpu_wait(&self, plan: &Plan, ring: u32) -> Option<Wait> {
        let work = *self.gpu.rings[ring as usize].queue.front()?;
        let index = plan.gpu.rings[ring as usize].engine;
        let engine = &self.gpu.engines[index as usize];
        if let Some((semaphore, _)) = self.gpu.rings[ring as usize].awaits {
            return Some(Wait::GpuSemaphore(semaphore));
        }
        Some(match engine.phase() {
            Phase::Waiting if engine.current() == Some(ring) => {
                let job = &plan.gpu.jobs[work.job as usize];
                Wait::GpuLock(job.locks[work.locks as usize])
            }
            _ if engine.current().is_some_and(|current| current != ring) => Wait::Engine(index),
            _ => Wait::Recovery(index),
        })
    }

    /// The ring that an engine is at.
    pub(super) fn ring_of_engine(&self, engine: u32) -> Option<u32> {
        self.gpu.engines[engine as usize].current()
    }

    /// The ring whose work holds a lock of the GPU.
    pub(super) fn ring_with_lock(&self, lock: u32) -> Option<u32> {
        self.gpu.locks[lock as usize].owner()
    }

    /// Rings with work on them.
    pub(super) fn busy_rings(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.gpu.rings.len() as u32).filter(|&ring| !self.gpu.rings[ring as usize].queue.is_empty())
    }

    /// The first of these fences whose work is on the ring.
    pub(super) fn fence_on_ring(&self, ring: u32, fences: &BTreeSet<u32>) -> Option<u32> {
        let queue = &self.gpu.rings[ring as usize].queue;
        queue.iter().map(|work| work.fence).find(|fence| fences.contains(fence))
    }

    /// What a ring could still do for others if it went on: write semaphores, raise its interrupt.
    pub(super) fn ring_effects(&self, plan: &Plan, ring: u32) -> BTreeSet<Effect> {
        let mut effects = BTreeSet::new();
        for work in &self.gpu.rings[ring as usize].queue {
            if let Some(job) = plan.gpu.jobs.get(work.job as usize) {
                effects.extend(job.semaphores().map(Effect::Semaphore));
            }
        }
        for program in plan.irq_programs(plan.gpu.rings[ring as usize].irq) {
            effects.extend(program_effects(plan, program));
        }
        effects
    }
}

impl Plan {
    /// The engines that an operation can bring to life again.
    pub(super) fn recovered_engines(&self, op: Op, device: ObjectRef) -> &[u32] {
        match op {
            Op::GpuReset => &self.gpu.gpus[self.gpu_of(device) as usize].engines,
            Op::GpuEngineReset | Op::GpuFaultResume | Op::RingClear | Op::EngineReset => {
                let engine = self.engine_of(device);
                let engines = &self.gpu.gpus[self.gpu_of(device) as usize].engines;
                let position = engines.iter().position(|&known| known == engine);
                position.map_or(&[], |position| &engines[position..=position])
            }
            _ => &[],
        }
    }

    /// Interrupt lines that work on the device raises when it is completed.
    pub(super) fn irqs_of(&self, device: ObjectRef) -> Vec<u32> {
        let rings: Vec<u32> = match device.kind {
            Kind::Ring => vec![device.index],
            Kind::Engine => self.gpu.engines[device.index as usize].rings.clone(),
            _ => {
                let engines = self.gpu.gpus[device.index as usize].engines.iter();
                engines.flat_map(|&engine| self.gpu.engines[engine as usize].rings.clone()).collect()
            }
        };
        let mut irqs: Vec<u32> =
            rings.into_iter().filter_map(|ring| self.gpu.rings[ring as usize].irq).collect();
        irqs.sort_unstable();
        irqs.dedup();
        irqs
    }
}
