//! Small pieces of reports, written by hand.

use ringfence_diag::{
    ClassView, DependencyKind, HeldLockView, IrqState, Link, LockFinding, LockReport, LockReportKind,
    PlaceView, TaskView, UsageView, Verdict,
};

/// Wait types as the kernel numbers them.
pub(crate) const NONE: u8 = 0;
pub(crate) const SPIN: u8 = 2;
pub(crate) const CONFIG: u8 = 3;
pub(crate) const SLEEP: u8 = 4;

/// A place without a source location.
pub(crate) fn op(task: &str, op: u64) -> PlaceView {
    PlaceView { task: task.to_owned(), op, ..PlaceView::default() }
}

/// A place in `file`.
pub(crate) fn at(task: &str, op: u64, function: &str, file: &str, line: u32) -> PlaceView {
    PlaceView {
        file: Some(file.to_owned()),
        line: Some(line),
        function: Some(function.to_owned()),
        ..self::op(task, op)
    }
}

/// The same place, reached through a kernel function.
pub(crate) fn via(place: PlaceView, via: &str) -> PlaceView {
    PlaceView { via: Some(via.to_owned()), ..place }
}

pub(crate) fn class(name: &str, wait: u8) -> ClassView {
    ClassView {
        name: name.to_owned(),
        usage: "....".to_owned(),
        wait_outer: wait,
        wait_inner: wait,
        usages: Vec::new(),
    }
}

/// The class with its four usage characters and one usage more.
pub(crate) fn used(class: ClassView, usage: &str, state: &'static str, at: PlaceView) -> ClassView {
    let mut usages = class.usages;
    usages.push(UsageView { state, at });
    ClassView { usage: usage.to_owned(), usages, ..class }
}

/// An exclusively held lock, the only instance of its class.
pub(crate) fn lock(class: ClassView, at: PlaceView) -> HeldLockView {
    // Any stable number will do; this one spreads and looks like a kernel address.
    let hash = class.name.bytes().fold(0x1505_u64, |hash, byte| hash.wrapping_mul(33) ^ u64::from(byte));
    HeldLockView {
        instance: class.name.clone(),
        address: 0xffff_8880_0000_0000 | (hash & 0x0fff_fff8),
        class,
        read: 0,
        trylock: false,
        sync: false,
        references: 0,
        at,
    }
}

pub(crate) fn instance(lock: HeldLockView, name: &str, offset: u64) -> HeldLockView {
    HeldLockView { instance: name.to_owned(), address: lock.address + offset, ..lock }
}

pub(crate) fn link(
    from: &ClassView,
    to: &ClassView,
    kind: DependencyKind,
    held_at: PlaceView,
    taken_at: PlaceView,
) -> Link {
    let held_read = u8::from(matches!(kind, DependencyKind::SR | DependencyKind::SN));
    let taken_read = if matches!(kind, DependencyKind::SR | DependencyKind::ER) { 2 } else { 0 };
    Link { from: from.clone(), to: to.clone(), kind, held_read, taken_read, held_at, taken_at, new: false }
}

pub(crate) fn new(link: Link) -> Link {
    Link { new: true, ..link }
}

/// A task in process context with all interrupts on.
pub(crate) fn task(name: &str) -> TaskView {
    let irq = IrqState { hardirqs_enabled: true, softirqs_enabled: true, ..IrqState::default() };
    TaskView { name: name.to_owned(), pid: 1000, irq, wait_context: 5 }
}

/// A report about one lock, which is what all reports start from.
pub(crate) fn report(task: TaskView, lock: HeldLockView) -> LockReport {
    LockReport {
        at: lock.at.clone(),
        task,
        lock,
        holding: None,
        held: Vec::new(),
        links: Vec::new(),
        usage: None,
        nest_lock: None,
        limit: None,
    }
}

/// The report with one held lock that is also the one it clashes with.
pub(crate) fn holding(report: LockReport, held: HeldLockView) -> LockReport {
    LockReport { holding: Some(held.clone()), held: vec![held], ..report }
}

pub(crate) fn finding(kind: LockReportKind, summary: &str, why: &str, report: LockReport) -> LockFinding {
    LockFinding {
        rule: kind.code(),
        kind,
        verdict: Verdict::Predicted,
        summary: summary.to_owned(),
        why: why.to_owned(),
        report,
        silence: None,
        count: 1,
    }
}
