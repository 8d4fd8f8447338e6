"""The scenarios of a file, as `ringfence check FILE` finds them."""

import importlib.util
from functools import cache
from pathlib import Path

from ringfence import Scenario


@cache
def scenarios(file: Path) -> dict[str, Scenario]:
    """By the name of the variable."""
    spec = importlib.util.spec_from_file_location(f"scenarios_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: value for name, value in vars(module).items() if isinstance(value, Scenario)}
