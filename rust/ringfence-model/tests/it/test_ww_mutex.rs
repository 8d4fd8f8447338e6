//! The kernel's `test-ww_mutex` module, case by case, under many schedules and for both algorithms.

use ringfence_base::errno::{EALREADY, EDEADLK};
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt, WwAlgorithm};
use ringfence_base::{ChoiceKind, Decide, ObjectId, Ordinary};
use ringfence_model::Plan;

use crate::build::{Build, obj, op, op_out};
use crate::run::{run, run_with};
use crate::ww::{
    BOTH, BREAK, Lcg, R, all_done, alone, always_ends_well, broken, completion, expect_eq, forever, int,
    when, when_else, when_eq, ww_locks,
};

const SEEDS: u64 = 300;

/// Registers of all programs here.
const CTX: u16 = 0;
const ERR: u16 = 1;
const TMP: u16 = 2;
const CONTENDED: u16 = 3;
const N: u16 = 4;
pub(crate) const KINDS: [Kind; 5] = [Kind::WwCtx, Kind::Errno, Kind::Int, Kind::Int, Kind::Int];

fn init(class: ObjectId) -> Stmt {
    op_out(Op::WwAcquireInit, &[obj(class)], CTX)
}

fn fini() -> Stmt {
    op(Op::WwAcquireFini, &[R(CTX)])
}

fn lock(lock: ObjectId) -> Stmt {
    op_out(Op::WwMutexLock, &[obj(lock), R(CTX)], ERR)
}

fn slow(lock: ObjectId) -> Stmt {
    op(Op::WwMutexLockSlow, &[obj(lock), R(CTX)])
}

fn unlock(lock: ObjectId) -> Stmt {
    op(Op::WwMutexUnlock, &[obj(lock)])
}

fn complete(completion: ObjectId) -> Stmt {
    op(Op::Complete, &[obj(completion)])
}

fn wait(completion: ObjectId) -> Stmt {
    op(Op::WaitForCompletion, &[obj(completion)])
}

fn plan(build: &Build) -> Plan {
    Plan::new(&build.scenario).expect("a valid scenario")
}

#[derive(Clone, Copy)]
struct Flags {
    spin: bool,
    trylock: bool,
    ctx: bool,
}

fn test_mutex(algorithm: WwAlgorithm, flags: Flags) -> Plan {
    let mut build = Build::default();
    let (class, locks) = ww_locks(&mut build, algorithm, 1);
    let [ready, go, done] = ["ready", "go", "done"].map(|name| completion(&mut build, name));
    let mut work = vec![complete(ready), wait(go)];
    if flags.trylock {
        let attempt = op_out(Op::WwMutexTrylock, &[obj(locks[0]), Arg::Null], TMP);
        work.push(forever(vec![attempt, when(R(TMP), vec![BREAK]), op(Op::CondResched, &[])]));
        // Somebody who polls keeps time from moving on by itself.
        build.scenario.environment.early_timeouts = true;
    } else {
        work.push(op(Op::WwMutexLock, &[obj(locks[0]), Arg::Null]));
    }
    work.extend([complete(done), unlock(locks[0])]);
    build.thread("test_mutex_work", &KINDS, work);

    let ctx = if flags.ctx { R(CTX) } else { Arg::Null };
    let mut body = vec![init(class), wait(ready)];
    body.extend([op(Op::WwMutexLock, &[obj(locks[0]), ctx]), complete(go)]);
    if flags.spin {
        for _ in 0..5 {
            body.push(op_out(Op::TryWaitForCompletion, &[obj(done)], TMP));
            body.extend([op(Op::WarnOn, &[R(TMP)]), op(Op::CondResched, &[])]);
        }
    } else {
        body.push(op_out(Op::WaitForCompletionTimeout, &[obj(done), Arg::Int(62_500_000)], TMP));
        body.push(op(Op::WarnOn, &[R(TMP)]));
    }
    body.extend([unlock(locks[0]), fini(), wait(done)]);
    build.thread("test_mutex", &KINDS, body);
    plan(&build)
}

#[test]
fn mutex() {
    for algorithm in BOTH {
        for bits in 0..8 {
            let flags = Flags { spin: bits & 1 != 0, trylock: bits & 2 != 0, ctx: bits & 4 != 0 };
            always_ends_well(&test_mutex(algorithm, flags), SEEDS);
        }
    }
}

