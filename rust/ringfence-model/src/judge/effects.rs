//! What a context could still do for others, if it went on: read off the code that it has before it.
//!
//! Whether a branch is taken is not asked, so this errs on the side of "could".

use std::collections::BTreeSet;

use ringfence_base::scenario::{Family, Kind, ObjectKind, Op};
use ringfence_base::{ObjectRef, ProgramId};

use crate::frame::Frame;
use crate::plan::{ContextKind, Instr, Operand, Plan, Source};
use crate::value::Value;
use crate::world::World;

/// Something that can end somebody's wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Effect {
    /// Signals this fence; `None`: some fence that the code only finds out about when it runs.
    Signal(Option<u32>),
    /// Moves this `sw_sync` timeline on.
    SwSync(u32),
    /// Gives this syncobj a fence.
    Syncobj(u32),
    /// Completes this completion.
    Complete(u32),
    /// Wakes this wait queue.
    WakeUp(u32),
    /// Writes this semaphore of a GPU.
    Semaphore(u32),
    /// Brings this engine of a GPU to life again.
    Recover(u32),
}

/// Everything that the context could still do, handlers that it would set off included.
pub(crate) fn effects(plan: &Plan, world: &World, task: u32) -> BTreeSet<Effect> {
    let mut walk = Walk { plan, effects: BTreeSet::new(), seen: BTreeSet::new(), programs: Vec::new() };
    let thread = &world.threads[task as usize];
    for frame in &thread.frames {
        match frame {
            Frame::Program(frame) => {
                let registers = thread.registers.get(frame.base as usize..).unwrap_or(&[]);
                // An operation that waits in a kernel function has had its effect but for what that does later.
                walk.code(frame.pc, registers);
            }
            Frame::Interrupt(frame) => walk.source(plan.sources[frame.source as usize]),
            _ => {}
        }
    }
    for program in pending_programs(plan, world, task) {
        walk.program(program);
    }
    for program in world.sched_programs(plan, task) {
        walk.program(program);
    }
    walk.effects.extend(world.sched_signals(plan, task).into_iter().map(|fence| Effect::Signal(Some(fence))));
    walk.finish()
}

/// Everything that a program can do, handlers that it would set off included.
pub(crate) fn program_effects(plan: &Plan, program: ProgramId) -> BTreeSet<Effect> {
    let programs = vec![program];
    Walk { plan, effects: BTreeSet::new(), seen: BTreeSet::new(), programs }.finish()
}

/// What a worker has still to run once it goes on.
fn pending_programs(plan: &Plan, world: &World, task: u32) -> Vec<ProgramId> {
    match plan.contexts[task as usize].kind {
        // Another worker would run them at once, if only it could be made: that is what they wait for.
        ContextKind::Worker { wq, .. } if world.is_starved(plan, task, wq) => Vec::new(),
        ContextKind::Worker { wq, .. } => world.deferred.queued_works(plan, wq),
        ContextKind::KthreadWorker(worker) => world.deferred.queued_kthread_works(plan, worker),
        _ => Vec::new(),
    }
}

struct Walk<'a> {
    plan: &'a Plan,
    effects: BTreeSet<Effect>,
    seen: BTreeSet<u32>,
    programs: Vec<ProgramId>,
}

impl Plan {
    /// The handlers of an interrupt line.
    pub(super) fn irq_programs(&self, irq: Option<u32>) -> Vec<ProgramId> {
        match irq.map(|irq| self.declared(Kind::Irq, irq)) {
            Some(ObjectKind::Irq { handler, thread }) => handler.iter().chain(thread).copied().collect(),
            _ => Vec::new(),
        }
    }
}

