"""What the opening calls return: their findings, and a way to close what they opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from ringfence._core import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from ringfence._core import Cookie
    from ringfence.lockdep._validator import Lock, Validator

__all__ = ["IrqFlags", "Section", "SignallingCookie", "WwAcquireCtx"]


class Section(list[Finding]):
    """The findings of a call that took or opened something; as a context manager, it gives it back.

    The call has taken effect when it returns, as in the kernel: ``t.mutex_lock(m)`` alone locks. In a
    ``with`` statement the end of the block unlocks, and what that reports is appended to the list.
    """

    __slots__ = ("_end",)

    def __init__(self, findings: Iterable[Finding], end: Callable[[], list[Finding]]) -> None:
        super().__init__(findings)
        self._end = end

    def end(self) -> list[Finding]:
        """Gives back what was taken, as the end of a ``with`` block does; returns what that reports."""
        findings = self._end()
        self.extend(findings)
        return findings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


class SignallingCookie(Section):
    """What ``dma_fence_begin_signalling()`` returns, for ``dma_fence_end_signalling()``.

    Attributes:
        core: the engine's part of it.
        validator: whose section it is.
    """

    __slots__ = ("core", "validator")

    def __init__(
        self,
        findings: Iterable[Finding],
        end: Callable[[], list[Finding]],
        core: Cookie,
        validator: Validator,
    ) -> None:
        super().__init__(findings, end)
        self.core = core
        self.validator = validator

    @property
    def noop(self) -> bool:
        """There is nothing to end: the section was opened further out, or the context is atomic."""
        return self.core.noop


class IrqFlags(Section):
    """What ``local_irq_save()`` and ``spin_lock_irqsave()`` remember.

    Attributes:
        were_on: hard interrupts were on before.
    """

    __slots__ = ("were_on",)

    def __init__(self, findings: Iterable[Finding], end: Callable[[], list[Finding]], were_on: bool) -> None:
        super().__init__(findings, end)
        self.were_on = were_on


class WwAcquireCtx(Section):
    """A ``struct ww_acquire_ctx``: what several ``dma_resv_lock()`` of one task nest in.

    Attributes:
        lock: its lock, of the class ``reservation_ww_class_acquire``.
    """

    __slots__ = ("lock",)

    def __init__(self, findings: Iterable[Finding], end: Callable[[], list[Finding]], lock: Lock) -> None:
        super().__init__(findings, end)
        self.lock = lock
