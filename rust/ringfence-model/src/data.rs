//! Numbers, shared variables and named choices.

use ringfence_base::ChoiceKind;
use ringfence_base::scenario::Op;

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::value::Value;

impl Kernel<'_> {
    #[inline(never)]
    pub(crate) fn data_op(&mut self, call: Call<'_>) -> Flow {
        let value = match call.op {
            Op::Add => Value::Int(self.int(call, 0).wrapping_add(self.int(call, 1))),
            Op::Sub => Value::Int(self.int(call, 0).wrapping_sub(self.int(call, 1))),
            Op::And => Value::Int(self.int(call, 0) & self.int(call, 1)),
            Op::Or => Value::Int(self.int(call, 0) | self.int(call, 1)),
            Op::Eq => Value::bool(same(self.arg(call, 0), self.arg(call, 1))),
            Op::Ne => Value::bool(!same(self.arg(call, 0), self.arg(call, 1))),
            Op::Lt => Value::bool(self.int(call, 0) < self.int(call, 1)),
            Op::Le => Value::bool(self.int(call, 0) <= self.int(call, 1)),
            Op::Not => Value::bool(!self.arg(call, 0).is_true()),
            Op::Set => self.arg(call, 0),
            Op::Choose => {
                // A choice is written down in 32 bits.
                let options = self.int(call, 1).clamp(0, i64::from(u32::MAX)) as usize;
                Value::Int(self.choose(ChoiceKind::Named, options) as i64)
            }
            Op::WarnOn => {
                if self.arg(call, 0).is_true() {
                    self.broken("RF706", "WARN_ON() of the scenario", None);
                }
                Value::Null
            }
            _ => return self.cell_op(call),
        };
        Flow::Return(value)
    }

    fn cell_op(&mut self, call: Call<'_>) -> Flow {
        let Some(cell) = self.object(call, 0) else { return Flow::Return(Value::Int(0)) };
        let old = self.w.cells[cell as usize];
        let (new, result) = match call.op {
            Op::CellWrite => (self.int(call, 1), Value::Null),
            Op::CellAdd => {
                let new = old.wrapping_add(self.int(call, 1));
                (new, Value::Int(new))
            }
            Op::CellCmpxchg if old == self.int(call, 1) => (self.int(call, 2), Value::Int(old)),
            Op::CellRead | Op::CellCmpxchg => return Flow::Return(Value::Int(old)),
            other => panic!("engine bug: {other:?} is no operation on numbers"),
        };
        self.w.cells[cell as usize] = new;
        Flow::Return(result)
    }
}

/// Equality as C sees it: NULL is 0.
fn same(a: Value, b: Value) -> bool {
    match (a, b) {
        (Value::Object(..), Value::Object(..)) => a == b,
        (Value::Object(..), _) | (_, Value::Object(..)) => false,
        _ => a.int() == b.int(),
    }
}