#[test]
fn aa() {
    for algorithm in BOTH {
        for trylock in [false, true] {
            let mut build = Build::default();
            let (class, locks) = ww_locks(&mut build, algorithm, 1);
            let mut body = vec![init(class)];
            if trylock {
                body.push(op_out(Op::WwMutexTrylock, &[obj(locks[0]), R(CTX)], TMP));
                body.extend(expect_eq(TMP, R(TMP), 1));
            } else {
                body.push(lock(locks[0]));
                body.extend(expect_eq(TMP, R(ERR), 0));
            }
            for ctx in [Arg::Null, R(CTX)] {
                body.push(op_out(Op::WwMutexTrylock, &[obj(locks[0]), ctx], TMP));
                body.extend(expect_eq(TMP, R(TMP), 0));
            }
            body.push(lock(locks[0]));
            body.extend(expect_eq(TMP, R(ERR), -EALREADY));
            body.extend([unlock(locks[0]), fini()]);
            build.thread("test_aa", &KINDS, body);
            always_ends_well(&plan(&build), 1);
        }
    }
}

/// What one of the two threads of `test_abba` does: `first` for itself, then the other's lock.
struct Abba {
    class: ObjectId,
    mine: ObjectId,
    other: ObjectId,
    ready: ObjectId,
    other_ready: ObjectId,
    result: ObjectId,
    trylock: bool,
    resolve: bool,
}

impl Abba {
    fn body(&self) -> Vec<Stmt> {
        let mut body = vec![init(self.class)];
        if self.trylock {
            body.push(op_out(Op::WwMutexTrylock, &[obj(self.mine), R(CTX)], TMP));
            body.extend(expect_eq(TMP, R(TMP), 1));
        } else {
            body.push(lock(self.mine));
        }
        body.extend([complete(self.ready), wait(self.other_ready), lock(self.other)]);
        if self.resolve {
            let back_off = vec![unlock(self.mine), slow(self.other), lock(self.mine)];
            body.extend(when_eq(TMP, R(ERR), -EDEADLK, back_off));
        }
        body.extend(when_eq(TMP, R(ERR), 0, vec![unlock(self.other)]));
        body.extend([unlock(self.mine), fini(), op(Op::CellWrite, &[obj(self.result), R(ERR)])]);
        body
    }
}

fn test_abba(algorithm: WwAlgorithm, trylock: bool, resolve: bool) -> Plan {
    let mut build = Build::default();
    let (class, locks) = ww_locks(&mut build, algorithm, 2);
    let [a_ready, b_ready, b_done] =
        ["a_ready", "b_ready", "b_done"].map(|name| completion(&mut build, name));
    let [a_err, b_err] = ["a_err", "b_err"].map(|name| build.object(name, ObjectKind::Cell { init: 0 }));
    let b = Abba {
        class,
        mine: locks[1],
        other: locks[0],
        ready: b_ready,
        other_ready: a_ready,
        result: b_err,
        trylock,
        resolve,
    };
    let mut work = b.body();
    work.push(complete(b_done));
    build.thread("test_abba_work", &KINDS, work);

    let a =
        Abba { mine: locks[0], other: locks[1], ready: a_ready, other_ready: b_ready, result: a_err, ..b };
    let mut body = a.body();
    body.extend([wait(b_done), op_out(Op::CellRead, &[obj(b_err)], CONTENDED)]);
    if resolve {
        body.extend(expect_eq(TMP, R(ERR), 0));
        body.extend(expect_eq(TMP, R(CONTENDED), 0));
    } else {
        body.push(op_out(Op::Ne, &[R(ERR), Arg::Int(-EDEADLK)], TMP));
        body.push(op_out(Op::Ne, &[R(CONTENDED), Arg::Int(-EDEADLK)], N));
        body.extend([op_out(Op::And, &[R(TMP), R(N)], TMP), op(Op::WarnOn, &[R(TMP)])]);
    }
    build.thread("test_abba", &KINDS, body);
    plan(&build)
}

#[test]
fn abba() {
    for algorithm in BOTH {
        for (trylock, resolve) in [(false, false), (true, false), (false, true), (true, true)] {
            always_ends_well(&test_abba(algorithm, trylock, resolve), SEEDS);
        }
    }
}

/// Each thread holds a lock and wants its neighbour's. Backs off once, as the kernel's test does, or as often as it
/// must; the result is in the cell of the thread.
fn test_cycle(algorithm: WwAlgorithm, threads: usize, once: bool) -> Plan {
    let mut build = Build::default();
    let (class, locks) = ww_locks(&mut build, algorithm, threads);
    let signals: Vec<ObjectId> =
        (0..threads).map(|n| completion(&mut build, &format!("signal{n}"))).collect();
    for n in 0..threads {
        let (a, b) = (locks[n], locks[(n + 1) % threads]);
        let a_signal = signals[(n + threads - 1) % threads];
        let mut body = vec![init(class), lock(a), complete(a_signal), wait(signals[n]), lock(b)];
        // Two rounds at a time: the second gives back the other lock.
        let mut rounds = when_eq(TMP, R(ERR), -EDEADLK, vec![unlock(a), slow(b), lock(a)]);
        if !once {
            rounds.extend(when_eq(TMP, R(ERR), -EDEADLK, vec![unlock(b), slow(a), lock(b)]));
            rounds.push(when_else(R(ERR), Vec::new(), vec![BREAK]));
            rounds = vec![forever(rounds)];
        }
        body.extend(rounds);
        body.extend(expect_eq(TMP, R(ERR), 0));
        body.push(unlock(b));
        body.extend(when_eq(TMP, R(ERR), 0, vec![unlock(a)]));
        body.push(fini());
        build.thread(&format!("test_cycle_work{n}"), &KINDS, body);
    }
    plan(&build)
}

