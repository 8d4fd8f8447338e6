//! From trees to flat code, from names to indices.

use ringfence_base::scenario::{Arg, Family, Kind, ObjectKind, Op, Operation, Program, Scenario, Stmt};

use crate::plain_step::PlainStep;
use crate::plan::{
    ContextDecl, ContextKind, Instr, LockClass, LockSort, NO_REGISTER, Operand, Plan, ProgramInfo, Source,
};
use crate::value::Value;
use crate::world::World;

/// Classes that exist in every kernel, in the order of [`class`](crate::plan::class).
const WELL_KNOWN: [(&str, LockSort); 10] = [
    ("mmap_lock", LockSort::Sleeping),
    ("reservation_ww_class_acquire", LockSort::Map),
    ("reservation_ww_class_mutex", LockSort::Sleeping),
    ("rcu_read_lock", LockSort::Rcu),
    ("&array->lock", LockSort::Spinlock),
    ("&chain->lock", LockSort::Spinlock),
    ("&fence->inline_lock", LockSort::Spinlock),
    ("dma_fence_stub_lock", LockSort::Spinlock),
    ("&obj->lock", LockSort::Spinlock),
    ("&fence->lock", LockSort::Spinlock),
];

/// A plan in the making.
pub(crate) struct Compiler {
    pub(crate) plan: Plan,
    /// Places to fill in once the end of the innermost loop is known.
    breaks: Vec<Vec<usize>>,
    loop_starts: Vec<u32>,
}

impl Compiler {
    pub(crate) fn compile(scenario: Scenario, manual: usize) -> Plan {
        let plan = Plan {
            code: Vec::new(),
            programs: Vec::new(),
            lists: Vec::new(),
            contexts: Vec::new(),
            classes: WELL_KNOWN.iter().map(|&(name, sort)| LockClass { name: name.into(), sort }).collect(),
            ww_classes: Vec::new(),
            lock_names: Vec::new(),
            indices: Vec::new(),
            by_kind: vec![Vec::new(); Kind::ALL.len()],
            sources: Vec::new(),
            deferred: crate::deferred::Layout::default(),
            scheds: crate::sched_main::SchedLayouts::default(),
            gpu: crate::gpu::GpuLayout::default(),
            version: crate::plan::KernelVersion::default(),
            strict: true,
            initial: World::default(),
            plain_locks: Vec::new(),
            plain_steps: Vec::new(),
            timeless: false,
            scenario,
        };
        let mut compiler = Self { plan, breaks: Vec::new(), loop_starts: Vec::new() };
        compiler.number_objects(manual);
        compiler.flatten_programs();
        for number in 0..manual {
            compiler.context(format!("task{number}"), ContextKind::Thread);
        }
        compiler.declare_contexts();
        compiler.set_up();
        compiler.classify_locks();
        compiler.plan
    }

    /// See [`Plan::is_plain`]. With timeouts that come early, whether a context waits or has not looked yet makes
    /// a difference to the clock.
    fn classify_locks(&mut self) {
        let Plan { scenario, sources, initial, .. } = &self.plan;
        let mut plain = vec![false; initial.locks().len()];
        if !scenario.environment.early_timeouts {
            for (object, &index) in scenario.objects.iter().zip(&self.plan.indices) {
                match object.kind {
                    ObjectKind::Mutex { .. } => plain[index as usize] = true,
                    ObjectKind::Spinlock { .. } | ObjectKind::RawSpinlock { .. } => {
                        plain[index as usize] = sources.is_empty();
                    }
                    _ => {}
                }
            }
        }
        let timed = |instr: &Instr| match instr {
            Instr::Call { op, .. } => match op.spec().family {
                Family::Data | Family::Ww => false,
                Family::Context => matches!(op, Op::Msleep | Op::Udelay),
                Family::Lock => matches!(op, Op::WaitForCompletionTimeout | Op::WaitEventTimeout),
                _ => true,
            },
            _ => false,
        };
        self.plan.timeless = !self.plan.code.iter().any(timed);
        self.plan.plain_locks = plain;
        self.plan.plain_steps = PlainStep::of_all(&self.plan);
    }

