//! Scenarios for tests from a few lines of text.

use std::collections::BTreeMap;

use ringfence_base::scenario::{
    Arg, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
};
use ringfence_base::{Gfp, ObjectId, ProgramId, SiteId, SourceLocation};

/// A scenario in the making. Every statement has a line of its own.
#[derive(Default)]
pub(crate) struct Text {
    pub(crate) scenario: Scenario,
}

/// What the program so far has.
#[derive(Default)]
struct Registers {
    kinds: Vec<Kind>,
    names: BTreeMap<String, u16>,
}

impl Text {
    pub(crate) fn object(&mut self, name: &str, kind: ObjectKind) -> ObjectId {
        let at = self.line();
        self.scenario.objects.push(Object { name: name.into(), kind, driver: None, at });
        ObjectId::new(self.scenario.objects.len() - 1)
    }

    /// Several of one kind.
    pub(crate) fn objects(&mut self, names: &[&str], kind: &ObjectKind) {
        for name in names {
            self.object(name, kind.clone());
        }
    }

    pub(crate) fn mutexes(&mut self, names: &[&str]) {
        self.objects(names, &ObjectKind::Mutex { class: None });
    }

    /// A fence that exists from the start.
    pub(crate) fn fence(&mut self, name: &str) {
        let kind = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let timeline = self.object("hw", kind);
        self.object(name, ObjectKind::Fence { timeline, seqno: None });
    }

    pub(crate) fn thread(&mut self, name: &str, body: &str) {
        let program = self.program(name, body);
        let at = self.line();
        self.scenario.threads.push(ThreadDecl { name: name.into(), program, mm: None, at });
    }

    pub(crate) fn program(&mut self, name: &str, body: &str) -> ProgramId {
        self.handler(name, &[], None, body)
    }

    /// A program with parameters `p0`, `p1`, ….
    pub(crate) fn handler(
        &mut self,
        name: &str,
        params: &[Kind],
        result: Option<Kind>,
        body: &str,
    ) -> ProgramId {
        let names = (0..params.len()).map(|index| (format!("p{index}"), index as u16)).collect();
        let mut registers = Registers { kinds: params.to_vec(), names };
        let body = body.split(';').map(str::trim).filter(|stmt| !stmt.is_empty());
        let body = body.map(|stmt| self.stmt(stmt, &mut registers)).collect();
        let (params, registers) = (params.len(), registers.kinds);
        let program = Program { name: name.into(), params, registers, result, driver: None, body };
        self.scenario.programs.push(program);
        ProgramId::new(self.scenario.programs.len() - 1)
    }

    /// `return VALUE`, or `[RESULT =] OP ARGUMENTS`.
    fn stmt(&mut self, text: &str, registers: &mut Registers) -> Stmt {
        let at = self.line();
        if let Some(value) = text.strip_prefix("return") {
            let value = Some(value.trim()).filter(|value| !value.is_empty());
            return Stmt::Return { value: value.map(|value| self.arg(value, registers)), at };
        }
        let (out, call) = text.split_once('=').map_or((None, text), |(out, call)| (Some(out.trim()), call));
        let mut words = call.split_whitespace();
        let name = words.next().expect("an operation");
        let op = Op::from_name(name).unwrap_or_else(|| panic!("no operation is called {name}"));
        let args = words.map(|word| self.arg(word, registers)).collect();
        let out = out.map(|out| {
            registers.kinds.push(op.spec().result.expect("the operation has a result"));
            let register = registers.kinds.len() as u16 - 1;
            registers.names.insert(out.into(), register);
            register
        });
        Stmt::Op(Operation { op, args, out, at })
    }

    fn arg(&self, word: &str, registers: &Registers) -> Arg {
        if let Ok(number) = word.parse() {
            return Arg::Int(number);
        }
        if word == "NULL" {
            return Arg::Null;
        }
        if let Some(&register) = registers.names.get(word) {
            return Arg::Register(register);
        }
        let gfps = [("GFP_KERNEL", Gfp::KERNEL), ("GFP_NOWAIT", Gfp::NOWAIT)];
        if let Some((_, gfp)) = gfps.into_iter().find(|(name, _)| *name == word) {
            return Arg::Gfp(gfp);
        }
        let known = self.scenario.objects.iter().position(|object| object.name == word);
        Arg::Object(ObjectId::new(known.unwrap_or_else(|| panic!("nothing is called {word}"))))
    }

    /// The next line of the source.
    fn line(&mut self) -> SiteId {
        let line = self.scenario.sites.len() as u32 + 1;
        self.scenario.sites.push(SourceLocation { file: "bug.c".into(), line, function: String::new() });
        SiteId::new(line as usize)
    }
}
