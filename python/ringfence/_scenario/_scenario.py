"""Scenarios: built by a function, or read back from JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self, overload

from ringfence import _core
from ringfence._arguments import Schedule, profile_of, replay_string_of, schedule_of, whole_number
from ringfence._scenario._checks import checked_function
from ringfence._scenario._driver import Driver
from ringfence._scenario._environment import Environment, contract, quiet
from ringfence._scenario._kernel import Kernel
from ringfence._scenario._mistakes import run_user_code
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import closest

__all__ = ["Drivers", "Scenario", "scenario"]

Drivers = Sequence[type[Driver] | Driver] | Mapping[str, type[Driver] | Driver]
"""Driver models of a scenario: classes or instances, in a list or by name."""

Builder = Callable[..., object]


class Scenario:
    """A closed system: objects, threads, handlers, an environment. Plain data, immutable.

    Made by the decorator `scenario`, by `build`, or by `from_json`. The function that describes it is called
    once, when the data is first needed. Scenarios are equal if their data is; they can be pickled and hashed,
    and ``print(s)`` shows them as pseudo-code.
    """

    _builder: Builder | None
    _drivers: Drivers
    _environment: Environment | None
    _name: str
    _parameters: dict[str, object]
    _data: _core.Scenario | None

    def __init__(self) -> None:
        message = "a scenario is made by @rf.scenario, rf.Scenario.build() or rf.Scenario.from_json()"
        raise mistake(message)

    @classmethod
    def _make(
        cls,
        builder: Builder | None,
        drivers: Drivers,
        environment: Environment | None,
        name: str,
        parameters: Mapping[str, object],
    ) -> Self:
        _check_environment(environment)
        self = cls.__new__(cls)
        self.__doc__ = inspect.getdoc(builder) if builder is not None else None
        self._builder = builder
        self._drivers = drivers
        self._environment = environment
        self._name = name
        self._parameters = dict(parameters)
        self._data = None
        return self

    @classmethod
    def build(
        cls,
        function: Builder,
        *,
        drivers: Drivers = (),
        environment: Environment | None = None,
        name: str | None = None,
        **parameters: object,
    ) -> Self:
        """Builds a scenario at once.

        Args:
            function: describes it; takes the `Kernel`, then the drivers.
            drivers: its driver models.
            environment: what others may do; without, nobody else is there (`quiet`).
            name: its name; without, the function's.
            parameters: keyword arguments for the function.

        Raises:
            ScenarioError: the description makes no sense.
        """
        made = cls._make(function, drivers, environment, name or _name_of(function), parameters)
        made.core  # noqa: B018 - builds it
        return made

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads a scenario back.

        Args:
            text: what `to_json` gave.

        Raises:
            ScenarioError: it is no scenario of this version.
        """
        core = _core.Scenario.from_json(text)
        made = cls._make(None, (), None, core.name, {})
        made._data = core
        return made

    def with_(self, **parameters: object) -> Self:
        """The same scenario with other parameters: the function's keyword arguments.

        Args:
            parameters: what differs; the others stay.

        Raises:
            ScenarioError: the function has no such parameter.
        """
        if self._builder is None:
            message = f"{self!r} was read from JSON: it has no parameters"
            raise mistake(message)
        known = _parameters_of(self._builder)
        for name in parameters:
            if name not in known:
                close = closest(name, known, cutoff=0.4)
                message = f"scenario `{self._name}` has no parameter {name!r}"
                message += f"; did you mean {close!r}?" if close else ""
                raise mistake(f"{message} It has {', '.join(known) or 'none'}")
        merged = {**self._parameters, **parameters}
        plain = self._name.partition("[")[0]
        values = ",".join(f"{key}={value!r}" for key, value in merged.items())
        return self._make(self._builder, self._drivers, self._environment, f"{plain}[{values}]", merged)

    def with_environment(self, environment: Environment) -> Self:
        """The same scenario among others: `contract` or `quiet`.

        Args:
            environment: what others may do; the bound on fences stays the scenario's own.

        Raises:
            ScenarioError: no environment.

        >>> @scenario
        ... def late(k):
        ...     flip = k.dma_fence("flip", timeline=k.timeline("crtc-0"))
        ...
        ...     @k.thread("client")
        ...     def client(t):
        ...         t.dma_fence_wait(flip)
        >>> late.with_environment(contract()) == late
        False
        >>> late.with_environment(quiet()) == late
        True
        """
        _check_environment(environment)
        data = json.loads(self.to_json())
        # What is as usual is left out of the JSON form.
        bound = data.get("environment", {}).get("fence_bound", Environment().fence_bound)
        environment = replace(environment, fence_bound=bound)
        data["environment"] = environment._json()
        made = self._make(self._builder, self._drivers, environment, self._name, self._parameters)
        made._data = _core.Scenario.from_json(json.dumps(data))
        return made

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def core(self) -> _core.Scenario:
        """The engine's form of it; built when first asked for.

        Raises:
            ScenarioError: the description makes no sense.
        """
        if self._data is None:
            self._data = _core.Scenario.from_json(self._build())
        return self._data

    @property
    def function(self) -> Callable[..., object] | None:
        """The function that describes it; None if it was read from JSON."""
        return self._builder

    def run(
        self,
        schedule: Schedule = None,
        *,
        profile: _core.Profile | str | None = None,
        steps_max: int | None = None,
    ) -> _core.Execution:
        """Runs the scenario once, under one schedule.

        Args:
            schedule: what makes the choices. None: each context runs as long as it can. ``"round-robin"``:
                one step of each in turn. ``"random:7"``: every choice at random, from that seed. ``"0,1,0"``
                or ``[0, 1, 0]``: these choices; behind their end, as None. ``"rf1:…"``, as reports print it,
                or a finding: that execution again, as by `replay`.
            profile: which kernel; a `Profile`, or the name of one. None: 6.12, or that of the replay string.
            steps_max: steps after which the execution is cut off. None: 100,000, or as many as were recorded.

        Raises:
            ArgumentError: what makes no sense as a schedule, or a number out of range.
            ReplayError: a replay string that can't be replayed here.
            RingfenceError: a text that is no schedule, or choices that are not possible here.
            ScenarioError: the scenario makes no sense.

        >>> @scenario
        ... def late(k):
        ...     flip = k.dma_fence("flip", timeline=k.timeline("crtc-0"))
        ...
        ...     @k.thread("client")
        ...     def client(t):
        ...         t.dma_fence_wait(flip)
        >>> e = late.run()
        >>> e.end
        'hung'
        >>> e.at().thread("client").waits_for
        'dma_fence flip'
        >>> e.at().fence("flip").state
        'unsignaled'
        """
        return _core.run(
            self._as_found(schedule),
            None if profile is None else profile_of(profile),
            schedule=schedule_of(schedule),
            steps_max=_steps("steps_max", steps_max, least=1),
        )

    def replay(
        self,
        string: str | _core.CheckFinding,
        *,
        then: Schedule = None,
        steps: int | None = None,
        steps_max: int | None = None,
    ) -> _core.Execution:
        """Runs a recorded execution again: the same steps and events.

        If the scenario was edited since, it is replayed as far as it fits: `Execution.fits`,
        `Execution.stopped_at` and `Execution.remark` tell how far that is. Which kernel was modelled is in
        the string.

        Args:
            string: a replay string, ``"rf1:…"``, as reports print it and as `Execution.schedule` is; or a
                finding. One that only the contract shows (`Finding.against_contract`) is run in that
                environment; for its string alone, say ``s.with_environment(rf.contract()).replay("rf1:…")``.
            then: what makes the choices behind `steps`, or from where it does not fit any more; a schedule,
                as for `run`, but no replay string. None: the execution ends there.
            steps: only so many of the recorded steps. None: all.
            steps_max: steps after which the execution is cut off. None: as many as were recorded, or 100,000
                where it goes on.

        Raises:
            ArgumentError: what makes no sense as a string or schedule, or a number out of range.
            ReplayError: the string is damaged, of another version, or of another scenario; or it has not so
                many steps.
            RingfenceError: `then` is no schedule, or one with choices that are not possible here.
            ScenarioError: the scenario makes no sense.

        >>> @scenario
        ... def abba(k):
        ...     a, b = k.mutex("a"), k.mutex("b")
        ...     for name, first, second in [("one", a, b), ("two", b, a)]:
        ...
        ...         def take(t, first=first, second=second):
        ...             with t.mutex_lock(first), t.mutex_lock(second):
        ...                 pass
        ...
        ...         k.thread(name, take)
        >>> hung = abba.run("round-robin")
        >>> hung.end
        'hung'
        >>> again = abba.replay(hung.schedule)
        >>> again.events == hung.events
        True
        >>> again.remark
        'replayed: the same steps and events as recorded'
        >>> abba.replay(hung.schedule, steps=1, then="run-to-completion").end
        'finished'
        """
        return _core.replay(
            self._as_found(string),
            replay_string_of(string),
            profile=None,
            steps=_steps("steps", steps, least=0),
            then=None if then is None else schedule_of(then),
            steps_max=_steps("steps_max", steps_max, least=1),
        )

    def _as_found(self, what: object) -> _core.Scenario:
        """The engine's form of it, among those others that a finding was found with."""
        if isinstance(what, _core.CheckFinding) and what.against_contract:
            return self.with_environment(contract()).core
        return self.core

    def _build(self) -> str:
        """Calls the function that describes it; its JSON form."""
        builder = self._builder
        if builder is None:
            message = "engine bug: a scenario without data or description"
            raise AssertionError(message)
        k = Kernel(self._name, quiet() if self._environment is None else self._environment)
        drivers = _set_up(k, self._drivers)
        takes = ", ".join(["k", *(driver.name for driver in drivers), *self._parameters])
        what = f"the scenario `{self._name}` is called with its drivers, as {_name_of(builder)}({takes})"
        run_user_code(builder, [k, *drivers], self._parameters, what)
        return k._json()

    def to_json(self) -> str:
        """The scenario as JSON, version 1: one line; the same text for the same scenario.

        Raises:
            ScenarioError: the description makes no sense.
        """
        return self.core.to_json()

    def __eq__(self, other: object) -> bool:
        return self.core == other.core if isinstance(other, Scenario) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.core)

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        return type(self).from_json, (self.to_json(),)

    def __str__(self) -> str:
        return str(self.core)

    def __repr__(self) -> str:
        return f"<Scenario {self._name}>"


