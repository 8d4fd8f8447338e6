//! What has nothing to do with a bug: operations, branches and loops between the others, threads, objects, freedoms of
//! the environment.

use ringfence_base::rng::Rng;
use ringfence_base::scenario::{
    Arg, Environment, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};

/// Registers for noise of a program.
struct Spare {
    first: u16,
    cell: ObjectId,
    lock: ObjectId,
}

/// The scenario among much else.
pub(crate) fn buried(bare: &Scenario, seed: u64) -> Scenario {
    let mut rng = Rng::new(seed);
    let mut scenario = bare.clone();
    let environment = Environment { fence_bound: bare.environment.fence_bound, ..Environment::contract() };
    scenario.environment = environment;
    let cell = object(&mut scenario, "statistics", ObjectKind::Cell { init: 0 });
    let lock = object(&mut scenario, "statistics_lock", ObjectKind::RawSpinlock { class: None });
    let mutex = object(&mut scenario, "debugfs_lock", ObjectKind::Mutex { class: None });
    object(&mut scenario, "unused", ObjectKind::Completion);
    for program in &mut scenario.programs {
        let first = program.registers.len() as u16;
        program.registers.extend([Kind::Int, Kind::Int, Kind::Cookie]);
        let spare = Spare { first, cell, lock };
        program.body = among(&program.body, &spare, &mut rng);
    }
    for number in 0..2 {
        let spare = Spare { first: 0, cell, lock };
        let mut body = vec![call(Op::MutexLock, &[Arg::Object(mutex)], None)];
        for _ in 0..3 {
            body.extend(noise(&spare, &mut rng));
        }
        body.push(call(Op::MutexUnlock, &[Arg::Object(mutex)], None));
        let name = format!("noise/{number}");
        scenario.programs.push(Program {
            name: name.clone(),
            params: 0,
            registers: vec![Kind::Int, Kind::Int, Kind::Cookie],
            result: None,
            driver: None,
            body,
        });
        let program = ProgramId::new(scenario.programs.len() - 1);
        scenario.threads.push(ThreadDecl { name, program, mm: None, at: SiteId::UNKNOWN });
    }
    scenario
}

fn object(scenario: &mut Scenario, name: &str, kind: ObjectKind) -> ObjectId {
    scenario.objects.push(Object { name: name.into(), kind, driver: None, at: SiteId::UNKNOWN });
    ObjectId::new(scenario.objects.len() - 1)
}

fn call(op: Op, args: &[Arg], out: Option<u16>) -> Stmt {
    Stmt::Op(Operation { op, args: args.to_vec(), out, at: SiteId::UNKNOWN })
}

/// The statements with noise before some of them; some are in a branch that is always taken, or in a loop that is
/// left at its end.
fn among(body: &[Stmt], spare: &Spare, rng: &mut Rng) -> Vec<Stmt> {
    let at = SiteId::UNKNOWN;
    let mut result = Vec::new();
    for stmt in body {
        if rng.percent(60) {
            result.extend(noise(spare, rng));
        }
        // A value that is used later must be there on every path.
        let alone = matches!(stmt, Stmt::Op(Operation { out: None, .. }));
        match rng.below(8) {
            0 if alone => {
                let (then, otherwise) = (vec![stmt.clone()], noise(spare, rng));
                result.push(Stmt::If { cond: Arg::Int(1), then, otherwise, at });
            }
            1 if alone => result.push(Stmt::Loop { body: vec![stmt.clone(), Stmt::Break { at }], at }),
            _ => result.push(stmt.clone()),
        }
    }
    result
}

/// Something that any context may do.
fn noise(spare: &Spare, rng: &mut Rng) -> Vec<Stmt> {
    let &Spare { first, cell, lock } = spare;
    let (cell, lock) = (Arg::Object(cell), Arg::Object(lock));
    let register = Arg::Register(first);
    let write = |value| call(Op::CellWrite, &[Arg::Object(spare.cell), Arg::Int(value)], None);
    let at = SiteId::UNKNOWN;
    match rng.below(6) {
        0 => vec![write(7)],
        1 => vec![call(Op::CellAdd, &[cell, Arg::Int(1)], Some(first))],
        2 => vec![
            call(Op::SpinLockIrqsave, std::slice::from_ref(&lock), Some(first + 2)),
            write(8),
            call(Op::SpinUnlockIrqrestore, &[lock, Arg::Register(first + 2)], None),
        ],
        3 => vec![
            call(Op::CellRead, &[cell], Some(first)),
            Stmt::If { cond: register, then: vec![write(9)], otherwise: vec![write(10)], at },
        ],
        4 => vec![
            call(Op::Choose, &[Arg::Text("noise".into()), Arg::Int(2)], Some(first)),
            Stmt::If { cond: register, then: vec![write(11)], otherwise: Vec::new(), at },
        ],
        _ => vec![
            call(Op::Set, &[Arg::Int(0)], Some(first)),
            Stmt::Loop {
                body: vec![
                    call(Op::Add, &[register.clone(), Arg::Int(1)], Some(first)),
                    write(12),
                    call(Op::Lt, &[register, Arg::Int(2)], Some(first + 1)),
                    Stmt::If {
                        cond: Arg::Register(first + 1),
                        then: Vec::new(),
                        otherwise: vec![Stmt::Break { at }],
                        at,
                    },
                ],
                at,
            },
        ],
    }
}
