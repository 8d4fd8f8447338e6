"""Run the command line as ``python -m ringfence``."""

from ringfence._cli import main

if __name__ == "__main__":
    main(prog_name="ringfence")
