//! Programs as functions.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use super::call::{Expr, prints_its_result};
use super::literal::{self, Meaning};
use super::names::Names;
use super::registers::Registers;
use crate::ProgramId;
use crate::scenario::{Arg, Kind, ObjectKind, Operation, Program, Scenario, Stmt};
use crate::shown::shown;

const INDENT: &str = "        ";

/// A line of variables is about so long.
const MAX_VARIABLES: usize = 80;

/// A function being printed.
pub(super) struct Code<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) names: &'a Names,
    pub(super) program: &'a Program,
    pub(super) registers: Registers,
    /// Expressions that wait for the statement that reads them.
    waiting: BTreeMap<u16, Expr>,
    /// It is a shrinker's `scan`.
    scans: bool,
    depth: usize,
    out: String,
}

impl<'a> Code<'a> {
    /// The text of a function, with its signature.
    pub(super) fn of(
        scenario: &'a Scenario,
        names: &'a Names,
        id: ProgramId,
        program: &'a Program,
    ) -> String {
        let scans = |kind: &ObjectKind| matches!(kind, ObjectKind::Shrinker { scan, .. } if *scan == id);
        let mut code = Self {
            scenario,
            names,
            program,
            registers: Registers::of(scenario, names, id, program),
            waiting: BTreeMap::new(),
            scans: scenario.objects.iter().any(|object| scans(&object.kind)),
            depth: 1,
            out: String::new(),
        };
        code.signature(&names.program(id.index()));
        code.out.push_str("{\n");
        code.variables();
        code.block(&program.body);
        code.out.push_str("}\n");
        code.out
    }

    fn signature(&mut self, name: &str) {
        let params = self.program.registers.iter().take(self.program.params).enumerate();
        let params: Vec<String> =
            params.map(|(index, &kind)| declarator(c_type(kind), &self.registers.names[index])).collect();
        let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
        let result = declarator(self.program.result.map_or("void", c_type), name);
        let _ = writeln!(self.out, "{result}({params})");
    }

    /// Declarations on top, those of a type together.
    fn variables(&mut self) {
        let mut of_types: Vec<(&str, Vec<String>)> = Vec::new();
        for &register in &self.registers.variables {
            let name = self.registers.name(register);
            let kind = self.program.registers[usize::from(register)];
            let of_type = if name.starts_with("cookie") { "bool" } else { c_type(kind) };
            match of_types.iter_mut().find(|(known, _)| *known == of_type) {
                Some((_, names)) => names.push(name),
                None => of_types.push((of_type, vec![name])),
            }
        }
        for (of_type, names) in &of_types {
            for line in declarations(of_type, names) {
                self.line(&line);
            }
        }
        if !of_types.is_empty() && !self.program.body.is_empty() {
            self.out.push('\n');
        }
    }

    fn block(&mut self, block: &[Stmt]) {
        for stmt in block {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Op(operation) => self.operation(operation),
            Stmt::If { .. } => {
                self.indent();
                self.branch(stmt);
            }
            Stmt::Loop { body, .. } => {
                self.line("for (;;) {");
                self.inner(body);
                self.line("}");
            }
            Stmt::Break { .. } => self.line("break;"),
            Stmt::Continue { .. } => self.line("continue;"),
            Stmt::Return { value: None, .. } => self.line("return;"),
            Stmt::Return { value: Some(value), .. } => {
                let meaning = match self.program.result {
                    _ if self.scans && *value == Arg::Int(-1) => Meaning::Scanned,
                    Some(Kind::FenceOrErr) => Meaning::Of(Kind::Errno),
                    Some(kind) => Meaning::Of(kind),
                    None => Meaning::Of(Kind::Int),
                };
                let error = self.program.result == Some(Kind::FenceOrErr) && self.is_number(value);
                let value = self.value(value, meaning).text;
                self.line(&if error {
                    format!("return ERR_PTR({value});")
                } else {
                    format!("return {value};")
                });
            }
        }
    }