    /// Gives every object its index. Locks have one arena for all their kinds.
    fn number_objects(&mut self, manual: usize) {
        let objects = std::mem::take(&mut self.plan.scenario.objects);
        self.declare_ww_classes(&objects);
        for (number, object) in objects.iter().enumerate() {
            let id = ringfence_base::ObjectId::new(number);
            let of_kind = &mut self.plan.by_kind[object.kind.kind() as usize];
            let index = of_kind.len() as u32;
            of_kind.push(id);
            let index = match &object.kind {
                ObjectKind::RawSpinlock { class } => {
                    self.lock(&object.name, class.as_deref(), LockSort::RawSpinlock)
                }
                ObjectKind::Spinlock { class } | ObjectKind::Rwlock { class } => {
                    self.lock(&object.name, class.as_deref(), LockSort::Spinlock)
                }
                ObjectKind::Mutex { class } | ObjectKind::Rwsem { class } => {
                    self.lock(&object.name, class.as_deref(), LockSort::Sleeping)
                }
                ObjectKind::LocalLock { class } => {
                    self.lock(&object.name, class.as_deref(), LockSort::LocalLock)
                }
                ObjectKind::WwMutex { class } => self.ww_mutex(&object.name, *class, &objects),
                // 0 is `system_wq`, which nobody declares.
                ObjectKind::Workqueue { .. } => index + 1,
                // Its context.
                ObjectKind::Task { thread } => manual as u32 + thread,
                _ => index,
            };
            self.plan.indices.push(index);
        }
        self.plan.scenario.objects = objects;
    }

    /// A lock that exists from the start, in the class of this name, or in one of its own.
    pub(crate) fn lock(&mut self, name: &str, class: Option<&str>, sort: LockSort) -> u32 {
        let class = match class {
            Some(class) => self.class_named(class, sort),
            None => self.add_class(name, sort),
        };
        self.lock_of_class(name, class)
    }

    /// A lock that exists from the start, of this class.
    pub(crate) fn lock_of_class(&mut self, name: &str, class: u32) -> u32 {
        self.plan.lock_names.push(name.into());
        self.plan.initial.locks.add(class)
    }

    /// The class of this name and sort.
    pub(crate) fn class_named(&mut self, name: &str, sort: LockSort) -> u32 {
        let known = self.plan.classes.iter().position(|class| class.name == name && class.sort == sort);
        known.map_or_else(|| self.add_class(name, sort), |index| index as u32)
    }

    /// A new class.
    pub(crate) fn add_class(&mut self, name: &str, sort: LockSort) -> u32 {
        self.plan.classes.push(LockClass { name: name.into(), sort });
        self.plan.classes.len() as u32 - 1
    }

    fn flatten_programs(&mut self) {
        let programs = std::mem::take(&mut self.plan.scenario.programs);
        for program in &programs {
            self.flatten(program);
        }
        self.plan.scenario.programs = programs;
    }

    fn flatten(&mut self, program: &Program) {
        let entry = self.here();
        let registers = program.registers.len() as u32;
        self.plan.programs.push(ProgramInfo { entry, registers });
        self.block(&program.body);
        self.plan.code.push(Instr::Return { value: Operand::Value(Value::Null) });
    }

    fn here(&self) -> u32 {
        self.plan.code.len() as u32
    }

