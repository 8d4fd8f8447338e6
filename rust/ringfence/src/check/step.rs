//! The steps of one execution, in words.

use ringfence_base::scenario::{Kind, Op, number};
use ringfence_base::{Event, EventKind, GpuEvent, JobEvent, ObjectRef, SiteId};
use ringfence_diag::StepView;
use ringfence_explore::Watch;
use ringfence_model::{Action, Argument, Current, LockSort, Plan, Value, World, class};

use super::describe::Describe;
use super::execution::Executor;

/// Writes down each step and its events.
pub(super) struct Recorder<'a> {
    plan: &'a Plan,
    pub(super) steps: Vec<StepView>,
    pub(super) events: Vec<Event>,
    /// What the next step will do.
    next: Next,
}

/// What was known of a step before it was taken.
#[derive(Default)]
struct Next {
    /// The operation it does, or goes on with.
    op: Option<Op>,
    what: Option<String>,
    /// How many programs its context was in.
    programs: usize,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self { plan, steps: Vec::new(), events: Vec::new(), next: Next::default() }
    }
}

impl<'p> Watch<Executor<'p>> for Recorder<'_> {
    fn before(&mut self, executor: &Executor<'p>, action: Action) {
        let world = executor.world();
        self.next = match action {
            Action::Run(task) => {
                let current = world.current(self.plan, task);
                let programs = world.programs(self.plan, task).count();
                let what = current.as_ref().map(|current| call(self.plan, world, current));
                Next { op: current.map(|current| current.op), what, programs }
            }
            Action::Interrupt { source, host } => {
                let what = Some(format!("{} arrives", self.plan.source_name(source)));
                Next { op: None, what, programs: world.programs(self.plan, host).count() }
            }
            Action::Expire => Next::default(),
        };
    }

    fn after(&mut self, executor: &Executor<'p>, action: Action) {
        let task = match action {
            Action::Run(task) | Action::Interrupt { host: task, .. } => task,
            Action::Expire => u32::MAX,
        };
        let (world, events) = (executor.world(), executor.events());
        let Next { op, what, programs } = std::mem::take(&mut self.next);
        let mut what: Vec<String> = what.into_iter().collect();
        let mut runs = world.programs(self.plan, task).skip(programs).map(|name| format!("runs {name}()"));
        // An interrupt runs its handler at once, a call at its end.
        if let Action::Interrupt { .. } = action {
            what.extend(runs.by_ref());
        }
        for event in events {
            if said_by(op, event.kind) || is_internal(self.plan, world, event.kind) {
                continue;
            }
            if self.is_what_it_signals(world, op, &what, event.kind) {
                continue;
            }
            match event.kind {
                EventKind::Block(object) => self.blocks(world, object, &mut what),
                kind => what.extend(self.event(world, kind)),
            }
        }
        what.extend(runs);
        what.dedup();
        let number = executor.steps() - 1;
        let describe = Describe { plan: self.plan };
        let site = events.first().map_or_else(
            || world.threads().get(task as usize).map_or(SiteId::UNKNOWN, ringfence_model::Thread::site),
            |event| event.origin.site,
        );
        let at = describe.place_of(task, site, number);
        self.steps.push(StepView { number, context: describe.context(task), what, at });
        self.events.extend_from_slice(events);
    }
}

