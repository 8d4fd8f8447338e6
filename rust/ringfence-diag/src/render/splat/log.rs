//! What all splats are made of.

use super::clean;
use crate::render::source::source;
use crate::{ClassView, HeldLockView, LockReport, PlaceView, TaskView};

/// `uname -r` and the first word of `uname -v` of the modelled kernel.
const RELEASE: &str = "6.12.117";
const VERSION: &str = "#1";

/// The lines printed so far.
#[derive(Default)]
pub(super) struct Log(String);

impl Log {
    /// The whole splat.
    pub(super) fn finish(self) -> String {
        self.0.trim_end_matches('\n').to_owned()
    }

    /// Prints lines.
    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    /// The title between its rules. The kernel's rules are as long as the title, with one exception.
    pub(super) fn title(&mut self, title: &str) {
        self.title_with_rule(title, title.len());
    }

    /// The title between rules of a fixed length.
    pub(super) fn title_with_rule(&mut self, title: &str, length: usize) {
        self.line("=".repeat(length));
        self.line(title);
        self.line(format!("{RELEASE} {VERSION} Not tainted"));
        self.line("-".repeat(length));
    }

    /// `print_lock()`.
    pub(super) fn lock(&mut self, lock: &HeldLockView) {
        self.line(lock_line(lock));
    }

    /// `lockdep_print_held_locks()`.
    pub(super) fn held(&mut self, report: &LockReport) {
        let who = who(&report.task);
        match report.held.len() {
            0 => return self.line(format!("no locks held by {who}.")),
            1 => self.line(format!("1 lock held by {who}:")),
            n => self.line(format!("{n} locks held by {who}:")),
        }
        for (i, lock) in report.held.iter().enumerate() {
            self.line(format!(" #{i}: {}", lock_line(lock)));
        }
    }

    /// `stack_trace_print()`: one line per frame, innermost first.
    pub(super) fn trace(&mut self, place: &PlaceView, spaces: usize) {
        let indent = " ".repeat(spaces + 1);
        if let Some(via) = &place.via {
            self.line(format!("{indent}{}", clean(via)));
        }
        self.line(format!("{indent}{}", location(place)));
    }

    /// `dump_stack()` under its heading.
    pub(super) fn backtrace(&mut self, report: &LockReport) {
        self.line("stack backtrace:");
        self.dump_stack(report);
    }

    /// `dump_stack()`.
    pub(super) fn dump_stack(&mut self, report: &LockReport) {
        let TaskView { name, pid, .. } = &report.task;
        let comm = clean(name);
        self.line(format!("CPU: 0 UID: 0 PID: {pid} Comm: {comm} Not tainted {RELEASE} {VERSION}"));
        self.line("Call Trace:");
        self.line(" <TASK>");
        self.trace(&report.at, 0);
        self.line(" </TASK>");
    }

    /// The end of most splats: the held locks, then the stack.
    pub(super) fn held_and_backtrace(&mut self, report: &LockReport) {
        self.held(report);
        self.line("");
        self.backtrace(report);
    }

    /// One or two columns of what CPUs do, up to the verdict.
    pub(super) fn scenario(&mut self, heading: &str, cpus: usize, steps: &[Step]) {
        self.line(format!(" Possible {heading} scenario:\n"));
        self.line(if cpus == 1 { "       CPU0" } else { "       CPU0                    CPU1" });
        self.line(if cpus == 1 { "       ----" } else { "       ----                    ----" });
        for step in steps {
            match step {
                Step::Cpu0(text) => self.line(format!("  {text}")),
                Step::Cpu1(text) => self.line(format!("{:31}{text}", "")),
            }
        }
        self.line("\n *** DEADLOCK ***\n");
    }

    /// `Chain exists of:` for scenarios that leave classes out.
    pub(super) fn chain(&mut self, first: &ClassView, middle: &ClassView, last: &ClassView) {
        self.line("Chain exists of:");
        self.line(format!(
            "  {} --> {} --> {}\n",
            clean(&first.name),
            clean(&middle.name),
            clean(&last.name)
        ));
    }
}

/// One line of a scenario.
pub(super) enum Step {
    /// In the left column.
    Cpu0(String),
    /// In the right column.
    Cpu1(String),
}

/// `verb(class);`
pub(super) fn call(verb: &str, class: &ClassView) -> String {
    format!("{verb}({});", clean(&class.name))
}

/// `task/pid`.
pub(super) fn who(task: &TaskView) -> String {
    format!("{}/{}", clean(&task.name), task.pid)
}

/// `task/pid [HC0[0]:SC0[0]:HE1:SE1]`.
pub(super) fn who_with_irqs(task: &TaskView) -> String {
    let irq = &task.irq;
    format!(
        "{} [HC{}[{}]:SC{}[{}]:HE{}:SE{}]",
        who(task),
        u8::from(irq.hardirq_context),
        irq.hardirq_count,
        u8::from(irq.softirq_context),
        irq.softirq_count,
        u8::from(irq.hardirqs_enabled),
        u8::from(irq.softirqs_enabled),
    )
}

/// `print_lock_name()`, with its leading space: ` (name){usage}-{outer:inner}`.
pub(super) fn class(class: &ClassView) -> String {
    let outer = if class.wait_outer == 0 { class.wait_inner } else { class.wait_outer };
    format!(" ({}){{{}}}-{{{outer}:{}}}", clean(&class.name), class.usage, class.wait_inner)
}

/// Where it was, in one line.
pub(super) fn location(place: &PlaceView) -> String {
    let at = source(place).unwrap_or_else(|| format!("op {} of task {}", place.op, place.task));
    clean(&at).into_owned()
}

fn lock_line(lock: &HeldLockView) -> String {
    format!("{:016x}{}, at: {}", lock.address, class(&lock.class), location(&lock.at))
}
