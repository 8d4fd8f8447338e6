"""Options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from ringfence._cli.terminal import did_you_mean
from ringfence._core import Profile
from ringfence.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["jobs_option", "profile_options", "width_option"]

F = TypeVar("F", bound="Callable[..., Any]")


def _profile(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    if name not in Profile.names():
        message = f"unknown profile {name!r}; expected one of {', '.join(Profile.names())}."
        raise click.BadParameter(message + did_you_mean(name, Profile.names()))
    return name


def _settings(_ctx: click.Context, _param: click.Parameter, settings: tuple[str, ...]) -> tuple[str, ...]:
    for setting in settings:
        try:
            Profile.from_settings("6.12", [setting])
        except ProfileError as error:
            hint = did_you_mean(setting.partition("=")[0], Profile.switch_names())
            known = setting.partition("=")[0] in Profile.switch_names()
            raise click.BadParameter(f"{error}{'' if known else hint and '.' + hint}") from error
    return settings


def profile_options(command: F) -> F:
    """``--profile NAME`` and ``--set KEY=VALUE``: which kernel."""
    settings = click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_settings,
        help=f"Change a switch of the profile: {', '.join(Profile.switch_names())}. Repeatable.",
    )
    profile = click.option(
        "--profile",
        metavar="NAME",
        default="6.12",
        show_default=True,
        callback=_profile,
        help=f"Which kernel: {', '.join(Profile.names())}.",
    )
    return profile(settings(command))


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(0, 1024),
    metavar="N",
    default=0,
    help="Threads; 0 (the default) for one per core.",
)
"""``--jobs N``."""

width_option = click.option(
    "--width", type=click.IntRange(20, 1000), metavar="N", help="Columns of text output."
)
"""``--width N``."""
