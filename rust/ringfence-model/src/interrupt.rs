//! Interrupts: when they can arrive, on whom, and what that context looks like meanwhile
//! (`kernel/irq/handle.c`, `kernel/softirq.c`).
//!
//! An interrupt arrives on an idle CPU or where that matters: on top of a context that holds a spinning lock with
//! that interrupt on, or on top of a soft interrupt's handler. The host goes on when the handler has returned.
//!
//! Every handler is one that could be forced into a thread, as those of drivers are: `spinlock_t` is fine there
//! (`lockdep_hardirq_threaded()`, `lockdep_irq_work_enter()`).

use ringfence_base::EventKind;

use crate::deferred::Depths;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::plan::Source;
use crate::thread::{NONE, State};
use crate::tracked::{Shared, tracked};
use crate::tracked_list::SharedList;
use crate::value::Value;

tracked! {
    /// Which interrupts are pending and being served, by source.
    pub(crate) struct Interrupts {
        lines: SharedList<Line>,
        pending: Shared<u32>,
    }
}

/// One source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Line {
    pending: bool,
    /// The context that serves it; [`NONE`].
    host: u32,
    /// `disable_irq()` nesting.
    disabled: u32,
    /// Held back until its threaded handler is done (`IRQF_ONESHOT`).
    masked: bool,
}

impl Line {
    /// It is pending, and nothing but a host is missing.
    fn can_arrive(self) -> bool {
        self.pending && self.host == NONE && self.disabled == 0 && !self.masked
    }
}

impl Interrupts {
    /// One more source.
    pub(crate) fn add(&mut self) {
        self.lines.push(Line { pending: false, host: NONE, disabled: 0, masked: false });
    }

    /// Some source is pending and may arrive.
    #[inline]
    pub(crate) fn any_pending(&self) -> bool {
        *self.pending.unmarked() != 0
    }

    /// It is pending, not being served, and neither disabled nor masked.
    pub(crate) fn can_arrive(&self, number: usize) -> bool {
        self.lines[number].can_arrive()
    }

    /// Some interrupt can arrive as soon as it finds a host.
    pub(crate) fn any_can_arrive(&self) -> bool {
        self.any_pending() && self.lines.unmarked().iter().any(|line| line.can_arrive())
    }

    /// Whether it is pending.
    pub(crate) fn is_pending(&self, number: usize) -> bool {
        self.lines[number].pending
    }

    /// The context that serves it.
    pub(crate) fn host(&self, number: usize) -> Option<u32> {
        let host = self.lines[number].host;
        (host != NONE).then_some(host)
    }

    /// Makes it pending; false if it was.
    pub(crate) fn raise(&mut self, number: usize) -> bool {
        let new = !self.lines[number].pending;
        self.lines[number].pending = true;
        *self.pending += u32::from(new);
        new
    }

    /// Takes it back; false if it was not pending.
    pub(crate) fn clear(&mut self, number: usize) -> bool {
        let was = self.lines[number].pending;
        self.lines[number].pending = false;
        *self.pending -= u32::from(was);
        was
    }

    /// `disable_irq_nosync()`.
    pub(crate) fn disable(&mut self, number: usize) {
        self.lines[number].disabled += 1;
    }

    /// `enable_irq()`; false if it was not disabled.
    pub(crate) fn enable(&mut self, number: usize) -> bool {
        let was = self.lines[number].disabled != 0;
        self.lines[number].disabled = self.lines[number].disabled.saturating_sub(1);
        was
    }

    /// Holds the line back, or lets it go.
    pub(crate) fn mask(&mut self, number: usize, masked: bool) {
        self.lines[number].masked = masked;
    }
}

/// An interrupt being served on a context.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct InterruptFrame {
    /// Index of its source in the plan.
    pub(crate) source: u32,
    /// The handler has been called.
    called: bool,
    /// What the host was doing.
    host_state: State,
    host_irqs_off: bool,
    /// What the context looked like when the handler began.
    depths: Depths,
}

impl Kernel<'_> {
    /// Index of a source in the plan.
    pub(crate) fn source(&self, source: Source) -> usize {
        let found = self.plan.sources.iter().position(|known| *known == source);
        found.expect("engine bug: an interrupt source that was not declared")
    }

    /// A pending interrupt arrives on this context.
    pub(crate) fn interrupt_arrives(&mut self, source: u32) {
        let number = source as usize;
        assert!(self.w.interrupts.can_arrive(number), "engine bug: not pending");
        self.w.interrupts.clear(number);
        self.w.interrupts.lines[number].host = self.task;
        let hard = self.plan.sources[number].is_hard();
        let thread = self.me();
        let (host_state, host_irqs_off) = (thread.state, thread.irqs_off);
        if hard {
            thread.hardirq += 1;
            thread.irqs_off = true;
            self.emit(EventKind::HardirqEnter { threaded: true });
        } else {
            thread.softirq += 1;
            self.emit(EventKind::SoftirqEnter);
        }
        let depths = self.depths();
        let frame = InterruptFrame { source, called: false, host_state, host_irqs_off, depths };
        self.me().frames.push(Frame::Interrupt(frame));
        self.w.set_state(self.task, State::Ready);
        self.run();
    }

    pub(crate) fn run_interrupt(&mut self, frame: InterruptFrame) -> Flow {
        let source = self.plan.sources[frame.source as usize];
        if !frame.called {
            self.replace(Frame::Interrupt(InterruptFrame { called: true, ..frame }));
            return self.serve(source);
        }
        let result = self.ret();
        self.check_depths(frame.depths);
        let thread = self.me();
        if source.is_hard() {
            thread.hardirq -= 1;
            thread.irqs_off = frame.host_irqs_off;
            self.emit(EventKind::HardirqExit);
        } else {
            thread.softirq -= 1;
            self.emit(EventKind::SoftirqExit);
        }
        self.w.interrupts.lines[frame.source as usize].host = NONE;
        self.me().frames.pop();
        // Whatever the host waited for may have come meanwhile: it looks again.
        let state = match frame.host_state {
            State::Blocked(_) => State::Ready,
            state => state,
        };
        self.w.set_state(self.task, state);
        self.served(source, result);
        Flow::Yield
    }

    /// Runs what the source has to run.
    fn serve(&mut self, source: Source) -> Flow {
        match source {
            Source::Irq(irq) => self.serve_irq(irq),
            Source::Timer(timer) => self.serve_timer(timer),
            Source::Tasklet(tasklet) => self.serve_tasklet(tasklet),
            Source::IrqWork(work) => self.serve_irq_work(work),
            Source::Rcu => self.serve_rcu(),
            Source::FenceIrqWork => self.serve_fence_irq_work(),
        }
    }

    /// The handler has returned: wakes who waits for that.
    fn served(&mut self, source: Source, result: Value) {
        match source {
            Source::Irq(irq) => self.irq_served(irq, result),
            Source::Timer(timer) => self.timer_served(timer),
            Source::Tasklet(tasklet) => self.tasklet_served(tasklet),
            Source::IrqWork(work) => self.irq_work_served(work),
            Source::Rcu => self.rcu_served(),
            Source::FenceIrqWork => {}
        }
    }
}
