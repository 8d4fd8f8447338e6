"""The command line: ``ringfence`` and ``python -m ringfence``.

Exit status: 0 fine, 1 findings or disagreement, 2 unusable input or arguments, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from ringfence._cli.check import check
from ringfence._cli.conformance import conformance
from ringfence._cli.lockdep import lockdep
from ringfence._cli.replay import replay
from ringfence._cli.rules import explain, rules
from ringfence._core import __version__
from ringfence.errors import RingfenceError

__all__ = ["main"]


class Failure(click.ClickException):
    """Something that the user has to put right."""

    exit_code = 2


class Quiet(click.Group):
    """A group whose commands never end in a traceback for what a user did."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; says what went wrong in a line.

        Raises:
            click.ClickException: a mistake of the caller's.
            click.exceptions.Exit: the exit status.
        """
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read has gone (`| head`): as if the signal had ended us, but without the shell's remark.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(141) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
        except (RingfenceError, OSError) as error:
            raise Failure(str(error)) from error


@click.group(cls=Quiet, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(__version__, prog_name="ringfence")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Test a driver against the dma-fence cross-driver contract."""
    # A name in a trace may have no form in the terminal's encoding; that must not stop the others.
    _forgive(sys.stdout)
    _forgive(sys.stderr)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _forgive(stream: object) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


main.add_command(check)
main.add_command(replay)
main.add_command(conformance)
main.add_command(lockdep)
main.add_command(rules)
main.add_command(explain)
