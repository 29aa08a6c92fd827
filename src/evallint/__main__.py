"""`python -m evallint`, and what the `evallint` command calls."""

import gc
import os
import sys


def main() -> int:
    """Runs the command line and returns its exit code. Nothing in the working directory is ever imported."""
    open_streams()
    gc.disable()  # a run holds hardly a cycle and ends soon: looking for some takes a twentieth of its time
    try:
        forget_working_directory()
    except OSError as error:
        print(f"evallint: error: the working directory: {error.strerror}", file=sys.stderr)
        return 2
    try:
        from evallint import cli

        return cli.main(sys.argv[1:])
    except KeyboardInterrupt:
        return end_interrupted()


def end_interrupted() -> int:
    """Ends by the signal of Ctrl-C, so that a shell's loop around the command ends too.

    An exit code could not be relied on: where Ctrl-C meets code that is run from a string, as a dataclass is made,
    Python ends itself by the signal whatever is returned here.
    """
    import signal

    from evallint.trace.running import end_alike

    return 130 if sys.platform == "win32" else end_alike(-signal.SIGINT)


def open_streams() -> None:
    """A standard stream that was closed leads nowhere; else the next file that is opened would take its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            while os.open(os.devnull, os.O_RDWR) < number:
                pass
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def forget_working_directory() -> None:
    """`python -m` looks for modules in the working directory first, where a `libcst.py` would be run as ours."""
    safe_path = sys.version_info >= (3, 11) and sys.flags.safe_path
    if not safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]


if __name__ == "__main__":
    sys.exit(main())
