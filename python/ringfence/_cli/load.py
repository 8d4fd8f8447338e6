"""Scenarios of a Python file."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence._cli.terminal import did_you_mean
from ringfence._scenario._scenario import Scenario
from ringfence.errors import RingfenceError, ScenarioError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Target", "targets"]

Target = tuple[str, Scenario]
"""How the scenario is called on the command line, and the scenario."""


def targets(names: tuple[str, ...]) -> list[Target]:
    """The scenarios of ``FILE`` or ``FILE::NAME``, in the order of the files' lines.

    Raises:
        ScenarioError: a file can't be read or run, has no scenario, or none of that name.
    """
    found: list[Target] = []
    for name in names:
        file, _, wanted = name.partition("::")
        scenarios = _scenarios(file)
        if not wanted:
            found += [(f"{file}::{key}", scenario) for key, scenario in scenarios.items()]
            continue
        if wanted not in scenarios:
            known = ", ".join(scenarios)
            message = f"no scenario {wanted!r} in it.{did_you_mean(wanted, scenarios)} It has {known}"
            raise ScenarioError(message, file)
        found.append((name, scenarios[wanted]))
    return found


def _scenarios(file: str) -> dict[str, Scenario]:
    if file.endswith(".json"):
        scenario = Scenario.from_json(_read(file))
        return {scenario.name: scenario}
    module = _load(file)
    scenarios = {key: value for key, value in vars(module).items() if isinstance(value, Scenario)}
    if not scenarios:
        message = "no scenario in it; expected functions decorated with @ringfence.scenario"
        raise ScenarioError(message, file)
    return scenarios


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8: {error.reason} at byte {error.start}"
        raise ScenarioError(message, file) from None


def _load(file: str) -> ModuleType:
    """Runs the file as a module, with its folder on the path as `python FILE` would have it."""
    path = Path(file)
    if not path.is_file():
        problem = "no such file" if not path.exists() else "not a file"
        raise ScenarioError(problem, file)
    name = f"_ringfence_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        message = "expected a Python file (.py), or a scenario as JSON (.json)"
        raise ScenarioError(message, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except RingfenceError:
        raise
    except Exception as error:
        raise ScenarioError(*_what_failed(error, path)) from None
    finally:
        sys.path.pop(0)
    return module


def _what_failed(error: Exception, path: Path) -> tuple[str, str]:
    """One line and a place for whatever a user's file raised."""
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}", f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    return message, f"{path}:{own[-1].lineno}" if own else str(path)
