//! GPUs: every work is where its engine thinks it is, and whoever waits is known to what it waits for.

use super::{Holds, holds};
use crate::engine::{Engine, Phase};
use crate::frame::Frame;
use crate::plan::Plan;
use crate::ring::{Ring, flag};
use crate::world::World;

impl World {
    pub(super) fn check_gpu(&self, plan: &Plan) -> Holds {
        for (index, ring) in self.gpu.rings.iter().enumerate() {
            self.check_ring(plan, index as u32, ring).map_err(|what| format!("ring {index}: {what}"))?;
        }
        for (index, engine) in self.gpu.engines.iter().enumerate() {
            self.check_engine(plan, index as u32, engine)
                .map_err(|what| format!("engine {index}: {what}"))?;
        }
        self.check_semaphores()?;
        self.check_gpu_locks(plan)
    }

    /// Works are numbered in order, and only the oldest can have begun or have locks.
    fn check_ring(&self, plan: &Plan, index: u32, ring: &Ring) -> Holds {
        let (emitted, seqno) = ring.numbers();
        let mut before = seqno;
        for (position, work) in ring.queue.iter().enumerate() {
            holds!(work.number > before, "work {} comes after {before}", work.number);
            before = work.number;
            let untouched = !work.is(flag::BEGUN) && work.locks == 0;
            holds!(position == 0 || untouched, "work {before} has begun behind another one");
            holds!(work.is(flag::BEGUN) || work.locks == 0, "work {before} has locks and has not begun");
        }
        holds!(before <= emitted, "work {before} of {emitted} is on it");
        let info = plan.gpu.rings[index as usize];
        let runnable = self.gpu.engines[info.engine as usize].is_runnable(info.position);
        let expected = !ring.queue.is_empty() && ring.awaits.is_none();
        holds!(runnable == expected, "its engine thinks that it can be served: {runnable}");
        holds!(ring.awaits.is_none() || !ring.queue.is_empty(), "nothing on it waits for a semaphore");
        Ok(())
    }

    fn check_engine(&self, plan: &Plan, index: u32, engine: &Engine) -> Holds {
        let (phase, info) = (engine.phase(), &plan.gpu.engines[index as usize]);
        let bits = (0..info.rings.len() as u32).filter(|&position| engine.is_runnable(position)).count();
        holds!(bits == engine.runnables() as usize, "{bits} rings can be served, not {}", engine.runnables());
        let resets = self.threads.iter().flat_map(|thread| &thread.frames);
        let resets = resets.filter(|frame| matches!(frame, Frame::Gpu(reset) if reset.is_of(plan, index)));
        let resets = resets.count();
        holds!(engine.resets() as usize == resets, "{resets} resets are under way, not {}", engine.resets());
        let stopped = engine.is_hung() || engine.is_resetting() || self.gpu.wedged[info.gpu as usize];
        let Some(ring) = engine.current() else {
            holds!(phase == Phase::Idle, "it is {phase:?} with nothing to do");
            holds!(stopped || bits == 0, "it is idle, and {bits} rings could be served");
            return Ok(());
        };
        holds!(info.rings.contains(&ring), "it is at ring {ring}, which is not its own");
        let work = self.gpu.rings[ring as usize].queue.front();
        let Some(work) = work.filter(|work| work.is(flag::BEGUN)) else {
            return Err(format!("it is {phase:?} at ring {ring}, where nothing has begun"));
        };
        match phase {
            Phase::Idle => holds!(false, "it is idle at ring {ring}"),
            Phase::Running(_) => {
                holds!(!stopped, "it was stopped, and runs");
                holds!(!work.is(flag::HANGS), "it runs what never ends");
            }
            Phase::Stopped => holds!(stopped, "nothing stops it"),
            Phase::Hung => holds!(work.is(flag::HANGS), "it hangs, its work does not"),
            Phase::Faulted => holds!(work.is(flag::FAULTS), "it has faulted, its work has not"),
            Phase::Waiting => {
                let waits = self.gpu.locks.iter().any(|lock| lock.waiters().any(|waiter| waiter == ring));
                holds!(waits, "it waits for a lock that does not know");
            }
        }
        Ok(())
    }

    /// Who waits for a semaphore is known to it, and nobody waits for what it has.
    fn check_semaphores(&self) -> Holds {
        for (index, ring) in self.gpu.rings.iter().enumerate() {
            let Some((semaphore, value)) = ring.awaits else { continue };
            let known = self.gpu.semaphores[semaphore as usize].waiters();
            let known = known.filter(|&waiter| waiter == (value, index as u32)).count();
            holds!(known == 1, "ring {index} is {known} times a waiter of semaphore {semaphore}");
        }
        for (index, semaphore) in self.gpu.semaphores.iter().enumerate() {
            for (value, ring) in semaphore.waiters() {
                let awaits = self.gpu.rings[ring as usize].awaits;
                holds!(awaits == Some((index as u32, value)), "ring {ring} waits for {awaits:?}");
                holds!(value > semaphore.value(), "ring {ring} waits for {value} of {}", semaphore.value());
            }
        }
        Ok(())
    }

    /// A lock is held by a work that counts it among those it has.
    fn check_gpu_locks(&self, plan: &Plan) -> Holds {
        let mut held = 0;
        for (index, lock) in self.gpu.locks.iter().enumerate() {
            let Some(owner) = lock.owner() else {
                holds!(lock.waiters().next().is_none(), "GPU lock {index} is free, and waited for");
                continue;
            };
            held += 1;
            let has = self.gpu.rings[owner as usize].queue.front().is_some_and(|work| {
                let job = plan.gpu.jobs.get(work.job as usize);
                job.is_some_and(|job| job.locks[..work.locks as usize].contains(&(index as u32)))
            });
            holds!(has, "GPU lock {index} is held by ring {owner}, whose oldest work does not know");
            for waiter in lock.waiters() {
                let engine = &self.gpu.engines[plan.gpu.rings[waiter as usize].engine as usize];
                let waits = engine.current() == Some(waiter) && engine.phase() == Phase::Waiting;
                holds!(waits, "ring {waiter} is a waiter of GPU lock {index}, and does not wait");
            }
        }
        let heads = self.gpu.rings.iter().filter_map(|ring| ring.queue.front());
        let taken: u32 = heads.map(|work| work.locks).sum();
        holds!(taken == held, "{held} GPU locks are held, {taken} were taken");
        Ok(())
    }
}
