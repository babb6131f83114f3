"""The command `tierledger`: its commands, and how every ending becomes an exit code and a message.

Belongs here: the table of commands, signals, errors. Does not belong here: what a command does (one module each).
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from assets.runtime.events import log_event
from assets.runtime.masking import mask
from pipelines.cli.commands import (
    agreements,
    approve,
    contracts,
    demo,
    doctor,
    evidence,
    explain,
    export,
    init,
    lineage,
    mcp,
    rejects,
    report,
    run,
    statements,
    ui,
    validate,
    verify,
    verify_pack,
    why_not,
    withdraw,
)
from pipelines.cli.decisions import diff, simulate
from pipelines.cli.ledger import close, journal, pay, reopen, write_off
from pipelines.cli.logged import logged
from pipelines.cli.options import CHECK_FAILED, DONE, WRONG_INPUT, as_called, named_book, program
from pipelines.cli.stopping import stop_signals
from pipelines.logging.format import is_on_standard_error, stop_log
from pipelines.stores import reads_published

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
for command in (
    logged(demo.demo), logged(run.run), reads_published(explain.explain), reads_published(lineage.lineage), reads_published(why_not.why_not),
    validate.validate, approve.approve,
    logged(reads_published(close.close)), logged(reads_published(reopen.reopen)), logged(reads_published(write_off.write_off)),
    logged(reads_published(pay.pay)), reads_published(journal.journal), logged(verify.verify), reads_published(rejects.rejects), logged(withdraw.withdraw),
    reads_published(evidence.evidence), verify_pack.verify_pack, reads_published(export.export), reads_published(report.report),
    diff.diff, simulate.simulate, reads_published(statements.statements), contracts.contracts, reads_published(mcp.mcp), init.init, doctor.doctor, ui.ui,
):  # fmt: skip
    app.command(help=as_called(command.__doc__ or ""))(command)
app.add_typer(agreements.app, name="agreements")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from assets.runtime.versions import code_version

        print(f"tierledger {code_version()}")
        raise typer.Exit


@app.callback()
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
