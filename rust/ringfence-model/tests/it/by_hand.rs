//! Single calls and what they did.

use ringfence_base::scenario::{Object, ObjectKind, Op, Scenario};
use ringfence_base::{Event, EventKind, ObjectId, SiteId};
use ringfence_model::{Session, Value};

/// No limit of time.
pub(crate) const FOREVER: Value = Value::Int(i64::MAX);

pub(crate) const OK: Value = Value::Int(0);

/// A session with some declared objects.
pub(crate) struct ByHand {
    pub(crate) session: Session,
}

impl ByHand {
    pub(crate) fn new(objects: &[ObjectKind], tasks: usize) -> Self {
        let object = |(n, kind): (usize, &ObjectKind)| Object {
            name: format!("object{n}"),
            kind: kind.clone(),
            driver: None,
            at: SiteId::UNKNOWN,
        };
        let objects = objects.iter().enumerate().map(object).collect();
        let scenario = Scenario { objects, ..Scenario::default() };
        Self { session: Session::new(&scenario, tasks).expect("a valid scenario") }
    }

    /// The object with this number.
    pub(crate) fn object(&self, number: usize) -> Value {
        self.session.object(ObjectId::new(number))
    }

    /// Task 0 does it and is not blocked.
    #[track_caller]
    pub(crate) fn call(&mut self, op: Op, args: &[Value]) -> Value {
        self.session.call(0, op, args, &[]).expect("it does not block")
    }

    /// Task 0 does it and gets a number.
    #[track_caller]
    pub(crate) fn number(&mut self, op: Op, args: &[Value]) -> i64 {
        match self.call(op, args) {
            Value::Int(number) => number,
            other => panic!("{other:?}"),
        }
    }

    /// Events since the last time.
    pub(crate) fn events(&mut self) -> Vec<EventKind> {
        self.session.take_events().iter().map(|event| event.kind).collect()
    }

    /// Rules broken since the last time.
    pub(crate) fn broken(&mut self) -> Vec<&'static str> {
        rules(&self.session.take_events())
    }
}

/// Codes of the rules that these events break.
pub(crate) fn rules(events: &[Event]) -> Vec<&'static str> {
    let rule = |event: &Event| match event.kind {
        EventKind::Broken(rule, ..) => Some(rule),
        _ => None,
    };
    events.iter().filter_map(rule).collect()
}

/// A timeline whose fences share a spinlock, which is the object before it.
pub(crate) fn timeline(lock: usize) -> [ObjectKind; 2] {
    [
        ObjectKind::Spinlock { class: None },
        ObjectKind::Timeline { lock: Some(ObjectId::new(lock)), ops: None, first_seqno: 1, bound: None },
    ]
}
