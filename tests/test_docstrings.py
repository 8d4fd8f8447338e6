"""Every example in a docstring of the package runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import ringfence

MODULES = [
    "ringfence",
    *(
        module.name
        for module in pkgutil.walk_packages(ringfence.__path__, prefix="ringfence.")
        if not module.name.endswith(("._core", ".__main__"))
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples failed: see the output above"
