//! The topological order stays sound under the read rules: locks are nested at random, and every acquisition
//! is reported exactly if it closes a walk that can block.
//!
//! A dependency that closes one is reported and not kept; all others are kept, and so the order goes on.

#[path = "../common/rng.rs"]
mod rng;

mod judge;

use judge::{Dependency, closes_by_walking, has_closed_walk};
use ringfence_base::{AcquireFlags, LockId, Origin, Read, SiteId, TaskId};
use ringfence_diag::LockReportKind;
use ringfence_lockdep::{Config, LockInit, LockType, Search, Validator, WaitType};
use rng::Rng;

/// How locks are nested.
struct Shape {
    classes: usize,
    nestings: usize,
    /// Most locks held at once.
    depth: usize,
    /// Percent of nestings that agree with one common order, so that circles are late and long.
    in_order: u64,
    /// Percent of acquisitions by readers.
    readers: u64,
    /// All walks are tried too: for small shapes.
    by_walking: bool,
}

/// What came of it.
#[derive(Default, Debug)]
struct Seen {
    kept: usize,
    reported: usize,
}

struct Run {
    validator: Validator,
    task: TaskId,
    locks: Vec<LockId>,
    op: u64,
    recorded: Vec<Dependency>,
    seen: Seen,
}

impl Run {
    fn new(classes: usize) -> Self {
        let mut validator = Validator::new(Config { search: Search::Exact, ..Config::default() });
        let task = validator.add_task("task");
        let locks = (0..classes).map(|class| {
            let name = &format!("L{class}");
            let key = validator.add_key(name);
            let (wait_inner, wait_outer, lock_type) = (WaitType::None, WaitType::None, LockType::Normal);
            validator.add_lock(&LockInit { name, key, wait_inner, wait_outer, lock_type })
        });
        let locks = locks.collect();
        Self { validator, task, locks, op: 0, recorded: Vec::new(), seen: Seen::default() }
    }

    fn origin(&mut self) -> Origin {
        self.op += 1;
        Origin { op: self.op, task: self.task, site: SiteId::UNKNOWN }
    }

    /// Takes a lock inside others and compares what is reported with what the judges say.
    fn take(&mut self, shape: &Shape, held: &[(usize, Read)], class: usize, read: Read) {
        let origin = self.origin();
        let flags = AcquireFlags { read, ..AcquireFlags::default() };
        let reported = self.validator.acquire(origin, self.locks[class], flags);
        let mut expected = 0;
        for (holder, held_read) in held.iter().rev() {
            let new = Dependency {
                from: *holder,
                to: class,
                shared: held_read.is_read(),
                recursive: read == Read::Recursive,
            };
            self.recorded.push(new);
            let closes = has_closed_walk(shape.classes, &self.recorded);
            self.recorded.pop();
            if shape.by_walking {
                assert_eq!(closes_by_walking(&self.recorded, new), closes, "the judges disagree");
            }
            if closes {
                expected += 1;
            } else if !self.recorded.contains(&new) {
                self.recorded.push(new);
            }
        }
        // One report is enough: the way through the nearest lock often closes along with that from the others.
        assert!(reported <= expected, "L{class} taken by {read:?} in {held:?}: {reported} of {expected}");
        assert_eq!(reported != 0, expected != 0, "L{class} taken by {read:?} in {held:?}");
        self.seen.reported += reported;
    }

    /// A few locks, each taken inside those before it, and all released.
    fn nest(&mut self, shape: &Shape, rng: &mut Rng) {
        let mut classes: Vec<usize> = (0..shape.classes).collect();
        // The locks of one nesting: a few of all, in random order.
        for at in 0..classes.len() {
            let other = at + rng.below(classes.len() - at);
            classes.swap(at, other);
        }
        classes.truncate(2 + rng.below(shape.depth - 1));
        if rng.percent(shape.in_order) {
            classes.sort_unstable();
        }
        let taken: Vec<(usize, Read)> = classes
            .into_iter()
            .map(|class| {
                let reader = rng.percent(shape.readers);
                (class, if reader { rng.pick(&[Read::Shared, Read::Recursive]) } else { Read::Exclusive })
            })
            .collect();
        self.take_all(shape, taken.into_iter());
    }

    fn take_all(&mut self, shape: &Shape, taken: impl Iterator<Item = (usize, Read)>) {
        let mut held = Vec::new();
        for (class, read) in taken {
            self.take(shape, &held, class, read);
            held.push((class, read));
        }
        while let Some((class, _)) = held.pop() {
            let origin = self.origin();
            assert_eq!(self.validator.release(origin, self.locks[class]), 0);
        }
    }
}

fn run(shape: &Shape, seed: u64) -> Seen {
    let mut rng = Rng::new(seed);
    let mut run = Run::new(shape.classes);
    for _ in 0..shape.nestings {
        run.nest(shape, &mut rng);
    }
    let findings = run.validator.findings();
    assert!(findings.iter().all(|finding| finding.kind == LockReportKind::Circular));
    let met: u64 = findings.iter().map(|finding| finding.count).sum();
    assert_eq!(met, run.seen.reported as u64, "every report is counted");
    Seen { kept: run.recorded.len(), ..run.seen }
}

fn run_all(cases: u64, shape: impl Fn(&mut Rng) -> Shape) {
    let mut all = Seen::default();
    for case in 0..cases {
        let seed = case << 32;
        let Seen { kept, reported } = run(&shape(&mut Rng::new(!seed)), seed);
        all.kept += kept;
        all.reported += reported;
    }
    assert!(all.kept > 0 && all.reported > 0, "{all:?}");
}

/// A dependency that is refused must not take those from the locks further out with it.
#[test]
fn a_report_hides_no_dependency_on_locks_further_out() {
    let shape = Shape { classes: 3, nestings: 0, depth: 3, in_order: 0, readers: 0, by_walking: true };
    let mut run = Run::new(shape.classes);
    for nesting in [&[0, 2][..], &[1, 2, 0], &[0, 1]] {
        run.take_all(&shape, nesting.iter().map(|class| (*class, Read::Exclusive)));
    }
    assert_eq!(run.seen.reported, 2);
}

#[test]
fn pairs_against_all_walks() {
    run_all(3_000, |rng| Shape {
        classes: 2 + rng.below(4),
        nestings: 25,
        depth: 2,
        in_order: 50,
        readers: rng.pick(&[30, 60, 80]),
        by_walking: true,
    });
}

#[test]
fn deeper_nestings_against_all_walks() {
    run_all(2_000, |rng| Shape {
        classes: 3 + rng.below(2),
        nestings: 12,
        depth: 3,
        in_order: 50,
        readers: rng.pick(&[40, 80]),
        by_walking: true,
    });
}

#[test]
fn many_classes_against_taking_away() {
    run_all(120, |rng| Shape {
        classes: 10 + rng.below(31),
        nestings: 400,
        depth: 2,
        in_order: rng.pick(&[50, 80, 95]),
        readers: rng.pick(&[20, 50, 80]),
        by_walking: false,
    });
}

#[test]
fn many_deep_nestings_against_taking_away() {
    run_all(60, |rng| Shape {
        classes: 10 + rng.below(31),
        nestings: 150,
        depth: 6,
        in_order: rng.pick(&[60, 90]),
        readers: rng.pick(&[30, 70, 90]),
        by_walking: false,
    });
}
