//! Operations as calls, spelled as in the kernel.

use super::code::Code;
use super::literal::Meaning;
use super::registers::is_expression;
use crate::scenario::{Arg, Kind, Op, Operation};

/// A piece of C, and how tightly it holds together.
pub(super) struct Expr {
    pub(super) text: String,
    pub(super) binding: Binding,
    /// For a truth value: how its opposite is written.
    opposite: Option<String>,
}

/// How tightly an expression holds together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// A name, a number, a call.
    Tight,
    /// An operator in front.
    Prefix,
    /// An operator between.
    Infix,
}

impl Expr {
    pub(super) fn tight(text: impl Into<String>) -> Self {
        Self { text: text.into(), binding: Binding::Tight, opposite: None }
    }

    /// As an operand.
    pub(super) fn operand(self) -> String {
        if self.binding == Binding::Infix { format!("({})", self.text) } else { self.text }
    }

    /// 1 if it is 0 or NULL, else 0.
    pub(super) fn not(self) -> Self {
        match self.opposite {
            Some(opposite) => Self { text: opposite, binding: self.binding, opposite: Some(self.text) },
            None => Self { text: format!("!{}", self.operand()), binding: Binding::Prefix, opposite: None },
        }
    }

    /// As a condition: the opposite.
    pub(super) fn opposite(self) -> Self {
        match self.text.strip_prefix('!') {
            Some(text) if self.binding == Binding::Prefix => Self::tight(text),
            _ => self.not(),
        }
    }
}

fn opposite_of(comparison: &str) -> Option<&'static str> {
    Some(match comparison {
        "==" => "!=",
        "!=" => "==",
        "<" => ">=",
        "<=" => ">",
        _ => return None,
    })
}

/// The result is an argument of the macro or function, as `flags` in `spin_lock_irqsave(&lock, flags)`.
pub(super) const fn prints_its_result(op: Op) -> bool {
    matches!(
        op,
        Op::LocalIrqSave
            | Op::SpinLockIrqsave
            | Op::ReadLockIrqsave
            | Op::WriteLockIrqsave
            | Op::DmaFenceLock
            | Op::WwAcquireInit
            | Op::DmaResvIterBegin
    )
}

