//! What the judges ask of the world.

use ringfence_base::scenario::{Kind, ObjectKind};
use ringfence_base::{Gfp, ProgramId, SiteId};

use crate::contract;
use crate::deferred::Deferred;
use crate::dma_fence::{FenceSort, flag};
use crate::frame::Frame;
use crate::kworker::Slot;
use crate::memory::MemoryFrame;
use crate::plan::Plan;
use crate::thread::{NONE, State};
use crate::value::Value;
use crate::wait::Wait;
use crate::workqueue::WorkFunction;
use crate::world::World;

impl World {
    /// The mask of the innermost allocation in which the context reclaims memory, if it does.
    pub(crate) fn reclaiming(&self, task: u32) -> Option<Gfp> {
        self.frames_of(task).iter().rev().find_map(|frame| match frame {
            Frame::Memory(MemoryFrame::Reclaim(frame)) => frame.allocation(),
            _ => None,
        })
    }

    /// Unsignaled fences that this one needs: members of an array, payloads of a chain.
    pub(crate) fn fence_parts(&self, fence: u32) -> Vec<u32> {
        let fences = &self.fences;
        let mut parts = match fences.get(fence).sort {
            FenceSort::Array(array) => {
                let array = &fences.arrays[array as usize];
                let members = &fences.members[array.start as usize..(array.start + array.len) as usize];
                members.iter().map(|member| member.fence).collect()
            }
            FenceSort::Chain(chain) => {
                let chain = &fences.chains[chain as usize];
                vec![chain.fence, chain.prev]
            }
            FenceSort::Scheduled(job) | FenceSort::Finished(job) => self.job_needs(job),
            FenceSort::Driver(_) | FenceSort::SwSync(_) | FenceSort::Stub => Vec::new(),
        };
        parts.retain(|&part| part != NONE && !fences.has(part, flag::SIGNALED));
        parts
    }

    /// Others may wait for the fence.
    pub(crate) fn is_published(&self, fence: u32) -> bool {
        self.fences.has(fence, flag::PUBLISHED)
    }

    /// Unsignaled fences with the programs of callbacks that wait for them.
    pub(crate) fn pending_callbacks(&self, plan: &Plan) -> Vec<(u32, ProgramId)> {
        let declared = plan.by_kind[Kind::FenceCb as usize].len() as u32;
        let pending = (0..declared).filter_map(|callback| {
            let fence = self.fences.fence_of_node(callback)?;
            match *plan.declared(Kind::FenceCb, callback) {
                ObjectKind::FenceCb { function } => Some((fence, function)),
                _ => None,
            }
        });
        pending.collect()
    }

    /// The place that the context is at in the scenario: the innermost one that is known.
    pub fn site(&self, plan: &Plan, task: u32) -> SiteId {
        match self.ring_index(task) {
            Some(ring) => self.emitted_at(ring),
            None => plan.site_of_innermost(&self.threads[task as usize].frames).unwrap_or(SiteId::UNKNOWN),
        }
    }

    /// Nobody has to signal the fence for others to get it: it is a container, whose parts are published as well and
    /// have to be signaled, or the driver's `signaled` says that the hardware is done with it.
    pub(crate) fn fence_needs_nobody(&self, plan: &Plan, fence: u32) -> bool {
        let polled = |ops: u32| match plan.declared(Kind::FenceOps, ops) {
            ObjectKind::FenceOps { signaled, .. } => signaled.is_some(),
            _ => false,
        };
        match self.fences.get(fence).sort {
            FenceSort::Array(_) | FenceSort::Chain(_) => true,
            FenceSort::Driver(ops) if ops != NONE => self.fences.has(fence, flag::HW_DONE) && polled(ops),
            _ => false,
        }
    }

    /// The `sw_sync` timeline of a fence.
    pub(crate) fn sw_sync_of(&self, fence: u32) -> Option<u32> {
        match self.fences.get(fence).sort {
            FenceSort::SwSync(timeline) => Some(timeline),
            _ => None,
        }
    }

    /// The fences that the context waits for any of.
    pub(crate) fn fences_of_wait(&self, task: u32) -> Vec<u32> {
        let fence = |value: &Value| match value {
            Value::Object(Kind::Fence, fence) => Some(*fence),
            _ => None,
        };
        self.threads[task as usize].scratch.iter().filter_map(fence).collect()
    }