    fn is_number(&self, arg: &Arg) -> bool {
        match arg {
            Arg::Int(_) => true,
            Arg::Register(register) => {
                self.program.registers.get(usize::from(*register)).is_some_and(|kind| kind.is_number())
            }
            _ => false,
        }
    }

    fn operation(&mut self, operation: &Operation) {
        if self.wait_for_reader(operation) {
            return;
        }
        if prints_its_result(operation.op) {
            let call = self.call(operation);
            return self.line(&format!("{call};"));
        }
        let value = self.expression(operation).text;
        match operation.out.filter(|&out| self.registers.is_variable(out)) {
            Some(out) => {
                let out = self.registers.name(out);
                self.line(&format!("{out} = {value};"));
            }
            None => self.line(&format!("{value};")),
        }
    }

    /// Puts an expression aside that its only reader will print.
    fn wait_for_reader(&mut self, operation: &Operation) -> bool {
        match operation.out.filter(|&out| self.registers.is_inline(out)) {
            Some(out) => {
                let value = self.expression(operation);
                self.waiting.insert(out, value);
                true
            }
            None => false,
        }
    }

    /// `if (…) { … } else if (…) { … } else { … }`, without the first indentation.
    fn branch(&mut self, mut stmt: &Stmt) {
        while let Stmt::If { cond, then, otherwise, .. } = stmt {
            let cond = self.value(cond, Meaning::Of(Kind::Int));
            let (cond, first, second) = if then.is_empty() && !otherwise.is_empty() {
                (cond.opposite(), otherwise, then)
            } else {
                (cond, then, otherwise)
            };
            let _ = writeln!(self.out, "if ({}) {{", cond.text);
            self.inner(first);
            if second.is_empty() {
                break;
            }
            if let Some(chained) = self.chained(second) {
                self.indent();
                self.out.push_str("} else ");
                stmt = chained;
            } else {
                self.line("} else {");
                self.inner(second);
                break;
            }
        }
        self.line("}");
    }

    /// The branch that a block consists of, besides expressions that the branch prints itself.
    fn chained<'b>(&mut self, block: &'b [Stmt]) -> Option<&'b Stmt> {
        let (last, before) = block.split_last()?;
        let expression = |stmt: &Stmt| match stmt {
            Stmt::Op(operation) => operation.out.is_some_and(|out| self.registers.is_inline(out)),
            _ => false,
        };
        if !matches!(last, Stmt::If { .. }) || !before.iter().all(expression) {
            return None;
        }
        for stmt in before {
            if let Stmt::Op(operation) = stmt {
                self.wait_for_reader(operation);
            }
        }
        Some(last)
    }

    fn inner(&mut self, block: &[Stmt]) {
        self.depth += 1;
        self.block(block);
        self.depth -= 1;
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.out.push_str(INDENT);
        }
    }

    fn line(&mut self, text: &str) {
        self.indent();
        self.out.push_str(text);
        self.out.push('\n');
    }

    pub(super) fn value(&mut self, arg: &Arg, meaning: Meaning) -> Expr {
        match arg {
            Arg::Int(value) => Expr::tight(literal::number(*value, meaning)),
            Arg::Gfp(gfp) => Expr::tight(gfp.to_string()),
            Arg::Null => Expr::tight("NULL"),
            Arg::Object(id) => Expr::tight(self.names.reference(self.scenario, *id)),
            Arg::Register(register) => match self.waiting.remove(register) {
                Some(value) => value,
                None => Expr::tight(self.variable(*register)),
            },
            Arg::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.value(item, meaning).text).collect();
                Expr::tight(if items.is_empty() {
                    "{}".into()
                } else {
                    format!("{{ {} }}", items.join(", "))
                })
            }
            Arg::Text(text) => Expr::tight(format!("\"{}\"", shown(text))),
        }
    }

    /// A register as an argument: its address, if it is a structure on the stack.
    pub(super) fn variable(&self, register: u16) -> String {
        let name = self.registers.name(register);
        match self.program.registers.get(usize::from(register)) {
            Some(Kind::WwCtx | Kind::ResvIter) => format!("&{name}"),
            _ => name,
        }
    }
}

