//! Random scenarios whose threads get into each other's way all the time: a few locks of all kinds, fences,
//! completions, allocations and what else can make them wait, give up waiting, or fail.

use std::ops::Range;
use std::slice::from_ref;

use ringfence_base::rng::Rng;
use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op, Scenario, Stmt};
use ringfence_base::{Gfp, ObjectId, SiteId};

use crate::build::{Build, obj, op, op_out};
use crate::directed::with_places;

/// How much happens.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    /// So many threads.
    pub(crate) threads: Range<usize>,
    /// Each of them does so many things, each of which is a few operations.
    pub(crate) things: Range<usize>,
}

/// Parts of the environment that change what threads do by themselves. The others add contexts, and are rarer.
const PARTS: [&str; 6] = [
    "memory_pressure",
    "allocation_failure",
    "interrupts_waits",
    "trylock_failure",
    "deadlock_injection",
    "early_timeouts",
];
const FOREIGN: [&str; 3] = ["foreign_resv", "foreign_shrinker", "foreign_notifier"];

/// Virtual nanoseconds.
const TIMES: [i64; 4] = [0, 1, 1_000, 1_000_000];

/// The scenario of a seed.
pub(crate) fn contended(seed: u64, size: &Size) -> Scenario {
    let mut rng = Rng::new(seed);
    let mut build = Build::default();
    let objects = Objects::declare(&mut build, &mut rng);
    let threads = size.threads.start + rng.below(size.threads.len());
    for number in 0..threads {
        let things = size.things.start + rng.below(size.things.len());
        let mut body = Body { objects: &objects, rng: &mut rng, registers: Vec::new() };
        let stmts = (0..things).flat_map(|_| body.thing(0)).collect();
        let registers = body.registers;
        build.thread(&format!("thread{number}"), &registers, stmts);
    }
    let mut scenario = build.scenario;
    scenario.environment = environment(&mut rng);
    with_places(scenario)
}

fn environment(rng: &mut Rng) -> Environment {
    let mut environment = Environment::quiet();
    for (parts, percent) in [(&PARTS[..], 25), (&FOREIGN[..], 3)] {
        for part in parts {
            *environment.part(part).expect("a part") = rng.percent(percent);
        }
    }
    environment
}

struct Objects {
    mutexes: [ObjectId; 2],
    spin: ObjectId,
    rwsem: ObjectId,
    resv: ObjectId,
    fences: [ObjectId; 2],
    done: ObjectId,
    queue: ObjectId,
    cell: ObjectId,
    timer: ObjectId,
    work: ObjectId,
}

impl Objects {
    fn declare(build: &mut Build, rng: &mut Rng) -> Self {
        let mutexes = ["a", "b"].map(|name| build.mutex(name));
        let spin = build.object("spin", ObjectKind::Spinlock { class: None });
        let rwsem = build.object("rwsem", ObjectKind::Rwsem { class: None });
        let resv = build.object("resv", ObjectKind::Resv);
        let ring = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = build.object("ring", ring);
        let fence = ObjectKind::Fence { timeline, seqno: None };
        let fences = ["first", "second"].map(|name| build.object(name, fence.clone()));
        let done = build.object("done", ObjectKind::Completion);
        let queue = build.object("queue", ObjectKind::WaitQueue);
        let cell = build.object("cell", ObjectKind::Cell { init: 0 });
        let signal = op(Op::DmaFenceSignal, &[obj(fences[1])]);
        let callback = match rng.below(4) {
            0 => vec![signal],
            1 => vec![op(Op::Complete, &[obj(done)])],
            2 => vec![op(Op::SpinLock, &[obj(spin)]), signal, op(Op::SpinUnlock, &[obj(spin)])],
            _ => vec![op(Op::CellAdd, &[obj(cell), Arg::Int(1)]), op(Op::WakeUp, &[obj(queue)])],
        };
        let function = build.program("timer_fn", &[], callback);
        let timer = build.object("timer", ObjectKind::Timer { function, irqsafe: false });
        let mutex = *rng.pick(&mutexes);
        let middle = *rng.pick(&[Op::DmaFenceSignal, Op::DmaFencePublish]);
        let inside = op(middle, &[obj(fences[0])]);
        let body = vec![op(Op::MutexLock, &[obj(mutex)]), inside, op(Op::MutexUnlock, &[obj(mutex)])];
        let function = build.program("work_fn", &[], body);
        let work = build.object("work", ObjectKind::Work { function });
        Self { mutexes, spin, rwsem, resv, fences, done, queue, cell, timer, work }
    }
}

/// A thread's body in the making.
struct Body<'a> {
    objects: &'a Objects,
    rng: &'a mut Rng,
    registers: Vec<Kind>,
}

