"""Converting archived text files to what the reader expects: UTF-8, uncompressed, the header in the first line and rows to the last.

Belongs here: the copy that is read instead of the archived bytes. Does not belong here: rows and columns (assets/feeds/readers.py), comparing the totals
(assets/feeds/checks/control_totals.py).
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from assets.feeds.inspection import Dialect, format_of, names_delimiter, open_unpacked
from assets.feeds.spreadsheets import sheet_lines
from assets.runtime.errors import rejection
from models.feeds.reject_reasons import is_correction
from models.unicode_form import composed

_CHUNK = 1 << 20
#: How many bytes at the end are searched for the last line.
_TAIL = 1 << 16


@dataclass
class Plain:
    """What was left out of the copy. `totals`: of the trailer, by `rows` or column. `header_line`: where the header was in the file.

    `preamble`: columns whose value is above the header. `lines_outside`: lines above the header and in the footer, blank ones not counted.
    `lacks_footer`: no line begins as the feed's footer does.
    """

    totals: dict[str, str] = field(default_factory=dict)
    preamble: tuple[tuple[str, str], ...] = ()
    header_line: int = 1
    lines_outside: int = 0
    lacks_footer: bool = False


def write_plain(path: Path, suffix: str, name: str, dialect: Dialect, trailer: list[str], target: Path) -> Plain:
    """Write the file's header and rows to `target` in UTF-8, without preamble, footer and trailer.

    Raises InputError when a byte does not belong to the declared encoding, the header's line is missing, or the last line is not the trailer.
    """
    file_format, compression = format_of(suffix)
    if file_format == "json" and trailer:
        raise rejection(
            name, "is not CSV, and only a CSV file can end with a line of totals; deliver the totals in a file next to it (totals: json in book.yaml)"
        )
    if compression != "none" and file_format == "xlsx":
        raise rejection(name, "is a compressed XLSX file; XLSX is compressed by itself, so deliver it as it is")
    plain = Plain()
    newlines = 0
    with open_unpacked(path, compression) as stream, target.open("w", encoding="utf-8", newline="") as file:
        text = io.TextIOWrapper(stream, encoding=dialect.encoding, newline="\n")
        lines = sheet_lines(path, name, dialect) if file_format == "xlsx" else text
        try:
            if file_format != "json":
                header, dialect = _header_line(lines, name, dialect, plain)
                file.write(header)
                newlines = plain.header_line
            parts = lines if file_format == "xlsx" else iter(lambda: text.read(_CHUNK), "")
            for part in _without_footer(lines, dialect.footer, plain) if dialect.footer and file_format != "json" else parts:
                newlines += part.count("\n")
                file.write(part)
        except UnicodeError as error:
            message = f"is not {dialect.encoding} text ({getattr(error, 'reason', error)}); correct `encoding` of the feed in book.yaml"
            raise rejection(name, message, newlines + 1) from None
    if trailer:
        plain.totals = _without_trailer(target, name, dialect.delimiter, trailer)
    return plain


def _header_line(lines: Iterator[str], name: str, dialect: Dialect, plain: Plain) -> tuple[str, Dialect]:
    """Read up to the header, which is returned with the dialect of what follows. A file of corrections has its header in its first line and no footer."""
    header = next(lines, "").removeprefix("\ufeff")
    if is_correction(next(csv.reader([header], delimiter=dialect.delimiter), [])):
        return header, replace(dialect, footer=0)
    header_row = dialect.header_row
    if header_row == 1 and names_delimiter(header, name, dialect.delimiter):
        header_row = 2
    above = []
    for plain.header_line in range(2, header_row + 1):
        above.append(header)
        header = next(lines, "")
    plain.lines_outside += sum(bool(line.strip()) for line in above)
    plain.preamble = preamble_values(above, name, dialect)
    if not header.strip():
        message = f"has no header in line {header_row} (header_row of the feed in book.yaml); correct the number, or deliver the file again"
        raise rejection(name, message, header_row)
    return header, dialect


def preamble_values(above: list[str], name: str, dialect: Dialect) -> tuple[tuple[str, str], ...]:
    """The columns that the lines above the header give to every row. Raises InputError when no line has one of them."""
    found = {column: next((match for line in above if (match := re.search(pattern, line))), None) for column, pattern in dialect.preamble}
    if missing := [column for column, match in found.items() if match is None]:
        message = f"no line above its header has {missing[0]} (preamble of the feed in book.yaml: {dict(dialect.preamble)[missing[0]]})"
        raise rejection(name, f"{message}; correct the expression, or deliver the file again", 1)
    return tuple((column, (match.group(1) or "").strip()) for column, match in found.items() if match)


def _without_footer(lines: Iterator[str], footer: int | str, plain: Plain) -> Iterator[str]:
    """The lines before the footer: a number of last lines that are not blank, or a regular expression for how its first line begins."""
    if isinstance(footer, int):
        held: deque[str] = deque()
        filled = 0
        for line in lines:
            held.append(line)
            filled += bool(line.strip())
            while filled > footer:
                filled -= bool(held[0].strip())
                yield held.popleft()
        plain.lines_outside += filled
        return
    is_inside_text = False
    for line in lines:
        if not is_inside_text and re.match(footer, line):
            plain.lines_outside += 1 + sum(bool(rest.strip()) for rest in lines)
            return
        is_inside_text ^= line.count('"') % 2 == 1
        yield line
    plain.lacks_footer = True


def _without_trailer(path: Path, name: str, delimiter: str, trailer: list[str]) -> dict[str, str]:
    """Cut off the last line and return its totals."""
    with path.open("r+b") as file:
        size = file.seek(0, io.SEEK_END)
        start = max(0, size - _TAIL)
        file.seek(start)
        tail = file.read()
        end = len(tail.rstrip(b"\r\n"))
        begin = tail.rfind(b"\n", 0, end) + 1
        line = tail[begin:end].decode("utf-8", "replace")
        fields = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [""])]
        if composed(fields[0]) != trailer[0] or len(fields) < len(trailer):
            message = f"does not end with its line of totals ({delimiter.join(trailer)}) but with {line[:60]!r}: it is incomplete; deliver it again"
            raise rejection(name, message)
        file.truncate(start + begin)
    return {wanted: found for wanted, found in zip(trailer[1:], fields[1:], strict=False) if wanted}