/// `struct dma_fence *fence, *fence2;`, on as many lines as it takes.
fn declarations(of_type: &str, names: &[String]) -> Vec<String> {
    let separator = if of_type.ends_with('*') { ", *" } else { ", " };
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + separator.len() + name.len() < MAX_VARIABLES => {
                line.push_str(separator);
                line.push_str(name);
            }
            _ => lines.push(declarator(of_type, name)),
        }
    }
    lines.into_iter().map(|line| line + ";").collect()
}

/// `struct dma_fence *fence`, `int ret`.
fn declarator(of_type: &str, name: &str) -> String {
    if of_type.ends_with('*') { format!("{of_type}{name}") } else { format!("{of_type} {name}") }
}

/// The type of a variable in C.
const fn c_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Int | Kind::Errno => "int",
        Kind::Nanos => "ktime_t",
        Kind::Gfp => "gfp_t",
        Kind::Usage => "enum dma_resv_usage",
        Kind::Cookie => "unsigned long",
        Kind::Seqno => "u64",
        Kind::RawSpinlock => "raw_spinlock_t *",
        Kind::Spinlock => "spinlock_t *",
        Kind::Rwlock => "rwlock_t *",
        Kind::Mutex => "struct mutex *",
        Kind::Rwsem => "struct rw_semaphore *",
        Kind::LocalLock => "local_lock_t *",
        Kind::WwClass => "struct ww_class *",
        Kind::WwMutex => "struct ww_mutex *",
        Kind::WwCtx => "struct ww_acquire_ctx",
        Kind::Completion => "struct completion *",
        Kind::WaitQueue => "wait_queue_head_t *",
        Kind::Cell => "int *",
        Kind::Workqueue => "struct workqueue_struct *",
        Kind::Work => "struct work_struct *",
        Kind::DelayedWork => "struct delayed_work *",
        Kind::KthreadWorker => "struct kthread_worker *",
        Kind::KthreadWork => "struct kthread_work *",
        Kind::Timer => "struct timer_list *",
        Kind::Irq => "struct irq_desc *",
        Kind::Tasklet => "struct tasklet_struct *",
        Kind::IrqWork => "struct irq_work *",
        Kind::RcuHead => "struct rcu_head *",
        Kind::Task => "struct task_struct *",
        Kind::Memory => "void *",
        Kind::Mm => "struct mm_struct *",
        Kind::UserRange => "void __user *",
        Kind::Shrinker => "struct shrinker *",
        Kind::MmuNotifier => "struct mmu_notifier *",
        Kind::IntervalNotifier => "struct mmu_interval_notifier *",
        Kind::FenceOps => "const struct dma_fence_ops *",
        Kind::Timeline => "struct timeline *",
        Kind::Fence | Kind::FenceOrErr => "struct dma_fence *",
        Kind::FenceCb => "struct dma_fence_cb *",
        Kind::SyncFile => "struct sync_file *",
        Kind::Syncobj => "struct drm_syncobj *",
        Kind::SwSync => "struct sync_timeline *",
        Kind::Resv => "struct dma_resv *",
        Kind::ResvIter => "struct dma_resv_iter",
        Kind::Engine => "struct engine *",
        Kind::Gpu => "struct gpu *",
        Kind::Ring => "struct ring *",
        Kind::GpuJob => "const struct gpu_job *",
        Kind::GpuSemaphore => "struct gpu_semaphore *",
        Kind::GpuLock => "struct gpu_lock *",
        Kind::DrmSched => "struct drm_gpu_scheduler *",
        Kind::SchedEntity => "struct drm_sched_entity *",
        Kind::SchedJob => "struct drm_sched_job *",
    }
}
