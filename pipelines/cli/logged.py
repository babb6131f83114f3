"""The options --log-format and --log-file of every command that runs a book.

Belongs here: adding them to a command. Does not belong here: formats and handlers (pipelines/logging/format.py).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from pipelines.logging.format import Format, start_log
from pipelines.settings import log_file as file_of_environment
from pipelines.settings import log_format as format_of_environment

_FORMAT_HELP = "Log every event on standard error, one line each."
_FILE_HELP = "Append the events to this file instead. The default format is JSON."
_OPTIONS: dict[str, Any] = {
    "log_format": Annotated[str | None, typer.Option(metavar="text|json", show_default="$TIERLEDGER_LOG, else no log", help=_FORMAT_HELP)],
    "log_file": Annotated[Path | None, typer.Option(metavar="FILE", show_default="$TIERLEDGER_LOG_FILE, else none", help=_FILE_HELP)],
}


def logged(command: Callable[..., None]) -> Callable[..., None]:
    """The command with both options."""

    @functools.wraps(command)
    def with_log(*, log_format: str | None = None, log_file: Path | None = None, **options: Any) -> None:
        start_log(_known(log_format or format_of_environment()), log_file or file_of_environment())
        command(**options)

    signature = inspect.signature(command, eval_str=True)
    added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option) for name, option in _OPTIONS.items()]
    with_log.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    with_log.__annotations__ = {**command.__annotations__, **_OPTIONS}
    return with_log


def _known(text: str | None) -> Format | None:
    formats: tuple[Format, ...] = get_args(Format)
    found = next((each for each in formats if each == text), None)
    if text and not found:
        raise typer.BadParameter(f"{text!r} is not a log format; choose text or json", param_hint="--log-format, TIERLEDGER_LOG")
    return found
