"""The scenario while it is built: objects, programs, threads, places."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ringfence._scenario._checks import checked_function, checked_name
from ringfence._scenario._handled import Function, Signature, WithFunctions
from ringfence._scenario._handlers import method_of
from ringfence._scenario._mistakes import run_user_code
from ringfence._scenario._pointers import Declared, Pointer
from ringfence._scenario._recorder import Recorder
from ringfence._scenario._where import Site, declared_at, function_name, is_own, mistake, readable
from ringfence._scenario._wording import described
from ringfence.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, FrameType

    from ringfence._scenario._driver import Driver
    from ringfence._scenario._environment import Environment
    from ringfence._scenario._kernel import Kernel

__all__ = ["Entry", "KernelBase", "Missing"]

P = TypeVar("P", bound=Pointer)
W = TypeVar("W", bound=WithFunctions)
Entry = dict[str, Any]


class _Waiting(NamedTuple):
    """A program that is recorded when everything is declared: a handler may use what is declared after it."""

    number: int
    function: Function
    signature: Signature
    role: str
    driver: str | None
    site: int | None


class Missing(NamedTuple):
    """An object that takes the functions that it is not given from a driver, or else the usual ones."""

    thing: WithFunctions
    driver: Driver | None
    usual: dict[str, Function]


class KernelBase:
    """The part of a `Kernel` that keeps what was declared.

    Attributes:
        name: the scenario's name.
        environment: what others may do.
    """

    def __init__(self, name: str, environment: Environment) -> None:
        self.name = name
        self.environment = environment
        self._objects: list[Entry] = []
        self._programs: list[Entry | None] = []
        self._threads: list[Entry] = []
        self._sites: dict[Site, int] = {}
        self._order: list[Site] = []
        self._files: dict[str, str] = {}
        self._names: dict[tuple[str, str], int] = {}
        self._first_locks: dict[tuple[str, str], Entry] = {}
        self._waiting: deque[_Waiting] = deque()
        self._known: dict[object, int] = {}
        self._with_functions: list[WithFunctions] = []
        self._missing: list[Missing] = []
        self._drivers: list[Driver] = []
        # The driver or part whose setup() is being called.
        self._setting_up: Driver | None = None
        # The driver whose setup() or handler is being called: what is declared meanwhile belongs to it.
        self._driver: str | None = None
        # The place that stands for all of a program that is none of the user's.
        self._standing: int | None = None

    @property
    def _self(self) -> Kernel:
        return self  # type: ignore[return-value] # the only subclass

    # ---- places --------------------------------------------------------------------------------------------

    def _site(self, frame: FrameType) -> int:
        """The number of the user's line that is being executed."""
        if self._standing is not None:
            return self._standing
        code = frame.f_code
        while is_own(code.co_filename) and frame.f_back is not None:
            frame = frame.f_back
            code = frame.f_code
        return self._number((code.co_filename, frame.f_lineno, function_name(code)))

    def _number(self, site: Site) -> int:
        number = self._sites.get(site)
        if number is None:
            self._order.append(site)
            number = self._sites[site] = len(self._order)
        return number

    def _place(self, number: int) -> str:
        """``file:line`` of a place."""
        file, line, _ = self._order[number - 1]
        return f"{self._readable(file)}:{line}"

    def _readable(self, file: str) -> str:
        text = self._files.get(file)
        if text is None:
            text = self._files[file] = readable(file)
        return text

    def _last_line(self, function: object) -> int:
        """The number of a function's last line, where it returned a plain value; 0 if it has no source."""
        if self._standing is not None:
            return self._standing
        code: CodeType | None = getattr(function, "__code__", None)
        if code is None:
            return 0
        lines = (line for _, _, line in code.co_lines() if line is not None)
        return self._number((code.co_filename, max(lines, default=code.co_firstlineno), function_name(code)))

    # ---- objects -------------------------------------------------------------------------------------------

    def _declare(self, cls: type[P], name: str, **fields: object) -> P:
        """Declares an object; the second of a kind with the same name is called ``name#2`` in reports."""
        kind = cls.KIND
        checked_name(f"a {kind}", name)
        count = self._names[kind, name] = self._names.get((kind, name), 0) + 1
        shown = name if count == 1 else f"{name}#{count}"
        site = self._site(sys._getframe(1))
        self._objects.append({"kind": kind, "name": shown, "at": site, "driver": self._driver, **fields})
        declared = Declared(self._self, shown, site, self._driver)
        return cls._declare(declared, {"obj": len(self._objects) - 1})

    def _declare_lock(self, cls: type[P], name: str, lock_class: str | None) -> P:
        """Declares a lock; those with one name are of one class, as those of one ``mutex_init()`` are."""
        lock = self._declare(cls, name, **{"class": lock_class})
        entry = self._objects[-1]
        first = self._first_locks.setdefault((cls.KIND, name), entry)
        if first is not entry and lock_class is None and first["class"] in {None, name}:
            first["class"] = entry["class"] = name
        return lock

    def _declare_with(
        self,
        cls: type[W],
        name: str,
        functions: Mapping[str, Function | None],
        usual: dict[str, Function] | None = None,
        **fields: object,
    ) -> W:
        """Declares an object with functions; missing ones may be given later, or are the usual ones."""
        names: dict[str, object] = dict.fromkeys(cls.FUNCTIONS)
        thing = self._declare(cls, name, **names, **fields)
        thing._entry = self._objects[-1]
        thing._usual = set()
        self._with_functions.append(thing)
        if usual or (cls.METHODS and self._setting_up is not None):
            self._missing.append(Missing(thing, self._setting_up, usual or {}))
        for slot, function in functions.items():
            if function is not None:
                thing._give(slot, function)
        return thing

    def _reference(self, what: str, value: object, *kinds: type[Pointer]) -> int:
        """The number of an object that another one refers to.

        Raises:
            ScenarioError: it is of another kind, or of another scenario.
        """
        if not isinstance(value, kinds) or value._declared is None:
            expected = " or ".join(kind.KIND for kind in kinds)
            message = f"{what} takes a declared {expected}, not {described(value)}"
            raise mistake(message)
        if value._declared.kernel is not self:
            message = f"{what}: {value!r} belongs to scenario `{value._declared.kernel.name}`"
            raise mistake(message)
        number: int = value._argument["obj"]
        return number

    def _optional(self, what: str, value: object, *kinds: type[Pointer]) -> int | None:
        return None if value is None else self._reference(what, value, *kinds)

    def _task(self, declared: Declared, thread: int) -> Entry:
        """Declares the object that stands for a thread, when a program first refers to it."""
        entry = {"kind": "task", "name": declared.name, "at": declared.site, "thread": thread}
        entry["driver"] = declared.driver
        self._objects.append(entry)
        return {"obj": len(self._objects) - 1}

    # ---- programs ------------------------------------------------------------------------------------------

    def _program(
        self,
        function: Function,
        signature: Signature,
        role: str,
        driver: str | None,
        site: int | None = None,
    ) -> int:
        """The number of the program that a function records; the same function gives the same program.

        The program is the code of that driver or, if None is named, of the one that is being set up. If a
        place is given, it stands for all of it: nothing of it is written by the user.
        """
        driver = driver or self._driver
        checked_function(f"{role} takes a function", function)
        key: object = (function, signature, driver)
        try:
            known = self._known.get(key)
        except TypeError:  # Not hashable: every use is a program of its own.
            key, known = object(), None
        if known is None:
            known = self._known[key] = len(self._programs)
            self._programs.append(None)
            self._waiting.append(_Waiting(known, function, signature, role, driver, site))
        return known

    def _supply(self) -> None:
        """Everything is declared: objects take what they were not given from their driver, or the usual."""
        for thing, driver, usual in self._missing:
            for slot in thing.FUNCTIONS:
                method = thing.METHODS.get(slot)
                if driver is not None and method is not None and thing._misses(slot):
                    function = method_of(driver, method)
                    if function is not None:
                        thing._give(slot, function)
                if slot in usual and thing._misses(slot) and thing._declared is not None:
                    thing._give(slot, usual[slot], thing._declared.site)
                    thing._usual.add(slot)
        self._missing.clear()

    def _record_programs(self) -> None:
        """Runs all handlers, each with a recorder of its own; they may declare more."""
        self._supply()
        while self._waiting:
            number, function, signature, role, self._driver, self._standing = self._waiting.popleft()
            name = getattr(function, "__name__", "").strip("<>") or role
            where = self._place(self._standing) if self._standing else declared_at(function)
            t = Recorder(self._self, name, signature, where or role)
            arguments = [t, *t._parameters(signature)]
            takes = ", ".join(["t", *(parameter for parameter, _ in signature.parameters)])
            what = f"the {role} is called as {name}({takes})"
            result = run_user_code(function, arguments, {}, what)
            self._programs[number] = {**t._finish(result, function), "driver": self._driver}
            self._standing = None
            self._supply()

    def _check_functions(self) -> None:
        for thing in self._with_functions:
            for slot, signature in thing.FUNCTIONS.items():
                if signature.required and thing._entry[slot] is None:
                    declared = thing._declared
                    place = "" if declared is None else self._place(declared.site)
                    message = (
                        f"the {thing.KIND} `{thing.name}` has no {slot}: give it one when it is declared, or "
                        "with a decorator"
                    )
                    raise ScenarioError(message, place)
