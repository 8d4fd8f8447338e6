//! Statements: nesting, jumps, results, and whether every register has a value before it is read.

use super::assigned::Assigned;
use super::{Checker, MAX_NESTING};
use crate::scenario::path::Path;
use crate::scenario::{Arg, Kind, Program, ScenarioError, Stmt};

/// The walk over one program.
pub(super) struct Flow<'a> {
    pub(super) checker: Checker<'a>,
    pub(super) program: &'a Program,
    /// What is assigned where the walk stands.
    pub(super) assigned: Assigned,
    /// The loops around it, innermost last.
    loops: Vec<Loop>,
    /// How many visible operations and returns were reached so far.
    noticeable: usize,
}

/// A loop that the walk is inside of.
struct Loop {
    /// What is assigned where it is left.
    exit: Assigned,
    /// What [`Flow::noticeable`] was at its start.
    noticeable: usize,
}

impl<'a> Flow<'a> {
    /// Checks the body of a program whose registers are fine.
    pub(super) fn check(
        checker: Checker<'a>,
        program: &'a Program,
        path: &Path<'_>,
    ) -> Result<(), ScenarioError> {
        let assigned = Assigned::params(program.params, program.registers.len());
        let mut flow = Self { checker, program, assigned, loops: Vec::new(), noticeable: 0 };
        flow.block(&program.body, "body", path, 1)?;
        match program.result {
            Some(kind) if flow.assigned.is_reachable() => {
                let message = format!("not every path returns a value, but the result is of kind {kind}");
                Err(checker.error(path, message))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn error(&self, path: &Path<'_>, message: impl Into<String>) -> ScenarioError {
        self.checker.error(path, message)
    }

    fn block(
        &mut self,
        body: &[Stmt],
        list: &str,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<(), ScenarioError> {
        for (index, stmt) in body.iter().enumerate() {
            let at = stmt.at();
            let path = path.named(list, index, "", at);
            self.checker.site(at, &path)?;
            if depth > MAX_NESTING {
                let message = format!("statements are nested deeper than {MAX_NESTING}");
                return Err(self.error(&path, message));
            }
            self.stmt(stmt, &path, depth)?;
        }
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt, path: &Path<'_>, depth: usize) -> Result<(), ScenarioError> {
        match stmt {
            Stmt::Op(operation) => {
                self.operation(operation, path)?;
                let visible = operation.op.spec().visible && self.assigned.is_reachable();
                self.noticeable += usize::from(visible);
            }
            Stmt::If { cond, then, otherwise, .. } => {
                self.condition(cond, &path.field("if"))?;
                let before = self.assigned.clone();
                self.block(then, "then", path, depth + 1)?;
                let after_then = core::mem::replace(&mut self.assigned, before);
                self.block(otherwise, "else", path, depth + 1)?;
                self.assigned.join(after_then);
            }
            Stmt::Loop { body, .. } => self.endless(body, path, depth)?,
            Stmt::Break { .. } => {
                let left = core::mem::replace(&mut self.assigned, Assigned::never());
                let Some(innermost) = self.loops.last_mut() else {
                    return Err(self.error(path, "break outside a loop"));
                };
                innermost.exit.join(left);
            }
            Stmt::Continue { .. } => {
                if self.loops.is_empty() {
                    return Err(self.error(path, "continue outside a loop"));
                }
                self.assigned = Assigned::never();
            }
            Stmt::Return { value, .. } => {
                self.result(value.as_ref(), path)?;
                self.noticeable += usize::from(self.assigned.is_reachable());
                self.assigned = Assigned::never();
            }
        }
        Ok(())
    }

    fn endless(&mut self, body: &[Stmt], path: &Path<'_>, depth: usize) -> Result<(), ScenarioError> {
        let entered = self.assigned.is_reachable();
        self.loops.push(Loop { exit: Assigned::never(), noticeable: self.noticeable });
        self.block(body, "loop", path, depth + 1)?;
        let Loop { exit, noticeable } = self.loops.pop().expect("engine bug: loops are not balanced");
        if entered && !exit.is_reachable() && noticeable == self.noticeable {
            let message = "the loop does nothing that others could see: it needs a reachable visible \
                           operation, break or return, or it would spin for ever";
            return Err(self.error(path, message));
        }
        self.assigned = exit;
        Ok(())
    }

    fn condition(&self, cond: &Arg, path: &Path<'_>) -> Result<(), ScenarioError> {
        let what = "a condition";
        self.value(cond, Kind::ALL, true, path, &|| what.to_owned())
    }

    fn result(&self, value: Option<&Arg>, path: &Path<'_>) -> Result<(), ScenarioError> {
        match (value, self.program.result) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(self.error(path, "returns a value, but the program has no result")),
            (None, Some(kind)) => {
                Err(self.error(path, format!("returns no value, but the program's result is of kind {kind}")))
            }
            (Some(value), Some(kind)) => {
                let nullable = !kind.is_number();
                let wanted = match kind {
                    Kind::FenceOrErr => &[Kind::Fence, Kind::Errno][..],
                    _ => &[kind],
                };
                self.value(value, wanted, nullable, &path.item("return", 0), &|| "the result".to_owned())
            }
        }
    }
}
