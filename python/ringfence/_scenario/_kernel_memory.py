"""Declaring memory: address spaces, shrinkers, notifiers."""

from __future__ import annotations

from ringfence._scenario._checks import MAX, checked_number
from ringfence._scenario._handled import Function, IntervalNotifier, MmuNotifier, Shrinker
from ringfence._scenario._kernel_base import KernelBase
from ringfence._scenario._objects import Mm, UserRange

__all__ = ["KernelMemory"]

_MAX_32 = (1 << 32) - 1


class KernelMemory(KernelBase):
    """The part of a `Kernel` that declares memory and who is asked to give it back."""

    def mm(self, name: str) -> Mm:
        """``struct mm_struct``: the memory of a process, for ``k.thread(mm=…)`` and `user_range`."""
        return self._declare(Mm, name)

    def user_range(self, name: str, mm: Mm) -> UserRange:
        """A range of user memory.

        Args:
            name: its name in reports.
            mm: whose memory it is.

        Raises:
            ScenarioError: that is no mm of this scenario.
        """
        return self._declare(UserRange, name, mm=self._reference("k.user_range(mm=…)", mm, Mm))

    def shrinker(
        self,
        name: str,
        count: Function | int | None = None,
        scan: Function | None = None,
        *,
        seeks: int = 2,
        batch: int = 0,
    ) -> Shrinker:
        """``shrinker_register()`` (``include/linux/shrinker.h``).

        Args:
            name: its name in reports.
            count: ``count_objects``: takes ``t``, returns how many objects it could free; a number if it is
                always the same.
            scan: ``scan_objects``: takes ``t`` and ``nr_to_scan``, returns how many it freed, or SHRINK_STOP.
            seeks: cost of making an object again; 2 is the kernel's ``DEFAULT_SEEKS``.
            batch: how many are scanned at once; 0: the kernel's 128.

        Raises:
            ScenarioError: a number is out of range.
        """
        checked_number("k.shrinker(seeks=…)", seeks, 0, _MAX_32)
        checked_number("k.shrinker(batch=…)", batch, 0, _MAX_32)
        if isinstance(count, int):
            count = _always(checked_number("k.shrinker(count=…)", count, 0, MAX))
        return self._declare_with(Shrinker, name, {"count": count, "scan": scan}, seeks=seeks, batch=batch)

    def mmu_notifier(
        self, name: str, mm: Mm, invalidate: Function | None = None, release: Function | None = None
    ) -> MmuNotifier:
        """``mmu_notifier_register()`` (``include/linux/mmu_notifier.h``).

        Args:
            name: its name in reports.
            mm: the mm it watches.
            invalidate: ``invalidate_range_start``: takes ``t`` and ``blockable``, returns 0 or, if not
                blockable, -EAGAIN.
            release: takes ``t``.

        Raises:
            ScenarioError: that is no mm of this scenario.
        """
        functions = {"invalidate": invalidate, "release": release}
        watched = self._reference("k.mmu_notifier(mm=…)", mm, Mm)
        return self._declare_with(MmuNotifier, name, functions, mm=watched)

    def mmu_interval_notifier(
        self,
        name: str,
        range: UserRange,  # noqa: A002 - the field's name
        invalidate: Function | None = None,
    ) -> IntervalNotifier:
        """``mmu_interval_notifier_insert()`` (``include/linux/mmu_notifier.h``).

        Args:
            name: its name in reports.
            range: the user memory it watches.
            invalidate: takes ``t``, ``blockable`` and the number for ``t.mmu_interval_set_seq()``; returns 1,
                or 0 if not blockable.

        Raises:
            ScenarioError: that is no user range of this scenario.
        """
        watched = self._reference("k.mmu_interval_notifier(range=…)", range, UserRange)
        return self._declare_with(IntervalNotifier, name, {"invalidate": invalidate}, range=watched)


def _always(count: int) -> Function:
    """A function that returns this number."""

    def count_objects(_: object) -> int:
        return count

    return count_objects
