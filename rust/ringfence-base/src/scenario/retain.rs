//! A scenario without some of its threads, objects and programs: what is left is numbered anew.

use super::signature::handlers;
use super::{Arg, ObjectKind, Scenario, SemaphorePoint, Stmt};
use crate::{ObjectId, ProgramId};

/// What is left of a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retained {
    /// Per thread.
    pub threads: Vec<bool>,
    /// Per object.
    pub objects: Vec<bool>,
    /// Per program.
    pub programs: Vec<bool>,
}

impl Retained {
    /// All of it.
    pub fn all(scenario: &Scenario) -> Self {
        Self {
            threads: vec![true; scenario.threads.len()],
            objects: vec![true; scenario.objects.len()],
            programs: vec![true; scenario.programs.len()],
        }
    }

    /// Without the objects either that cannot be without what is not left.
    #[must_use]
    pub fn closed(mut self, scenario: &Scenario) -> Self {
        loop {
            let renumber = Renumber::new(&self);
            let lost = (0..self.objects.len()).find(|&index| {
                let mut kind = scenario.objects[index].kind.clone();
                self.objects[index] && renumber.kind(&mut kind).is_none()
            });
            match lost {
                Some(index) => self.objects[index] = false,
                None => return self,
            }
        }
    }
}

impl Scenario {
    /// Of each program, whether a thread or an object calls it. The others do nothing.
    pub fn called_programs(&self) -> Vec<bool> {
        let mut called = vec![false; self.programs.len()];
        let by_objects = self.objects.iter().flat_map(|object| handlers(&object.kind));
        let programs = by_objects.map(|handler| handler.program);
        for program in programs.chain(self.threads.iter().map(|thread| thread.program)) {
            if let Some(called) = called.get_mut(program.index()) {
                *called = true;
            }
        }
        called
    }

    /// The scenario with only these threads, objects and programs. What may be absent, and refers to what is not left,
    /// is absent, and lists are shorter; `None`: something cannot be without what is not left. Sites stay.
    pub fn retain(&self, retained: &Retained) -> Option<Self> {
        let renumber = Renumber::new(retained);
        let mut scenario = self.clone();
        keep(&mut scenario.threads, &retained.threads);
        keep(&mut scenario.objects, &retained.objects);
        keep(&mut scenario.programs, &retained.programs);
        for thread in &mut scenario.threads {
            renumber.program(&mut thread.program)?;
            renumber.maybe(&mut thread.mm);
        }
        for object in &mut scenario.objects {
            renumber.kind(&mut object.kind)?;
        }
        for program in &mut scenario.programs {
            renumber.body(&mut program.body)?;
        }
        Some(scenario)
    }
}

fn keep<T>(list: &mut Vec<T>, retained: &[bool]) {
    let mut retained = retained.iter();
    list.retain(|_| retained.next().copied().unwrap_or(true));
}

/// The new number of each thread, object and program that is left.
struct Renumber {
    threads: Vec<Option<u32>>,
    objects: Vec<Option<u32>>,
    programs: Vec<Option<u32>>,
}

impl Renumber {
    fn new(retained: &Retained) -> Self {
        let numbers = |retained: &[bool]| -> Vec<Option<u32>> {
            let mut next = 0..;
            retained.iter().map(|&kept| if kept { next.next() } else { None }).collect()
        };
        Self {
            threads: numbers(&retained.threads),
            objects: numbers(&retained.objects),
            programs: numbers(&retained.programs),
        }
    }

    fn object(&self, id: &mut ObjectId) -> Option<()> {
        *id = ObjectId::from_raw(self.objects.get(id.index()).copied()??);
        Some(())
    }

    fn program(&self, id: &mut ProgramId) -> Option<()> {
        *id = ProgramId::from_raw(self.programs.get(id.index()).copied()??);
        Some(())
    }

    /// An object that may be absent.
    fn maybe(&self, id: &mut Option<ObjectId>) {
        *id = id.and_then(|mut id| self.object(&mut id).map(|()| id));
    }

    /// A program that may be absent.
    fn perhaps(&self, id: &mut Option<ProgramId>) {
        *id = id.and_then(|mut id| self.program(&mut id).map(|()| id));
    }

    fn list(&self, ids: &mut Vec<ObjectId>) {
        ids.retain_mut(|id| self.object(id).is_some());
    }

    fn points(&self, points: &mut Vec<SemaphorePoint>) {
        points.retain_mut(|point| self.object(&mut point.semaphore).is_some());
    }

