//! From a problem to a finding: ids become names, edges become links, one sentence says why it blocks.

use ringfence_base::{ClassId, Origin};
use ringfence_diag::{
    ClassView, HeldLockView, IrqState, Link, LockFinding, LockReport, PlaceView, Silence, TaskView,
    UsageConflict, UsageView, Verdict,
};

use crate::class::NO_CLASS;
use crate::config::AfterReport;
use crate::dependency::Kind;
use crate::graph::Direction;
use crate::held::{HeldLock, Task};
use crate::problem::{Detail, Problem};
use crate::search::PathStep;
use crate::usage::UsageBit;
use crate::validator::Validator;
use crate::wording::{summary, why};

/// Made-up process ids and addresses start here, so that they look like what they stand for.
const FIRST_PID: u32 = 1000;
const FIRST_ADDRESS: u64 = 0xffff_8880_0a00_0000;
const LOCK_SIZE: u64 = 0x40;

impl Validator {
    pub(crate) fn report(&mut self, detail: Detail, lock: &HeldLock) {
        self.report_silent(detail, lock, None);
    }

    /// Keeps a problem, or counts it if it is known. With [`AfterReport::Stop`] the validator goes off.
    #[cold]
    pub(crate) fn report_silent(&mut self, detail: Detail, lock: &HeldLock, silence: Option<Silence>) {
        self.reports += 1;
        let key = detail.key(lock);
        let index = self.problems.len();
        let index = *self.known.entry(key).or_insert(index as u32) as usize;
        if !self.reported.contains(&index) {
            self.reported.push(index);
        }
        if let Some(known) = self.problems.get_mut(index) {
            known.count += 1;
            return;
        }
        let task = &self.tasks[self.now.task.index()];
        let mut problem = Problem {
            detail,
            origin: self.now,
            task: self.now.task,
            lock: *lock,
            irq: irq_state(task),
            wait_context: self.scale.context(task),
            silence,
            count: 1,
            finding: None,
        };
        match self.config.after_report {
            // The state stays as it is, so words can wait until somebody asks.
            AfterReport::Stop => self.on = false,
            AfterReport::Continue => problem.finding = Some(Box::new(self.describe(&problem))),
        }
        self.problems.push(problem);
    }

    pub(crate) fn describe(&self, problem: &Problem) -> LockFinding {
        let links = self.links(problem);
        let usage = self.usage_conflict(problem);
        let task = &self.tasks[problem.task.index()];
        let holding = match &problem.detail {
            Detail::Circular { prev, .. }
            | Detail::Recursive { prev }
            | Detail::IrqDependency { prev, .. } => Some(self.held_view(prev)),
            _ => None,
        };
        let report = LockReport {
            at: self.place(problem.origin),
            task: TaskView {
                name: String::from(&*task.name),
                pid: FIRST_PID + problem.task.raw(),
                irq: problem.irq,
                wait_context: problem.wait_context,
            },
            lock: self.held_view(&problem.lock),
            holding,
            held: task.held.iter().map(|held| self.held_view(held)).collect(),
            links,
            usage,
            nest_lock: match &problem.detail {
                Detail::NestLockNotHeld { nest } => {
                    Some(String::from(&self.registry.lock_names[nest.index()]))
                }
                _ => None,
            },
            limit: match &problem.detail {
                Detail::LimitReached(limit) => Some(limit.name()),
                _ => None,
            },
        };
        let kind = problem.detail.kind();
        LockFinding {
            rule: kind.code(),
            kind,
            verdict: Verdict::Predicted,
            summary: summary(kind, &report),
            why: why(kind, &report),
            report,
            silence: problem.silence,
            count: problem.count,
        }
    }

    fn place(&self, origin: Origin) -> PlaceView {
        let place = self.sites.place(origin.site);
        let location = place.location.as_ref();
        let task = self.tasks.get(origin.task.index());
        PlaceView {
            task: task.map_or_else(String::new, |task| String::from(&*task.name)),
            op: origin.op,
            file: location.map(|at| at.file.clone()),
            line: location.map(|at| at.line),
            function: location.map(|at| at.function.clone()).filter(|name| !name.is_empty()),
            via: place.via.clone(),
        }
    }

    fn class_view(&self, class: ClassId) -> ClassView {
        let data = self.registry.class(class);
        let usages = (0..=UsageBit::USED.read().number()).map(UsageBit::from_number);
        ClassView {
            name: self.registry.class_name(class),
            usage: [UsageBit::USED_IN_HARDIRQ, UsageBit::USED_IN_SOFTIRQ]
                .into_iter()
                .flat_map(|bit| [bit, bit.read()])
                .map(|bit| usage_char(data.usage.contains(bit), data.usage.contains(bit.enabled())))
                .collect(),
            wait_outer: data.wait_outer,
            wait_inner: data.wait_inner,
            usages: usages
                .filter_map(|bit| {
                    let origin = self.registry.usage_origin(class, bit)?;
                    Some(UsageView { state: bit.name(), at: self.place(origin) })
                })
                .collect(),
        }
    }

