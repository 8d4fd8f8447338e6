//! The contract as an adversary: what it allows others to do, as threads, shrinkers and notifiers of the
//! scenario.
//!
//! What is added is plain data like the rest, and named "foreign: …". It keeps the contract itself, and it
//! ends: every thread does one thing once. A part that is switched off adds nothing.

use ringfence_base::errno::EAGAIN;
use ringfence_base::scenario::{
    Arg, Environment, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
};
use ringfence_base::{Gfp, ObjectId, ProgramId, SiteId};

/// `DMA_RESV_USAGE_BOOKKEEP`: all fences.
const BOOKKEEP: i64 = 3;

/// The scenario with what its environment adds.
pub(crate) fn expand(scenario: &Scenario) -> Scenario {
    let of_kind = |kind: Kind| {
        let objects = scenario.objects.iter().enumerate();
        let ids = objects.filter(move |(_, object)| object.kind.kind() == kind);
        ids.map(|(index, _)| ObjectId::new(index)).collect::<Vec<_>>()
    };
    let declared = Declared {
        fences: [Kind::Timeline, Kind::SwSync, Kind::DrmSched].iter().any(|&kind| !of_kind(kind).is_empty()),
        resvs: of_kind(Kind::Resv),
        shrinkers: !of_kind(Kind::Shrinker).is_empty(),
        mms: of_kind(Kind::Mm),
        ranges: of_kind(Kind::UserRange),
        threads: scenario.threads.len() as u32,
    };
    let mut foreign = Foreign { scenario: scenario.clone() };
    foreign.add(&declared);
    foreign.scenario
}

/// What the scenario declares itself.
struct Declared {
    /// Fences can come into being.
    fences: bool,
    resvs: Vec<ObjectId>,
    shrinkers: bool,
    mms: Vec<ObjectId>,
    ranges: Vec<ObjectId>,
    threads: u32,
}

/// The scenario with the foreigners so far.
struct Foreign {
    scenario: Scenario,
}

impl Foreign {
    fn add(&mut self, declared: &Declared) {
        let Environment {
            foreign_resv,
            foreign_shrinker,
            foreign_notifier,
            memory_pressure,
            user_memory,
            process_kill,
            ..
        } = self.scenario.environment;
        if declared.fences && foreign_resv {
            for &resv in &declared.resvs {
                self.resv_waiter(resv);
            }
        }
        if declared.fences && foreign_shrinker {
            self.shrinker();
        }
        if declared.fences && foreign_notifier {
            for &mm in &declared.mms {
                self.notifier(mm);
            }
            if declared.ranges.is_empty() && user_memory {
                self.process();
            }
        }
        if user_memory {
            for &range in &declared.ranges {
                self.unmapper(range);
            }
        }
        // Somebody who holds nothing runs the scenario's own shrinkers and notifiers.
        if memory_pressure && (declared.shrinkers || (user_memory && !declared.ranges.is_empty())) {
            self.allocator();
        }
        if process_kill {
            for thread in 0..declared.threads {
                self.killer(thread);
            }
        }
    }

    /// Waits for the fences of a reservation, with its lock held.
    fn resv_waiter(&mut self, resv: ObjectId) {
        let body = vec![
            op(Op::DmaResvLock, [Arg::Object(resv), Arg::Null]),
            op(
                Op::DmaResvWaitTimeout,
                [Arg::Object(resv), Arg::Int(BOOKKEEP), Arg::Int(0), Arg::Int(i64::MAX)],
            ),
            op(Op::DmaResvUnlock, [Arg::Object(resv)]),
        ];
        let name = format!("{WAIT}{}", self.name(resv));
        self.thread(&name, &[], body, None);
    }

