"""Scenarios of Python and JSON files."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence._cli.terminal import did_you_mean
from ringfence._scenario._scenario import Scenario
from ringfence._scenario._where import line_of, readable
from ringfence.errors import RingfenceError, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["Target", "targets"]


@dataclass(frozen=True)
class Target:
    """A scenario to check.

    Attributes:
        name: how it is called on the command line.
        scenario: the scenario.
        folder: where its file is: it may import what is beside it, also while it is built.
    """

    name: str
    scenario: Scenario
    folder: Path

    def build(self) -> None:
        """Builds the scenario.

        Raises:
            ScenarioError: its function can't be run to its end.
        """
        function = self.scenario.function
        source = inspect.getsourcefile(inspect.unwrap(function)) if function is not None else None
        with _running(Path(source) if source else None, self.folder):
            self.scenario.core  # noqa: B018 - builds it


def targets(names: tuple[str, ...]) -> Iterator[Target | ScenarioError]:
    """The scenarios of each ``FILE`` or ``FILE::NAME``, in the order of their definition, each one once.

    Those that a file has imported are not meant by it, unless they are named. Instead of what can't be had
    comes an error: a file can't be read or run, has no scenario, or none of that name.
    """
    files: dict[str, dict[str, Scenario] | ScenarioError] = {}
    seen: set[int] = set()
    for name in names:
        file = name.partition("::")[0]
        if file not in files:
            files[file] = _scenarios_or_error(file)
        for target in _targets(name, files[file]):
            if isinstance(target, ScenarioError):
                yield target
            elif id(target.scenario) not in seen:
                seen.add(id(target.scenario))
                yield target


def _targets(name: str, scenarios: dict[str, Scenario] | ScenarioError) -> Iterator[Target | ScenarioError]:
    file, _, wanted = name.partition("::")
    if isinstance(scenarios, ScenarioError):
        yield scenarios
        return
    folder = Path(file).parent.resolve()
    if wanted:
        if wanted in scenarios:
            yield Target(name, scenarios[wanted], folder)
        else:
            message = f"no scenario {wanted!r} in it.{did_you_mean(wanted, scenarios)}"
            yield ScenarioError(f"{message} It has {', '.join(scenarios)}", file)
        return
    own = {key: scenario for key, scenario in scenarios.items() if not _is_imported(scenario, file)}
    if not own:
        message = (
            f"it has no scenario of its own, only imported ones; name them: {file}::{next(iter(scenarios))}"
        )
        yield ScenarioError(message, file)
    for key, scenario in own.items():
        yield Target(f"{file}::{key}", scenario, folder)


def _scenarios_or_error(file: str) -> dict[str, Scenario] | ScenarioError:
    try:
        scenarios = _scenarios(file)
    except ScenarioError as error:
        return error
    except RingfenceError as error:
        return ScenarioError(str(error), file)
    if not scenarios:
        return ScenarioError("no scenario in it; expected functions decorated with @ringfence.scenario", file)
    return scenarios


def _scenarios(file: str) -> dict[str, Scenario]:
    path = Path(file)
    if not path.is_file():
        problem = "no such file" if not path.exists() else "not a file"
        raise ScenarioError(problem, file)
    if file.endswith(".json"):
        scenario = _from_json(path)
        return {scenario.name: scenario}
    return {key: value for key, value in vars(_load(path)).items() if isinstance(value, Scenario)}


def _from_json(path: Path) -> Scenario:
    try:
        return Scenario.from_json(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        message = f"can't be read: {(error.strerror or str(error)).lower()}"
        raise ScenarioError(message, str(path)) from None
    except UnicodeDecodeError as error:
        message = f"not UTF-8: {error.reason} at byte {error.start}"
        raise ScenarioError(message, str(path)) from None
    except ScenarioError as error:
        # The place in it is a path into the JSON.
        raise ScenarioError(str(error), str(path)) from None


def _load(path: Path) -> ModuleType:
    """Runs the file as a module, with its folder on the path as `python FILE` would have it."""
    name = f"_ringfence_{path.stem}"
    while name in sys.modules:
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        message = "expected a Python file (.py), or a scenario as JSON (.json)"
        raise ScenarioError(message, str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _running(path, path.parent.resolve()):
        spec.loader.exec_module(module)
    return module


def _is_imported(scenario: Scenario, file: str) -> bool:
    """Whether another module has it as well, and that is where its function is."""
    function = scenario.function
    if function is None:
        return False
    home = sys.modules.get(getattr(inspect.unwrap(function), "__module__", ""))
    if home is None or _is_same_file(getattr(home, "__file__", None), file):
        return False
    return any(value is scenario for value in vars(home).values())


def _is_same_file(one: str | None, other: str) -> bool:
    return one is not None and Path(one).resolve() == Path(other).resolve()


@contextlib.contextmanager
def _running(path: Path | None, folder: Path) -> Iterator[None]:
    """A user's code runs: it imports what is beside it, prints to standard error, and fails in a line."""
    sys.path.insert(0, str(folder))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (RingfenceError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a user's file raises, sys.exit() included
        raise ScenarioError(*_what_failed(error, path)) from None
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def _what_failed(error: BaseException, path: Path | None) -> tuple[str, str]:
    """One line and a place for whatever a user's file raised."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}", line_of(error.filename or str(path), error.lineno or 0)
    text = str(error)
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path is not None and _is_same_file(frame.filename, str(path))]
    if own:
        return message, line_of(own[-1].filename, own[-1].lineno or 0)
    return message, readable(str(path or ""))
