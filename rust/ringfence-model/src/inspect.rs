//! Looking at a world.

use ringfence_base::SiteId;
use ringfence_base::scenario::{Kind, Op};

use crate::dma_fence::{FenceSort, flag};
use crate::frame::{Frame, ProgramFrame};
use crate::plan::{Instr, Operand, Plan};
use crate::sched_job::job_flag;
use crate::thread::NONE;
use crate::value::Value;
use crate::world::World;

/// What a fence is at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FenceState {
    /// Index among the world's fences.
    pub index: u32,
    /// Its context.
    pub context: u64,
    /// Its number.
    pub seqno: u64,
    /// Driver's fence, array, chain or stub.
    pub sort: &'static str,
    /// It is signaled.
    pub signaled: bool,
    /// 0, or a negative errno.
    pub error: i32,
    /// Others know it.
    pub published: bool,
    /// Its memory is gone.
    pub freed: bool,
    /// References.
    pub refs: u32,
    /// Callbacks are on its list.
    pub has_callbacks: bool,
}

/// An argument of an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Argument {
    /// A value.
    One(Value),
    /// A list.
    Several(Vec<Value>),
}

/// The operation that a context is at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Current {
    /// Which.
    pub op: Op,
    /// Its arguments.
    pub args: Vec<Argument>,
    /// It has begun already, and goes on.
    pub goes_on: bool,
}

impl World {
    /// The operation that the next step of a context does, or goes on with.
    pub fn current(&self, plan: &Plan, task: u32) -> Option<Current> {
        let thread = self.threads.get(task as usize)?;
        let innermost = thread.frames.iter().rev().enumerate().find_map(|(above, frame)| match frame {
            Frame::Program(frame) => Some((above, *frame)),
            _ => None,
        });
        let (above, ProgramFrame { pc, base, called }) = innermost?;
        let Instr::Call { op, visible: true, ref args, .. } = plan.code[pc as usize] else { return None };
        let register = |number: u32| thread.registers.get((base + number) as usize).copied();
        let value = |operand: Operand| match operand {
            Operand::Value(value) => value,
            Operand::Register(number) => register(number.into()).unwrap_or_default(),
            Operand::List { .. } | Operand::Registers { .. } => Value::Null,
        };
        let argument = |&operand: &Operand| match operand {
            Operand::List { start, len } => {
                let operands = &plan.lists[start as usize..(start + len) as usize];
                Argument::Several(operands.iter().map(|&operand| value(operand)).collect())
            }
            Operand::Registers { start, len } => {
                let numbers = u32::from(start)..u32::from(start) + u32::from(len);
                Argument::Several(numbers.filter_map(register).collect())
            }
            operand => Argument::One(value(operand)),
        };
        let args = args.iter().take(op.spec().args.len()).map(argument).collect();
        Some(Current { op, args, goes_on: called || above != 0 })
    }

    /// The context runs code that an operation at this place has called: a notifier, a shrinker, a callback.
    pub fn is_below(&self, plan: &Plan, task: u32, site: SiteId) -> bool {
        let frames = self.threads.get(task as usize).map_or(&[][..], |thread| &thread.frames);
        let mut programs = frames.iter().filter_map(|frame| match frame {
            Frame::Program(frame) => Some(*frame),
            _ => None,
        });
        // The innermost one has called nobody.
        programs.next_back();
        programs.any(|frame| frame.called && plan.site_at(frame.pc) == Some(site))
    }

    /// The place of the operation that the next step of a context does, or goes on with.
    pub fn next_site(&self, plan: &Plan, task: u32) -> SiteId {
        let thread = &self.threads()[task as usize];
        let place = |pc: u32| {
            let rest = plan.code[pc as usize..].iter();
            rest.map_while(|instr| match *instr {
                Instr::Call { site, visible, .. } => Some((site, visible)),
                _ => None,
            })
            .find(|&(_, visible)| visible)
            .map(|(site, _)| site)
            .or_else(|| plan.site_at(pc))
        };
        let known = thread.frames.iter().rev().find_map(|frame| match frame {
            Frame::Program(frame) => place(frame.pc).filter(|&site| site != SiteId::UNKNOWN),
            _ => None,
        });
        known.unwrap_or(thread.site)
    }

