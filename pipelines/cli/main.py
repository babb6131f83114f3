"""The command `tierledger`: its commands, and how every ending becomes an exit code and a message.

Belongs here: the table of commands, signals, errors. Does not belong here: what a command does (one module each).
"""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

import typer

from pipelines.cli import demo, doctor, explain, init, run, ui, validate
from pipelines.cli.options import CHECK_FAILED, WRONG_INPUT

app = typer.Typer(
    name="tierledger",
    help="Rebates, bonuses and commissions: from transaction feeds to payouts that explain themselves.",
    epilog="First time?  [bold]tierledger demo[/bold]  writes an example book and runs it.   Your own file:  "
    "[bold]tierledger init my-book --feed sales.csv[/bold]",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo.demo, run.run, explain.explain, validate.validate, init.init, doctor.doctor, ui.ui):
    app.command()(command)


def run_cli() -> None:
    """Entry point. 0 done; 1 a check failed or another run is at work; 2 the input is wrong; 130/143 stopped by a signal."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> Any:
        stopped.append(number)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = _invoke(arguments)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if stopped:
        print("Stopped. Nothing was published; what was published before stays.", file=sys.stderr)
        return 128 + stopped[0]
    return code


def _invoke(arguments: list[str]) -> int:
    try:
        app(arguments, standalone_mode=True)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(bool(ending.code))
    except KeyboardInterrupt:
        return CHECK_FAILED
    except Exception as error:
        return _explain_error(error)
    return 0


def _explain_error(error: Exception) -> int:
    from assets.books import BookLocked
    from assets.context import CheckFailed
    from assets.dbt import SqlError
    from models.documents import InputError

    if isinstance(error, InputError):
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return WRONG_INPUT
    if isinstance(error, CheckFailed):
        print(f"Check failed: {error.check}\n  {error.finding}\nNothing was published; what was published before stays.", file=sys.stderr)
        return CHECK_FAILED
    if isinstance(error, SqlError):
        print(f"A table could not be built.\n  {error}\nNothing was published; what was published before stays.", file=sys.stderr)
        return CHECK_FAILED
    if isinstance(error, BookLocked | OSError):
        print(error, file=sys.stderr)
        return CHECK_FAILED
    import traceback

    traceback.print_exception(error)
    print("\nThis is a fault of the program, not of your input. Nothing was published; what was published before stays.", file=sys.stderr)
    return CHECK_FAILED
