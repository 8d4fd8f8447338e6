//! Calling the API of fences and reservations by hand, for tests.

use std::collections::BTreeSet;

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{Event, EventKind, ObjectId, SiteId};
use ringfence_model::{Session, Value};

use crate::build::{Build, obj, op};

/// How many callbacks there are to be added.
const CALLBACKS: usize = 8;

/// Mock drivers' fences as in the kernel's self-tests, with an irq-safe lock per timeline.
pub(crate) struct Mock {
    pub(crate) session: Session,
    timelines: Vec<Value>,
    callbacks: Vec<Value>,
    resvs: Vec<Value>,
    /// Everything that has happened.
    pub(crate) events: Vec<Event>,
}

/// What the mock driver has.
#[derive(Clone, Copy, Default)]
pub(crate) struct MockOps {
    pub(crate) enable_signaling: Option<i64>,
    pub(crate) polls: bool,
    pub(crate) release: bool,
    /// `wait` returns that.
    pub(crate) wait: Option<i64>,
    pub(crate) inline_lock: bool,
}

impl Mock {
    pub(crate) fn new(timelines: usize, tasks: usize) -> Self {
        Self::with(MockOps { release: true, ..MockOps::default() }, timelines, tasks)
    }

    pub(crate) fn with(ops: MockOps, timelines: usize, tasks: usize) -> Self {
        let mut build = Build::default();
        let ops_id = declare_ops(&mut build, ops);
        let timelines: Vec<ObjectId> = (0..timelines)
            .map(|number| {
                let lock = build.object(&format!("lock{number}"), ObjectKind::Spinlock { class: None });
                let lock = (!ops.inline_lock).then_some(lock);
                let kind = ObjectKind::Timeline { lock, ops: Some(ops_id), first_seqno: 1, bound: None };
                build.object(&format!("timeline{number}"), kind)
            })
            .collect();
        let function = build.handler("callback", 1, &[Kind::Fence], None, Vec::new());
        let callbacks: Vec<ObjectId> = (0..CALLBACKS)
            .map(|number| build.object(&format!("cb{number}"), ObjectKind::FenceCb { function }))
            .collect();
        let resvs: Vec<ObjectId> =
            (0..2).map(|number| build.object(&format!("resv{number}"), ObjectKind::Resv)).collect();
        let session = Session::new(&build.scenario, tasks).expect("a valid scenario");
        let values = |ids: Vec<ObjectId>| ids.into_iter().map(|id| session.object(id)).collect();
        let (timelines, callbacks, resvs) = (values(timelines), values(callbacks), values(resvs));
        Self { session, timelines, callbacks, resvs, events: Vec::new() }
    }

    pub(crate) fn call(&mut self, op: Op, args: &[Value]) -> Value {
        self.call_list(op, args, &[])
    }

    pub(crate) fn call_list(&mut self, op: Op, args: &[Value], list: &[Value]) -> Value {
        let result = self.session.call(0, op, args, list);
        self.events.extend(self.session.take_events());
        result.unwrap_or_else(|| panic!("{} does not return", op.name()))
    }

    /// A call that returns a number, or nothing.
    pub(crate) fn number(&mut self, op: Op, args: &[Value]) -> i64 {
        match self.call(op, args) {
            Value::Int(number) => number,
            Value::Null => 0,
            Value::Object(..) => panic!("{} returned an object", op.name()),
        }
    }

    pub(crate) fn fence(&mut self) -> Value {
        self.fence_on(0)
    }

    pub(crate) fn fence_on(&mut self, timeline: usize) -> Value {
        self.call(Op::DmaFenceInit, &[self.timelines[timeline]])
    }

    pub(crate) fn timeline(&self, number: usize) -> Value {
        self.timelines[number]
    }

    pub(crate) fn callback(&self, number: usize) -> Value {
        self.callbacks[number]
    }

    pub(crate) fn resv(&self, number: usize) -> Value {
        self.resvs[number]
    }

    pub(crate) fn get(&mut self, fence: Value) -> Value {
        self.call(Op::DmaFenceGet, &[fence])
    }

    pub(crate) fn put(&mut self, fence: Value) {
        self.call(Op::DmaFencePut, &[fence]);
    }

    pub(crate) fn enable(&mut self, fence: Value) {
        self.call(Op::DmaFenceEnableSwSignaling, &[fence]);
    }

    /// `dma_fence_signal()`.
    pub(crate) fn signal(&mut self, fence: Value) -> i64 {
        self.number(Op::DmaFenceSignal, &[fence])
    }

    pub(crate) fn is_signaled(&mut self, fence: Value) -> bool {
        self.number(Op::DmaFenceIsSignaled, &[fence]) != 0
    }

    pub(crate) fn add_callback(&mut self, fence: Value, callback: usize) -> i64 {
        self.number(Op::DmaFenceAddCallback, &[fence, self.callback(callback)])
    }

