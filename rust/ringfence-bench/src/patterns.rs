//! Acyclic graphs of lock classes, as the order in which their dependencies turn up.

use crate::random::Random;

/// `(outer, inner)`: the second lock is taken inside the first.
pub type Dependency = (u32, u32);

/// Dependencies per class.
pub const PER_CLASS: usize = 3;

/// Classes of one subsystem of the layered pattern.
const SUBSYSTEM: usize = 300;
/// One class in so many is a global lock of the layered pattern.
const GLOBALS: usize = 200;

/// How a graph grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// As in a kernel: subsystems of a few hundred classes that mostly nest among themselves, each
    /// calling a few others, and global locks that are outermost or innermost everywhere. Which lock comes
    /// inside which follows a hidden rank. Subsystems come up one after the other, in an order that has
    /// nothing to do with it, and so do the dependencies of each.
    Layered,
    /// The same graph, but all dependencies in random order: no locality in time.
    Shuffled,
    /// Every new lock is taken inside older ones.
    InOrder,
    /// Every new lock is taken outside older ones: always against the order of first use.
    Reverse,
    /// Uniformly random pairs along a hidden rank, in random order.
    RandomDag,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Layered, Self::Shuffled, Self::InOrder, Self::Reverse, Self::RandomDag];

    /// Its name in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layered => "layered",
            Self::Shuffled => "layered-shuffled",
            Self::InOrder => "in-order",
            Self::Reverse => "reverse",
            Self::RandomDag => "random-dag",
        }
    }

    /// The pattern of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.name() == name)
    }

    /// [`PER_CLASS`] distinct dependencies per class, without a circle.
    pub fn dependencies(self, classes: usize) -> Vec<Dependency> {
        let mut random = Random::new(classes as u64);
        match self {
            Self::Layered => layered(&mut random, classes, true),
            Self::Shuffled => layered(&mut random, classes, false),
            Self::InOrder => growing(&mut random, classes),
            Self::Reverse => growing(&mut random, classes).into_iter().map(|(old, new)| (new, old)).collect(),
            Self::RandomDag => {
                let rank = random.permutation(classes);
                distinct(&mut random, classes, |random| {
                    along(&rank, random.below(classes) as u32, random.below(classes) as u32)
                })
            }
        }
    }
}

/// `(older, new)`: class by class, each next to random older ones.
fn growing(random: &mut Random, classes: usize) -> Vec<Dependency> {
    let mut dependencies = Vec::with_capacity(classes * PER_CLASS);
    for new in 1..classes {
        let mut older: Vec<u32> = Vec::with_capacity(PER_CLASS);
        while older.len() < PER_CLASS.min(new) {
            let candidate = random.below(new) as u32;
            if !older.contains(&candidate) {
                older.push(candidate);
            }
        }
        dependencies.extend(older.into_iter().map(|older| (older, new as u32)));
    }
    dependencies
}

/// The pair in the order of its ranks.
fn along<Rank: Ord>(rank: &[Rank], a: u32, b: u32) -> Dependency {
    if rank[a as usize] < rank[b as usize] { (a, b) } else { (b, a) }
}

/// Draws until there are enough distinct dependencies; in random order.
fn distinct(
    random: &mut Random,
    classes: usize,
    mut draw: impl FnMut(&mut Random) -> Dependency,
) -> Vec<Dependency> {
    let wanted = classes * PER_CLASS;
    let mut dependencies = Vec::with_capacity(wanted + wanted / 8);
    while dependencies.len() < wanted {
        while dependencies.len() < wanted + wanted / 10 {
            let dependency = draw(random);
            if dependency.0 != dependency.1 {
                dependencies.push(dependency);
            }
        }
        dependencies.sort_unstable();
        dependencies.dedup();
    }
    random.shuffle(&mut dependencies);
    dependencies.truncate(wanted);
    dependencies
}

fn layered(random: &mut Random, classes: usize, one_by_one: bool) -> Vec<Dependency> {
    let globals = (classes / GLOBALS).max(2);
    let subsystems = (classes - globals).div_ceil(SUBSYSTEM);
    let member = |random: &mut Random, subsystem: usize| {
        let first = globals + subsystem * SUBSYSTEM;
        (first + random.below(SUBSYSTEM.min(classes - first))) as u32
    };
    // Global locks: the first half outermost, the second half innermost. Subsystems in a hidden order, and
    // inside each of them its locks.
    let order = random.permutation(subsystems);
    let inner = random.permutation(classes);
    let rank: Vec<u64> = (0..classes)
        .map(|class| {
            let layer = match class.checked_sub(globals) {
                None if class < globals / 2 => 0,
                None => u64::from(u32::MAX),
                Some(index) => 1 + u64::from(order[index / SUBSYSTEM]),
            };
            layer << 32 | u64::from(inner[class])
        })
        .collect();
    let partners: Vec<[usize; 3]> =
        (0..subsystems).map(|_| [0; 3].map(|_| random.below(subsystems))).collect();
    let mut dependencies = distinct(random, classes, |random| {
        let subsystem = random.below(subsystems);
        let a = member(random, subsystem);
        let b = match random.below(100) {
            0..80 => member(random, subsystem),
            kind @ 80..90 => member(random, partners[subsystem][kind % 3]),
            _ => random.below(globals) as u32,
        };
        along(&rank, a, b)
    });
    if one_by_one {
        // A dependency turns up once both of its subsystems are up.
        let up = random.permutation(subsystems);
        let up = |class: u32| (class as usize).checked_sub(globals).map(|index| up[index / SUBSYSTEM]);
        dependencies.sort_by_key(|(outer, inner)| up(*outer).max(up(*inner)));
    }
    dependencies
}
