"""Arguments of checks and runs: what was given, as the engine takes it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, TypeAlias

from ringfence._core import CheckFinding as Finding
from ringfence._core import Profile
from ringfence.errors import ArgumentError

if TYPE_CHECKING:
    from ringfence import _core

__all__ = [
    "MEMORY_MAX",
    "STEPS_MAX",
    "STRATEGIES",
    "Schedule",
    "core_of",
    "profile_of",
    "replay_string_of",
    "schedule_of",
    "strategy_of",
    "whole_number",
]

Schedule: TypeAlias = str | Sequence[int] | Finding | None
"""What selects one execution; see `Scenario.run`."""

STEPS_MAX = 100_000
# MiB of a search.
MEMORY_MAX = 1024
"""Steps after which an execution is cut off."""

STRATEGIES = ("proof", "random", "pct", "dpor", "directed")
"""Strategies of a check; `pct` can have its depth behind a colon."""

_PCT = re.compile(r"pct:(\d{1,2})")
_DEPTH_MAX = 64
_CHOICE_MAX = (1 << 32) - 1


def core_of(scenario: object) -> _core.Scenario:
    """The engine's form of a scenario; builds it.

    Raises:
        ArgumentError: it is none.
        ScenarioError: it makes no sense.
    """
    from ringfence._scenario._scenario import Scenario

    if isinstance(scenario, Scenario):
        return scenario.core
    message = f"expected a scenario, not {_shown(scenario)}"
    if isinstance(scenario, FunctionType | MethodType):
        message += f"; decorate it with @rf.scenario, or say rf.Scenario.build({scenario.__name__})"
    elif isinstance(scenario, str):
        message += "; JSON is read by rf.Scenario.from_json(), a file is checked by `ringfence check FILE`"
    else:
        message += "; one is made by @rf.scenario, rf.Scenario.build() or rf.Scenario.from_json()"
    raise ArgumentError(message)


def profile_of(profile: object) -> Profile:
    """A profile, given as such or by name.

    Raises:
        ArgumentError: it is neither.
        ProfileError: no profile has this name.
    """
    if isinstance(profile, Profile):
        return profile
    if isinstance(profile, str):
        return Profile(profile)
    names = ", ".join(Profile.names())
    message = f"profile: expected an rf.Profile or one of the names {names}, not {_shown(profile)}"
    raise ArgumentError(message)


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """A number in these bounds.

    Raises:
        ArgumentError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{name}: expected a whole number, not {_shown(value)}"
        raise ArgumentError(message)
    if not least <= value <= most:
        message = f"{name}={value}: expected a number from {least} to {most}"
        raise ArgumentError(message)
    return value


def strategy_of(strategy: object) -> str:
    """The strategy of a check.

    Raises:
        ArgumentError: there is none of this name.
    """
    if not isinstance(strategy, str):
        message = f"strategy: expected a name, not {_shown(strategy)}"
        raise ArgumentError(message)
    depth = _PCT.fullmatch(strategy)
    if strategy in STRATEGIES or (depth and 1 <= int(depth[1]) <= _DEPTH_MAX):
        return strategy
    names = ", ".join(STRATEGIES)
    message = f"strategy={_shown(strategy)}: expected {names} or pct:DEPTH (1 to {_DEPTH_MAX})"
    close = [] if ":" in strategy else difflib.get_close_matches(strategy, STRATEGIES, n=1)
    raise ArgumentError(message + (f"; did you mean {close[0]!r}?" if close else ""))


def schedule_of(schedule: object) -> str:
    """A schedule as text; whether that is one, the engine says.

    Raises:
        ArgumentError: it can't be one.
    """
    if schedule is None:
        return "run-to-completion"
    if isinstance(schedule, str):
        return schedule
    if isinstance(schedule, Finding):
        if schedule.schedule is None:
            message = f"{schedule!r} has no schedule"
            raise ArgumentError(message)
        return schedule.schedule
    if isinstance(schedule, Sequence):
        return ",".join(
            str(whole_number(f"schedule[{index}]", choice, 0, _CHOICE_MAX))
            for index, choice in enumerate(schedule)
        )
    message = (
        "schedule: expected None, 'round-robin', 'random:SEED', a replay string, choices as '0,1,0' or "
        f"[0, 1, 0], or a finding, not {_shown(schedule)}"
    )
    raise ArgumentError(message)


def replay_string_of(string: object) -> str:
    """A replay string, or a finding's; whether it is one, the engine says.

    Raises:
        ArgumentError: it can't be one.
    """
    if isinstance(string, str):
        return string
    if isinstance(string, Finding):
        return schedule_of(string)
    message = f"expected a replay string ('rf1:…') or a finding, not {_shown(string)}"
    raise ArgumentError(message)


def _shown(value: object) -> str:
    """A value in a message: not endless."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}…")
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return f"the {'class' if isinstance(value, type) else 'function'} {name}"
    kind = type(value).__qualname__
    return f"{'an' if kind[0] in 'AEIOaeio' else 'a'} {kind}"
