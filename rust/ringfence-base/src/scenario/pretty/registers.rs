//! Registers of a program: which are expressions rather than variables, and what the variables are called.

use std::collections::BTreeSet;

use super::call::prints_its_result;
use super::names::Names;
use crate::ProgramId;
use crate::scenario::signature::handlers;
use crate::scenario::{Arg, Kind, Op, Operation, Program, Scenario, Stmt};
use crate::shown::shown;

/// An expression has at most so many operators.
const MAX_OPERATORS: usize = 4;
/// The reader of an expression stands at most so many statements after it.
const LOOK_AHEAD: usize = 8;

/// What the registers of a program look like.
pub(super) struct Registers {
    /// Per register: its name; empty if it is not printed.
    pub(super) names: Vec<String>,
    /// Per register that is printed as the expression that it holds, where it is read: how many operators
    /// that is.
    inline: Vec<Option<usize>>,
    /// Per register: it only ever holds what calls of the kernel returned.
    pub(super) returned: Vec<bool>,
    /// Variables in the order in which they get their values, without parameters.
    pub(super) variables: Vec<u16>,
    writes: Vec<usize>,
    reads: Vec<usize>,
}

impl Registers {
    pub(super) fn of(scenario: &Scenario, names: &Names, id: ProgramId, program: &Program) -> Self {
        let count = program.registers.len();
        let mut registers = Self {
            names: vec![String::new(); count],
            inline: vec![None; count],
            returned: vec![true; count],
            variables: Vec::new(),
            writes: vec![0; count],
            reads: vec![0; count],
        };
        registers.count(&program.body);
        registers.find_expressions(&program.body);
        let mut taken = names.taken();
        for register in 0..program.params.min(count) {
            registers.returned[register] = false;
            let name = parameter_name(scenario, id, register);
            let name = name.unwrap_or_else(|| name_of_kind(program.registers[register]));
            registers.names[register] = unused(&mut taken, &name);
        }
        registers.name_variables(scenario, &program.body, &program.registers, &mut taken);
        registers
    }

    /// Its name, or a makeshift if the program has no such register or never writes it.
    pub(super) fn name(&self, register: u16) -> String {
        match self.names.get(usize::from(register)) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => format!("v{register}"),
        }
    }

    pub(super) fn is_inline(&self, register: u16) -> bool {
        self.inline.get(usize::from(register)).is_some_and(Option::is_some)
    }

    /// Somebody reads it as a variable, or its writer mentions it.
    pub(super) fn is_variable(&self, register: u16) -> bool {
        self.names.get(usize::from(register)).is_some_and(|name| !name.is_empty())
    }

    fn count(&mut self, block: &[Stmt]) {
        for stmt in block {
            for arg in direct_arguments(stmt) {
                for_each_register(arg, &mut |register| bump(&mut self.reads, register));
            }
            if let Stmt::Op(Operation { op, out: Some(out), .. }) = stmt {
                bump(&mut self.writes, *out);
                if let Some(returned) = self.returned.get_mut(usize::from(*out)) {
                    *returned &= op.spec().visible;
                }
            }
            for block in inner_blocks(stmt) {
                self.count(block);
            }
        }
    }

    /// An expression without effects moves to its only reader if nothing but such expressions stands between.
    fn find_expressions(&mut self, block: &[Stmt]) {
        for (index, stmt) in block.iter().enumerate() {
            if let Some(out) = self.movable(stmt) {
                let mut following = block[index + 1..].iter().take(LOOK_AHEAD);
                let next = following.find(|stmt| reads(stmt, out) || self.movable(stmt).is_none());
                let operators = self.operators_inside(stmt);
                let moves = operators < MAX_OPERATORS && next.is_some_and(|stmt| reads(stmt, out));
                self.inline[usize::from(out)] = moves.then_some(operators + 1);
            }
            for block in inner_blocks(stmt) {
                self.find_expressions(block);
            }
        }
    }

    /// How many operators the operands of an expression hold.
    fn operators_inside(&self, stmt: &Stmt) -> usize {
        let mut operators = 0;
        for arg in direct_arguments(stmt) {
            for_each_register(arg, &mut |register| {
                operators += self.inline.get(usize::from(register)).copied().flatten().unwrap_or(0);
            });
        }
        operators
    }

    /// The register of an expression that is written once and read once.
    fn movable(&self, stmt: &Stmt) -> Option<u16> {
        match stmt {
            Stmt::Op(Operation { op, out: Some(out), .. }) if is_expression(*op) => {
                let index = usize::from(*out);
                let once = |counts: &[usize]| counts.get(index) == Some(&1);
                (once(&self.writes) && once(&self.reads)).then_some(*out)
            }
            _ => None,
        }
    }

    fn name_variables(
        &mut self,
        scenario: &Scenario,
        block: &[Stmt],
        kinds: &[Kind],
        taken: &mut BTreeSet<String>,
    ) {
        for stmt in block {
            if let Stmt::Op(operation @ Operation { op, out: Some(out), .. }) = stmt {
                let index = usize::from(*out);
                let printed = self.reads.get(index).is_some_and(|&reads| reads > 0) || prints_its_result(*op);
                if let Some(&kind) = kinds.get(index)
                    && printed
                    && self.inline[index].is_none()
                    && self.names[index].is_empty()
                {
                    self.names[index] = unused(taken, &name_of_result(scenario, operation, kind));
                    self.variables.push(*out);
                }
            }
            for block in inner_blocks(stmt) {
                self.name_variables(scenario, block, kinds, taken);
            }
        }
    }
}

