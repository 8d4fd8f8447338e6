//! Declared objects: what they refer to, and whether their programs are what the kernel calls.

use super::Checker;
use crate::scenario::path::Path;
use crate::scenario::signature::{Handler, Returns, handlers, references};
use crate::scenario::{Object, ObjectKind, Program, ScenarioError};

impl Checker<'_> {
    pub(super) fn objects(self) -> Result<(), ScenarioError> {
        for (index, object) in self.scenario.objects.iter().enumerate() {
            let path = Path::ROOT.named("objects", index, &object.name, object.at);
            self.site(object.at, &path)?;
            self.declared(object, &path)?;
        }
        Ok(())
    }

    fn declared(self, object: &Object, path: &Path<'_>) -> Result<(), ScenarioError> {
        for (field, id, wanted) in references(&object.kind) {
            self.refers(id, wanted, &path.field(field))?;
        }
        for handler in handlers(&object.kind) {
            self.handler(&object.kind, &handler, &path.field(handler.field))?;
        }
        match object.kind {
            ObjectKind::Task { thread } => self.task(thread, path),
            ObjectKind::Timeline { first_seqno, bound, .. } => {
                self.not_negative("bound", bound.unwrap_or(0), path)?;
                self.seqno("first_seqno", first_seqno, path)
            }
            ObjectKind::Fence { seqno, .. } => self.seqno("seqno", seqno.unwrap_or(0), path),
            _ => Ok(()),
        }
    }

    fn task(self, thread: u32, path: &Path<'_>) -> Result<(), ScenarioError> {
        let count = self.scenario.threads.len();
        if (thread as usize) < count {
            return Ok(());
        }
        let message = format!("there is no thread {thread} (counted from 0; the scenario has {count})");
        Err(self.error(&path.field("thread"), message))
    }

    /// Programs handle sequence numbers as `i64`.
    fn seqno(self, field: &str, seqno: u64, path: &Path<'_>) -> Result<(), ScenarioError> {
        if i64::try_from(seqno).is_ok() {
            return Ok(());
        }
        Err(self.error(&path.field(field), format!("{seqno} is too large: numbers go up to {}", i64::MAX)))
    }

    fn handler(self, kind: &ObjectKind, handler: &Handler, path: &Path<'_>) -> Result<(), ScenarioError> {
        let program = self.program(handler.program, path)?;
        let call = || format!("`{}` of {}", handler.field, kind.kind());
        let name = || self.program_name(handler.program);
        let params = handler.signature.params;
        if program.params != params.len() {
            let names: Vec<&str> = params.iter().map(|&(name, _)| name).collect();
            let message = match &names[..] {
                [] => {
                    format!("{} is called without arguments, but {} takes {}", call(), name(), program.params)
                }
                [..] => format!(
                    "{} is called with {} ({}), but {} takes {}",
                    call(),
                    names.len(),
                    names.join(", "),
                    name(),
                    program.params
                ),
            };
            return Err(self.error(path, message));
        }
        for (index, (&(param, wanted), &got)) in params.iter().zip(&program.registers).enumerate() {
            if wanted != got && !(wanted.is_number() && got.is_plain_number()) {
                let message = format!(
                    "{} gets `{param}` of kind {wanted}, but parameter {index} of {} is of kind {got}",
                    call(),
                    name()
                );
                return Err(self.error(path, message));
            }
        }
        self.handler_result(handler, program, path)
    }

    fn handler_result(
        self,
        handler: &Handler,
        program: &Program,
        path: &Path<'_>,
    ) -> Result<(), ScenarioError> {
        let fits = match (handler.signature.result, program.result) {
            (Returns::Ignored, _) | (Returns::MaybeNumber, None) => true,
            (Returns::Number, None) => false,
            (_, Some(kind)) => kind.is_plain_number(),
        };
        if fits {
            return Ok(());
        }
        let name = self.program_name(handler.program);
        let got = program.result.map_or("nothing".to_owned(), |kind| format!("a value of kind {kind}"));
        let message = format!("`{}` must return a number, but {name} returns {got}", handler.field);
        Err(self.error(path, message))
    }
}
