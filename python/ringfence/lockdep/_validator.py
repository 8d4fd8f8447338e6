"""The validator, and what it validates: classes, locks and tasks."""

from __future__ import annotations

import threading
from typing import Literal

from ringfence._core import Finding, Kernel, Profile
from ringfence.errors import MisuseError
from ringfence.lockdep._task import Task
from ringfence.lockdep._where import Where, caller, place, readable

__all__ = ["Kind", "Lock", "LockClass", "Search", "Validator"]

# mypy.stubtest takes an alias of a `Literal` with several values for a union, and wants one at run time.
# ruff: noqa: PYI030

# What a lock is, which decides where it may be taken: `rcu` is `rcu_read_lock()`, `map` a bare annotation
# (`struct lockdep_map`).
Kind = (
    Literal["mutex", "rwsem", "ww_mutex", "spinlock", "rwlock", "raw_spinlock", "local_lock"]
    | Literal["rcu", "map"]
)

# `exact` finds every circle that can block; `kernel` is equal to Linux 6.12, its shortcuts included.
Search = Literal["exact"] | Literal["kernel"]


class LockClass:
    """Locks that obey the same rules: what one ``mutex_init()`` in the source initialises.

    Attributes:
        name: what reports call it.
        kind: what its locks are.
        validator: whose it is.
        key: its number in the engine.
    """

    __slots__ = ("key", "kind", "name", "validator")

    def __init__(self, validator: Validator, name: str, kind: Kind, key: int) -> None:
        self.validator = validator
        self.name = name
        self.kind = kind
        self.key = key

    def instance(self, name: str | None = None) -> Lock:
        """A new lock of this class, named like the class unless told."""
        return self.validator.lock(self.name if name is None else name, cls=self)

    def __repr__(self) -> str:
        return f"<LockClass {self.name!r} ({self.kind})>"


class Lock:
    """A lock instance.

    Attributes:
        name: what reports call it.
        cls: its class.
        number: its number in the engine.
    """

    __slots__ = ("cls", "name", "number")

    def __init__(self, cls: LockClass, name: str, number: int) -> None:
        self.cls = cls
        self.name = name
        self.number = number

    @property
    def kind(self) -> Kind:
        """What it is."""
        return self.cls.kind

    @property
    def validator(self) -> Validator:
        """Whose it is."""
        return self.cls.validator

    def __repr__(self) -> str:
        of = "" if self.cls.name == self.name else f" of class {self.cls.name!r}"
        return f"<Lock {self.name!r} ({self.kind}){of}>"