impl Code<'_> {
    /// The value of an operation whose result is not among its arguments.
    pub(super) fn expression(&mut self, operation: &Operation) -> Expr {
        let args = &operation.args;
        let infix = match operation.op {
            Op::Set => return self.copied(operation),
            Op::Not => return self.only(args).not(),
            Op::Eq if args.len() == 2 && args.contains(&Arg::Null) => return self.null_check(args),
            Op::Add => "+",
            Op::Sub => "-",
            Op::And => "&",
            Op::Or => "|",
            Op::Eq => "==",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            _ => return Expr::tight(self.call(operation)),
        };
        debug_assert!(is_expression(operation.op), "engine bug: an operator that is no expression");
        let sides: Vec<String> = (0..args.len()).map(|index| self.side(args, index)).collect();
        let join = |infix: &str| sides.join(&format!(" {infix} "));
        Expr { text: join(infix), binding: Binding::Infix, opposite: opposite_of(infix).map(join) }
    }

    /// `spin_lock(&lock)`.
    pub(super) fn call(&mut self, operation: &Operation) -> String {
        let op = operation.op;
        let mut args: Vec<String> =
            operation.args.iter().enumerate().map(|(index, arg)| self.argument(op, index, arg)).collect();
        if prints_its_result(op)
            && let Some(out) = operation.out
        {
            let out = self.variable(out);
            let place = if matches!(op, Op::WwAcquireInit | Op::DmaResvIterBegin) { 0 } else { args.len() };
            args.insert(place, out);
        }
        let name = match op {
            Op::CellRead => "READ_ONCE".to_owned(),
            Op::CellWrite => "WRITE_ONCE".to_owned(),
            Op::WarnOn => "WARN_ON".to_owned(),
            Op::CellAdd => {
                args.reverse();
                op.name().to_owned()
            }
            Op::ModTimer => {
                let delay = args.pop().unwrap_or_default();
                args.push(if delay == "0" { "jiffies".to_owned() } else { format!("jiffies + {delay}") });
                op.name().to_owned()
            }
            Op::WaitEvent | Op::WaitEventTimeout | Op::WaitEventInterruptible if args.len() > 2 => {
                let at_least = args.remove(2);
                args[1] = format!("{} >= {at_least}", args[1]);
                op.name().to_owned()
            }
            _ if self.is_raw(operation) => format!("raw_{}", op.name()),
            _ => op.name().to_owned(),
        };
        format!("{name}({})", args.join(", "))
    }

    fn argument(&mut self, op: Op, index: usize, arg: &Arg) -> String {
        let spec = op.spec().args.get(index);
        let meaning = match spec.map(|spec| (spec.name, spec.kinds)) {
            Some(("interruptible" | "wait_for_submit" | "signal_on_any", _)) => Meaning::Truth,
            Some((_, &[kind])) => Meaning::Of(kind),
            _ => Meaning::Of(Kind::Int),
        };
        let macro_argument = matches!(
            (op, index),
            (Op::CellRead | Op::CellWrite, 0)
                | (Op::WaitEvent | Op::WaitEventTimeout | Op::WaitEventInterruptible, 0 | 1)
        );
        match (arg, meaning) {
            (Arg::Object(id), _) if macro_argument => self.names.object(id.index()),
            (Arg::Null, Meaning::Of(Kind::Workqueue)) => "system_wq".to_owned(),
            (Arg::Null, Meaning::Of(Kind::WwClass)) => "&reservation_ww_class".to_owned(),
            _ => self.value(arg, meaning).text,
        }
    }

    /// `ret = value`, without `ret`.
    fn copied(&mut self, operation: &Operation) -> Expr {
        let kind = operation.out.and_then(|out| self.program.registers.get(usize::from(out)));
        let meaning = Meaning::Of(kind.copied().unwrap_or(Kind::Int));
        match operation.args.first() {
            Some(arg) => self.value(arg, meaning),
            None => Expr::tight("?"),
        }
    }

    fn only(&mut self, args: &[Arg]) -> Expr {
        args.first().map_or_else(|| Expr::tight("?"), |arg| self.value(arg, Meaning::Of(Kind::Int)))
    }

    fn null_check(&mut self, args: &[Arg]) -> Expr {
        let other = args.iter().position(|arg| *arg != Arg::Null).unwrap_or(0);
        self.value(&args[other], Meaning::Of(Kind::Int)).not()
    }

    /// One side of an operator; the other side says what its numbers mean.
    fn side(&mut self, args: &[Arg], index: usize) -> String {
        let other = args.iter().enumerate().find(|&(other, _)| other != index);
        let meaning = other.map_or(Meaning::Of(Kind::Int), |(_, other)| self.meaning_of(other));
        self.value(&args[index], meaning).operand()
    }

    fn meaning_of(&self, arg: &Arg) -> Meaning {
        let Arg::Register(register) = arg else { return Meaning::Of(Kind::Int) };
        let index = usize::from(*register);
        match self.program.registers.get(index) {
            Some(Kind::Int) if self.registers.returned.get(index) == Some(&true) => Meaning::Returned,
            Some(&kind) => Meaning::Of(kind),
            None => Meaning::Of(Kind::Int),
        }
    }

    /// `spin_lock()` of a raw spinlock is `raw_spin_lock()`.
    fn is_raw(&self, operation: &Operation) -> bool {
        let kind = match operation.args.first() {
            Some(Arg::Object(id)) => self.scenario.objects.get(id.index()).map(|object| object.kind.kind()),
            Some(Arg::Register(register)) => self.program.registers.get(usize::from(*register)).copied(),
            _ => None,
        };
        kind == Some(Kind::RawSpinlock) && operation.op.name().starts_with("spin_")
    }
}