#[test]
fn cycle() {
    for algorithm in BOTH {
        always_ends_well(&test_cycle(algorithm, 2, true), SEEDS);
        for threads in 3..=5 {
            always_ends_well(&test_cycle(algorithm, threads, false), SEEDS);
        }
    }
}

/// The kernel's test calls a second -EDEADLK a failure. On its schedule there is none; but of three threads of a
/// wait-die class, one can back off, get the lock of a second that backs off as well, and find its own with the
/// third, who is older.
#[test]
fn a_cycle_of_three_can_make_one_back_off_twice() {
    for algorithm in BOTH {
        let plan = test_cycle(algorithm, 3, true);
        let (world, events) = run(&plan);
        assert!(all_done(&world));
        assert_eq!(broken(&events), Vec::<String>::new());
        let second = (0..SEEDS).any(|seed| {
            let mut schedule = Lcg(seed);
            let (_, events) = run_with(&plan, &mut Ordinary, |actions| schedule.below(actions.len()));
            !broken(&events).is_empty()
        });
        assert_eq!(second, algorithm == WwAlgorithm::WaitDie, "{algorithm:?}");
    }
}

/// Takes all locks in this order, backing off as it must.
pub(crate) fn stress_inorder(class: ObjectId, order: &[ObjectId], inside: &[ObjectId]) -> Vec<Stmt> {
    let count = int(order.len());
    let positions = || (0..count).zip(order);
    let mut take = Vec::new();
    for (n, &at) in positions() {
        let failed = vec![op_out(Op::Set, &[Arg::Int(n)], N), BREAK];
        let attempt = vec![lock(at), when(R(ERR), failed)];
        take.push(op_out(Op::Ne, &[R(CONTENDED), Arg::Int(n)], TMP));
        take.push(when(R(TMP), attempt));
    }
    take.push(BREAK);

    let mut retry = vec![op_out(Op::Set, &[Arg::Int(0)], ERR), op_out(Op::Set, &[Arg::Int(count)], N)];
    retry.push(forever(take));
    let dummy_load = inside.iter().flat_map(|&cell| alone(cell, TMP)).collect();
    retry.push(when_else(R(ERR), Vec::new(), dummy_load));
    for (n, &at) in positions() {
        let behind = vec![op_out(Op::Lt, &[R(N), Arg::Int(n)], TMP), when(R(TMP), vec![unlock(at)])];
        retry.extend(when_eq(TMP, R(CONTENDED), n, behind));
    }
    for (n, &at) in positions() {
        retry.extend([op_out(Op::Lt, &[Arg::Int(n), R(N)], TMP), when(R(TMP), vec![unlock(at)])]);
    }
    retry.push(op_out(Op::Set, &[R(N)], CONTENDED));
    let mut again = expect_eq(TMP, R(ERR), -EDEADLK);
    for (n, &at) in positions() {
        again.extend(when_eq(TMP, R(CONTENDED), n, vec![slow(at)]));
    }
    retry.push(when_else(R(ERR), again, vec![BREAK]));
    vec![init(class), op_out(Op::Set, &[Arg::Int(-1)], CONTENDED), forever(retry), fini()]
}

