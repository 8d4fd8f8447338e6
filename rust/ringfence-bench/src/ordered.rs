//! The program `ordered(n)`: n threads that each take two mutexes in order, touch a shared cell and release.

use ringfence_base::scenario::{
    Arg, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};

fn object(name: &str, kind: ObjectKind) -> Object {
    Object { name: name.into(), kind, driver: None, at: SiteId::UNKNOWN }
}

fn call(op: Op, args: Vec<Arg>, out: Option<u16>) -> Stmt {
    Stmt::Op(Operation { op, args, out, at: SiteId::UNKNOWN })
}

/// As a scenario: five visible operations per thread.
pub fn scenario(threads: usize) -> Scenario {
    let (a, b, cell) = (ObjectId::new(0), ObjectId::new(1), ObjectId::new(2));
    let arg = |id| vec![Arg::Object(id)];
    let body = vec![
        call(Op::MutexLock, arg(a), None),
        call(Op::MutexLock, arg(b), None),
        call(Op::CellAdd, vec![Arg::Object(cell), Arg::Int(1)], Some(0)),
        call(Op::MutexUnlock, arg(b), None),
        call(Op::MutexUnlock, arg(a), None),
    ];
    let program = Program {
        name: "ordered".into(),
        params: 0,
        registers: vec![Kind::Int],
        result: None,
        driver: None,
        body,
    };
    let thread = |number: usize| ThreadDecl {
        name: format!("thread{number}"),
        program: ProgramId::new(0),
        mm: None,
        at: SiteId::UNKNOWN,
    };
    Scenario {
        name: format!("ordered({threads})"),
        objects: vec![
            object("a", ObjectKind::Mutex { class: None }),
            object("b", ObjectKind::Mutex { class: None }),
            object("cell", ObjectKind::Cell { init: 0 }),
        ],
        programs: vec![program],
        threads: (0..threads).map(thread).collect(),
        ..Scenario::default()
    }
}
