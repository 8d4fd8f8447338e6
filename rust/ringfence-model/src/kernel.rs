//! The kernel at work: one step of one context.

use ringfence_base::scenario::Op;
use ringfence_base::{
    AcquireFlags, ChoiceKind, Decide, Event, EventKind, LockId, ObjectRef, Origin, ProgramId, SiteId, TaskId,
};

use crate::deferred::Depths;
use crate::frame::{Flow, Frame, ProgramFrame};
use crate::plan::{Instr, NO_REGISTER, Operand, Plan};
use crate::thread::{State, Thread};
use crate::value::Value;
use crate::wait::Wait;
use crate::world::World;

/// What a step works with. The kernel's functions are methods of it, each in the file of its concept.
pub(crate) struct Kernel<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) w: &'a mut World,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) decide: &'a mut dyn Decide,
    /// The context that runs; [`NONE`] while time moves on.
    pub(crate) task: u32,
    /// Number of the step.
    pub(crate) step: u64,
    /// The step has done its visible operation.
    pub(crate) stepped: bool,
}

/// An operation being done: its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'p> {
    pub(crate) op: Op,
    pub(crate) args: &'p [Operand; 4],
    pub(crate) base: u32,
}

/// Turns of loops, and calls, in one step. A loop that nobody else can see, or a handler that is called ever
/// again, would never end it; so it ends here, and the execution meets its bound on steps.
const TURNS_MAX: u32 = 1 << 8;

