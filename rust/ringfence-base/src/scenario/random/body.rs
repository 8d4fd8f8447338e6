//! Random bodies.

use super::objects::Plan;
use super::some_site;
use crate::rng::Rng;
use crate::scenario::{Arg, Kind, Object, Op, Operation, Stmt};

/// Statements are nested so deep at most.
const MAX_DEPTH: usize = 5;

/// Operations that go together. The second one takes the arguments of the first one that are called the
/// same, and its result.
const PAIRS: &[(Op, Op)] = &[
    (Op::PreemptDisable, Op::PreemptEnable),
    (Op::LocalIrqDisable, Op::LocalIrqEnable),
    (Op::LocalIrqSave, Op::LocalIrqRestore),
    (Op::LocalBhDisable, Op::LocalBhEnable),
    (Op::RcuReadLock, Op::RcuReadUnlock),
    (Op::NonBlockStart, Op::NonBlockEnd),
    (Op::SpinLock, Op::SpinUnlock),
    (Op::SpinLockBh, Op::SpinUnlockBh),
    (Op::SpinLockIrq, Op::SpinUnlockIrq),
    (Op::SpinLockIrqsave, Op::SpinUnlockIrqrestore),
    (Op::SpinTrylock, Op::SpinUnlock),
    (Op::ReadLock, Op::ReadUnlock),
    (Op::WriteLock, Op::WriteUnlock),
    (Op::ReadLockIrqsave, Op::ReadUnlockIrqrestore),
    (Op::WriteLockIrqsave, Op::WriteUnlockIrqrestore),
    (Op::WriteTrylock, Op::WriteUnlock),
    (Op::MutexLock, Op::MutexUnlock),
    (Op::MutexLockInterruptible, Op::MutexUnlock),
    (Op::MutexTrylock, Op::MutexUnlock),
    (Op::DownRead, Op::UpRead),
    (Op::DownWrite, Op::UpWrite),
    (Op::DownWriteKillable, Op::UpWrite),
    (Op::DownReadTrylock, Op::UpRead),
    (Op::LocalLock, Op::LocalUnlock),
    (Op::WwAcquireInit, Op::WwAcquireFini),
    (Op::WwMutexLock, Op::WwMutexUnlock),
    (Op::DisableIrq, Op::EnableIrq),
    (Op::Kmalloc, Op::Kfree),
    (Op::MemallocNofsSave, Op::MemallocNofsRestore),
    (Op::MemallocNoioSave, Op::MemallocNoioRestore),
    (Op::MemallocNoreclaimSave, Op::MemallocNoreclaimRestore),
    (Op::MmapReadLock, Op::MmapReadUnlock),
    (Op::MmapWriteLock, Op::MmapWriteUnlock),
    (Op::MmapReadTrylock, Op::MmapReadUnlock),
    (Op::GetUserPages, Op::PutPages),
    (Op::MmuNotifierInvalidateRangeStart, Op::MmuNotifierInvalidateRangeEnd),
    (Op::GpuMap, Op::GpuUnmap),
    (Op::DmaFenceGet, Op::DmaFencePut),
    (Op::DmaFenceInit, Op::DmaFenceSignal),
    (Op::DmaFenceBeginSignalling, Op::DmaFenceEndSignalling),
    (Op::DmaFenceLock, Op::DmaFenceUnlock),
    (Op::DmaResvLock, Op::DmaResvUnlock),
    (Op::DmaResvLockInterruptible, Op::DmaResvUnlock),
    (Op::DmaResvTrylock, Op::DmaResvUnlock),
    (Op::DmaResvIterBegin, Op::DmaResvIterEnd),
];

/// A body in the making.
pub(super) struct Body<'a> {
    pub(super) objects: &'a [Object],
    pub(super) rng: &'a mut Rng,
    pub(super) registers: Vec<Kind>,
    /// Registers that have a value here.
    pub(super) assigned: Vec<u16>,
    stmts: Vec<Stmt>,
    /// How many statements there are so far, those inside others included.
    written: usize,
    result: Option<Kind>,
}

impl<'a> Body<'a> {
    /// Registers and statements of a program with about `size` statements.
    pub(super) fn random(
        objects: &'a [Object],
        rng: &'a mut Rng,
        plan: &Plan,
        size: usize,
    ) -> (Vec<Kind>, Vec<Stmt>) {
        let mut body = Self {
            objects,
            rng,
            registers: plan.params.clone(),
            assigned: (0..plan.params.len() as u16).collect(),
            stmts: Vec::new(),
            written: 0,
            result: plan.result,
        };
        body.statements(size, 1, false);
        if plan.result.is_some() {
            body.leave();
        }
        (body.registers, body.stmts)
    }

    /// About `size` statements more. The last one may leave the block.
    fn statements(&mut self, size: usize, depth: usize, in_loop: bool) {
        let end = self.written + size;
        while self.written < end {
            let left = end - self.written;
            match self.rng.below(100) {
                0..45 if left > 1 => self.pair(left, depth, in_loop),
                45..55 if depth < MAX_DEPTH && left > 1 => self.branch(left, depth, in_loop),
                55..60 if depth < MAX_DEPTH && left > 1 => self.endless(left, depth),
                60 => return self.leave(),
                61..65 if in_loop => return self.jump(),
                _ => self.operation(),
            }
        }
    }

    /// A block of its own, after which the registers that it assigned count as unassigned.
    fn block(&mut self, fill: impl FnOnce(&mut Self)) -> Vec<Stmt> {
        let outer = core::mem::take(&mut self.stmts);
        let assigned = self.assigned.len();
        fill(self);
        self.assigned.truncate(assigned);
        core::mem::replace(&mut self.stmts, outer)
    }

