//! Acquiring and releasing.

use ringfence_base::Read;
use ringfence_diag::LockReportKind;
use ringfence_lockdep::annotations::LockKind;
use ringfence_lockdep::{LockType, WaitType};

use crate::held::{Args, Class, Held, Lock, Task};
use crate::usage::{Use, Uses};
use crate::walks::{Dependencies, Dependency, Direction, End};

/// A report: what was found, and the length of the circle if it is one.
pub(crate) type Report = (LockReportKind, Option<usize>);

/// Nothing to report, or the first report, after which the validator must not be asked again.
pub(crate) type Checked = Result<(), Report>;

/// A lock: its key and how it was initialised.
pub(crate) struct LockEntry {
    pub(crate) key: usize,
    pub(crate) kind: LockKind,
}

/// A class: one per key and subclass, as its first lock was initialised.
struct ClassEntry {
    key: usize,
    subclass: u32,
    kind: LockKind,
}

/// The validator.
pub(crate) struct Validator {
    pub(crate) locks: Vec<LockEntry>,
    classes: Vec<ClassEntry>,
    pub(crate) tasks: Vec<Task>,
    /// The running one.
    pub(crate) current: usize,
    dependencies: Dependencies,
    uses: Uses,
}

impl Validator {
    pub(crate) fn new(tasks: usize) -> Self {
        Self {
            locks: Vec::new(),
            classes: Vec::new(),
            tasks: (0..tasks).map(|_| Task::new()).collect(),
            current: 0,
            dependencies: Dependencies::default(),
            uses: Uses::default(),
        }
    }

    pub(crate) fn task(&mut self) -> &mut Task {
        &mut self.tasks[self.current]
    }

    fn find_class(&self, lock: Lock, subclass: u32) -> Option<Class> {
        let key = self.locks[lock].key;
        self.classes.iter().position(|class| class.key == key && class.subclass == subclass)
    }

    fn class(&mut self, lock: Lock, subclass: u32) -> Class {
        self.find_class(lock, subclass).unwrap_or_else(|| {
            let LockEntry { key, kind } = self.locks[lock];
            self.classes.push(ClassEntry { key, subclass, kind });
            self.classes.len() - 1
        })
    }

    /// Interrupts see a dependency on an ordinary lock only.
    fn skipped_by_irqs(&self, class: Class) -> bool {
        self.classes[class].kind.lock_type != LockType::Normal
    }

    pub(crate) fn acquire(&mut self, lock: Lock, args: Args) -> Checked {
        let irqs_off = !self.task().irqs_on;
        self.acquire_anew(lock, args, irqs_off, 0)
    }

    fn acquire_anew(&mut self, lock: Lock, args: Args, irqs_off: bool, references: u32) -> Checked {
        let class = self.class(lock, args.subclass);
        if let Some(top) = self.task().held.last_mut()
            && top.class == class
            && args.nest.is_some()
        {
            top.references = top.references.max(1) + references.max(1);
            return Ok(());
        }
        let context = self.task().context();
        let new = Held { lock, class, args, references, irqs_off, context };
        self.check(&new, false)?;
        self.task().held.push(new);
        Ok(())
    }

    /// An acquisition that leaves nothing held.
    pub(crate) fn sync(&mut self, lock: Lock, args: Args) -> Checked {
        let class = self.class(lock, args.subclass);
        let context = self.task().context();
        let irqs_off = !self.task().irqs_on;
        let args = Args { trylock: false, ..args };
        self.check(&Held { lock, class, args, references: 0, irqs_off, context }, true)
    }

    fn check(&mut self, new: &Held, sync: bool) -> Checked {
        self.check_wait_context(new)?;
        self.mark_acquired(new, sync)?;
        if new.args.nest.is_some_and(|nest| self.held_how(nest).is_none()) {
            return Err((LockReportKind::NestLockNotHeld, None));
        }
        if new.args.trylock || !new.args.check || self.excused_recursion(new)? {
            return Ok(());
        }
        let holders: Vec<Held> =
            self.tasks[self.current].held_in_context().filter(|held| held.args.check).copied().collect();
        for holder in holders {
            self.depend(&holder, new)?;
        }
        Ok(())
    }

    fn check_wait_context(&self, new: &Held) -> Checked {
        let kind = self.classes[new.class].kind;
        if kind.wait_inner == WaitType::None || new.args.trylock {
            return Ok(());
        }
        let task = &self.tasks[self.current];
        let mut allowed = match task.context() {
            context if context.hard && !task.threaded => WaitType::Spin,
            context if context.hard || context.soft => WaitType::Config,
            _ => WaitType::Sleep,
        };
        let held: Vec<&Held> = task.held_in_context().collect();
        for held in held.into_iter().rev() {
            let LockKind { wait_inner, lock_type, .. } = self.classes[held.class].kind;
            if wait_inner == WaitType::None {
                continue;
            }
            let overrides = lock_type == LockType::WaitOverride;
            allowed = if overrides { wait_inner } else { allowed.min(wait_inner) };
        }
        let wanted = if kind.wait_outer == WaitType::None { kind.wait_inner } else { kind.wait_outer };
        if wanted > allowed { Err((LockReportKind::WaitContext, None)) } else { Ok(()) }
    }

    /// True if a lock of the class is held and a nest lock below the first such lock makes that harmless.
    fn excused_recursion(&self, new: &Held) -> Result<bool, Report> {
        let mut nest_held = false;
        for held in &self.tasks[self.current].held {
            nest_held |= new.args.nest == Some(held.lock);
            let readers = new.args.read == Read::Recursive && held.args.read.is_read();
            if held.class == new.class && !readers {
                return if nest_held { Ok(true) } else { Err((LockReportKind::Recursive, None)) };
            }
        }
        Ok(false)
    }

