"""Hang policies: when work has hung.

The contract leaves it to each driver what a reasonable time is. It may be fixed, or depend on what the driver
sees, as long as it ends.
"""

from __future__ import annotations

import ringfence as rf

__all__ = ["FixedTimeout", "ForwardProgress", "HangPolicy", "NoTimeout"]


class HangPolicy(rf.Driver):
    """When work has hung: the part of a driver that decides. Derive from it for another one.

    The driver asks whenever a ring's oldest work has been its oldest for another `period`.
    """

    period: int = rf.ms(500)
    """After that time it is looked at; ``MAX_SCHEDULE_TIMEOUT``: never."""

    def watch(self, k: rf.Kernel, ring: rf.Ring, others: list[rf.Ring]) -> None:
        """Declares what is remembered of a ring.

        Args:
            k: where it is declared.
            ring: which.
            others: rings of the same engine.
        """

    def has_hung(self, t: rf.Recorder, ring: rf.Ring) -> rf.Int | int:
        """1 if the oldest work of the ring has hung; 0: it gets more time."""
        raise NotImplementedError

    def forget(self, t: rf.Recorder, ring: rf.Ring) -> None:
        """Something else is the oldest work of the ring now, without having been completed."""


class FixedTimeout(HangPolicy):
    """What has not ended after `period` has hung. Most drivers do that."""

    def has_hung(self, t: rf.Recorder, ring: rf.Ring) -> int:  # noqa: ARG002
        """1: the time is over."""
        return 1


class NoTimeout(HangPolicy):
    """Nobody ever looks: breaks the contract, as soon as anything can hang."""

    period = rf.MAX_SCHEDULE_TIMEOUT

    def has_hung(self, t: rf.Recorder, ring: rf.Ring) -> int:  # noqa: ARG002
        """Never asked."""
        return 0


class ForwardProgress(HangPolicy):
    """Work gets more time as long as its engine gets ahead, but each time less of it.

    So it all ends after ``sum(patience)`` periods, whatever the hardware does. It is of use where an engine
    has several rings: what waits for the work of others has not hung.
    """

    period = rf.ms(100)
    patience = (4, 2, 1)
    """Looks until its time is up: at first, and after each time that the engine has got ahead meanwhile."""

    def setup(self, k: rf.Kernel) -> None:  # noqa: ARG002
        """Starts with no rings."""
        self.rings: dict[str, _Watched] = {}

    def watch(self, k: rf.Kernel, ring: rf.Ring, others: list[rf.Ring]) -> None:
        """Remembers what was seen last, and how patient it still is."""
        self.rings[ring.name] = _Watched(k, ring, others)

    def has_hung(self, t: rf.Recorder, ring: rf.Ring) -> rf.Int:
        """1 if its time is up and the engine has stood still meanwhile, or there is no more time to give."""
        watched = self.rings[ring.name]
        with t.if_(t.ring_seqno(ring) != t.read_once(watched.seqno)):
            # Another work is the oldest one now: it has all its time before it.
            t.write_once(watched.seqno, t.ring_seqno(ring))
            self._give(t, watched, 0)
        hung = t.var(t.atomic_add_return(watched.left, -1) <= 0)
        with t.if_(hung):
            progress = watched.progress(t)
            with t.if_(progress != t.read_once(watched.seen)):
                t.write_once(watched.seen, progress)
                hung.set(self._extend(t, watched))
        return hung

    def forget(self, t: rf.Recorder, ring: rf.Ring) -> None:
        """All its time for whatever is next."""
        t.write_once(self.rings[ring.name].seqno, -1)

    def _extend(self, t: rf.Recorder, watched: _Watched) -> rf.Int:
        """The next extension, which is shorter: 0; 1 if there is none."""
        stage, none_left = t.read_once(watched.stage), t.var(1)
        for last in range(len(self.patience) - 1):
            with t.if_(stage == last):
                self._give(t, watched, last + 1)
                none_left.set(0)
        return none_left

    def _give(self, t: rf.Recorder, watched: _Watched, stage: int) -> None:
        t.write_once(watched.stage, stage)
        t.write_once(watched.left, self.patience[stage])


class _Watched:
    """What `ForwardProgress` remembers of a ring."""

    def __init__(self, k: rf.Kernel, ring: rf.Ring, others: list[rf.Ring]) -> None:
        self.others = others
        self.seqno = k.cell(f"{ring.name}->hangcheck.seqno", -1)
        self.seen = k.cell(f"{ring.name}->hangcheck.progress")
        self.stage = k.cell(f"{ring.name}->hangcheck.stage")
        self.left = k.cell(f"{ring.name}->hangcheck.left")

    def progress(self, t: rf.Recorder) -> rf.Int:
        """A number that changes whenever the engine has completed work of other rings."""
        progress = t.var(0)
        for ring in self.others:
            progress += t.ring_seqno(ring)
        return progress