    fn block(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Op(operation) => self.operation(operation),
            Stmt::If { cond, then, otherwise, .. } => {
                let cond = self.operand(cond);
                let branch = self.jump(Instr::JumpUnless { cond, to: 0 });
                self.block(then);
                if otherwise.is_empty() {
                    self.patch(branch);
                } else {
                    let end = self.jump(Instr::Jump { to: 0 });
                    self.patch(branch);
                    self.block(otherwise);
                    self.patch(end);
                }
            }
            Stmt::Loop { body, .. } => {
                let start = self.here();
                self.loop_starts.push(start);
                self.breaks.push(Vec::new());
                self.block(body);
                self.plan.code.push(Instr::Jump { to: start });
                self.loop_starts.pop();
                for place in self.breaks.pop().unwrap_or_default() {
                    self.patch(place);
                }
            }
            Stmt::Break { .. } => {
                let place = self.jump(Instr::Jump { to: 0 });
                self.breaks.last_mut().expect("engine bug: break outside a loop was let through").push(place);
            }
            Stmt::Continue { .. } => {
                let to =
                    *self.loop_starts.last().expect("engine bug: continue outside a loop was let through");
                self.plan.code.push(Instr::Jump { to });
            }
            Stmt::Return { value, .. } => {
                let value = value.as_ref().map_or(Operand::Value(Value::Null), |value| self.operand(value));
                self.plan.code.push(Instr::Return { value });
            }
        }
    }

    fn jump(&mut self, instr: Instr) -> usize {
        self.plan.code.push(instr);
        self.plan.code.len() - 1
    }

    fn patch(&mut self, place: usize) {
        let here = self.here();
        match &mut self.plan.code[place] {
            Instr::Jump { to } | Instr::JumpUnless { to, .. } => *to = here,
            other => panic!("engine bug: {other:?} is no jump"),
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let mut args = [Operand::Value(Value::Null); 4];
        for (slot, arg) in args.iter_mut().zip(&operation.args) {
            *slot = self.operand(arg);
        }
        self.plan.code.push(Instr::Call {
            op: operation.op,
            visible: operation.op.spec().visible,
            out: operation.out.unwrap_or(NO_REGISTER),
            site: operation.at,
            args,
        });
    }

    fn operand(&mut self, arg: &Arg) -> Operand {
        match arg {
            Arg::Int(value) => Operand::Value(Value::Int(*value)),
            Arg::Gfp(gfp) => Operand::Value(Value::Int(i64::from(gfp.bits()))),
            Arg::Null | Arg::Text(_) => Operand::Value(Value::Null),
            Arg::Object(id) => {
                let kind = self.plan.scenario.objects[id.index()].kind.kind();
                Operand::Value(Value::Object(kind, self.plan.indices[id.index()]))
            }
            Arg::Register(register) => Operand::Register(*register),
            Arg::List(args) => {
                let operands: Vec<Operand> = args.iter().map(|arg| self.operand(arg)).collect();
                let start = self.plan.lists.len() as u32;
                self.plan.lists.extend(operands);
                Operand::List { start, len: args.len() as u32 }
            }
        }
    }

    /// Threads first, so that their task ids are their positions in the scenario.
    fn declare_contexts(&mut self) {
        for thread in &self.plan.scenario.threads {
            self.plan.contexts.push(ContextDecl {
                name: thread.name.clone(),
                kind: ContextKind::Thread,
                program: Some(thread.program),
                mm: thread.mm.map(|mm| self.plan.indices[mm.index()]),
            });
        }
    }

    /// A context for a part of the kernel.
    pub(crate) fn context(&mut self, name: String, kind: ContextKind) -> u32 {
        self.plan.contexts.push(ContextDecl { name, kind, program: None, mm: None });
        self.plan.contexts.len() as u32 - 1
    }

    /// A source of interrupts, with an idle task for them to arrive on.
    pub(crate) fn source(&mut self, source: Source) {
        let number = self.plan.sources.len();
        self.plan.sources.push(source);
        self.context(format!("swapper/{number}"), ContextKind::Idle(source));
    }

    /// Every part of the kernel makes its objects.
    fn set_up(&mut self) {
        self.set_up_sleep();
        self.set_up_deferred();
        self.set_up_memory();
        self.set_up_fences();
        self.set_up_sync();
        self.set_up_resv();
        self.set_up_device();
        self.set_up_scheds();
        self.set_up_threads();
    }

    /// Names of the declared objects of a kind.
    pub(crate) fn names_of(&self, kind: Kind) -> Vec<String> {
        let ids = &self.plan.by_kind[kind as usize];
        ids.iter().map(|id| self.plan.scenario.objects[id.index()].name.clone()).collect()
    }
}