    /// Virtual nanoseconds that a published fence may take.
    pub(crate) fn fence_bound(&self, plan: &Plan, fence: u32) -> u64 {
        let bound = self.fences.bound(fence).unwrap_or(plan.scenario.environment.fence_bound);
        u64::try_from(bound).unwrap_or(0)
    }

    /// Contexts that run what the wait is for, or have to; true: they are inside a section that must end.
    pub(crate) fn runners(&self, plan: &Plan, wait: Wait) -> Vec<(u32, bool)> {
        let runs = |tasks: Vec<u32>| tasks.into_iter().map(|task| (task, false)).collect();
        let host = |source: usize| self.interrupts.host(source).into_iter().collect();
        let layout = &plan.deferred;
        match wait {
            Wait::Work(work) => runs(self.deferred.workers_of_work(plan, work)),
            Wait::DelayedWork(work) => {
                runs(self.deferred.workers_of_work(plan, layout.workqueues.delayed(work)))
            }
            Wait::Workqueue(wq) => runs(layout.workqueues.tasks(wq).collect()),
            Wait::WorkerCreation(wq) => runs(self.deferred.busy_in_pool_of(plan, wq)),
            Wait::KthreadWork(work) => runs(self.deferred.kthreads.task_of_work(plan, work)),
            Wait::KthreadWorker(worker) => runs(vec![layout.kthreads.task(worker)]),
            Wait::Timer(timer) => runs(host(layout.timers[timer as usize].source())),
            Wait::Tasklet(tasklet) => runs(host(layout.tasklets[tasklet as usize].source())),
            Wait::IrqWork(work) => runs(host(layout.irq_works[work as usize].source())),
            Wait::Irq(irq) => {
                let irq = layout.irqs[irq as usize];
                let mut tasks: Vec<u32> = host(irq.source());
                tasks.extend(irq.thread_task());
                runs(tasks)
            }
            Wait::EntityIdle(entity) | Wait::EntityQueue(entity) => runs(self.entity_runners(plan, entity)),
            Wait::Rcu | Wait::RcuBarrier => self.inside_section(|thread| thread.rcu != 0),
            Wait::IntervalNotifier(_) => self.inside_section(|thread| {
                let invalidates = |frame: &Frame| matches!(frame, Frame::Memory(MemoryFrame::Invalidate(_)));
                thread.frames.iter().any(invalidates)
            }),
            _ => Vec::new(),
        }
    }

    fn inside_section(&self, inside: impl Fn(&crate::thread::Thread) -> bool) -> Vec<(u32, bool)> {
        let tasks = self.threads.iter().enumerate().filter(|(_, thread)| inside(thread));
        tasks.map(|(task, _)| (task as u32, true)).collect()
    }

    /// A worker of the queue other than this one can't be made.
    pub(crate) fn is_starved(&self, plan: &Plan, task: u32, wq: u32) -> bool {
        let starved = |other| self.threads[other as usize].state == State::Blocked(Wait::WorkerCreation(wq));
        plan.deferred.workqueues.tasks(wq).any(|other| other != task && starved(other))
    }

    /// The operation that got the context to where it is: the allocation, if it reclaims, otherwise what it does. A
    /// worker that can't be made has not done anything yet: where its queue was declared.
    pub(crate) fn cause(&self, plan: &Plan, task: u32) -> SiteId {
        let thread = &self.threads[task as usize];
        if let State::Blocked(Wait::WorkerCreation(wq)) = thread.state {
            return plan.declared_at(Kind::Workqueue, wq);
        }
        let reclaims = |frame: &Frame| matches!(frame, Frame::Memory(MemoryFrame::Reclaim(_)));
        let below = thread.frames.iter().position(reclaims);
        let allocation = below.and_then(|below| plan.site_of_innermost(&thread.frames[..below]));
        allocation.unwrap_or(thread.site)
    }

