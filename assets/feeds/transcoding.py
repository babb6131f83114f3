"""Converting archived text files to what the reader expects: UTF-8, uncompressed, without the line of totals.

Belongs here: the copy that is read instead of the archived bytes. Does not belong here: rows and columns (assets/feeds/readers.py), comparing the totals
(assets/feeds/control_totals.py).
"""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

from assets.feeds.inspection import Dialect, format_of, open_unpacked
from assets.runtime.errors import rejection
from models.unicode_form import composed

_CHUNK = 1 << 20
#: How many bytes at the end are searched for the last line.
_TAIL = 1 << 16


def write_plain(path: Path, suffix: str, name: str, dialect: Dialect, trailer: list[str], target: Path) -> dict[str, str]:
    """Write the file's text to `target` in UTF-8, without its trailer. Returns the totals of the trailer, by `rows` or column.

    Raises InputError when a byte does not belong to the declared encoding, or the last line is not the trailer.
    """
    file_format, compression = format_of(suffix)
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    newlines = 0
    with open_unpacked(path, compression) as stream, target.open("wb") as file:
        try:
            while chunk := stream.read(_CHUNK):
                plain = decoder.decode(chunk).encode()
                newlines += plain.count(b"\n")
                file.write(plain)
            file.write(decoder.decode(b"", final=True).encode())
        except UnicodeError as error:
            message = f"is not {dialect.encoding} text ({getattr(error, 'reason', error)}); correct `encoding` of the feed in book.yaml"
            raise rejection(name, message, newlines + 1) from None
    if not trailer:
        return {}
    if file_format != "csv":
        raise rejection(
            name, "is not CSV, and only a CSV file can end with a line of totals; deliver the totals in a file next to it (totals: json in book.yaml)"
        )
    return _without_trailer(target, name, dialect.delimiter, trailer)


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