    /// Waits for a fence whenever memory is reclaimed.
    fn shrinker(&mut self) {
        let count = vec![returns(Arg::Int(1))];
        let count = self.program(COUNT, &[], &[], Some(Kind::Int), count);
        let mut scan = wait_for_any(1);
        scan.push(returns(Arg::Int(1)));
        let scan = self.program(SCAN, &[Kind::Int], &[Kind::Fence], Some(Kind::Int), scan);
        self.object("shrinker", ObjectKind::Shrinker { count, scan, seeks: 2, batch: 0 });
    }

    /// Waits for a fence whenever memory of this mm goes; if it must not wait, it says so.
    fn notifier(&mut self, mm: ObjectId) {
        let again = vec![
            op_out(Op::ForeignFence, [], 1),
            Stmt::If {
                cond: Arg::Register(1),
                then: vec![op(Op::DmaFencePut, [Arg::Register(1)]), returns(Arg::Int(-EAGAIN))],
                otherwise: Vec::new(),
                at: SiteId::UNKNOWN,
            },
        ];
        let body = vec![
            Stmt::If { cond: Arg::Register(0), then: wait_for_any(1), otherwise: again, at: SiteId::UNKNOWN },
            returns(Arg::Int(0)),
        ];
        let name = format!("{INVALIDATE}{}", self.name(mm));
        let invalidate = self.program(&name, &[Kind::Int], &[Kind::Fence], Some(Kind::Errno), body);
        let name = format!("notifier of {}", self.name(mm));
        self.object(&name, ObjectKind::MmuNotifier { mm, invalidate: Some(invalidate), release: None });
    }

    /// Another process, whose memory reclaim can take.
    fn process(&mut self) {
        let mm = self.object("mm", ObjectKind::Mm);
        self.object("user memory", ObjectKind::UserRange { mm });
        self.notifier(mm);
    }

    /// Another thread of the process, which unmaps the range.
    fn unmapper(&mut self, range: ObjectId) {
        let mm = match self.scenario.objects[range.index()].kind {
            ObjectKind::UserRange { mm } => Some(mm),
            _ => None,
        };
        let name = format!("{MUNMAP}{}", self.name(range));
        self.thread(&name, &[], vec![op(Op::Munmap, [Arg::Object(range)])], mm);
    }

    /// Allocates, and may have to reclaim first.
    fn allocator(&mut self) {
        let body = vec![op_out(Op::Kmalloc, [Arg::Gfp(Gfp::KERNEL)], 0), op(Op::Kfree, [Arg::Register(0)])];
        self.thread(ALLOCATE, &[Kind::Memory], body, None);
    }

    /// Kills the process behind a thread of the scenario's own; one that would not notice is left alone.
    fn killer(&mut self, thread: u32) {
        let ThreadDecl { name, program, .. } = &self.scenario.threads[thread as usize];
        if !notices_signals(&self.scenario.programs[program.index()].body) {
            return;
        }
        let name = format!("{KILL}{name}");
        let task = self.object(&name, ObjectKind::Task { thread });
        self.thread(&name, &[], vec![op(Op::SendSig, [Arg::Object(task)])], None);
    }

    fn name(&self, object: ObjectId) -> String {
        let name = &self.scenario.objects[object.index()].name;
        name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
    }

    fn object(&mut self, name: &str, kind: ObjectKind) -> ObjectId {
        let name = format!("{PREFIX}{name}");
        self.scenario.objects.push(Object { name, kind, driver: None, at: SiteId::UNKNOWN });
        ObjectId::new(self.scenario.objects.len() - 1)
    }

    fn program(
        &mut self,
        name: &str,
        params: &[Kind],
        locals: &[Kind],
        result: Option<Kind>,
        body: Vec<Stmt>,
    ) -> ProgramId {
        self.scenario.programs.push(Program {
            name: format!("{PREFIX}{name}"),
            params: params.len(),
            registers: [params, locals].concat(),
            result,
            driver: None,
            body,
        });
        ProgramId::new(self.scenario.programs.len() - 1)
    }