    /// Parts of the environment whose code the context runs.
    pub(crate) fn foreign_parts(&self, plan: &Plan, task: u32) -> Vec<&'static str> {
        let part = |frame: &Frame| match frame {
            Frame::Program(frame) => contract::part_of(plan.program_at(frame.pc)),
            _ => None,
        };
        self.frames_of(task).iter().filter_map(part).collect()
    }

    /// What a context is doing; a ring has no frames.
    fn frames_of(&self, party: u32) -> &[Frame] {
        self.threads.get(party as usize).map_or(&[], |thread| &thread.frames)
    }

    /// What the context is inside of, outermost first: programs, with the line from which they called what comes
    /// next, interrupts, reclaim.
    pub fn inside(&self, plan: &Plan, task: u32) -> Vec<String> {
        let frames = self.frames_of(task);
        let innermost = frames.iter().rposition(|frame| matches!(frame, Frame::Program(_)));
        let describe = |(position, frame): (usize, &Frame)| match frame {
            Frame::Program(frame) => {
                let name = plan.program_at(frame.pc).to_owned();
                let line = plan.site_at(frame.pc).and_then(|site| plan.scenario.site(site));
                Some(match line {
                    Some(line) if Some(position) != innermost => {
                        format!("{name} ({}:{})", line.file, line.line)
                    }
                    _ => name,
                })
            }
            Frame::Interrupt(frame) => {
                let hard = plan.sources[frame.source as usize].is_hard();
                Some(if hard { "hard irq" } else { "soft irq" }.into())
            }
            Frame::Memory(frame) => describe_memory_frame(frame),
            Frame::Sched(frame) => {
                let job = frame.job().filter(|&job| job != NONE)?;
                Some(format!("{}, {}", frame.work()?, self.job_name(plan, job)))
            }
            _ => None,
        };
        frames.iter().enumerate().filter_map(describe).collect()
    }
}

fn describe_memory_frame(frame: &MemoryFrame) -> Option<String> {
    match frame {
        MemoryFrame::Reclaim(frame) => Some(match frame.allocation() {
            Some(gfp) => format!("direct reclaim ({gfp})"),
            None => "kswapd".into(),
        }),
        MemoryFrame::Shrink(_) => Some("shrinker".into()),
        MemoryFrame::Invalidate(_) => Some("mmu_notifier_invalidate_range_start".into()),
        MemoryFrame::Munmap(_) => Some("munmap".into()),
        MemoryFrame::Fault(_) => Some("page fault".into()),
        MemoryFrame::Oom(_) => Some("oom_reaper".into()),
        MemoryFrame::Exit(_) => Some("exit_mmap".into()),
        MemoryFrame::Interval(_) | MemoryFrame::Zap(_) => None,
    }
}

impl Deferred {
    /// Functions of the works that are queued on a workqueue.
    pub(crate) fn queued_works(&self, plan: &Plan, wq: u32) -> Vec<ProgramId> {
        let works = &self.workqueues.queues[wq as usize].waiting;
        let functions = works.iter().map(|&work| plan.deferred.workqueues.works[work as usize].function);
        let program = |function| match function {
            WorkFunction::Program(program) => Some(program),
            _ => None,
        };
        functions.filter_map(program).collect()
    }

    /// Functions of the works that are queued on a kthread worker.
    pub(crate) fn queued_kthread_works(&self, plan: &Plan, worker: u32) -> Vec<ProgramId> {
        self.kthreads.queued(worker).iter().map(|&work| plan.deferred.kthreads.function(work)).collect()
    }

    /// Who runs a work, or, if it waits, the workers of its queue.
    fn workers_of_work(&self, plan: &Plan, work: u32) -> Vec<u32> {
        let layout = &plan.deferred.workqueues;
        let slots = self.workqueues.slots.iter().enumerate();
        let busy: Vec<u32> = slots
            .filter(|(_, slot)| **slot == Slot::Busy(work))
            .map(|(index, _)| layout.slots[index].task)
            .collect();
        if !busy.is_empty() {
            return busy;
        }
        let queues = self.workqueues.queues.iter().position(|queue| queue.waiting.contains(&work));
        queues.map_or_else(Vec::new, |wq| layout.tasks(wq as u32).collect())
    }

    /// Who keeps the workers that a queue shares with others.
    fn busy_in_pool_of(&self, plan: &Plan, wq: u32) -> Vec<u32> {
        let layout = &plan.deferred.workqueues;
        let pool = layout.queues[wq as usize].pool;
        let slots = self.workqueues.slots.iter().zip(&layout.slots);
        slots
            .filter(|(slot, known)| {
                matches!(slot, Slot::Busy(_)) && layout.queues[known.wq as usize].pool == pool
            })
            .map(|(_, known)| known.task)
            .collect()
    }
}
