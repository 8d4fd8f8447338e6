"""The command line: ``ringfence`` and ``python -m ringfence``."""

import click

import ringfence


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ringfence.__version__, prog_name="ringfence")
def main() -> None:
    """Test a driver against the dma-fence cross-driver contract."""
