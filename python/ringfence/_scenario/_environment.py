"""What others may do to a scenario: the contract as an adversary."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TypedDict, Unpack

from ringfence._scenario._where import mistake
from ringfence._scenario._wording import closest

__all__ = ["Environment", "Parts", "contract", "quiet"]


class Parts(TypedDict, total=False):
    """The keyword arguments of `contract` and `quiet`; see `Environment`."""

    foreign_resv: bool
    foreign_shrinker: bool
    foreign_notifier: bool
    memory_pressure: bool
    allocation_failure: bool
    user_memory: bool
    interrupts_waits: bool
    trylock_failure: bool
    deadlock_injection: bool
    early_timeouts: bool
    gpu_hangs: bool
    irq_loss: bool
    reset_failure: bool
    process_kill: bool
    fence_bound: int


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Which of the freedoms that the contract gives to others are taken; none, if nothing is said.

    Attributes:
        foreign_resv: a foreign driver waits for published fences under their ``dma_resv`` lock.
        foreign_shrinker: a foreign shrinker waits for any published fence.
        foreign_notifier: a foreign MMU notifier waits for any published fence.
        memory_pressure: every allocation that may reclaim can find memory short and reclaim first.
        allocation_failure: every allocation that may fail can fail.
        user_memory: user memory can go at any time.
        interrupts_waits: interruptible waits can be interrupted.
        trylock_failure: a trylock can fail though nobody in the scenario holds the lock: somebody else does.
        deadlock_injection: ``ww_mutex_lock()`` can be told -EDEADLK though nobody is in the way
            (``CONFIG_DEBUG_WW_MUTEX_SLOWPATH``).
        early_timeouts: a timeout can run out although threads could still run.
        gpu_hangs: any work on a GPU can hang.
        irq_loss: a GPU's interrupt can be lost, or come late.
        reset_failure: resetting a GPU can fail.
        process_kill: the process behind a thread can be killed at any time.
        fence_bound: virtual nanoseconds that a published fence may take.
    """

    foreign_resv: bool = False
    foreign_shrinker: bool = False
    foreign_notifier: bool = False
    memory_pressure: bool = False
    allocation_failure: bool = False
    user_memory: bool = False
    interrupts_waits: bool = False
    trylock_failure: bool = False
    deadlock_injection: bool = False
    early_timeouts: bool = False
    gpu_hangs: bool = False
    irq_loss: bool = False
    reset_failure: bool = False
    process_kill: bool = False
    fence_bound: int = 10_000_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            expected = int if field.name == "fence_bound" else bool
            if type(value) is not expected:
                message = (
                    f"{field.name}={value!r}: expected {'an int' if expected is int else 'True or False'}"
                )
                raise mistake(message)
        if not 0 < self.fence_bound < 1 << 63:
            message = f"fence_bound={self.fence_bound}: expected virtual nanoseconds, at least 1"
            raise mistake(message)

    def _json(self) -> dict[str, object]:
        return asdict(self)


_PARTS = tuple(field.name for field in fields(Environment))


def _checked(parts: Parts) -> Parts:
    for name in parts:
        if name not in _PARTS:
            close = closest(name, _PARTS, cutoff=0.4)
            message = f"an environment has no part {name!r}"
            message += f"; did you mean {close!r}?" if close else ""
            raise mistake(f"{message} Its parts are {', '.join(_PARTS)}")
    return parts


def contract(**parts: Unpack[Parts]) -> Environment:
    """Everything that the contract allows others; parts can be switched off by name.

    Raises:
        ScenarioError: there is no such part, or its value will not do.

    >>> contract(foreign_resv=False).foreign_shrinker
    True
    """
    everything: Parts = {
        "foreign_resv": True,
        "foreign_shrinker": True,
        "foreign_notifier": True,
        "memory_pressure": True,
        "allocation_failure": True,
        "user_memory": True,
        "interrupts_waits": True,
        "trylock_failure": True,
        "deadlock_injection": True,
        "early_timeouts": True,
        "gpu_hangs": True,
        "irq_loss": True,
        "reset_failure": True,
        "process_kill": True,
    }
    everything.update(_checked(parts))
    return Environment(**everything)


def quiet(**parts: Unpack[Parts]) -> Environment:
    """Nobody else is there and memory never gets short; parts can be switched on by name.

    Raises:
        ScenarioError: there is no such part, or its value will not do.

    >>> quiet() == Environment()
    True
    """
    return Environment(**_checked(parts))