    /// The programs that a context is in, outermost first, and works of a GPU scheduler.
    pub fn programs<'a>(&'a self, plan: &'a Plan, task: u32) -> impl Iterator<Item = &'a str> + 'a {
        let frames = self.threads.get(task as usize).map_or(&[][..], |thread| &thread.frames);
        frames.iter().filter_map(|frame| match frame {
            Frame::Program(frame) => Some(plan.program_at(frame.pc)),
            Frame::Sched(frame) => frame.work(),
            _ => None,
        })
    }

    /// What a fence is called: as declared, or after its timeline and number.
    pub fn fence_name(&self, plan: &Plan, fence: u32) -> String {
        if (fence as usize) < plan.by_kind[Kind::Fence as usize].len() {
            return plan.object_name(Kind::Fence, fence);
        }
        let Some(entry) = self.fences.list.get(fence as usize) else { return format!("dma_fence#{fence}") };
        let timeline = match entry.sort {
            FenceSort::SwSync(timeline) => Some((Kind::SwSync, timeline)),
            FenceSort::Driver(_) => {
                let of_context =
                    self.fences.timelines.iter().position(|known| known.context == entry.context);
                of_context.map(|timeline| (Kind::Timeline, timeline as u32))
            }
            FenceSort::Array(_) => return format!("dma_fence_array#{fence}"),
            FenceSort::Chain(_) => return format!("dma_fence_chain#{fence}"),
            FenceSort::Stub => return "stub".into(),
            FenceSort::Scheduled(job) => return format!("{} (scheduled)", self.job_name(plan, job)),
            FenceSort::Finished(job) => return format!("{} (finished)", self.job_name(plan, job)),
        };
        match timeline {
            Some((kind, timeline)) => format!("{}:{}", plan.object_name(kind, timeline), entry.seqno),
            None => format!("dma_fence#{fence}"),
        }
    }

    /// What a job is called: after its entity and its number there.
    pub fn job_name(&self, plan: &Plan, job: u32) -> String {
        let Some(entry) = self.scheds.jobs.get(job as usize) else { return format!("drm_sched_job#{job}") };
        if entry.owner == NONE {
            return format!("drm_sched_job#{job}");
        }
        let entity = plan.object_name(Kind::SchedEntity, entry.owner);
        match entry.seqno {
            0 => format!("a job of {entity}"),
            seqno => format!("{entity}:{seqno}"),
        }
    }

    /// How far the job is whose end this fence is, if that is still to come.
    pub fn job_awaited(&self, plan: &Plan, fence: u32) -> Option<String> {
        let of = self.fences.list.get(fence as usize)?;
        let FenceSort::Finished(index) = of.sort else { return None };
        if of.flags & flag::SIGNALED != 0 {
            return None;
        }
        let job = self.scheds.jobs.get(index as usize)?;
        if job.has(job_flag::QUEUED) {
            let entity = plan.object_name(Kind::SchedEntity, job.owner);
            let first = match self.scheds.entities[job.owner as usize].dependency {
                NONE => String::new(),
                dependency => format!(", which waits for {}", self.fence_name(plan, dependency)),
            };
            return Some(format!("its job is in the queue of {entity}{first}"));
        }
        if job.has(job_flag::PENDING) {
            let sched = plan.object_name(Kind::DrmSched, job.sched);
            return Some(format!("its job was handed on by {sched}"));
        }
        (!job.has(job_flag::PUSHED)).then(|| "its job was never pushed".to_owned())
    }

    /// All fences that have come into being, stubs included.
    pub fn fences(&self) -> impl Iterator<Item = FenceState> + '_ {
        self.fences.list.iter().enumerate().map(|(index, fence)| FenceState {
            index: index as u32,
            context: fence.context,
            seqno: fence.seqno,
            sort: match fence.sort {
                FenceSort::Driver(_) => "driver",
                FenceSort::Array(_) => "array",
                FenceSort::Chain(_) => "chain",
                FenceSort::SwSync(_) => "sw_sync",
                FenceSort::Stub => "stub",
                FenceSort::Scheduled(_) => "scheduled",
                FenceSort::Finished(_) => "finished",
            },
            signaled: fence.flags & flag::SIGNALED != 0,
            error: fence.error.min(0),
            published: fence.flags & flag::PUBLISHED != 0,
            freed: fence.flags & flag::FREED != 0,
            refs: fence.refs,
            has_callbacks: fence.first != NONE,
        })
    }

    /// Values of the shared variables, in the order of their declaration.
    pub fn cells(&self) -> &[i64] {
        &self.cells
    }
}