impl Body<'_> {
    fn result(&mut self, kind: Kind) -> u16 {
        self.registers.push(kind);
        self.registers.len() as u16 - 1
    }

    fn time(&mut self) -> Arg {
        Arg::Int(*self.rng.pick(&TIMES))
    }

    fn fence(&mut self) -> Arg {
        obj(*self.rng.pick(&self.objects.fences))
    }

    fn count(&self) -> Stmt {
        op(Op::CellAdd, &[obj(self.objects.cell), Arg::Int(1)])
    }

    /// Something to do, inside of so many others.
    fn thing(&mut self, depth: usize) -> Vec<Stmt> {
        match self.rng.below(100) {
            0..24 => self.section(depth),
            24..36 => self.tried(depth),
            36..41 => self.interruptible(depth),
            41..60 => self.fences(depth),
            60..70 => self.completions(),
            70..80 => self.allocation(),
            80..90 => self.cells(depth),
            90..93 => vec![op(Op::Msleep, &[self.time()])],
            93..98 => self.deferred(),
            _ => self.loose(),
        }
    }

    /// What is done in a section, perhaps nothing.
    fn inside(&mut self, depth: usize) -> Vec<Stmt> {
        if depth < 2 && self.rng.percent(70) { self.thing(depth + 1) } else { Vec::new() }
    }

    /// How one lock is taken, tried, and given back.
    fn lock(&mut self) -> (Vec<Arg>, Op, Op, Op) {
        let Objects { mutexes, spin, rwsem, resv, .. } = *self.objects;
        match self.rng.below(10) {
            0..5 => {
                let mutex = vec![obj(*self.rng.pick(&mutexes))];
                (mutex, Op::MutexLock, Op::MutexTrylock, Op::MutexUnlock)
            }
            5..7 => (vec![obj(spin)], Op::SpinLock, Op::SpinTrylock, Op::SpinUnlock),
            7 => (vec![obj(rwsem)], Op::DownRead, Op::DownReadTrylock, Op::UpRead),
            8 => (vec![obj(rwsem)], Op::DownWrite, Op::DownWriteTrylock, Op::UpWrite),
            _ => (vec![obj(resv), Arg::Null], Op::DmaResvLock, Op::DmaResvTrylock, Op::DmaResvUnlock),
        }
    }

    fn section(&mut self, depth: usize) -> Vec<Stmt> {
        let (args, lock, _, unlock) = self.lock();
        let mut stmts = vec![op(lock, &args)];
        stmts.extend(self.inside(depth));
        if self.rng.percent(95) {
            stmts.push(op(unlock, &args[..1]));
        }
        stmts
    }

    fn tried(&mut self, depth: usize) -> Vec<Stmt> {
        let (args, _, try_lock, unlock) = self.lock();
        let got = self.result(Kind::Int);
        let attempt = op_out(try_lock, &args[..1], got);
        let mut then = self.inside(depth);
        then.push(op(unlock, &args[..1]));
        let otherwise = if self.rng.percent(30) { vec![self.count()] } else { Vec::new() };
        vec![attempt, Stmt::If { cond: Arg::Register(got), then, otherwise, at: SiteId::UNKNOWN }]
    }

    fn interruptible(&mut self, depth: usize) -> Vec<Stmt> {
        let mutex = obj(*self.rng.pick(&self.objects.mutexes));
        let (error, got) = (self.result(Kind::Errno), self.result(Kind::Int));
        let mut then = self.inside(depth);
        then.push(op(Op::MutexUnlock, from_ref(&mutex)));
        vec![
            op_out(Op::MutexLockInterruptible, &[mutex], error),
            op_out(Op::Not, &[Arg::Register(error)], got),
            Stmt::If { cond: Arg::Register(got), then, otherwise: Vec::new(), at: SiteId::UNKNOWN },
        ]
    }

    fn fences(&mut self, depth: usize) -> Vec<Stmt> {
        let fence = self.fence();
        let interruptible = Arg::Int(i64::from(self.rng.percent(30)));
        match self.rng.below(20) {
            0..3 => vec![op(Op::DmaFenceWait, &[fence, interruptible])],
            3..7 => {
                let left = self.result(Kind::Int);
                let wait = op_out(Op::DmaFenceWaitTimeout, &[fence, interruptible, self.time()], left);
                if self.rng.percent(50) {
                    return vec![wait];
                }
                let (then, otherwise) = (self.inside(depth), vec![self.count()]);
                vec![wait, Stmt::If { cond: Arg::Register(left), then, otherwise, at: SiteId::UNKNOWN }]
            }
            7..12 => vec![op(Op::DmaFenceSignal, &[fence])],
            12..14 => vec![op(Op::DmaFencePublish, &[fence])],
            14 => {
                let signaled = self.result(Kind::Int);
                let ask = op_out(Op::DmaFenceIsSignaled, &[fence], signaled);
                let (then, otherwise) = (self.inside(depth), Vec::new());
                vec![ask, Stmt::If { cond: Arg::Register(signaled), then, otherwise, at: SiteId::UNKNOWN }]
            }
            15 => {
                let usage = Arg::Int(self.rng.number(0, 3));
                let resv = obj(self.objects.resv);
                let left = self.time();
                vec![op(Op::DmaResvWaitTimeout, &[resv, usage, interruptible, left])]
            }
            16 => {
                let resv = obj(self.objects.resv);
                vec![
                    op(Op::DmaResvLock, &[resv.clone(), Arg::Null]),
                    op(Op::DmaResvReserveFences, &[resv.clone(), Arg::Int(1)]),
                    op(Op::DmaResvAddFence, &[resv.clone(), fence, Arg::Int(1)]),
                    op(Op::DmaResvUnlock, &[resv]),
                ]
            }
            _ => {
                let cookie = self.result(Kind::Cookie);
                let mut stmts = vec![op_out(Op::DmaFenceBeginSignalling, &[], cookie)];
                stmts.extend(self.inside(depth));
                if self.rng.percent(60) {
                    stmts.push(op(Op::DmaFenceSignal, &[fence]));
                }
                stmts.push(op(Op::DmaFenceEndSignalling, &[Arg::Register(cookie)]));
                stmts
            }
        }
    }

    fn completions(&mut self) -> Vec<Stmt> {
        let Objects { done, queue, cell, .. } = *self.objects;
        let (done, queue, cell) = (obj(done), obj(queue), obj(cell));
        let left = self.time();
        let (what, args) = match self.rng.below(10) {
            0..2 => (Op::WaitForCompletion, vec![done]),
            2..5 => (Op::WaitForCompletionTimeout, vec![done, left]),
            5..8 => (Op::Complete, vec![done]),
            8 => (Op::WaitEventTimeout, vec![queue, cell, Arg::Int(1), left]),
            _ => return vec![self.count(), op(Op::WakeUp, &[queue])],
        };
        vec![op(what, &args)]
    }

    fn allocation(&mut self) -> Vec<Stmt> {
        let gfp = *self.rng.pick(&[Gfp::KERNEL, Gfp::NOFS, Gfp::NOWAIT, Gfp::ATOMIC]);
        let memory = self.result(Kind::Memory);
        let mut stmts = vec![op_out(Op::Kmalloc, &[Arg::Gfp(gfp)], memory)];
        if self.rng.percent(40) {
            let otherwise = vec![self.count()];
            let then = vec![op(Op::KmallocUse, &[Arg::Register(memory)])];
            stmts.push(Stmt::If { cond: Arg::Register(memory), then, otherwise, at: SiteId::UNKNOWN });
        } else if self.rng.percent(20) {
            stmts.push(op(Op::KmallocUse, &[Arg::Register(memory)]));
        }
        stmts.push(op(Op::Kfree, &[Arg::Register(memory)]));
        stmts
    }

    fn cells(&mut self, depth: usize) -> Vec<Stmt> {
        let cell = obj(self.objects.cell);
        let value = self.result(Kind::Int);
        match self.rng.below(4) {
            0 => vec![op(Op::CellWrite, &[cell, Arg::Int(self.rng.number(0, 2))])],
            1 => vec![self.count()],
            2 => {
                let (then, otherwise) = (self.inside(depth), Vec::new());
                let read = op_out(Op::CellRead, &[cell], value);
                vec![read, Stmt::If { cond: Arg::Register(value), then, otherwise, at: SiteId::UNKNOWN }]
            }
            _ => {
                let name = Arg::Text("path".into());
                let (then, otherwise) = (self.inside(depth), vec![self.count()]);
                let choose = op_out(Op::Choose, &[name, Arg::Int(2)], value);
                vec![choose, Stmt::If { cond: Arg::Register(value), then, otherwise, at: SiteId::UNKNOWN }]
            }
        }
    }

    fn deferred(&mut self) -> Vec<Stmt> {
        let Objects { timer, work, .. } = *self.objects;
        let delay = self.time();
        let (what, args) = match self.rng.below(6) {
            0..2 => (Op::ModTimer, vec![obj(timer), delay]),
            2 => (Op::TimerDeleteSync, vec![obj(timer)]),
            3..5 => (Op::QueueWork, vec![Arg::Null, obj(work)]),
            _ => (Op::FlushWork, vec![obj(work)]),
        };
        vec![op(what, &args)]
    }

    /// Half of something.
    fn loose(&mut self) -> Vec<Stmt> {
        let (args, lock, try_lock, unlock) = self.lock();
        match self.rng.below(3) {
            0 => vec![op(lock, &args)],
            1 => vec![op(try_lock, &args[..1])],
            _ => vec![op(unlock, &args[..1])],
        }
    }
}