    pub(crate) fn remove_callback(&mut self, fence: Value, callback: usize) -> bool {
        self.number(Op::DmaFenceRemoveCallback, &[fence, self.callback(callback)]) != 0
    }

    pub(crate) fn wait_timeout(&mut self, fence: Value, timeout: i64) -> i64 {
        self.number(Op::DmaFenceWaitTimeout, &[fence, Value::Int(0), Value::Int(timeout)])
    }

    /// A new array; takes over the references.
    pub(crate) fn array(&mut self, fences: &[Value], signal_on_any: bool) -> Value {
        let args = [Value::Null, Value::Int(1), Value::bool(signal_on_any)];
        self.call_list(Op::DmaFenceArrayCreate, &args, fences)
    }

    /// A new node; takes over the references.
    pub(crate) fn chain(&mut self, prev: Value, fence: Value, seqno: i64) -> Value {
        self.call(Op::DmaFenceChainInit, &[prev, fence, Value::Int(seqno)])
    }

    pub(crate) fn merge(&mut self, fences: &[Value]) -> Value {
        self.call_list(Op::DmaFenceUnwrapMerge, &[], fences)
    }

    /// `dma_fence_unwrap_for_each()`.
    pub(crate) fn unwrap(&mut self, head: Value) -> Vec<Value> {
        let (mut leaves, mut node) = (Vec::new(), self.get(head));
        while node != Value::Null {
            let contained = self.call(Op::DmaFenceChainContained, &[node]);
            let mut leaf = self.call(Op::DmaFenceArrayFirst, &[contained]);
            while leaf != Value::Null {
                leaves.push(leaf);
                let args = [contained, Value::Int(leaves.len() as i64)];
                leaf = self.call(Op::DmaFenceArrayNext, &args);
            }
            node = self.call(Op::DmaFenceChainWalk, &[node]);
        }
        leaves
    }

    /// Callbacks that have run, in order.
    pub(crate) fn seen(&self) -> Vec<u32> {
        let callback = |event: &Event| match event.kind {
            EventKind::FenceCallback(_, callback) => Some(callback),
            _ => None,
        };
        self.events.iter().filter_map(callback).collect()
    }

    pub(crate) fn count(&self, wanted: EventKind) -> usize {
        self.events.iter().filter(|event| event.kind == wanted).count()
    }

    /// Whether the fence was freed.
    pub(crate) fn is_freed(&self, fence: Value) -> bool {
        self.freed().contains(&fence.index().expect("a fence"))
    }

    /// All fences that were freed.
    pub(crate) fn freed(&self) -> BTreeSet<u32> {
        let freed = |event: &Event| match event.kind {
            EventKind::FenceFree(fence) => Some(fence),
            _ => None,
        };
        self.events.iter().filter_map(freed).collect()
    }

    /// Codes of the rules that were broken.
    pub(crate) fn broken(&self) -> Vec<&'static str> {
        broken(&self.events)
    }
}

/// Codes of the rules that were broken.
pub(crate) fn broken(events: &[Event]) -> Vec<&'static str> {
    let rule = |event: &Event| match event.kind {
        EventKind::Broken(rule, ..) => Some(rule),
        _ => None,
    };
    events.iter().filter_map(rule).collect()
}

fn returns(value: i64) -> Vec<Stmt> {
    vec![Stmt::Return { value: Some(Arg::Int(value)), at: SiteId::UNKNOWN }]
}

fn declare_ops(build: &mut Build, ops: MockOps) -> ObjectId {
    let number = Some(Kind::Int);
    let enable_signaling = ops
        .enable_signaling
        .map(|value| build.handler("enable_signaling", 1, &[Kind::Fence], number, returns(value)));
    let wait = ops.wait.map(|value| build.handler("wait", 1, &[Kind::Fence], number, returns(value)));
    let signaled = ops.polls.then(|| {
        let body = vec![
            crate::build::op_out(Op::DmaFenceHwIsDone, &[Arg::Register(0)], 1),
            Stmt::Return { value: Some(Arg::Register(1)), at: SiteId::UNKNOWN },
        ];
        build.handler("signaled", 1, &[Kind::Fence, Kind::Int], number, body)
    });
    let cell = build.object("released", ObjectKind::Cell { init: 0 });
    let release = ops.release.then(|| {
        let body = vec![op(Op::CellAdd, &[obj(cell), Arg::Int(1)])];
        build.handler("release", 1, &[Kind::Fence], None, body)
    });
    let (set_deadline, use_64bit_seqno) = (None, false);
    let kind =
        ObjectKind::FenceOps { enable_signaling, signaled, wait, release, set_deadline, use_64bit_seqno };
    build.object("mock_ops", kind)
}

/// Numbers that look random, from a seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}
