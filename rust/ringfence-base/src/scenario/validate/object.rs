//! Declared objects: what they refer to, and whether their programs are what the kernel calls.

use core::ops::RangeInclusive;

use super::Checker;
use crate::scenario::path::Path;
use crate::scenario::signature::{Handler, Returns, handlers, references};
use crate::scenario::{GpuHang, Kind, Object, ObjectKind, Program, ScenarioError};

/// `DRM_SCHED_PRIORITY_COUNT`.
const PRIORITIES: u32 = 4;

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
            ObjectKind::Ring { slots, .. } => self.within("slots", slots, 1..=u32::MAX, path),
            ObjectKind::GpuJob { run_time, hang, .. } => {
                self.not_negative("run_time", run_time, path)?;
                let longer = if let GpuHang::Finite(longer) = hang { longer } else { 0 };
                self.not_negative("hang", longer, path)
            }
            ObjectKind::DrmSched { timeout, num_rqs, credit_limit, .. } => {
                self.not_negative("timeout", timeout, path)?;
                self.within("num_rqs", num_rqs, 1..=PRIORITIES, path)?;
                self.within("credit_limit", credit_limit, 1..=u32::MAX, path)
            }
            ObjectKind::SchedEntity { priority, .. } => {
                self.within("priority", priority, 0..=PRIORITIES - 1, path)
            }
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

    fn within(
        self,
        field: &str,
        value: u32,
        range: RangeInclusive<u32>,
        path: &Path<'_>,
    ) -> Result<(), ScenarioError> {
        if range.contains(&value) {
            return Ok(());
        }
        let message = match *range.end() {
            u32::MAX => format!("must be at least {}, not {value}", range.start()),
            end => format!("must be from {} to {end}, not {value}", range.start()),
        };
        Err(self.error(&path.field(field), message))
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
            (Returns::Ignored, _)
            | (Returns::MaybeNumber | Returns::Fence | Returns::FenceOrError, None)
            | (Returns::FenceOrError, Some(Kind::Fence | Kind::FenceOrErr))
            | (Returns::Fence, Some(Kind::Fence)) => true,
            (Returns::Number, None) | (Returns::Fence, Some(_)) => false,
            (_, Some(kind)) => kind.is_plain_number(),
        };
        if fits {
            return Ok(());
        }
        let name = self.program_name(handler.program);
        let got = program.result.map_or("nothing".to_owned(), |kind| format!("a value of kind {kind}"));
        let wanted = match handler.signature.result {
            Returns::Fence => "a fence or NULL",
            Returns::FenceOrError => "a fence, NULL or a negative errno",
            Returns::Ignored | Returns::MaybeNumber | Returns::Number => "a number",
        };
        let message = format!("`{}` must return {wanted}, but {name} returns {got}", handler.field);
        Err(self.error(path, message))
    }
}