def _steps(name: str, steps: object, *, least: int) -> int | None:
    return None if steps is None else whole_number(name, steps, least, (1 << 64) - 1)


def _check_environment(environment: object) -> None:
    if not isinstance(environment, Environment | None):
        message = f"environment={environment!r}: expected rf.contract(), rf.quiet() or an rf.Environment"
        raise mistake(message)


def _set_up(k: Kernel, drivers: Drivers) -> list[Driver]:
    """Sets the drivers up; two of a class are told apart by a number."""
    if isinstance(drivers, Mapping):
        return [k.driver(driver, name) for name, driver in drivers.items()]
    made: list[Driver] = []
    for driver in drivers:
        cls = driver if isinstance(driver, type) else type(driver)
        count = 1 + sum(type(other) is cls for other in made)
        made.append(k.driver(driver, None if count == 1 else f"{cls.__name__.lower()}{count}"))
    return made


def _name_of(function: Builder) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _parameters_of(function: Builder) -> list[str]:
    """The keyword arguments that a scenario's function takes: keyword-only ones, and those with a default."""
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
        or (parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is not parameter.empty)
    ]


@overload
def scenario(function: Builder, /) -> Scenario: ...
@overload
def scenario(
    function: None = None,
    /,
    *,
    drivers: Drivers = (),
    environment: Environment | None = None,
    name: str | None = None,
    **parameters: Any,
) -> Callable[[Builder], Scenario]: ...
def scenario(
    function: Builder | None = None,
    /,
    *,
    drivers: Drivers = (),
    environment: Environment | None = None,
    name: str | None = None,
    **parameters: Any,
) -> Scenario | Callable[[Builder], Scenario]:
    """Makes a scenario of the function below it: ``@rf.scenario`` or ``@rf.scenario(drivers=[Gpu])``.

    The function takes the `Kernel`, then the drivers, set up, in their order. It is called once, when the
    scenario is first used.

    Args:
        function: what is decorated, if the decorator has no arguments.
        drivers: driver models: classes or instances, in a list or by name.
        environment: what others may do, from `contract` or `quiet`; without, nobody else is there.
        name: the scenario's name; without, the function's.
        parameters: keyword arguments for the function; see `Scenario.with_`.

    Raises:
        ScenarioError: a keyword that the function does not take.

    >>> @scenario(environment=quiet())
    ... def two_locks(k):
    ...     a, b = k.mutex("a"), k.mutex("b")
    ...
    ...     @k.thread("client")
    ...     def client(t):
    ...         with t.mutex_lock(a), t.mutex_lock(b):
    ...             pass
    >>> two_locks
    <Scenario two_locks>
    >>> Scenario.from_json(two_locks.to_json()) == two_locks
    True
    """

    def decorate(builder: Builder) -> Scenario:
        checked_function("@rf.scenario decorates a function", builder)
        known = _parameters_of(builder) if parameters else []
        for key in parameters:
            if key not in known:
                close = closest(key, ["drivers", "environment", "name", *known], cutoff=0.4)
                message = f"@rf.scenario takes no {key!r}, and {_name_of(builder)}() neither"
                raise mistake(message + (f"; did you mean {close!r}?" if close else ""))
        return Scenario._make(builder, drivers, environment, name or _name_of(builder), parameters)

    return decorate if function is None else decorate(function)