/// Takes all locks; one that was contended comes first from then on. The order is in the registers behind the usual
/// ones.
pub(crate) fn stress_reorder(class: ObjectId, order: &[ObjectId], inside: &[ObjectId]) -> Vec<Stmt> {
    let first = KINDS.len() as u16;
    let place = |n: usize| first + n as u16;
    let spare = place(order.len());
    let mut body = Vec::new();
    for (n, &at) in order.iter().enumerate() {
        body.push(op_out(Op::Set, &[obj(at)], place(n)));
    }
    body.extend([init(class), op_out(Op::Set, &[Arg::Int(0)], CONTENDED)]);
    let mut take = Vec::new();
    for n in 0..order.len() {
        let mut back_off = expect_eq(TMP, R(ERR), -EDEADLK);
        back_off.extend((0..n).map(|held| op(Op::WwMutexUnlock, &[R(place(held))])));
        back_off.push(op(Op::WwMutexLockSlow, &[R(place(n)), R(CTX)]));
        back_off.push(op_out(Op::Set, &[R(place(n))], spare));
        back_off.extend((0..n).rev().map(|at| op_out(Op::Set, &[R(place(at))], place(at + 1))));
        back_off.push(op_out(Op::Set, &[R(spare)], place(0)));
        // The first one is held already.
        back_off.push(op_out(Op::Set, &[Arg::Int(1)], CONTENDED));
        back_off.push(Stmt::Continue { at: ringfence_base::SiteId::UNKNOWN });
        let attempt = op_out(Op::WwMutexLock, &[R(place(n)), R(CTX)], ERR);
        take.push(op_out(Op::Le, &[R(CONTENDED), Arg::Int(int(n))], TMP));
        take.push(when(R(TMP), vec![attempt, when(R(ERR), back_off)]));
    }
    take.push(BREAK);
    body.push(forever(take));
    body.extend(inside.iter().flat_map(|&cell| alone(cell, TMP)));
    body.extend((0..order.len()).map(|n| op(Op::WwMutexUnlock, &[R(place(n))])));
    body.push(fini());
    body
}

/// Takes one lock, without a context.
pub(crate) fn stress_one(at: ObjectId, inside: ObjectId) -> Vec<Stmt> {
    let mut body = vec![op_out(Op::WwMutexLock, &[obj(at), Arg::Null], ERR)];
    body.extend(expect_eq(TMP, R(ERR), 0));
    body.extend(alone(inside, TMP));
    body.push(unlock(at));
    body
}

#[derive(Clone, Copy, PartialEq)]
enum Stress {
    Inorder,
    Reorder,
    One,
}

const ALL: [Stress; 3] = [Stress::Inorder, Stress::Reorder, Stress::One];

/// Threads of these kinds in turn, each with an order and with lockings of its own.
fn stress(build: &mut Build, algorithm: WwAlgorithm, locks: usize, threads: usize, kinds: &[Stress]) {
    let (class, locks) = ww_locks(build, algorithm, locks);
    let cells: Vec<ObjectId> =
        locks.iter().map(|_| build.object("inside", ObjectKind::Cell { init: 0 })).collect();
    let mut rng = Lcg(locks.len() as u64 * 31 + threads as u64);
    let mut registers = KINDS.to_vec();
    registers.extend(std::iter::repeat_n(Kind::WwMutex, locks.len() + 1));
    for n in 0..threads {
        let kind = kinds[n % kinds.len()];
        let mut body = Vec::new();
        for _ in 0..3 {
            let order = rng.shuffled(&locks);
            body.extend(match kind {
                Stress::Inorder => stress_inorder(class, &order, &cells),
                Stress::Reorder => stress_reorder(class, &order, &cells),
                Stress::One => {
                    let which = rng.below(locks.len());
                    stress_one(locks[which], cells[which])
                }
            });
        }
        build.thread(&format!("stress{n}"), &registers, body);
    }
}

#[test]
fn stress_all() {
    for algorithm in BOTH {
        for kinds in [&ALL[..1], &ALL[1..2], &ALL] {
            for (locks, threads) in [(2, 2), (3, 3), (4, 4), (16, 6)] {
                let mut build = Build::default();
                stress(&mut build, algorithm, locks, threads, kinds);
                always_ends_well(&plan(&build), 40);
            }
        }
    }
}

/// With -EDEADLK injected at any time the locks still come to everybody.
#[test]
fn stress_with_deadlock_injection() {
    for algorithm in BOTH {
        let mut build = Build::default();
        stress(&mut build, algorithm, 4, 4, &ALL);
        build.scenario.environment.deadlock_injection = true;
        always_ends_well(&plan(&build), 100);
    }
}

/// Injects whenever it may.
struct Inject;

impl Decide for Inject {
    fn decide(&mut self, kind: ChoiceKind, _: usize) -> usize {
        usize::from(kind == ChoiceKind::DeadlockInjection)
    }
}

/// An -EDEADLK is not injected again and again: whoever backs off gets through, though later.
#[test]
fn injection_becomes_rare() {
    let mut steps = Vec::new();
    for inject in [false, true] {
        let mut build = Build::default();
        let (class, locks) = ww_locks(&mut build, WwAlgorithm::WaitDie, 8);
        build.thread("alone", &KINDS, stress_inorder(class, &locks, &[]));
        build.scenario.environment.deadlock_injection = inject;
        let mut count = 0;
        let (world, events) = run_with(&plan(&build), &mut Inject, |_| {
            count += 1;
            0
        });
        assert!(all_done(&world));
        assert_eq!(broken(&events), Vec::<String>::new());
        steps.push(count);
    }
    assert!(steps[1] > steps[0] && steps[1] < 4 * steps[0], "{steps:?}");
}
