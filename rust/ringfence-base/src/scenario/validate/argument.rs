//! Operations: their arguments and where their results go.

use super::any_of;
use super::flow::Flow;
use crate::scenario::path::Path;
use crate::scenario::{Arg, ArgSpec, Kind, Op, Operation, ScenarioError};

/// The largest `enum dma_resv_usage`: `DMA_RESV_USAGE_BOOKKEEP`.
const MAX_USAGE: i64 = 3;
/// The largest lockdep subclass: `MAX_LOCKDEP_SUBCLASSES - 1`.
const MAX_SUBCLASS: i64 = 7;

impl Flow<'_> {
    pub(super) fn operation(&mut self, operation: &Operation, path: &Path<'_>) -> Result<(), ScenarioError> {
        let spec = operation.op.spec();
        let (wanted, got) = (spec.args.len(), operation.args.len());
        if wanted != got {
            let names: Vec<&str> = spec.args.iter().map(|arg| arg.name).collect();
            let plural = if wanted == 1 { "" } else { "s" };
            let list = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
            let message = format!("{}() takes {wanted} argument{plural}{list}, not {got}", spec.name);
            return Err(self.error(path, message));
        }
        for (index, (arg, arg_spec)) in operation.args.iter().zip(spec.args).enumerate() {
            self.argument(operation.op, arg, arg_spec, &path.item("args", index))?;
        }
        match operation.out {
            Some(out) => self.out(operation, out, path),
            None => Ok(()),
        }
    }

    fn argument(&self, op: Op, arg: &Arg, spec: &ArgSpec, path: &Path<'_>) -> Result<(), ScenarioError> {
        let what = || format!("argument `{}` of {}()", spec.name, op.name());
        match arg {
            Arg::Text(_) if spec.text => Ok(()),
            _ if spec.text => Err(self.error(path, format!("{} must be a text", what()))),
            Arg::List(items) if spec.list => {
                for (index, item) in items.iter().enumerate() {
                    let path = path.item("", index);
                    self.value(item, spec.kinds, false, &path, &|| format!("each of {}", what()))?;
                }
                Ok(())
            }
            _ if spec.list => Err(self.error(path, format!("{} must be a list", what()))),
            Arg::Int(number) => {
                self.value(arg, spec.kinds, spec.nullable, path, &what)?;
                self.sane(op, spec, *number, path)
            }
            _ => self.value(arg, spec.kinds, spec.nullable, path, &what),
        }
    }

    /// Whether a value can be of one of these kinds.
    pub(super) fn value(
        &self,
        arg: &Arg,
        wanted: &[Kind],
        nullable: bool,
        path: &Path<'_>,
        what: &dyn Fn() -> String,
    ) -> Result<(), ScenarioError> {
        let refuse = |got: &str| {
            let wanted =
                if wanted == Kind::ALL { "a number, an object or null".into() } else { kinds(wanted) };
            Err(self.error(path, format!("{} must be {wanted}, {got}", what())))
        };
        let number = wanted.iter().any(|kind| kind.is_plain_number());
        match arg {
            Arg::Int(_) if number => Ok(()),
            Arg::Int(value) if wanted == [Kind::Gfp] => {
                refuse(&format!("written as {{\"gfp\":\"GFP_KERNEL\"}}, not the number {value}"))
            }
            Arg::Int(value) => refuse(&format!("not the number {value}")),
            Arg::Gfp(_) if number || wanted.contains(&Kind::Gfp) => Ok(()),
            Arg::Gfp(gfp) => refuse(&format!("not {gfp}")),
            Arg::Null if nullable => Ok(()),
            Arg::Null => refuse("not null"),
            Arg::Object(id) => {
                let kind = self.checker.object(*id, path)?;
                if wanted.contains(&kind) {
                    return Ok(());
                }
                refuse(&format!("but {} is of kind {kind}", self.checker.object_name(*id)))
            }
            Arg::Register(register) => {
                let kind = self.register(*register, path)?;
                let fits = wanted.contains(&kind) || (number && kind.is_number());
                if !fits {
                    return refuse(&format!("but register {register} is of kind {kind}"));
                }
                if self.assigned.contains(usize::from(*register)) {
                    return Ok(());
                }
                let message =
                    format!("register {register} ({kind}) is read before it has a value on every path");
                Err(self.error(path, message))
            }
            Arg::List(_) => refuse("not a list"),
            Arg::Text(_) => refuse("not a text"),
        }
    }

    /// Numbers that no call of the kernel could mean.
    fn sane(&self, op: Op, spec: &ArgSpec, number: i64, path: &Path<'_>) -> Result<(), ScenarioError> {
        let (low, high, why) = match (op, spec.name, spec.kinds) {
            (_, _, [Kind::Usage]) => (0, MAX_USAGE, "0 (KERNEL), 1 (WRITE), 2 (READ) or 3 (BOOKKEEP)"),
            (_, _, [Kind::Nanos]) => (0, i64::MAX, "a duration in nanoseconds, not negative"),
            (_, _, [Kind::Seqno]) => (0, i64::MAX, "a sequence number, not negative"),
            (Op::Choose, "options", _) => (1, i64::MAX, "at least 1"),
            (Op::DmaResvReserveFences, "count", _) => (0, i64::MAX, "0 or more"),
            (_, "subclass", _) => (0, MAX_SUBCLASS, "a lockdep subclass, 0 to 7"),
            _ => return Ok(()),
        };
        if (low..=high).contains(&number) {
            return Ok(());
        }
        let message = format!("argument `{}` of {}() must be {why}, but is {number}", spec.name, op.name());
        Err(self.error(path, message))
    }

    fn out(&mut self, operation: &Operation, out: u16, path: &Path<'_>) -> Result<(), ScenarioError> {
        let path = path.field("out");
        let name = operation.op.name();
        let kind = self.register(out, &path)?;
        let Some(result) = operation.op.spec().result else {
            return Err(self.error(&path, format!("{name}() has no result")));
        };
        if operation.op == Op::Set {
            self.value(&operation.args[0], &[kind], !kind.is_number(), &path, &|| {
                format!("the value for register {out}")
            })?;
        } else if result != kind && !(result.is_number() && kind.is_plain_number()) {
            let message =
                format!("the result of {name}() is of kind {result}, but register {out} is of kind {kind}");
            return Err(self.error(&path, message));
        }
        self.assigned.assign(usize::from(out));
        Ok(())
    }

    fn register(&self, register: u16, path: &Path<'_>) -> Result<Kind, ScenarioError> {
        let registers = &self.program.registers;
        registers.get(usize::from(register)).copied().ok_or_else(|| {
            let count = registers.len();
            self.error(
                path,
                format!("there is no register {register} (counted from 0; the program has {count})"),
            )
        })
    }
}

/// `of kind spinlock or raw_spinlock`.
fn kinds(wanted: &[Kind]) -> String {
    format!("of kind {}", any_of(wanted))
}