class Validator:
    """A lock-order, usage and context validator with the semantics of Linux lockdep, fed call by call.

    Calls on its tasks return what they find as a list of `Finding`, empty if nothing is wrong; nothing is
    raised for a finding. The caller's file, line and function are recorded by themselves and come back in
    reports. All methods may be called from several threads.

    >>> v = Validator()
    >>> a, b = v.lock("a"), v.lock("b")
    >>> t = v.task("client")
    >>> with t.mutex_lock(a), t.mutex_lock(b):
    ...     pass
    >>> with t.mutex_lock(b):
    ...     t.mutex_lock(a)  # doctest: +ELLIPSIS
    [<Finding RF601 circular-dependency at ...: circular dependency: a -> b -> a>]

    Args:
        profile: which kernel, a `Profile` or the name of one.
        search: ``exact`` also finds what lockdep's shortcuts hide from it; ``kernel`` does not.
        go_on: False: silent after the first report, as the kernel is (``debug_locks_off()``).

    Attributes:
        rcu_lock: what `Task.rcu_read_lock` takes.

    Raises:
        ProfileError: no such profile.
    """

    def __init__(
        self, profile: Profile | str = "6.12", *, search: Search = "exact", go_on: bool = True
    ) -> None:
        self._profile = profile if isinstance(profile, Profile) else Profile(profile)
        self._search = search
        self._core = Kernel(self._profile, search=search, go_on=go_on)
        self._classes: dict[tuple[str, Kind], LockClass] = {}
        self._sites: dict[tuple[str, int, str], int] = {}
        self._classes_lock = threading.Lock()
        self._prime: dict[str, Lock] = {}
        kinds: dict[str, Kind] = {
            "mmap_lock": "rwsem",
            "ww_ctx": "map",
            "resv": "ww_mutex",
            "i_mmap_rwsem": "rwsem",
        }
        for name, class_name, number in Kernel.prime_locks():
            cls = LockClass(self, class_name, kinds[name], number)
            self._classes[class_name, cls.kind] = cls
            self._prime[name] = Lock(cls, name, number)
        self.rcu_lock = self.lock("rcu_read_lock", "rcu")

    @property
    def core(self) -> Kernel:
        """The engine."""
        return self._core

    @property
    def profile(self) -> Profile:
        """Which kernel is modelled."""
        return self._profile

    @property
    def search(self) -> Search:
        """Which search decides."""
        return self._search

    @property
    def is_on(self) -> bool:
        """False once a report has switched it off (only with ``go_on=False``)."""
        return self._core.is_on

    @property
    def findings(self) -> list[Finding]:
        """All distinct findings so far, in order of discovery, each with how often it was met."""
        return self._core.findings()

    # ---- what there is -------------------------------------------------------------------------------------

    def task(self, name: str | None = None) -> Task:
        """A new task: nothing held, interrupts on, in process context."""
        if name is None:
            name = f"task{self._core.sizes()[0]}"
        return Task(self, name, self._core.add_task(name))

    def lock_class(self, name: str, kind: Kind = "mutex") -> LockClass:
        """A new class, different from all others, also from those of the same name."""
        if kind not in Kernel.kinds():
            message = f"unknown kind of lock {kind!r}; expected one of {', '.join(Kernel.kinds())}"
            raise MisuseError(message)
        return LockClass(self, name, kind, self._core.add_key(name))

    def lock(self, name: str, kind: Kind | None = None, *, cls: LockClass | Lock | None = None) -> Lock:
        """A new lock.

        Locks of the same name and kind are of one class, as all that one ``mutex_init()`` initialises are;
        ``cls`` puts locks of different names into one class.

        Args:
            name: what reports call it.
            kind: what it is; a mutex unless told, or what its class says.
            cls: its class, or another lock whose class it shares.

        Raises:
            MisuseError: no such kind, another kind than the class has, or a class of another validator.
        """
        if isinstance(cls, Lock):
            cls = cls.cls
        if cls is None:
            kind = kind or "mutex"
            with self._classes_lock:
                cls = self._classes.get((name, kind))
                if cls is None:
                    cls = self._classes[name, kind] = self.lock_class(name, kind)
        elif cls.validator is not self:
            message = f"{cls!r} belongs to another validator; make one with this validator's lock_class()"
            raise MisuseError(message)
        elif kind not in {None, cls.kind}:
            message = f"{name!r} can't be a {kind}: its class is {cls!r}; leave the kind out"
            raise MisuseError(message)
        return Lock(cls, name, self._core.add_lock(name, cls.key, cls.kind))

    def dma_resv(self, name: str = "resv") -> Lock:
        """A ``struct dma_resv``, of the class ``reservation_ww_class_mutex`` that the priming takes."""
        return self._prime["resv"].cls.instance(name)

    def mmap_lock(self, name: str = "mmap_lock") -> Lock:
        """A process's ``mmap_lock``, of the class that the priming takes."""
        return self._prime["mmap_lock"].cls.instance(name)

    def i_mmap_rwsem(self, name: str = "i_mmap_rwsem") -> Lock:
        """An address space's ``i_mmap_rwsem``, of the class that the priming takes."""
        return self._prime["i_mmap_rwsem"].cls.instance(name)

    def ww_ctx(self, name: str = "ww_ctx") -> Lock:
        """The lock of a ``struct ww_acquire_ctx``; see `Task.ww_acquire_ctx`."""
        return self._prime["ww_ctx"].cls.instance(name)

    def prime(self, task: Task | None = None, *, where: Where | None = None) -> list[Finding]:
        """Takes the whole order of the contract once, as the kernel does at boot.

        From here on every driver is checked against it: ``dma_resv_lockdep()`` in
        ``drivers/dma-buf/dma-resv.c``.
        """
        if task is None:
            task = self.task("swapper/0")
        elif task.validator is not self:
            message = f"{task!r} belongs to another validator; make one with this validator's task()"
            raise MisuseError(message)
        return self._core.prime((task.number, self.site(where)))

    # ---- for tasks -----------------------------------------------------------------------------------------

    def lock_number(self, lock: object) -> int:
        """The engine's number of a lock.

        Raises:
            MisuseError: it is no lock, or one of another validator.
        """
        if not isinstance(lock, Lock):
            message = f"expected a Lock, got {lock!r}; make one with Validator.lock()"
            raise MisuseError(message)
        if lock.validator is not self:
            message = f"{lock!r} belongs to another validator; make one with this validator's lock()"
            raise MisuseError(message)
        return lock.number

    def site(self, where: Where | None) -> int:
        """The number of a place: the one given, or the caller's."""
        at = caller() if where is None else place(where)
        site = self._sites.get(at)
        if site is None:
            file, line, function = at
            if where is None:
                file, function = readable(file, function)
            site = self._sites[at] = self._core.add_site(file, line, function)
        return site

    def __repr__(self) -> str:
        tasks, locks, _, dependencies, findings = self._core.sizes()
        return (
            f"<Validator {self._profile.name} {self._search}: {tasks} tasks, {locks} locks, "
            f"{dependencies} dependencies, {findings} findings>"
        )