    fn kind(&self, kind: &mut ObjectKind) -> Option<()> {
        use ObjectKind as K;
        match kind {
            K::RawSpinlock { .. }
            | K::Spinlock { .. }
            | K::Rwlock { .. }
            | K::Mutex { .. }
            | K::Rwsem { .. }
            | K::LocalLock { .. }
            | K::WwClass { .. }
            | K::Completion
            | K::WaitQueue
            | K::Cell { .. }
            | K::Workqueue { .. }
            | K::KthreadWorker
            | K::Mm
            | K::Syncobj
            | K::SwSync
            | K::Resv
            | K::Gpu { .. }
            | K::GpuSemaphore
            | K::GpuLock => {}
            K::WwMutex { class: object }
            | K::UserRange { mm: object }
            | K::Fence { timeline: object, .. } => {
                self.object(object)?;
            }
            K::Work { function }
            | K::DelayedWork { function }
            | K::KthreadWork { function }
            | K::Timer { function, .. }
            | K::Tasklet { function }
            | K::IrqWork { function }
            | K::RcuHead { function }
            | K::FenceCb { function } => self.program(function)?,
            K::Task { thread } => *thread = self.threads.get(*thread as usize).copied()??,
            K::IntervalNotifier { range, invalidate } => {
                self.object(range)?;
                self.program(invalidate)?;
            }
            K::MmuNotifier { mm, invalidate, release } => {
                self.object(mm)?;
                self.perhaps(invalidate);
                self.perhaps(release);
            }
            K::Irq { handler, thread } => {
                self.perhaps(handler);
                self.perhaps(thread);
            }
            K::Shrinker { count, scan, .. } => {
                self.program(count)?;
                self.program(scan)?;
            }
            K::FenceOps { enable_signaling, signaled, wait, release, set_deadline, .. } => {
                for op in [enable_signaling, signaled, wait, release, set_deadline] {
                    self.perhaps(op);
                }
            }
            K::Timeline { lock, ops, .. } => {
                self.maybe(lock);
                self.maybe(ops);
            }
            K::Engine { irq, gpu, .. } => {
                self.maybe(irq);
                self.maybe(gpu);
            }
            K::Ring { engine, irq, .. } => {
                self.object(engine)?;
                self.maybe(irq);
            }
            K::GpuJob { waits, signals, locks, uses, .. } => {
                self.points(waits);
                self.points(signals);
                self.list(locks);
                self.list(uses);
            }
            K::DrmSched { .. } => self.scheduler(kind)?,
            K::SchedEntity { scheds, guilty, .. } => {
                // Without any it would be another entity: one that a program initialises.
                let any = !scheds.is_empty();
                self.list(scheds);
                if any && scheds.is_empty() {
                    return None;
                }
                self.maybe(guilty);
            }
        }
        Some(())
    }

    fn scheduler(&self, kind: &mut ObjectKind) -> Option<()> {
        let ObjectKind::DrmSched {
            run_job,
            prepare_job,
            timedout_job,
            free_job,
            cancel_job,
            update_job_credits,
            submit_wq,
            timeout_wq,
            ..
        } = kind
        else {
            return Some(());
        };
        self.program(run_job)?;
        self.program(free_job)?;
        for op in [prepare_job, timedout_job, cancel_job, update_job_credits] {
            self.perhaps(op);
        }
        self.maybe(submit_wq);
        self.maybe(timeout_wq);
        Some(())
    }

    fn body(&self, body: &mut [Stmt]) -> Option<()> {
        for stmt in body {
            match stmt {
                Stmt::Op(operation) => operation.args.iter_mut().try_for_each(|arg| self.arg(arg))?,
                Stmt::If { cond, then, otherwise, .. } => {
                    self.arg(cond)?;
                    self.body(then)?;
                    self.body(otherwise)?;
                }
                Stmt::Loop { body, .. } => self.body(body)?,
                Stmt::Return { value: Some(value), .. } => self.arg(value)?,
                Stmt::Return { value: None, .. } | Stmt::Break { .. } | Stmt::Continue { .. } => {}
            }
        }
        Some(())
    }

    fn arg(&self, arg: &mut Arg) -> Option<()> {
        match arg {
            Arg::Object(id) => self.object(id),
            Arg::List(items) => items.iter_mut().try_for_each(|item| self.arg(item)),
            Arg::Int(_) | Arg::Gfp(_) | Arg::Null | Arg::Register(_) | Arg::Text(_) => Some(()),
        }
    }
}