impl Kernel<'_> {
    /// The context that runs.
    #[inline]
    pub(crate) fn me(&mut self) -> &mut Thread {
        self.w.threads.changed_mut(self.task as usize)
    }

    /// Tells the judges.
    #[inline]
    pub(crate) fn emit(&mut self, kind: EventKind) {
        let site =
            self.w.threads.unmarked().get(self.task as usize).map_or(SiteId::UNKNOWN, |thread| thread.site);
        self.emit_at(site, kind);
    }

    /// Tells the judges of something that an operation at another place has brought about.
    #[inline]
    pub(crate) fn emit_at(&mut self, site: SiteId, kind: EventKind) {
        let origin = Origin { op: self.step, task: TaskId::from_raw(self.task), site };
        self.events.push(Event { origin, kind });
    }

    /// A rule is broken: its code, what exactly, and on which object.
    pub(crate) fn broken(&mut self, rule: &'static str, what: &'static str, object: Option<ObjectRef>) {
        self.emit(EventKind::Broken(rule, what, object));
    }

    /// A named choice between `options` possibilities; 0 is the most ordinary one.
    pub(crate) fn choose(&mut self, kind: ChoiceKind, options: usize) -> usize {
        if options < 2 {
            return 0;
        }
        let choice = self.decide.decide(kind, options);
        assert!(choice < options, "engine bug: a strategy chose {choice} of {options} for {kind:?}");
        choice
    }

    /// The validator sees an acquisition.
    #[inline]
    pub(crate) fn lock_acquire(&mut self, lock: u32, flags: AcquireFlags) {
        self.emit(EventKind::Acquire(LockId::from_raw(lock), flags));
    }

    /// The validator sees a release.
    #[inline]
    pub(crate) fn lock_release(&mut self, lock: u32) {
        self.emit(EventKind::Release(LockId::from_raw(lock)));
    }

    /// Puts a kernel function on top; [`Flow::Continue`] goes on with it. Its result is then [`Kernel::ret`].
    pub(crate) fn call(&mut self, frame: Frame) -> Flow {
        self.me().frames.push(frame);
        Flow::Continue
    }

    /// Changes the innermost frame: where it goes on when it is entered again.
    pub(crate) fn replace(&mut self, frame: Frame) {
        *self.me().frames.last_mut().expect("engine bug: no frame to replace") = frame;
    }

    /// Calls a program of the scenario; its result is then [`Kernel::ret`].
    pub(crate) fn call_program(&mut self, program: ProgramId, args: &[Value]) -> Flow {
        let info = self.plan.programs[program.index()];
        let thread = self.me();
        let base = thread.registers.len();
        thread.registers.extend_from_slice(args);
        thread.registers.resize(base + info.registers as usize, Value::Null);
        thread.frames.push(Frame::Program(ProgramFrame { pc: info.entry, base: base as u32, called: false }));
        Flow::Continue
    }

    /// Whether what comes now can still be done in this step: it begins a new one, or the step ends here.
    pub(crate) fn begins_step(&mut self) -> bool {
        !std::mem::replace(&mut self.stepped, true)
    }

    /// Does something; what is left of it, if it is not done at once. Its result is then [`Kernel::ret`].
    pub(crate) fn left(&mut self, what: impl FnOnce(&mut Self) -> Flow) -> Option<Flow> {
        match what(self) {
            Flow::Return(value) => {
                self.me().ret = value;
                None
            }
            flow => Some(flow),
        }
    }

    /// The frame that was put on top before goes on with what this comes to.
    pub(crate) fn returned(&mut self, flow: Flow) -> Flow {
        self.left(|_| flow).unwrap_or(Flow::Continue)
    }

    /// Result of the latest call.
    pub(crate) fn ret(&mut self) -> Value {
        self.me().ret
    }

    /// Wakes every context that waits for what `matches` says. They look again.
    ///
    /// Only for those that are woken is this a use. Whoever begins to wait later has looked at the same thing then,
    /// and found that it had come or not: the two steps conflict by that.
    pub(crate) fn wake(&mut self, matches: impl Fn(Wait) -> bool) {
        for task in 0..self.w.threads.unmarked().len() {
            if let State::Blocked(wait) = self.w.threads.unmarked()[task].state
                && matches(wait)
            {
                self.w.set_state(task as u32, State::Ready);
            }
        }
    }

    /// Runs the context up to the end of its step.
    pub(crate) fn run(&mut self) {
        for _ in 0..TURNS_MAX {
            // Most steps are one operation of a program. Frames of other sorts are large: they are copied only then.
            let over = match self.me().frames.last() {
                Some(&Frame::Program(frame)) => self.run_program(frame),
                Some(&Frame::Lock(frame)) => {
                    let flow = self.run_lock(frame);
                    self.ends_step(flow)
                }
                Some(&frame) => self.run_function(frame),
                None => return self.finish(),
            };
            if over {
                return;
            }
        }
    }

    /// What the innermost frame has come to; true if the step is over.
    fn ends_step(&mut self, flow: Flow) -> bool {
        match flow {
            Flow::Continue => return false,
            Flow::Yield => {}
            Flow::Block(wait) => self.block(wait),
            Flow::Return(value) => {
                self.pop(value);
                return false;
            }
        }
        true
    }

    /// Goes on with one of the kernel's functions; true if the step is over.
    #[inline(never)]
    fn run_function(&mut self, frame: Frame) -> bool {
        let flow = match frame {
            Frame::Program(_) => panic!("engine bug: a program is no function of the kernel"),
            Frame::Issued(frame) => self.run_issued(frame),
            Frame::Lock(frame) => self.run_lock(frame),
            Frame::Ww(frame) => self.run_ww(frame),
            Frame::Sleep(frame) => self.run_sleep(frame),
            Frame::Deferred(frame) => self.run_deferred(frame),
            Frame::Interrupt(frame) => self.run_interrupt(frame),
            Frame::Memory(frame) => self.run_memory(frame),
            Frame::Fence(frame) => self.run_fence(frame),
            Frame::Sync(frame) => self.run_sync(frame),
            Frame::Resv(frame) => self.run_resv(frame),
            Frame::Sched(frame) => self.run_sched(frame),
            Frame::Gpu(frame) => self.run_gpu_reset(frame),
        };
        self.ends_step(flow)
    }

    fn block(&mut self, wait: Wait) {
        self.w.set_state(self.task, State::Blocked(wait));
        if let Some(object) = wait.object() {
            self.emit(EventKind::Block(object));
        }
    }

    /// The innermost frame is done.
    fn pop(&mut self, value: Value) {
        let code = &self.plan.code;
        let thread = self.me_of(code);
        thread.frames.pop();
        thread.ret = value;
    }

    /// The context, and the place of the operation that the program below is at.
    fn me_of(&mut self, code: &[Instr]) -> &mut Thread {
        let thread = self.w.threads.unmarked_mut(self.task as usize);
        if thread.frames.len() > 1 && matches!(thread.frames.last(), Some(Frame::Program(_))) {
            let below = thread.frames.iter().rev().skip(1).find_map(|frame| match frame {
                Frame::Program(frame) => Some(frame.pc),
                _ => None,
            });
            if let Some(pc) = below
                && let Instr::Call { site, .. } = code[pc as usize]
            {
                thread.site = site;
            }
        }
        thread
    }

    /// The context has nothing left to do.
    fn finish(&mut self) {
        self.check_depths(Depths::default());
        self.w.set_state(self.task, State::Done);
        self.emit(EventKind::Exit);
        let task = self.task;
        self.wake(|wait| wait == Wait::Task(task));
    }

    /// The program that runs was called by another one, however indirectly.
    fn is_called(frames: &[Frame]) -> bool {
        frames.iter().filter(|frame| matches!(frame, Frame::Program(_))).count() > 1
    }

    /// Goes on with a program; true if the step is over.
    #[inline]
    fn run_program(&mut self, frame: ProgramFrame) -> bool {
        let ProgramFrame { mut pc, base, called } = frame;
        let plan = self.plan;
        let mut turns = 0;
        if called {
            self.store_result(pc, base);
            pc += 1;
        }
        loop {
            let instr = &plan.code[pc as usize];
            let &Instr::Call { op, visible, out, site, ref args } = instr else {
                match self.jump(instr, pc, base) {
                    Some(to) => {
                        turns += u32::from(matches!(instr, Instr::Jump { .. }));
                        pc = to;
                    }
                    None => return false,
                }
                if turns == TURNS_MAX {
                    self.replace(Frame::Program(ProgramFrame { pc, base, called: false }));
                    return true;
                }
                continue;
            };
            if visible && self.stepped {
                self.replace(Frame::Program(ProgramFrame { pc, base, called: false }));
                return true;
            }
            self.stepped |= visible;
            let thread = self.me();
            let depth = thread.frames.len();
            // Foreign code has no place of its own: what it does in reclaim is the allocation's doing.
            if site != SiteId::UNKNOWN || depth == 1 || !Self::is_called(&thread.frames) {
                thread.site = site;
            }
            match self.operation(Call { op, args, base }) {
                Flow::Return(value) => {
                    self.store(base, out, value);
                    pc += 1;
                }
                flow => return self.leave_operation(flow, depth, ProgramFrame { pc, base, called: false }),
            }
        }
    }

    /// The operation at `frame` is not done; true if the step is over.
    #[inline(never)]
    fn leave_operation(&mut self, flow: Flow, depth: usize, frame: ProgramFrame) -> bool {
        let called = flow == Flow::Continue;
        let frames = &mut self.me().frames;
        frames[depth - 1] = Frame::Program(ProgramFrame { called, ..frame });
        // What operations mostly call: others go through a larger function.
        if called && let Some(&Frame::Lock(frame)) = frames.last() {
            let flow = self.run_lock(frame);
            return self.ends_step(flow);
        }
        self.ends_step(flow)
    }

    /// What the operation has called has returned.
    fn store_result(&mut self, pc: u32, base: u32) {
        let Instr::Call { out, .. } = self.plan.code[pc as usize] else {
            panic!("engine bug: a result for an instruction that calls nothing");
        };
        // Whether it had to be waited for makes no difference from here on.
        let ret = std::mem::replace(&mut self.me().ret, Value::Null);
        self.store(base, out, ret);
    }

    /// Where an instruction that is no operation leads to; `None`: the program has returned.
    #[inline(never)]
    fn jump(&mut self, instr: &Instr, pc: u32, base: u32) -> Option<u32> {
        match *instr {
            Instr::JumpUnless { cond, to } => Some(if self.eval(cond, base).is_true() { pc + 1 } else { to }),
            Instr::Jump { to } => Some(to),
            Instr::Return { value } => {
                let value = self.eval(value, base);
                self.me().registers.truncate(base as usize);
                self.pop(value);
                None
            }
            Instr::Call { .. } => panic!("engine bug: an operation is no jump"),
        }
    }

    #[inline]
    fn store(&mut self, base: u32, out: u16, value: Value) {
        if out != NO_REGISTER {
            self.me().registers[base as usize + out as usize] = value;
        }
    }

    #[inline]
    fn eval(&self, operand: Operand, base: u32) -> Value {
        match operand {
            Operand::Value(value) => value,
            Operand::Register(register) => {
                self.w.threads.unmarked()[self.task as usize].registers[base as usize + register as usize]
            }
            Operand::List { .. } | Operand::Registers { .. } => {
                panic!("engine bug: a list where one value was checked for")
            }
        }
    }

    /// The `n`-th argument.
    #[inline]
    pub(crate) fn arg(&self, call: Call<'_>, n: usize) -> Value {
        self.eval(call.args[n], call.base)
    }

    /// The `n`-th argument as a number.
    #[inline]
    pub(crate) fn int(&self, call: Call<'_>, n: usize) -> i64 {
        self.arg(call, n).int()
    }

    /// The `n`-th argument as an object that is not NULL; for NULL, the finding has been reported.
    #[inline]
    pub(crate) fn object(&mut self, call: Call<'_>, n: usize) -> Option<u32> {
        match call.args[n] {
            Operand::Value(Value::Object(_, index)) => Some(index),
            _ => self.object_at_run_time(call, n),
        }
    }

    #[inline(never)]
    fn object_at_run_time(&mut self, call: Call<'_>, n: usize) -> Option<u32> {
        let index = self.arg(call, n).index();
        if index.is_none() {
            self.broken("RF509", "NULL pointer dereference", None);
        }
        index
    }

    /// The `n`-th argument, a list.
    pub(crate) fn list(&self, call: Call<'_>, n: usize) -> Vec<Value> {
        match call.args[n] {
            Operand::List { start, len } => {
                let operands = &self.plan.lists[start as usize..(start + len) as usize];
                operands.iter().map(|&operand| self.eval(operand, call.base)).collect()
            }
            Operand::Registers { start, len } => {
                let start = call.base as usize + start as usize;
                self.w.threads.unmarked()[self.task as usize].registers[start..start + len as usize].to_vec()
            }
            _ => panic!("engine bug: no list where one was checked for"),
        }
    }
}
