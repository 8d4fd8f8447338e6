//! The signalling annotation (`dma_fence_begin_signalling()`, `dma_fence_end_signalling()`,
//! `__dma_fence_might_wait()` in `drivers/dma-buf/dma-fence.c`).

use ringfence_base::{AcquireFlags, LockId, Origin, Read};

use super::{Annotation, Annotations, Via};

/// What a begin hands to its end: whether there is nothing to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Cookie {
    nothing_to_end: bool,
}

impl Cookie {
    /// The section was opened by somebody further out, or the context is atomic: ending it does nothing.
    pub fn is_noop(self) -> bool {
        self.nothing_to_end
    }
}

impl Annotations {
    fn dma_fence_map(&mut self) -> LockId {
        self.map("dma_fence_map", |maps| &mut maps.dma_fence)
    }

    /// Linux 6.12 makes whatever is held where a section begins wait for all fences, which is too much; later it is
    /// a trylock. Strict mode's own sections are, in any profile.
    fn section_flags(&self, strict: bool) -> AcquireFlags {
        let trylock = strict || self.profile.annotation == Annotation::ReadTrylock;
        AcquireFlags { read: Read::Shared, trylock, ..AcquireFlags::default() }
    }

    /// `dma_fence_begin_signalling()`: a no-op inside a section and, tested after that, in atomic context
    /// (a raised preempt count; irqs being off alone is none). Returns how many problems were reported, and
    /// the cookie for [`Annotations::end_signalling`].
    pub fn begin_signalling(&mut self, origin: Origin) -> (usize, Cookie) {
        self.begin_section(origin, Via::BeginSignalling)
    }

    /// As [`Annotations::begin_signalling`], of a section that Linux does not have: see [`Profile::strict`].
    ///
    /// [`Profile::strict`]: super::Profile::strict
    pub fn begin_strict_section(&mut self, origin: Origin) -> (usize, Cookie) {
        self.begin_section(origin, Via::StrictMode)
    }

    fn begin_section(&mut self, origin: Origin, via: Via) -> (usize, Cookie) {
        let noop = (0, Cookie { nothing_to_end: true });
        if !self.active() {
            return noop;
        }
        let map = self.dma_fence_map();
        if self.validator.is_held(origin.task, map, Some(true)) || self.task(origin).preempt_count != 0 {
            return noop;
        }
        let strict = via == Via::StrictMode;
        self.task(origin).strict = strict;
        let origin = self.via(origin, via);
        let flags = self.section_flags(strict);
        let reported = self.steps(|this, reported| {
            this.step(reported, |validator| validator.acquire(origin, map, flags));
        });
        (reported, Cookie { nothing_to_end: false })
    }

    /// `dma_fence_end_signalling()`. Returns how many problems were reported.
    pub fn end_signalling(&mut self, origin: Origin, cookie: Cookie) -> usize {
        if cookie.nothing_to_end || !self.active() {
            return 0;
        }
        let map = self.dma_fence_map();
        self.steps(|this, reported| this.map_release(reported, origin, map))
    }

    /// `__dma_fence_might_wait()`: what every wait for a fence does, signaled or not. A section around it
    /// is left for the moment, so that waiting inside one is not reported by itself. Returns how many
    /// problems were reported.
    pub fn might_wait(&mut self, origin: Origin) -> usize {
        if !self.active() {
            return 0;
        }
        self.steps(|this, reported| this.might_wait_steps(origin, reported))
    }

    pub(super) fn might_wait_steps(&mut self, origin: Origin, reported: &mut Vec<usize>) {
        let map = self.dma_fence_map();
        let origin = self.via(origin, Via::MightWait);
        let in_section = self.validator.is_held(origin.task, map, Some(true));
        if in_section {
            self.map_release(reported, origin, map);
        }
        self.map_acquire(reported, origin, map);
        self.map_release(reported, origin, map);
        if in_section {
            let strict = self.task(origin).strict;
            let flags = self.section_flags(strict);
            self.step(reported, |validator| validator.acquire(origin, map, flags));
        }
    }
}
