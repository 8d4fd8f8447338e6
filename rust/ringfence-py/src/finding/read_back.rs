//! A finding from its JSON, for pickling. Words that the engine keeps as constants must be words it knows.

use ringfence::diag::{
    ClassView, DependencyKind, HeldLockView, IrqState, Link, LockFinding, LockReport, LockReportKind,
    PlaceView, Silence, TaskView, UsageConflict, UsageView, Verdict, rules,
};
use serde_json::Value;

/// Names of usage states, interrupts and limits (`enum lock_usage_bit`, `lockdep_states.h`,
/// `kernel/locking/lockdep_internals.h`).
const WORDS: [&str; 19] = [
    "IN-HARDIRQ-W",
    "IN-HARDIRQ-R",
    "HARDIRQ-ON-W",
    "HARDIRQ-ON-R",
    "IN-SOFTIRQ-W",
    "IN-SOFTIRQ-R",
    "SOFTIRQ-ON-W",
    "SOFTIRQ-ON-R",
    "INITIAL USE",
    "INITIAL READ USE",
    "HARDIRQ",
    "HARDIRQ-READ",
    "SOFTIRQ",
    "SOFTIRQ-READ",
    "MAX_LOCKDEP_KEYS",
    "MAX_LOCKDEP_ENTRIES",
    "MAX_LOCKDEP_CHAINS",
    "MAX_LOCK_DEPTH",
    "MAX_LOCKDEP_SUBCLASSES",
];

/// `None`: not what [`ringfence::diag::render::json`] writes.
pub(super) fn finding(text: &str) -> Option<LockFinding> {
    lock_finding(&serde_json::from_str(text).ok()?)
}

/// As [`finding`], of what was read already.
pub(crate) fn lock_finding(value: &Value) -> Option<LockFinding> {
    let rule = value["rule"].as_str()?;
    Some(LockFinding {
        rule: rules().iter().find(|known| known.code == rule)?.code,
        kind: LockReportKind::from_name(value["kind"].as_str()?)?,
        verdict: (value["verdict"] == "PREDICTED").then_some(Verdict::Predicted)?,
        summary: string(&value["summary"])?,
        why: string(&value["why"])?,
        report: report(&value["report"])?,
        silence: optional(&value["silence"], silence)?,
        count: value["count"].as_u64()?,
    })
}

fn report(value: &Value) -> Option<LockReport> {
    Some(LockReport {
        at: place(&value["at"])?,
        task: task(&value["task"])?,
        lock: held(&value["lock"])?,
        holding: optional(&value["holding"], held)?,
        held: list(&value["held"], held)?,
        links: list(&value["links"], link)?,
        usage: optional(&value["usage"], usage_conflict)?,
        nest_lock: optional(&value["nest_lock"], string)?,
        limit: optional(&value["limit"], word)?,
    })
}

pub(crate) fn place(value: &Value) -> Option<PlaceView> {
    Some(PlaceView {
        task: string(&value["task"])?,
        op: value["op"].as_u64()?,
        file: optional(&value["file"], string)?,
        line: optional(&value["line"], number)?,
        function: optional(&value["function"], string)?,
        via: optional(&value["via"], string)?,
    })
}

fn task(value: &Value) -> Option<TaskView> {
    let irq = &value["irq"];
    Some(TaskView {
        name: string(&value["name"])?,
        pid: number(&value["pid"])?,
        irq: IrqState {
            hardirq_context: irq["hardirq_context"].as_bool()?,
            softirq_context: irq["softirq_context"].as_bool()?,
            hardirq_count: number(&irq["hardirq_count"])?,
            softirq_count: number(&irq["softirq_count"])?,
            hardirqs_enabled: irq["hardirqs_enabled"].as_bool()?,
            softirqs_enabled: irq["softirqs_enabled"].as_bool()?,
        },
        wait_context: number(&value["wait_context"])?,
    })
}

fn held(value: &Value) -> Option<HeldLockView> {
    Some(HeldLockView {
        instance: string(&value["instance"])?,
        address: value["address"].as_u64()?,
        class: class(&value["class"])?,
        read: number(&value["read"])?,
        trylock: value["trylock"].as_bool()?,
        sync: value["sync"].as_bool()?,
        references: number(&value["references"])?,
        at: place(&value["at"])?,
    })
}

fn class(value: &Value) -> Option<ClassView> {
    let usage = |value: &Value| Some(UsageView { state: word(&value["state"])?, at: place(&value["at"])? });
    Some(ClassView {
        name: string(&value["name"])?,
        usage: string(&value["usage"])?,
        wait_outer: number(&value["wait_outer"])?,
        wait_inner: number(&value["wait_inner"])?,
        usages: list(&value["usages"], usage)?,
    })
}

fn link(value: &Value) -> Option<Link> {
    Some(Link {
        from: class(&value["from"])?,
        to: class(&value["to"])?,
        kind: dependency(&value["kind"])?,
        held_read: number(&value["held_read"])?,
        taken_read: number(&value["taken_read"])?,
        held_at: place(&value["held_at"])?,
        taken_at: place(&value["taken_at"])?,
        new: value["new"].as_bool()?,
    })
}

fn dependency(value: &Value) -> Option<DependencyKind> {
    Some(match value.as_str()? {
        "SR" => DependencyKind::SR,
        "ER" => DependencyKind::ER,
        "SN" => DependencyKind::SN,
        "EN" => DependencyKind::EN,
        _ => return None,
    })
}

fn usage_conflict(value: &Value) -> Option<UsageConflict> {
    Some(UsageConflict {
        irq: word(&value["irq"])?,
        safe: class(&value["safe"])?,
        safe_state: word(&value["safe_state"])?,
        safe_at: place(&value["safe_at"])?,
        unsafe_: class(&value["unsafe_"])?,
        unsafe_state: word(&value["unsafe_state"])?,
        unsafe_at: place(&value["unsafe_at"])?,
        forwards: value["forwards"].as_bool()?,
    })
}

fn silence(value: &Value) -> Option<Silence> {
    let all = [Silence::ChainCache, Silence::VisitedBeforeFilter, Silence::NearestLockOnly];
    all.into_iter().find(|silence| Some(silence.to_string().as_str()) == value.as_str())
}

fn word(value: &Value) -> Option<&'static str> {
    WORDS.into_iter().find(|word| value == word)
}

pub(crate) fn string(value: &Value) -> Option<String> {
    value.as_str().map(Into::into)
}

pub(crate) fn number<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_u64()?).ok()
}

pub(crate) fn list<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(read).collect()
}

/// Missing and `null` are the same; the outer `None` is a failure.
#[expect(clippy::option_option, reason = "absent and failed differ")]
pub(crate) fn optional<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}
