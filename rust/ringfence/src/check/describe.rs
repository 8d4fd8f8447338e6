//! From the model's numbers to words.

use ringfence_base::scenario::Kind;
use ringfence_base::{ObjectRef, Origin, SiteId, TaskId};
use ringfence_diag::{HeldView, PlaceView, WaitLink};
use ringfence_model::judge::{Hang, HangLink, Waker};
use ringfence_model::{Held, Plan, Wait, World};

/// Resolves numbers of one plan.
#[derive(Clone, Copy)]
pub(super) struct Describe<'a> {
    pub(super) plan: &'a Plan,
}

impl Describe<'_> {
    /// Name of a context.
    pub(super) fn context(self, task: u32) -> String {
        match self.plan.contexts().get(task as usize) {
            Some(context) => context.name.clone(),
            None => "time".into(),
        }
    }

    /// Where something happened.
    pub(super) fn place(self, origin: Origin) -> PlaceView {
        let location = self.plan.scenario().site(origin.site);
        PlaceView {
            task: self.context(origin.task.raw()),
            op: origin.op,
            file: location.map(|location| location.file.clone()),
            line: location.map(|location| location.line),
            function: location.map(|location| location.function.clone()).filter(|name| !name.is_empty()),
            via: None,
        }
    }

    pub(super) fn place_of(self, task: u32, site: SiteId, step: u64) -> PlaceView {
        self.place(Origin { op: step, task: TaskId::from_raw(task), site })
    }

    /// An object, with its kind: `dma_fence flip`, `mutex gpu->lock`.
    pub(super) fn object(self, world: &World, object: ObjectRef) -> String {
        let name = self.name(world, object);
        let prefix = object.kind.as_str();
        if is_lock(object.kind) || name.starts_with(prefix) {
            return name;
        }
        format!("{prefix} {name}")
    }

    /// An object by name; a lock with its class if that is another.
    pub(super) fn name(self, world: &World, ObjectRef { kind, index }: ObjectRef) -> String {
        match kind {
            Kind::Fence => world.fence_name(self.plan, index),
            Kind::SchedJob => world.job_name(self.plan, index),
            kind if is_lock(kind) => self.lock(world, index),
            kind => self.plan.object_name(kind, index),
        }
    }

    /// A lock by name, with its class if that is another.
    pub(super) fn lock(self, world: &World, lock: u32) -> String {
        let name = self.plan.lock_name(world, lock);
        let class = self.class(world, lock);
        if name == class { name } else { format!("{name} ({class})") }
    }

    fn class(self, world: &World, lock: u32) -> String {
        self.plan.classes()[world.locks().class(lock) as usize].name.clone()
    }

    /// What a context waits for.
    pub(super) fn wait(self, world: &World, wait: Wait) -> String {
        match wait {
            Wait::Lock { lock, shared } => {
                let mode = if shared { ", for reading" } else { "" };
                format!("{}{mode}", self.lock(world, lock))
            }
            Wait::AnyFence(_) => "one of several fences".into(),
            Wait::Rcu => "an RCU grace period".into(),
            Wait::RcuBarrier => "all RCU callbacks".into(),
            Wait::Sleep => "time".into(),
            Wait::Task(task) => format!("{} to return", self.context(task)),
            Wait::WorkerCreation(wq) => {
                format!("a new worker of {}, for which there is no memory", self.wq(wq))
            }
            Wait::Engine(engine) => {
                format!("engine {} to be free", self.plan.object_name(Kind::Engine, engine))
            }
            Wait::Recovery(engine) => {
                format!("engine {} to be reset", self.plan.object_name(Kind::Engine, engine))
            }
            Wait::Workqueue(wq) => format!("all works of {}", self.wq(wq)),
            Wait::EntityIdle(entity) => {
                format!("the scheduler to let go of {}", self.plan.object_name(Kind::SchedEntity, entity))
            }
            Wait::EntityQueue(entity) => {
                format!("the queue of {} to be empty", self.plan.object_name(Kind::SchedEntity, entity))
            }
            other => other.object().map_or_else(String::new, |object| self.object(world, object)),
        }
    }

    fn wq(self, wq: u32) -> String {
        match wq.checked_sub(1) {
            None => "system_wq".into(),
            Some(declared) => self.plan.object_name(Kind::Workqueue, declared),
        }
    }

    pub(super) fn held(self, world: &World, task: u32, held: &Held) -> HeldView {
        HeldView {
            lock: self.plan.lock_name(world, held.lock),
            class: self.class(world, held.lock),
            shared: held.shared,
            at: self.place_of(task, held.site, 0),
        }
    }

    /// Names of fences.
    pub(super) fn fences(self, world: &World, fences: &[u32]) -> Vec<String> {
        fences.iter().map(|&fence| world.fence_name(self.plan, fence)).collect()
    }

    /// A hang, link by link.
    pub(super) fn chain(self, world: &World, hang: &Hang, step: u64) -> Vec<WaitLink> {
        hang.links.iter().map(|link| self.link(world, link, step)).collect()
    }

    /// Name of a context, or of a ring of a GPU.
    fn party(self, world: &World, party: u32) -> String {
        let ring = world.ring_of_party(self.plan, party);
        ring.map_or_else(|| self.context(party), |ring| self.object(world, ring))
    }

    fn link(self, world: &World, link: &HangLink, step: u64) -> WaitLink {
        if let Some(ring) = world.ring_of_party(self.plan, link.task) {
            return self.ring_link(world, link, ring, step);
        }
        let thread = &world.threads()[link.task as usize];
        WaitLink {
            context: self.context(link.task),
            waits_for: self.wait(world, link.wait),
            at: self.place_of(link.task, world.site(self.plan, link.task), step),
            inside: world.inside(self.plan, link.task),
            held: thread.held().iter().map(|held| self.held(world, link.task, held)).collect(),
            section: thread.sections().first().map(|section| self.place_of(link.task, section.site, step)),
            because: self.because(world, link.waker),
            others: link.others.iter().map(|&task| self.party(world, task)).collect(),
        }
    }

    /// A ring whose oldest work can't go on: the place is that of its submission.
    fn ring_link(self, world: &World, link: &HangLink, ring: ObjectRef, step: u64) -> WaitLink {
        let place = self.place(Origin { op: step, task: TaskId::from_raw(link.task), site: link.cause });
        WaitLink {
            context: self.object(world, ring),
            waits_for: self.wait(world, link.wait),
            at: PlaceView { task: self.object(world, ring), ..place },
            inside: Vec::new(),
            held: Vec::new(),
            section: None,
            because: self.because(world, link.waker),
            others: link.others.iter().map(|&party| self.party(world, party)).collect(),
        }
    }

    fn because(self, world: &World, waker: Option<Waker>) -> String {
        match waker {
            None => "nobody left would end this wait".into(),
            Some(Waker::Holds) => "holds it".into(),
            Some(Waker::Queues) => "is before it in the queue".into(),
            Some(Waker::Signals(index)) => format!("must signal {}", world.fence_name(self.plan, index)),
            Some(Waker::MaySignal(_)) => "may have to signal it".into(),
            Some(Waker::Submits) => "must give it a fence".into(),
            Some(Waker::Wakes) => "must wake it".into(),
            Some(Waker::Runs) => "has to run it".into(),
            Some(Waker::Inside) => "must leave it first".into(),
            Some(Waker::Itself) => "must return".into(),
            Some(Waker::Executes(index)) => {
                format!("must execute the work of {}", world.fence_name(self.plan, index))
            }
            Some(Waker::Recovers) => "must reset it".into(),
        }
    }
}

/// Locks of all kinds are numbered together.
fn is_lock(kind: Kind) -> bool {
    use Kind::{LocalLock, Mutex, RawSpinlock, Rwlock, Rwsem, Spinlock, WwMutex};
    matches!(kind, RawSpinlock | Spinlock | Rwlock | Mutex | Rwsem | LocalLock | WwMutex)
}