/// Operations that are operators of C.
pub(super) const fn is_expression(op: Op) -> bool {
    matches!(op, Op::Add | Op::Sub | Op::And | Op::Or | Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Not)
}

/// What a statement reads itself, without the blocks inside it.
fn direct_arguments(stmt: &Stmt) -> Vec<&Arg> {
    match stmt {
        Stmt::Op(operation) => operation.args.iter().collect(),
        Stmt::If { cond, .. } => vec![cond],
        Stmt::Return { value, .. } => value.iter().collect(),
        Stmt::Loop { .. } | Stmt::Break { .. } | Stmt::Continue { .. } => Vec::new(),
    }
}

/// The statement itself reads the register.
fn reads(stmt: &Stmt, register: u16) -> bool {
    let mut reads = false;
    for arg in direct_arguments(stmt) {
        for_each_register(arg, &mut |read| reads |= read == register);
    }
    reads
}

fn inner_blocks(stmt: &Stmt) -> Vec<&[Stmt]> {
    match stmt {
        Stmt::If { then, otherwise, .. } => vec![then, otherwise],
        Stmt::Loop { body, .. } => vec![body],
        _ => Vec::new(),
    }
}

fn for_each_register(arg: &Arg, f: &mut dyn FnMut(u16)) {
    match arg {
        Arg::Register(register) => f(*register),
        Arg::List(items) => items.iter().for_each(|item| for_each_register(item, f)),
        _ => {}
    }
}

fn bump(counts: &mut [usize], register: u16) {
    if let Some(count) = counts.get_mut(usize::from(register)) {
        *count += 1;
    }
}

/// The name, with a number if it is taken.
fn unused(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut unused = name.to_owned();
    let mut number = 1;
    while !taken.insert(unused.clone()) {
        number += 1;
        unused = format!("{name}{number}");
    }
    unused
}

/// What the kernel calls the parameter, if it calls the program in one way only.
fn parameter_name(scenario: &Scenario, id: ProgramId, parameter: usize) -> Option<String> {
    let calls = scenario.objects.iter().flat_map(|object| handlers(&object.kind));
    let mut names = calls
        .filter(|handler| handler.program == id)
        .map(|handler| handler.signature.params.get(parameter).map(|&(name, _)| name));
    let first = names.next()??;
    names.all(|name| name == Some(first)).then(|| first.to_owned())
}

fn name_of_result(scenario: &Scenario, operation: &Operation, kind: Kind) -> String {
    let name = operation.op.name();
    let name = match operation.op {
        Op::Choose => match operation.args.first() {
            Some(Arg::Text(text)) => return identifier(text).unwrap_or_else(|| "choice".to_owned()),
            _ => "choice",
        },
        Op::CellRead => return name_of_cell(scenario, operation).unwrap_or_else(|| "val".to_owned()),
        Op::CellAdd => "val",
        Op::CellCmpxchg => "old",
        Op::DmaFenceBeginSignalling => "cookie",
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Not => "cond",
        Op::QueueWork | Op::QueueDelayedWork | Op::KthreadQueueWork | Op::IrqWorkQueue => "queued",
        Op::DmaFenceIsSignaled
        | Op::DmaFenceIsSignaledLocked
        | Op::SyncFilePoll
        | Op::DmaResvTestSignaled => "signaled",
        Op::ModTimer | Op::ModDelayedWork | Op::TimerDelete | Op::TimerDeleteSync | Op::SignalPending => {
            "pending"
        }
        Op::DmaFenceGetStatus => "status",
        Op::DmaFenceIsLater => "later",
        Op::DmaFenceHwIsDone => "done",
        Op::DmaResvIterIsRestarted => "restarted",
        Op::EngineIdle => "idle",
        Op::MmuIntervalReadRetry => "retry",
        Op::CopyFromUser | Op::CopyToUser => "not_copied",
        Op::SyncobjWait => "left",
        _ if kind != Kind::Int || operation.op == Op::Set => return name_of_kind(kind),
        _ if name.ends_with("trylock") => "locked",
        _ if name.ends_with("timeout") => "left",
        _ if name.contains("cancel") => "pending",
        _ if is_expression(operation.op) => "n",
        _ => "ret",
    };
    name.to_owned()
}

fn name_of_kind(kind: Kind) -> String {
    let name = match kind {
        Kind::Int => "n",
        Kind::Errno => "ret",
        Kind::Nanos => "time",
        Kind::Cookie => "flags",
        Kind::Seqno => "seq",
        Kind::Memory => "mem",
        Kind::WwCtx => "ctx",
        Kind::ResvIter => "cursor",
        Kind::Fence | Kind::FenceOrErr => "fence",
        Kind::SchedJob => "job",
        Kind::FenceCb => "cb",
        Kind::SyncFile => "file",
        Kind::Syncobj => "syncobj",
        Kind::Resv => "resv",
        Kind::RawSpinlock | Kind::Spinlock | Kind::Rwlock | Kind::Mutex | Kind::LocalLock => "lock",
        other => other.as_str(),
    };
    name.to_owned()
}

/// The last word of the variable's name: `hung` for `gpu->hung`.
fn name_of_cell(scenario: &Scenario, operation: &Operation) -> Option<String> {
    let Some(Arg::Object(id)) = operation.args.first() else { return None };
    let name = &scenario.objects.get(id.index())?.name;
    let word = name.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    if word == name { None } else { identifier(word) }
}

/// The text as a name of C.
fn identifier(text: &str) -> Option<String> {
    let word: String = shown(text).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    word.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(word)
}