    fn thread(&mut self, name: &str, locals: &[Kind], body: Vec<Stmt>, mm: Option<ObjectId>) {
        let program = self.program(name, &[], locals, None, body);
        let name = format!("{PREFIX}{name}");
        self.scenario.threads.push(ThreadDecl { name, program, mm, at: SiteId::UNKNOWN });
    }
}

/// What the name of everything foreign begins with.
const PREFIX: &str = "foreign: ";
// What the names of foreign programs go on with.
const WAIT: &str = "wait under ";
const COUNT: &str = "count_objects";
const SCAN: &str = "scan_objects";
const INVALIDATE: &str = "invalidate_range_start of ";
const MUNMAP: &str = "munmap ";
const ALLOCATE: &str = "allocate";
const KILL: &str = "kill ";

/// The part of the environment that a program belongs to; `None` if it is the scenario's own.
pub(crate) fn part_of(program: &str) -> Option<&'static str> {
    let name = program.strip_prefix(PREFIX)?;
    let parts = [
        (WAIT, "foreign_resv"),
        (COUNT, "foreign_shrinker"),
        (SCAN, "foreign_shrinker"),
        (INVALIDATE, "foreign_notifier"),
        (MUNMAP, "user_memory"),
        (ALLOCATE, "memory_pressure"),
        (KILL, "process_kill"),
    ];
    parts.into_iter().find(|(start, _)| name.starts_with(start)).map(|(_, part)| part)
}

/// Something that a fatal signal has an effect on is in there.
fn notices_signals(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Op(operation) => is_interruptible(operation),
        Stmt::If { then, otherwise, .. } => notices_signals(then) || notices_signals(otherwise),
        Stmt::Loop { body, .. } => notices_signals(body),
        Stmt::Break { .. } | Stmt::Continue { .. } | Stmt::Return { .. } => false,
    })
}

fn is_interruptible(operation: &Operation) -> bool {
    let asked_to_be = |argument: usize| operation.args.get(argument) != Some(&Arg::Int(0));
    match operation.op {
        Op::DmaFenceWait | Op::DmaFenceWaitTimeout | Op::DmaFenceWaitAnyTimeout => asked_to_be(1),
        Op::DmaResvWaitTimeout => asked_to_be(2),
        Op::SignalPending
        | Op::MutexLockInterruptible
        | Op::DownReadInterruptible
        | Op::DownWriteKillable
        | Op::WaitForCompletionInterruptible
        | Op::WaitEventInterruptible
        | Op::WwMutexLockInterruptible
        | Op::WwMutexLockSlowInterruptible
        | Op::DmaResvLockInterruptible
        | Op::DmaResvLockSlowInterruptible
        | Op::SyncobjWait
        | Op::SyncobjFindFence
        | Op::DrmSchedJobAddSyncobjDependency
        | Op::DrmSchedEntityFlush
        | Op::DrmSchedEntityDestroy => true,
        _ => false,
    }
}

/// Waits for some published fence, if there is one, without a limit. The register takes the fence.
fn wait_for_any(register: u16) -> Vec<Stmt> {
    let fence = || Arg::Register(register);
    vec![
        op_out(Op::ForeignFence, [], register),
        Stmt::If {
            cond: fence(),
            then: vec![op(Op::DmaFenceWait, [fence(), Arg::Int(0)]), op(Op::DmaFencePut, [fence()])],
            otherwise: Vec::new(),
            at: SiteId::UNKNOWN,
        },
    ]
}

fn op<const N: usize>(op: Op, args: [Arg; N]) -> Stmt {
    Stmt::Op(Operation { op, args: args.into(), out: None, at: SiteId::UNKNOWN })
}

fn op_out<const N: usize>(op: Op, args: [Arg; N], out: u16) -> Stmt {
    Stmt::Op(Operation { op, args: args.into(), out: Some(out), at: SiteId::UNKNOWN })
}

fn returns(value: Arg) -> Stmt {
    Stmt::Return { value: Some(value), at: SiteId::UNKNOWN }
}
