//! Lock classes, and the instances that belong to them (`struct lock_class`, `struct lockdep_map`).

use ringfence_base::{ClassId, LockId, Origin};

use crate::names::Names;
use crate::reach::Closure;
use crate::usage::{UsageBit, UsageMask};

/// How a lock waits (`enum lockdep_wait_type`): which contexts it may be taken in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum WaitType {
    /// Not checked.
    #[default]
    None = 0,
    /// Never waits (RCU readers).
    Free = 1,
    /// Spins (`raw_spinlock_t`).
    Spin = 2,
    /// Spins, but sleeps on a real-time kernel (`spinlock_t`, `rwlock_t`).
    Config = 3,
    /// Sleeps (mutex, rwsem, `ww_mutex`).
    Sleep = 4,
}

impl WaitType {
    /// The kernel's number (with `PROVE_RAW_LOCK_NESTING`), and back.
    pub const fn from_raw(raw: u64) -> Option<Self> {
        match raw {
            0 => Some(Self::None),
            1 => Some(Self::Free),
            2 => Some(Self::Spin),
            3 => Some(Self::Config),
            4 => Some(Self::Sleep),
            _ => None,
        }
    }
}

/// What sort of lock it is to lockdep (`enum lockdep_lock_type`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum LockType {
    /// An ordinary lock.
    #[default]
    Normal = 0,
    /// Per-CPU, as `local_lock_t`: not a lock to an interrupt on the same CPU.
    PerCpu = 1,
    /// Not a lock at all: only overrides the wait type of what is taken inside.
    WaitOverride = 2,
}

impl LockType {
    /// The kernel's number, and back.
    pub const fn from_raw(raw: u64) -> Option<Self> {
        match raw {
            0 => Some(Self::Normal),
            1 => Some(Self::PerCpu),
            2 => Some(Self::WaitOverride),
            _ => None,
        }
    }
}

/// Identity of a set of instances that obey the same rules: the kernel's `struct lock_class_key`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub(crate) u32);

/// What a lock is initialised with (`lockdep_init_map_type()`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockInit<'a> {
    /// Name of the instance, for reports.
    pub name: &'a str,
    /// Its key.
    pub key: KeyId,
    /// Inner wait type: what may be taken inside.
    pub wait_inner: WaitType,
    /// Outer wait type: where it may be taken; [`WaitType::None`] means the inner one.
    pub wait_outer: WaitType,
    /// Sort of lock.
    pub lock_type: LockType,
}

/// `u32::MAX`: no class, edge, usage record… in a field that has to stay small.
pub(crate) const NONE: u32 = u32::MAX;

/// The class of a lock that nobody ever took.
pub(crate) const NO_CLASS: ClassId = ClassId::from_raw(NONE);

#[derive(Clone, Copy)]
pub(crate) struct Key {
    /// Newest class, or [`NONE`]; the others follow by [`Class::older`]. Nearly always one, seldom more
    /// than three.
    pub(crate) newest: u32,
}

#[derive(Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the kernel's name")]
pub(crate) struct Lock {
    pub(crate) key: KeyId,
    /// Class at subclass 0, or [`NONE`] as long as nobody took a lock of this key.
    pub(crate) class0: u32,
    pub(crate) wait_inner: WaitType,
    pub(crate) wait_outer: WaitType,
    pub(crate) lock_type: LockType,
}

/// A class as the validator keeps it. What a new dependency looks at is all here, in one cache line:
/// [`Graph`](crate::graph::Graph) has the edges, [`Reach`](crate::reach::Reach) fills the closure.
#[derive(Clone, Copy)]
pub(crate) struct Class {
    pub(crate) key: KeyId,
    pub(crate) subclass: u32,
    /// The class of this key that came before, or [`NONE`].
    pub(crate) older: u32,
    pub(crate) usage: UsageMask,
    /// Wait types on the scale in force (see [`WaitScale`](crate::wait_context::WaitScale)).
    pub(crate) wait_inner: u8,
    pub(crate) wait_outer: u8,
    pub(crate) lock_type: LockType,
    /// Newest usage record, or [`NONE`].
    pub(crate) last_usage: u32,
    /// Newest edge from here (`locks_after`), or [`NONE`].
    pub(crate) newest_out: u32,
    /// Newest edge to here (`locks_before`), or [`NONE`].
    pub(crate) newest_in: u32,
    pub(crate) closure: Closure,
}

