//! The small programs that testers are compared by, as scenarios.

use ringfence_base::scenario::{
    Arg, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};

fn object(name: String, kind: ObjectKind) -> Object {
    Object { name, kind, driver: None, at: SiteId::UNKNOWN }
}

fn mutex(name: impl Into<String>) -> Object {
    object(name.into(), ObjectKind::Mutex { class: None })
}

fn call(op: Op, args: Vec<Arg>, out: Option<u16>) -> Stmt {
    Stmt::Op(Operation { op, args, out, at: SiteId::UNKNOWN })
}

fn of(op: Op, object: usize) -> Stmt {
    call(op, vec![Arg::Object(ObjectId::new(object))], None)
}

/// Takes two mutexes, adds to the cell, and gives them back.
fn nested(first: usize, second: usize, cell: usize) -> Vec<Stmt> {
    vec![
        of(Op::MutexLock, first),
        of(Op::MutexLock, second),
        call(Op::CellAdd, vec![Arg::Object(ObjectId::new(cell)), Arg::Int(1)], Some(0)),
        of(Op::MutexUnlock, second),
        of(Op::MutexUnlock, first),
    ]
}

/// One thread for each number: the program that it runs.
fn scenario(name: String, objects: Vec<Object>, bodies: Vec<Vec<Stmt>>, threads: &[usize]) -> Scenario {
    let program = |(number, body)| Program {
        name: format!("program{number}"),
        params: 0,
        registers: vec![Kind::Int],
        result: None,
        driver: None,
        body,
    };
    let thread = |(number, &program): (usize, &usize)| ThreadDecl {
        name: format!("thread{number}"),
        program: ProgramId::new(program),
        mm: None,
        at: SiteId::UNKNOWN,
    };
    Scenario {
        name,
        objects,
        programs: bodies.into_iter().enumerate().map(program).collect(),
        threads: threads.iter().enumerate().map(thread).collect(),
        ..Scenario::default()
    }
}

fn two_mutexes_and_a_cell() -> Vec<Object> {
    vec![mutex("a"), mutex("b"), object("cell".into(), ObjectKind::Cell { init: 0 })]
}

/// n threads take two mutexes in the same order and add to a cell: five visible operations each, n! traces.
pub fn ordered(threads: usize) -> Scenario {
    let name = format!("ordered({threads})");
    scenario(name, two_mutexes_and_a_cell(), vec![nested(0, 1, 2)], &vec![0; threads])
}

/// Two threads take two mutexes in opposite order and add to a cell: three traces, one of them a deadlock.
pub fn abba() -> Scenario {
    scenario("abba".into(), two_mutexes_and_a_cell(), vec![nested(0, 1, 2), nested(1, 0, 2)], &[0, 1])
}

/// n threads with a mutex of their own each: one trace.
pub fn own(threads: usize) -> Scenario {
    let name = format!("own({threads})");
    let objects = (0..threads).map(|number| mutex(format!("own{number}"))).collect();
    let body = |number| vec![of(Op::MutexLock, number), of(Op::MutexUnlock, number)];
    scenario(name, objects, (0..threads).map(body).collect(), &(0..threads).collect::<Vec<_>>())
}