    /// The dependency of `new` on a lock held before it.
    fn depend(&mut self, holder: &Held, new: &Held) -> Checked {
        let dependency = Dependency {
            from: holder.class,
            to: new.class,
            shared: holder.args.read.is_read(),
            recursive: new.args.read == Read::Recursive,
        };
        if let Some(length) = self.dependencies.closes(dependency) {
            let same = holder.class == new.class;
            let kind = if same { LockReportKind::Recursive } else { LockReportKind::Circular };
            return Err((kind, (!same).then_some(length)));
        }
        self.check_irq_dependency(dependency)?;
        self.dependencies.add(dependency);
        Ok(())
    }

    /// Everything that walks end at.
    fn ends(&self, direction: Direction, start: End) -> Vec<End> {
        let mut ends = Vec::new();
        let skip = |class| self.skipped_by_irqs(class);
        self.dependencies.walk(direction, start, &skip, &mut |end, _| ends.push(end));
        ends
    }

    /// Whoever waits for a lock used in an irq must not wait for one held with that irq on.
    fn check_irq_dependency(&self, new: Dependency) -> Checked {
        let before = self.ends(Direction::Backwards, End { class: new.from, weak: new.shared });
        let after = self.ends(Direction::Forwards, End { class: new.to, weak: new.recursive });
        for soft in [false, true] {
            let safe = before.iter().any(|end| self.uses.at_end(*end, soft, false));
            let unsafe_ = after.iter().any(|end| self.uses.at_end(*end, soft, true));
            if safe && unsafe_ {
                return Err((LockReportKind::IrqDependency, None));
            }
        }
        Ok(())
    }

    fn mark_acquired(&mut self, new: &Held, sync: bool) -> Checked {
        if !new.args.check {
            return Ok(());
        }
        let mark = |soft, enabled| Use { soft, enabled, read: new.args.read.is_read() };
        if !new.args.trylock {
            if new.context.hard {
                self.mark(new, mark(false, false))?;
            }
            if new.context.soft {
                self.mark(new, mark(true, false))?;
            }
        }
        // A sync holds nothing that an irq could find held.
        if !new.irqs_off && !sync {
            self.mark(new, mark(false, true))?;
            if self.task().softirqs_on {
                self.mark(new, mark(true, true))?;
            }
        }
        Ok(())
    }

    /// Puts a use of a held lock's class on record.
    pub(crate) fn mark(&mut self, held: &Held, new: Use) -> Checked {
        let class = held.class;
        if self.uses.has(class, new) {
            return Ok(());
        }
        self.uses.add(class, new);
        let also = |read| self.uses.has(class, new.opposite(read));
        if also(false) || (!new.read && also(true)) {
            return Err((LockReportKind::InconsistentUsage, None));
        }
        // What is used in an irq must not wait for what is held with that irq on.
        let (direction, weak) = if new.enabled {
            (Direction::Backwards, held.args.read.is_read())
        } else {
            (Direction::Forwards, held.args.read == Read::Recursive)
        };
        let ends = self.ends(direction, End { class, weak });
        if ends.iter().any(|end| self.uses.at_end(*end, new.soft, !new.enabled)) {
            return Err((LockReportKind::IrqInversion, None));
        }
        Ok(())
    }

    fn matches(&self, held: &Held, lock: Lock) -> bool {
        let by_class = || held.references != 0 && held.args.nest.is_some();
        held.lock == lock || (by_class() && self.find_class(lock, 0) == Some(held.class))
    }

    /// How the lock is held, by the oldest entry that matches, in whatever context.
    pub(crate) fn held_how(&self, lock: Lock) -> Option<Read> {
        let held = self.tasks[self.current].held.iter().find(|held| self.matches(held, lock));
        held.map(|held| held.args.read)
    }

    /// The newest entry that matches: the top one, or one that no change of irq context separates from it.
    fn find_held(&self, lock: Lock) -> Option<usize> {
        let held = &self.tasks[self.current].held;
        let top = held.last()?;
        let run = held.iter().rev().take_while(|entry| entry.context == top.context).count();
        (held.len() - run..held.len()).rev().find(|at| self.matches(&held[*at], lock))
    }

    pub(crate) fn release(&mut self, lock: Lock) -> Checked {
        let Some(at) = self.find_held(lock) else { return Err((LockReportKind::UnlockImbalance, None)) };
        let entry = &mut self.task().held[at];
        if entry.references > 1 {
            entry.references -= 1;
            return Ok(());
        }
        let mut above = self.task().held.split_off(at);
        above.remove(0);
        self.reacquire(above)
    }

    pub(crate) fn downgrade(&mut self, lock: Lock) -> Checked {
        let Some(at) = self.find_held(lock) else { return Err((LockReportKind::UnlockImbalance, None)) };
        let mut above = self.task().held.split_off(at);
        above[0].args.read = Read::Shared;
        self.reacquire(above)
    }

    /// Takes locks again, in the context of now.
    fn reacquire(&mut self, locks: Vec<Held>) -> Checked {
        for Held { lock, args, irqs_off, references, .. } in locks {
            self.acquire_anew(lock, args, irqs_off, references)?;
        }
        Ok(())
    }

    pub(crate) fn free(&mut self, lock: Lock) -> Checked {
        let held = self.task().held.iter().any(|held| held.lock == lock);
        if held { Err((LockReportKind::HeldLockFreed, None)) } else { Ok(()) }
    }
}
