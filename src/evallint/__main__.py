"""`python -m evallint`, and what the `evallint` command calls."""

import os
import sys


def main() -> int:
    """Runs the command line and returns its exit code. Nothing in the working directory is ever imported."""
    forget_working_directory()
    from evallint import cli

    return cli.main(sys.argv[1:])


def forget_working_directory() -> None:
    """`python -m` looks for modules in the working directory first, where a `libcst.py` would be run as ours."""
    safe_path = sys.version_info >= (3, 11) and sys.flags.safe_path
    if not safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]


if __name__ == "__main__":
    sys.exit(main())
