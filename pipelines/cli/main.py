"""The command `tierledger`: its commands, and how every ending becomes an exit code and a message.

Belongs here: the table of commands, signals, errors. Does not belong here: what a command does (one module each).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from assets.runtime.events import log_event
from assets.runtime.masking import mask
from pipelines.cli.logged import logged
from pipelines.cli.options import CHECK_FAILED, DONE, WRONG_INPUT, as_called, named_book, program
from pipelines.cli.stopping import stop_signals
from pipelines.logging.format import is_on_standard_error, stop_log
from pipelines.stores import reads_published

#: Name of each command, its module below pipelines.cli, and whether it has the options of the log, and reads published/: in the order of --help.
_COMMANDS: dict[str, tuple[str, bool, bool]] = {
    "demo": ("commands.demo", True, False),
    "run": ("commands.run", True, False),
    "explain": ("commands.explain", False, True),
    "lineage": ("commands.lineage", False, True),
    "why-not": ("commands.why_not", False, True),
    "validate": ("commands.validate", False, False),
    "approve": ("commands.approve", False, False),
    "close": ("ledger.close", True, True),
    "reopen": ("ledger.reopen", True, True),
    "write-off": ("ledger.write_off", True, True),
    "pay": ("ledger.pay", True, True),
    "journal": ("ledger.journal", False, True),
    "verify": ("commands.verify", True, False),
    "rejects": ("commands.rejects", False, True),
    "withdraw": ("commands.withdraw", True, False),
    "evidence": ("commands.evidence", False, True),
    "verify-pack": ("commands.verify_pack", False, False),
    "export": ("commands.export", False, True),
    "report": ("commands.report", False, True),
    "diff": ("decisions.diff", False, False),
    "simulate": ("decisions.simulate", False, False),
    "statements": ("commands.statements", False, True),
    "contracts": ("commands.contracts", False, False),
    "mcp": ("commands.mcp", False, True),
    "init": ("commands.init", False, False),
    "doctor": ("commands.doctor", False, False),
    "ui": ("commands.ui", False, False),
}
_GROUPS = {"agreements": "commands.agreements"}
COMMANDS = (*_COMMANDS, *_GROUPS)


def make_app(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands. Only their modules are imported: all of them take a tenth of a run with nothing new."""
    app = typer.Typer(
        name="tierledger",
        help="Rebates, bonuses and commissions: from transaction feeds to payouts that explain themselves.",
        epilog=f"First time?  [bold]{program()} demo[/bold]  writes an example book and runs it.   Your own file:  "
        f"[bold]{program()} init my-book --feed sales.csv[/bold]",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_before_any_command)
    for name in names:
        module = importlib.import_module(f"pipelines.cli.{_COMMANDS[name][0] if name in _COMMANDS else _GROUPS[name]}")
        if name in _GROUPS:
            app.add_typer(module.app, name=name)
        else:
            app.command(name, help=as_called(getattr(module, _function(name)).__doc__ or ""))(_command(module, name))
    return app


def _command(module: ModuleType, name: str) -> Callable[..., None]:
    _, has_log, is_reader = _COMMANDS[name]
    command: Callable[..., None] = getattr(module, _function(name))
    command = reads_published(command) if is_reader else command
    return logged(command) if has_log else command


def _function(name: str) -> str:
    return name.replace("-", "_")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from assets.runtime.versions import code_version

        print(f"tierledger {code_version()}")
        raise typer.Exit


def _before_any_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and the hash of the code that calculates.")
    ] = False,
) -> None:
    """Does nothing: the option's callback prints the version and exits."""


def run_cli() -> None:
    """Entry point. 0 done; 1 a check failed or another run is in progress; 2 the input is wrong; 130/143 stopped by a signal."""
    gc.disable()  # a command makes few reference cycles, and collecting dbt's heap repeatedly took a tenth of a run
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it: a stream that refuses everything, so that no file gets its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDONLY), "w"))
    code = _flushed(main(sys.argv[1:]))
    atexit._run_exitfuncs()  # dbt's locks are semaphores of the system
    os._exit(code)  # everything is closed; freeing dbt's heap object by object would add most of a second


def _flushed(code: int) -> int:
    """The exit code once everything is printed: not 0 where standard output takes no more, because its disk is full or its reader has gone."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):
            print(f"Standard output could not be written: {error.strerror}. What the command did is done; what it printed is lost.", file=sys.stderr)
        code = code or CHECK_FAILED
    with suppress(OSError):
        sys.stderr.flush()
    return code


def main(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    with stop_signals() as stopped:
        try:
            named = next((argument for argument in arguments if not argument.startswith("-")), "")
            app = make_app([named]) if named in COMMANDS else make_app()
            app(arguments, prog_name=program(), standalone_mode=True)
            code = DONE
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else int(bool(ending.code))
        except KeyboardInterrupt:
            code = CHECK_FAILED
        except Exception as error:
            # an interrupted engine raises an error of its own, which the user who stopped it need not see
            code = CHECK_FAILED if stopped else _explain_error(error, named_book(arguments))
        if stopped:
            _report("stopped", "Stopped. What readers of published/ see is complete; run again to continue.")
            code = 128 + stopped[0]
        stop_log()
        return code


def _explain_error(error: Exception, book: Path) -> int:
    """Report what is wrong, on standard error and in the log, without secrets."""
    from assets.publishing.postgres.connection import PostgresFailed
    from assets.runtime.book_folder import BookLocked
    from assets.runtime.context import CheckFailed
    from assets.runtime.errors import SqlError
    from assets.ways_out import way_out
    from models.documents import InputError
    from models.records.closing import LedgerRuleViolation

    name, advice = type(error).__name__, way_out(error)
    if isinstance(error, InputError):
        for problem in error.problems:
            facts = {"file": problem.file, "line": problem.line, "key": problem.key, "reason": problem.message}
            _report("failed", str(problem), book, error=name, way_out=advice, **facts)
        return WRONG_INPUT
    kept = "Nothing was published; the previous set stays published."
    if isinstance(error, CheckFailed):
        text = f"Check failed: {error.check}\n  {error.finding}\n{kept}"
    elif isinstance(error, LedgerRuleViolation):
        text = f"Not allowed: {error}\nThe ledger is unchanged."
    elif isinstance(error, SqlError):
        text = f"A table could not be built.\n  {error}\n{kept}"
    elif isinstance(error, PostgresFailed):
        message = "Parquet and DuckDB hold the complete run; PostgreSQL is unchanged. The next run publishes there, even if nothing else is new."
        text = f"Not published to PostgreSQL: {error}\n{message}"
    elif isinstance(error, BookLocked | OSError):
        text = str(error)
    else:
        import traceback

        text = f"{''.join(traceback.format_exception(error))}\nThis is a bug in the program, not a problem with your input. {kept}"
    _report("failed", text, book, error=name, way_out=advice)
    return CHECK_FAILED


def _report(event: str, text: str, book: Path | None = None, **facts: object) -> None:
    """Print the text and log the event. If both go to standard error, only log it."""
    if not is_on_standard_error():
        with suppress(OSError):  # standard error takes no more; the exit code still says what happened
            print(mask(as_called(text, book)), file=sys.stderr)
    log_event(event, text, logging.ERROR, **facts)