impl Recorder<'_> {
    /// The fence that the operation is there to signal: it says so. Others, which its callbacks signal, are news.
    fn is_what_it_signals(&self, world: &World, op: Option<Op>, what: &[String], kind: EventKind) -> bool {
        let EventKind::FenceSignal(fence) = kind else { return false };
        let signals =
            matches!(op, Some(Op::DmaFenceSignal | Op::DmaFenceSignalLocked | Op::DmaFenceSignalTimestamp));
        let named = |call: &String| call.contains(&format!("({}", world.fence_name(self.plan, fence)));
        signals && what.first().is_some_and(named)
    }

    /// What it waits for, if the call does not say that already.
    fn blocks(&self, world: &World, object: ObjectRef, what: &mut Vec<String>) {
        let describe = Describe { plan: self.plan };
        let name = match object.kind {
            Kind::Mutex => self.plan.lock_name(world, object.index),
            _ => describe.name(world, object),
        };
        what.pop_if(|last| *last == format!("takes {name}"));
        let known = what.first().is_some_and(|call| call.contains(&name));
        what.push(if known {
            "blocks".into()
        } else {
            format!("waits for {}", describe.object(world, object))
        });
    }

    /// What an event says to a reader of a schedule; most say nothing that the operation does not.
    fn event(&self, world: &World, kind: EventKind) -> Option<String> {
        let fence = |fence| world.fence_name(self.plan, fence);
        let lock = |lock: ringfence_base::LockId| self.plan.lock_name(world, lock.raw());
        Some(match kind {
            EventKind::Acquire(taken, flags) if flags.trylock => format!("tries {}", lock(taken)),
            EventKind::Acquire(taken, _) => format!("takes {}", lock(taken)),
            EventKind::Release(released) => format!("releases {}", lock(released)),
            EventKind::FsReclaimAcquire(_) => "reclaims memory".into(),
            EventKind::BeginSignalling => "begins a signalling section".into(),
            EventKind::BeginStrict => "begins a signalling section (strict mode)".into(),
            EventKind::FencePublish(index, _) => format!("publishes {}", fence(index)),
            EventKind::FenceSignal(index) => format!("signals {}", fence(index)),
            EventKind::Allocated(false) => "the allocation fails".into(),
            EventKind::Time(now) => {
                format!("time is {}", number(Kind::Nanos, i64::try_from(now).unwrap_or(i64::MAX)))
            }
            EventKind::Broken(rule, what, _) => format!("{rule}: {what}"),
            EventKind::Exit => "returns".into(),
            EventKind::Job(event, job) => return self.job_event(world, event, job),
            EventKind::Gpu(event, object) => return self.gpu_event(world, event, object),
            EventKind::SignalPending => "has a fatal signal".into(),
            _ => return None,
        })
    }

    fn job_event(&self, world: &World, event: JobEvent, job: u32) -> Option<String> {
        let job = world.job_name(self.plan, job);
        Some(match event {
            JobEvent::Run => format!("hands {job} to the driver"),
            JobEvent::TimedOut => format!("{job} has timed out"),
            JobEvent::Cancel => format!("cancels {job}"),
            JobEvent::Free => format!("gives {job} back to the driver"),
            // The operation, or the handler's name, says it.
            JobEvent::Arm | JobEvent::Push | JobEvent::Handled => return None,
        })
    }

    fn gpu_event(&self, world: &World, event: GpuEvent, object: ObjectRef) -> Option<String> {
        let on = Describe { plan: self.plan }.name(world, object);
        let work = |fence: Option<u32>| match fence {
            Some(fence) => format!("the work of {}", world.fence_name(self.plan, fence)),
            None => "work without a fence".to_owned(),
        };
        Some(match event {
            GpuEvent::Begin(fence) => format!("{on} begins {}", work(fence)),
            GpuEvent::Preempt(fence) => format!("{on} leaves {}", work(fence)),
            GpuEvent::Fault(fence) => format!("{on} stops at a memory fault in {}", work(fence)),
            GpuEvent::Hang(fence) => format!("{on} hangs in {}", work(fence)),
            GpuEvent::Complete(fence) => format!("{on} completes {}", work(fence)),
            GpuEvent::Lost(fence) => format!("{on} loses {}", work(fence)),
            GpuEvent::ResetBegin => format!("{on} stands still"),
            GpuEvent::ResetEnd(0) => format!("{on} is reset"),
            GpuEvent::ResetEnd(error) => format!("{on} can't be reset (error {error})"),
            GpuEvent::Wedge => format!("{on} is wedged"),
            GpuEvent::IrqLost => format!("the interrupt of {on} is lost"),
            GpuEvent::Emit(_) => return None,
        })
    }
}

/// An operation with its arguments: `dma_resv_add_fence(bo, flip, DMA_RESV_USAGE_WRITE)`. Cookies say nothing, nor
/// does NULL at the end.
fn call(plan: &Plan, world: &World, current: &Current) -> String {
    let mut args: Vec<String> = Vec::new();
    let mut worth = 0;
    for (spec, argument) in current.op.spec().args.iter().zip(&current.args) {
        let kind = spec.kinds.first().copied();
        if spec.text || kind == Some(Kind::Cookie) {
            continue;
        }
        let shown = |&value: &Value| shown(plan, world, kind, value);
        args.push(match argument {
            Argument::One(value) => shown(value),
            Argument::Several(values) => {
                format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
        });
        if *argument != Argument::One(Value::Null) || !spec.nullable || kind == Some(Kind::Workqueue) {
            worth = args.len();
        }
    }
    args.truncate(worth);
    let again = if current.goes_on { "… " } else { "" };
    format!("{again}{}({})", current.op.name(), args.join(", "))
}

/// A value where one of this kind is wanted.
fn shown(plan: &Plan, world: &World, kind: Option<Kind>, value: Value) -> String {
    match (value, kind) {
        (Value::Int(value), kind) => number(kind.unwrap_or(Kind::Int), value),
        (Value::Null, Some(Kind::Workqueue)) => "system_wq".to_owned(),
        (Value::Null, _) => "NULL".to_owned(),
        (Value::Object(kind, index), _) => Describe { plan }.name(world, ObjectRef { kind, index }),
    }
}

/// The operation's name says it.
fn said_by(op: Option<Op>, kind: EventKind) -> bool {
    use Op::{DmaFenceBeginSignalling, DmaFencePublish, DmaFenceSignal};
    use ringfence_base::scenario::Family::{Lock, Resv, Ww};
    let Some(op) = op else { return false };
    match kind {
        EventKind::Release(_) => true,
        EventKind::Acquire(..) => matches!(op.spec().family, Lock | Ww | Resv),
        EventKind::BeginSignalling => matches!(op, DmaFenceBeginSignalling | DmaFenceSignal),
        EventKind::FencePublish(..) => op == DmaFencePublish,
        _ => false,
    }
}

/// Locks that nobody has written down: those inside fences and schedulers, and annotations that nobody blocks on.
fn is_internal(plan: &Plan, world: &World, kind: EventKind) -> bool {
    let (EventKind::Acquire(lock, _) | EventKind::Release(lock)) = kind else { return false };
    let number = world.locks().class(lock.raw());
    let of_fences = (class::FENCE_ARRAY..=class::SCHED_FENCE).contains(&number);
    of_fences
        || plan.is_timeline_lock(lock.raw())
        || plan.is_sched_lock(lock.raw())
        || matches!(plan.classes()[number as usize].sort, LockSort::Map | LockSort::Rcu)
}
