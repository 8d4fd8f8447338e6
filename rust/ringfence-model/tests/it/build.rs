//! Writing scenarios by hand, for tests.

use ringfence_base::scenario::{
    Arg, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
};
use ringfence_base::{ObjectId, ProgramId, SiteId};

/// A scenario in the making.
#[derive(Default)]
pub(crate) struct Build {
    pub(crate) scenario: Scenario,
}

impl Build {
    pub(crate) fn object(&mut self, name: &str, kind: ObjectKind) -> ObjectId {
        self.scenario.objects.push(Object { name: name.into(), kind, driver: None, at: SiteId::UNKNOWN });
        ObjectId::new(self.scenario.objects.len() - 1)
    }

    pub(crate) fn mutex(&mut self, name: &str) -> ObjectId {
        self.object(name, ObjectKind::Mutex { class: None })
    }

    /// Two threads that take the mutexes a and b, one in this order, two in the other.
    pub(crate) fn abba() -> Self {
        let mut build = Self::default();
        let (a, b) = (build.mutex("a"), build.mutex("b"));
        for (name, first, second) in [("one", a, b), ("two", b, a)] {
            build.thread(
                name,
                &[],
                vec![
                    op(Op::MutexLock, &[obj(first)]),
                    op(Op::MutexLock, &[obj(second)]),
                    op(Op::MutexUnlock, &[obj(second)]),
                    op(Op::MutexUnlock, &[obj(first)]),
                ],
            );
        }
        build
    }

    /// A program without parameters; registers are those that the statements assign.
    pub(crate) fn program(&mut self, name: &str, registers: &[Kind], body: Vec<Stmt>) -> ProgramId {
        self.handler(name, 0, registers, None, body)
    }

    pub(crate) fn handler(
        &mut self,
        name: &str,
        params: usize,
        registers: &[Kind],
        result: Option<Kind>,
        body: Vec<Stmt>,
    ) -> ProgramId {
        let registers = registers.to_vec();
        self.scenario.programs.push(Program {
            name: name.into(),
            params,
            registers,
            result,
            driver: None,
            body,
        });
        ProgramId::new(self.scenario.programs.len() - 1)
    }

    pub(crate) fn thread(&mut self, name: &str, registers: &[Kind], body: Vec<Stmt>) {
        let program = self.program(name, registers, body);
        let at = SiteId::UNKNOWN;
        self.scenario.threads.push(ThreadDecl { name: name.into(), program, mm: None, at });
    }
}

pub(crate) fn op(op: Op, args: &[Arg]) -> Stmt {
    Stmt::Op(Operation { op, args: args.to_vec(), out: None, at: SiteId::UNKNOWN })
}

pub(crate) fn op_out(op: Op, args: &[Arg], out: u16) -> Stmt {
    Stmt::Op(Operation { op, args: args.to_vec(), out: Some(out), at: SiteId::UNKNOWN })
}

pub(crate) fn obj(id: ObjectId) -> Arg {
    Arg::Object(id)
}