impl Class {
    /// What a context must allow for it to be taken there.
    #[inline]
    pub(crate) fn requires(&self) -> u8 {
        if self.wait_outer == 0 || self.wait_inner == 0 { self.wait_inner } else { self.wait_outer }
    }
}

/// Where a class got some of its usage states.
#[derive(Clone, Copy)]
pub(crate) struct UsageRecord {
    pub(crate) usage: UsageMask,
    pub(crate) previous: u32,
    pub(crate) origin: Origin,
}

/// All keys, instances, classes and usage records of a validator.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) keys: Vec<Key>,
    pub(crate) key_names: Names,
    pub(crate) locks: Vec<Lock>,
    pub(crate) lock_names: Names,
    pub(crate) classes: Vec<Class>,
    pub(crate) usages: Vec<UsageRecord>,
}

impl Registry {
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.key_names.clear();
        self.locks.clear();
        self.lock_names.clear();
        self.classes.clear();
        self.usages.clear();
    }

    pub(crate) fn lock(&self, lock: LockId) -> &Lock {
        &self.locks[lock.index()]
    }

    pub(crate) fn class(&self, class: ClassId) -> &Class {
        &self.classes[class.index()]
    }

    /// The class of an instance at a subclass, if anybody used it yet (`look_up_lock_class()`).
    #[inline]
    pub(crate) fn look_up(&mut self, lock: LockId, subclass: u32) -> Option<ClassId> {
        let entry = &mut self.locks[lock.index()];
        if subclass == 0 && entry.class0 != NONE {
            return Some(ClassId::from_raw(entry.class0));
        }
        let mut class = self.keys[entry.key.0 as usize].newest;
        while class != NONE && self.classes[class as usize].subclass != subclass {
            class = self.classes[class as usize].older;
        }
        if subclass == 0 {
            entry.class0 = class;
        }
        (class != NONE).then_some(ClassId::from_raw(class))
    }

    /// Adds a class to its key: [`Class::older`] is filled in here.
    pub(crate) fn add_class(&mut self, mut class: Class) -> ClassId {
        let id = ClassId::new(self.classes.len());
        let key = &mut self.keys[class.key.0 as usize];
        class.older = key.newest;
        key.newest = id.raw();
        self.classes.push(class);
        id
    }

    /// Puts a usage on record.
    pub(crate) fn record_usage(&mut self, class: ClassId, bit: UsageBit, origin: Origin) {
        let record = u32::try_from(self.usages.len()).expect("engine bug: more than 2^32 usage records");
        let entry = &mut self.classes[class.index()];
        entry.usage = entry.usage.union(bit.mask());
        // An acquisition usually brings several states at once.
        if let Some(last) =
            self.usages.get_mut(entry.last_usage as usize).filter(|last| last.origin == origin)
        {
            last.usage = last.usage.union(bit.mask());
            return;
        }
        self.usages.push(UsageRecord { usage: bit.mask(), previous: entry.last_usage, origin });
        entry.last_usage = record;
    }

    /// Where the class got this usage, if it has it.
    pub(crate) fn usage_origin(&self, class: ClassId, bit: UsageBit) -> Option<Origin> {
        let mut at = self.class(class).last_usage;
        while at != NONE {
            let record = &self.usages[at as usize];
            if record.usage.contains(bit) {
                return Some(record.origin);
            }
            at = record.previous;
        }
        None
    }

    /// The class's name as the kernel prints it: `#n` from the second class of that name on, then
    /// `/subclass` (`__print_lock_name()`, `count_matching_names()`).
    pub(crate) fn class_name(&self, class: ClassId) -> String {
        let entry = self.class(class);
        let name = &self.key_names[entry.key.0 as usize];
        let version = match self.name_version(class) {
            1 => String::new(),
            version => format!("#{version}"),
        };
        let subclass = match entry.subclass {
            0 => String::new(),
            subclass => format!("/{subclass}"),
        };
        format!("{name}{version}{subclass}")
    }

    /// How many keys of this name had a class before, plus one. Counted only for reports.
    fn name_version(&self, class: ClassId) -> usize {
        let key = self.class(class).key;
        let name = &self.key_names[key.0 as usize];
        let mut seen: Vec<KeyId> = Vec::new();
        for earlier in &self.classes[..=class.index()] {
            if earlier.key == key {
                break;
            }
            if self.key_names[earlier.key.0 as usize] == *name && !seen.contains(&earlier.key) {
                seen.push(earlier.key);
            }
        }
        seen.len() + 1
    }
}
