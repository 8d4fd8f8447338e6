//! Random arguments.

use super::body::Body;
use crate::scenario::{Arg, ArgSpec, Kind, Op};
use crate::{Gfp, ObjectId, errno};

/// Masks that drivers use.
const MASKS: [Gfp; 6] = [Gfp::KERNEL, Gfp::NOFS, Gfp::NOIO, Gfp::ATOMIC, Gfp::NOWAIT, Gfp::NORETRY];
/// Durations in nanoseconds.
const DURATIONS: [i64; 6] = [0, 1, 1_500, 1_000_000, 10_000_000, 2_000_000_000];
/// Names of choices.
const CHOICES: [&str; 3] = ["path", "retry", "order"];
/// How far one operation may lead to others that make its arguments.
const MAX_PRODUCERS: usize = 3;

impl Body<'_> {
    /// Arguments for an operation, or nothing if one of them cannot be had. What it takes to make them is
    /// done first.
    pub(super) fn arguments(&mut self, op: Op, producers: usize) -> Option<Vec<Arg>> {
        op.spec().args.iter().map(|spec| self.argument(op, spec, producers)).collect()
    }

    pub(super) fn argument(&mut self, op: Op, spec: &ArgSpec, producers: usize) -> Option<Arg> {
        if spec.text {
            return Some(Arg::Text((*self.rng.pick(&CHOICES)).to_owned()));
        }
        if spec.list {
            let count = self.rng.below(4);
            let items: Option<Vec<Arg>> =
                (0..count).map(|_| self.value(op, spec, spec.kinds, producers)).collect();
            return items.map(Arg::List);
        }
        if spec.nullable && self.rng.percent(15) {
            return Some(Arg::Null);
        }
        self.value(op, spec, spec.kinds, producers)
    }

    /// Any value for a condition or a comparison.
    pub(super) fn anything(&mut self) -> Arg {
        let spec = &Op::Not.spec().args[0];
        self.argument(Op::Not, spec, 0).unwrap_or(Arg::Int(1))
    }

    fn value(&mut self, op: Op, spec: &ArgSpec, kinds: &[Kind], producers: usize) -> Option<Arg> {
        let register = self.register_of(kinds);
        if register.is_some() && self.rng.percent(60) {
            return register;
        }
        let number = kinds.iter().copied().find(|kind| kind.is_number());
        let object = self.object_of(kinds);
        match (number, object) {
            (Some(kind), Some(_)) if self.rng.percent(50) => Some(self.literal(op, spec, kind)),
            (_, Some(object)) => Some(object),
            (Some(kind), None) => Some(self.literal(op, spec, kind)),
            (None, None) => register.or_else(|| self.produced(kinds, producers)),
        }
    }

    /// A register with a value that will do.
    fn register_of(&mut self, kinds: &[Kind]) -> Option<Arg> {
        let number = kinds.iter().any(|kind| kind.is_plain_number());
        let fits = |kind: Kind| kinds.contains(&kind) || (number && kind.is_number());
        let fitting = self.assigned.iter().copied();
        let fitting: Vec<u16> =
            fitting.filter(|&register| fits(self.registers[usize::from(register)])).collect();
        (!fitting.is_empty()).then(|| Arg::Register(*self.rng.pick(&fitting)))
    }

    fn object_of(&mut self, kinds: &[Kind]) -> Option<Arg> {
        let fits = |&id: &usize| kinds.contains(&self.objects[id].kind.kind());
        let fitting: Vec<usize> = (0..self.objects.len()).filter(fits).collect();
        (!fitting.is_empty()).then(|| Arg::Object(ObjectId::new(*self.rng.pick(&fitting))))
    }

    fn literal(&mut self, op: Op, spec: &ArgSpec, kind: Kind) -> Arg {
        let number = match (kind, op, spec.name) {
            (Kind::Gfp, ..) => return Arg::Gfp(*self.rng.pick(&MASKS)),
            (Kind::Usage, ..) => self.rng.number(0, 3),
            (Kind::Nanos, ..) => *self.rng.pick(&DURATIONS),
            (Kind::Errno, ..) => -self.rng.pick(errno::ALL).1,
            (Kind::Cookie, ..) | (_, _, "interruptible" | "wait_for_submit" | "signal_on_any") => {
                self.rng.number(0, 1)
            }
            (_, Op::Choose, "options") => self.rng.number(1, 3),
            (_, _, "subclass") => self.rng.number(0, 2),
            (Kind::Seqno, ..) | (_, Op::DmaResvReserveFences, _) => self.rng.number(0, 5),
            _ => self.rng.number(-1, 4),
        };
        Arg::Int(number)
    }

    /// The result of an operation that makes such a value.
    fn produced(&mut self, kinds: &[Kind], producers: usize) -> Option<Arg> {
        if producers == MAX_PRODUCERS {
            return None;
        }
        let fits = |op: &Op| op.spec().result.is_some_and(|result| kinds.contains(&result));
        let makers: Vec<Op> = Op::ALL.iter().copied().filter(fits).collect();
        if makers.is_empty() {
            return None;
        }
        let producer = *self.rng.pick(&makers);
        let args = self.arguments(producer, producers + 1)?;
        let out = self.new_register(producer.spec().result?);
        self.emit(producer, args, Some(out));
        Some(Arg::Register(out))
    }
}