    fn pair(&mut self, left: usize, depth: usize, in_loop: bool) {
        let (first, second) = *self.rng.pick(PAIRS);
        let Some(args) = self.arguments(first, 0) else { return self.operation() };
        let out = first.spec().result.map(|kind| self.new_register(kind));
        let last = Self::arguments_of_second(first, &args, out, second);
        self.emit(first, args, out);
        let size = self.rng.below(left);
        let inner = |body: &mut Self, depth| {
            body.statements(size, depth, in_loop);
            body.emit(second, last, None);
        };
        let cond = match (first.spec().result, out) {
            (Some(Kind::Int), Some(locked)) => locked,
            (Some(Kind::Errno), Some(ret)) => {
                let succeeded = self.new_register(Kind::Int);
                self.emit(Op::Not, vec![Arg::Register(ret)], Some(succeeded));
                succeeded
            }
            _ => return inner(self, depth),
        };
        let then = self.block(|body| inner(body, depth + 1));
        let at = some_site(self.rng);
        self.push(Stmt::If { cond: Arg::Register(cond), then, otherwise: Vec::new(), at });
    }

    fn arguments_of_second(first: Op, args: &[Arg], out: Option<u16>, second: Op) -> Vec<Arg> {
        let argument = |name: &str| {
            let same = first.spec().args.iter().position(|spec| spec.name == name);
            match (same, out) {
                (Some(index), _) => args[index].clone(),
                (None, Some(out)) => Arg::Register(out),
                (None, None) => panic!("engine bug: {} has no `{name}` for {}", first.name(), second.name()),
            }
        };
        second.spec().args.iter().map(|spec| argument(spec.name)).collect()
    }

    fn branch(&mut self, left: usize, depth: usize, in_loop: bool) {
        let cond = self.anything();
        let then = 1 + self.rng.below(left);
        let sizes = [then, self.rng.below(left.saturating_sub(then))];
        let [then, otherwise] =
            sizes.map(|size| self.block(|body| body.statements(size, depth + 1, in_loop)));
        let at = some_site(self.rng);
        self.push(Stmt::If { cond, then, otherwise, at });
    }

    fn endless(&mut self, left: usize, depth: usize) {
        let size = self.rng.below(left);
        let body = self.block(|body| {
            // A visible operation and the way out come first, so that no jump can cut them off and no turn
            // happens inside one step.
            body.emit(Op::CondResched, Vec::new(), None);
            let at = some_site(body.rng);
            let cond = body.anything();
            body.push(Stmt::If { cond, then: vec![Stmt::Break { at }], otherwise: Vec::new(), at });
            body.statements(size, depth + 1, true);
        });
        let at = some_site(self.rng);
        self.push(Stmt::Loop { body, at });
    }

    fn jump(&mut self) {
        let at = some_site(self.rng);
        let jump = if self.rng.percent(50) { Stmt::Break { at } } else { Stmt::Continue { at } };
        self.push(jump);
    }

    fn leave(&mut self) {
        let value = self.result.map(|kind| match kind {
            Kind::Fence => self.fence_or_null(),
            Kind::FenceOrErr if self.rng.percent(70) => self.fence_or_null(),
            _ => Arg::Int(self.rng.number(-1, 0)),
        });
        let at = some_site(self.rng);
        self.push(Stmt::Return { value, at });
    }

    fn fence_or_null(&mut self) -> Arg {
        let spec = &Op::DmaFencePut.spec().args[0];
        self.argument(Op::DmaFencePut, spec, 0).unwrap_or(Arg::Null)
    }

    fn operation(&mut self) {
        let op = *self.rng.pick(Op::ALL);
        let Some(args) = self.arguments(op, 0) else { return };
        let out = match op.spec().result {
            _ if op == Op::Set => self.kind_of(&args[0]).map(|kind| self.new_register(kind)),
            Some(kind) if self.rng.percent(80) => Some(self.some_register(kind)),
            _ => None,
        };
        self.emit(op, args, out);
    }

    /// Kind of a register for this value.
    fn kind_of(&self, arg: &Arg) -> Option<Kind> {
        match arg {
            Arg::Int(_) => Some(Kind::Int),
            Arg::Gfp(_) => Some(Kind::Gfp),
            Arg::Null => Some(Kind::Fence),
            Arg::Object(id) => Some(self.objects[id.index()].kind.kind()),
            Arg::Register(register) => Some(self.registers[usize::from(*register)]),
            Arg::List(_) | Arg::Text(_) => None,
        }
    }

    /// A register of this kind, perhaps one that has a value already.
    fn some_register(&mut self, kind: Kind) -> u16 {
        let same: Vec<u16> =
            self.assigned.iter().copied().filter(|&old| self.registers[usize::from(old)] == kind).collect();
        if !same.is_empty() && self.rng.percent(30) {
            return *self.rng.pick(&same);
        }
        self.new_register(kind)
    }

    pub(super) fn new_register(&mut self, kind: Kind) -> u16 {
        self.registers.push(kind);
        self.registers.len() as u16 - 1
    }

    fn push(&mut self, stmt: Stmt) {
        self.stmts.push(stmt);
        self.written += 1;
    }

    pub(super) fn emit(&mut self, op: Op, args: Vec<Arg>, out: Option<u16>) {
        let at = some_site(self.rng);
        self.push(Stmt::Op(Operation { op, args, out, at }));
        if let Some(out) = out.filter(|out| !self.assigned.contains(out)) {
            self.assigned.push(out);
        }
    }
}