impl Walk<'_> {
    fn finish(mut self) -> BTreeSet<Effect> {
        while let Some(program) = self.programs.pop() {
            self.code(self.plan.programs[program.index()].entry, &[]);
        }
        self.effects
    }

    fn program(&mut self, program: ProgramId) {
        if self.seen.insert(self.plan.programs[program.index()].entry) {
            self.programs.push(program);
        }
    }

    /// All code that can be reached from here.
    fn code(&mut self, from: u32, registers: &[Value]) {
        let (mut todo, mut seen) = (vec![from], BTreeSet::new());
        while let Some(pc) = todo.pop() {
            if !seen.insert(pc) {
                continue;
            }
            match &self.plan.code[pc as usize] {
                Instr::Call { op, args, .. } => {
                    self.call(*op, args, registers);
                    todo.push(pc + 1);
                }
                Instr::JumpUnless { to, .. } => todo.extend([pc + 1, *to]),
                Instr::Jump { to } => todo.push(*to),
                Instr::Return { .. } => {}
            }
        }
    }

    fn call(&mut self, op: Op, args: &[Operand; 4], registers: &[Value]) {
        let object = |n: usize| match args[n] {
            Operand::Value(value) => value.object().map(|object| object.index),
            Operand::Register(register) => {
                registers.get(register as usize).and_then(|value| value.object()).map(|object| object.index)
            }
            _ => None,
        };
        let effect = match op {
            Op::DmaFenceSignal | Op::DmaFenceSignalLocked | Op::DmaFenceSignalTimestamp => {
                Some(Effect::Signal(object(0)))
            }
            Op::SwSyncInc => object(0).map(Effect::SwSync),
            Op::SyncobjReplaceFence | Op::SyncobjAddPoint | Op::SyncobjSignal => {
                object(0).map(Effect::Syncobj)
            }
            Op::Complete | Op::CompleteAll => object(0).map(Effect::Complete),
            Op::WakeUp => object(0).map(Effect::WakeUp),
            Op::GpuSemaphoreSignal => object(0).map(Effect::Semaphore),
            _ => None,
        };
        self.effects.extend(effect);
        if op.spec().family == Family::Device
            && let Operand::Value(Value::Object(kind, index)) = args[0]
        {
            self.device(op, ObjectRef { kind, index });
        }
        self.sets_off(op, object(0), object(1));
    }

    /// Work that goes on because of the operation raises an interrupt when it is completed.
    fn device(&mut self, op: Op, device: ObjectRef) {
        let recovered = self.plan.recovered_engines(op, device);
        self.effects.extend(recovered.iter().map(|&engine| Effect::Recover(engine)));
        let goes_on =
            matches!(op, Op::EngineSubmit | Op::RingEmit | Op::RingPreempt) || !recovered.is_empty();
        if goes_on {
            for irq in self.plan.irqs_of(device) {
                self.handlers(Kind::Irq, irq);
            }
        }
    }

    /// Handlers that the operation sets off.
    fn sets_off(&mut self, op: Op, first: Option<u32>, second: Option<u32>) {
        let (kind, index) = match op {
            Op::QueueWork => (Kind::Work, second),
            Op::QueueDelayedWork | Op::ModDelayedWork => (Kind::DelayedWork, second),
            Op::FlushDelayedWork => (Kind::DelayedWork, first),
            Op::KthreadQueueWork => (Kind::KthreadWork, second),
            Op::ModTimer => (Kind::Timer, first),
            Op::TaskletSchedule => (Kind::Tasklet, first),
            Op::IrqWorkQueue => (Kind::IrqWork, first),
            Op::RaiseIrq | Op::EnableIrq => (Kind::Irq, first),
            Op::CallRcu => (Kind::RcuHead, first),
            _ => return,
        };
        if let Some(index) = index {
            self.handlers(kind, index);
        }
    }

    fn source(&mut self, source: Source) {
        match source {
            Source::Irq(index) => self.handlers(Kind::Irq, index),
            Source::Timer(index) => self.handlers(Kind::Timer, index),
            Source::Tasklet(index) => self.handlers(Kind::Tasklet, index),
            Source::IrqWork(index) => self.handlers(Kind::IrqWork, index),
            Source::Rcu | Source::FenceIrqWork => {}
        }
    }

    fn handlers(&mut self, kind: Kind, index: u32) {
        match *self.plan.declared(kind, index) {
            ObjectKind::Work { function }
            | ObjectKind::DelayedWork { function }
            | ObjectKind::KthreadWork { function }
            | ObjectKind::Timer { function, .. }
            | ObjectKind::Tasklet { function }
            | ObjectKind::IrqWork { function }
            | ObjectKind::RcuHead { function } => self.program(function),
            ObjectKind::Irq { handler, thread } => {
                handler.into_iter().chain(thread).for_each(|program| self.program(program));
            }
            _ => {}
        }
    }
}
