"""What is installed: one abi3 wheel, typed, licensed, with a command."""

import importlib.metadata
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import ringfence
from ringfence import _cli, _core

ROOT = Path(__file__).parent.parent


def test_tests_run_against_the_installed_package() -> None:
    package = Path(ringfence.__file__).resolve()
    assert package.is_relative_to(Path(sysconfig.get_path("platlib")).resolve())


def test_wheel_is_abi3() -> None:
    wheel = importlib.metadata.distribution("ringfence").read_text("WHEEL")
    assert wheel is not None
    tags = [line.removeprefix("Tag: ") for line in wheel.splitlines() if line.startswith("Tag: ")]
    assert tags
    assert all(tag.startswith("cp311-abi3-") for tag in tags), tags
    assert ".cpython-" not in Path(str(_core.__file__)).name


@pytest.mark.parametrize("name", ["py.typed", "_core.pyi", "LICENSE-MIT", "LICENSE-APACHE", "METADATA"])
def test_wheel_contains(name: str) -> None:
    files = importlib.metadata.files("ringfence") or []
    assert [file.name for file in files].count(name) == 1


def test_version_is_the_workspace_version() -> None:
    with (ROOT / "Cargo.toml").open("rb") as file:
        version = tomllib.load(file)["workspace"]["package"]["version"]
    assert ringfence.__version__ == version
    assert importlib.metadata.version("ringfence") == version


def test_command_line_prints_the_version() -> None:
    result = CliRunner().invoke(_cli.main, ["--version"])
    assert result.exit_code == 0, result.output
    assert ringfence.__version__ in result.output


def test_console_script_is_declared() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="ringfence")
    assert script.load() is _cli.main


def test_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "ringfence", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ringfence.__version__ in result.stdout