    fn held_view(&self, held: &HeldLock) -> HeldLockView {
        HeldLockView {
            instance: String::from(&self.registry.lock_names[held.lock.index()]),
            address: FIRST_ADDRESS + u64::from(held.lock.raw()) * LOCK_SIZE,
            class: if held.class == NO_CLASS { self.unused_class(held) } else { self.class_view(held.class) },
            read: held.read as u8,
            trylock: held.trylock,
            sync: held.sync,
            references: held.references,
            at: self.place(held.origin),
        }
    }

    /// A class nobody used yet, as its first use would make it.
    fn unused_class(&self, held: &HeldLock) -> ClassView {
        let lock = self.registry.lock(held.lock);
        ClassView {
            name: String::from(&self.registry.key_names[lock.key.0 as usize]),
            usage: String::from("...."),
            wait_outer: self.scale.number(lock.wait_outer),
            wait_inner: self.scale.number(lock.wait_inner),
            usages: Vec::new(),
        }
    }

    fn link(&self, step: PathStep, direction: Direction) -> Link {
        let kind = step.kinds.strongest(direction);
        let edge = self.graph.edge(step.edge);
        let witness = self.graph.witness(step.edge, kind);
        Link {
            from: self.class_view(edge.from),
            to: self.class_view(edge.to),
            kind: kind.view(),
            held_read: witness.held_read as u8,
            taken_read: witness.taken_read as u8,
            held_at: self.place(witness.held),
            taken_at: self.place(witness.taken),
            new: false,
        }
    }

    fn new_link(&self, prev: &HeldLock, problem: &Problem) -> Link {
        Link {
            from: self.class_view(prev.class),
            to: self.class_view(problem.lock.class),
            kind: Kind::of(prev.read, problem.lock.read).view(),
            held_read: prev.read as u8,
            taken_read: problem.lock.read as u8,
            held_at: self.place(prev.origin),
            taken_at: self.place(problem.origin),
            new: true,
        }
    }

    fn links(&self, problem: &Problem) -> Vec<Link> {
        let path = |steps: &[PathStep], direction| {
            steps.iter().map(|step| self.link(*step, direction)).collect::<Vec<_>>()
        };
        match &problem.detail {
            Detail::Circular { prev, path: steps } => {
                let mut links = path(steps, Direction::Forwards);
                links.push(self.new_link(prev, problem));
                links
            }
            Detail::IrqDependency { prev, before, after, .. } => {
                let mut links = path(before, Direction::Backwards);
                links.push(self.new_link(prev, problem));
                links.extend(path(after, Direction::Forwards));
                links
            }
            Detail::IrqInversion { path: steps, forwards: true, .. } => path(steps, Direction::Forwards),
            Detail::IrqInversion { path: steps, forwards: false, .. } => {
                let mut links = path(steps, Direction::Backwards);
                links.reverse();
                links
            }
            _ => Vec::new(),
        }
    }

    fn usage_conflict(&self, problem: &Problem) -> Option<UsageConflict> {
        let own = problem.lock.class;
        let far = |steps: &[PathStep], from: bool, or: ClassId| {
            let edge = if from { steps.first() } else { steps.last() };
            edge.map_or(or, |step| {
                let edge = self.graph.edge(step.edge);
                if from { edge.from } else { edge.to }
            })
        };
        let (safe, safe_bit, unsafe_, unsafe_bit) = match &problem.detail {
            Detail::IrqDependency { prev, before, after, safe, unsafe_ } => {
                (far(before, true, prev.class), *safe, far(after, false, own), *unsafe_)
            }
            Detail::IrqInversion { other, bit, new, forwards: true, .. } => (own, *new, *other, *bit),
            Detail::IrqInversion { other, bit, new, forwards: false, .. } => (*other, *bit, own, *new),
            Detail::InconsistentUsage { old, new } if new.is_enabled() => (own, *old, own, *new),
            Detail::InconsistentUsage { old, new } => (own, *new, own, *old),
            _ => return None,
        };
        // The kernel names the irq after the state that was there before, write before read.
        let irq = match &problem.detail {
            Detail::IrqInversion { bit, .. } => *bit,
            _ => safe_bit,
        };
        let at = |class, bit| {
            self.registry.usage_origin(class, bit).map_or_else(PlaceView::default, |at| self.place(at))
        };
        Some(UsageConflict {
            irq: irq.irq_name(),
            safe: self.class_view(safe),
            safe_state: safe_bit.name(),
            safe_at: at(safe, safe_bit),
            unsafe_: self.class_view(unsafe_),
            unsafe_state: unsafe_bit.name(),
            unsafe_at: at(unsafe_, unsafe_bit),
            forwards: match &problem.detail {
                Detail::IrqInversion { new, .. } | Detail::InconsistentUsage { new, .. } => !new.is_enabled(),
                _ => false,
            },
        })
    }
}

fn irq_state(task: &Task) -> IrqState {
    IrqState {
        hardirq_context: task.irqs.in_hardirq(),
        softirq_context: task.irqs.in_softirq(),
        hardirq_count: task.irqs.hardirq_count(),
        softirq_count: task.irqs.softirq_count(),
        hardirqs_enabled: task.irqs.hardirqs_enabled(),
        softirqs_enabled: task.irqs.softirqs_enabled(),
    }
}

/// `get_usage_char()`.
fn usage_char(used_in: bool, enabled: bool) -> char {
    match (used_in, enabled) {
        (false, false) => '.',
        (false, true) => '+',
        (true, false) => '-',
        (true, true) => '?',
    }
}
