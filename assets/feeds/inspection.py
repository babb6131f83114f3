"""Facts about the bytes of one file: their hash, and what decides how the file is read.

Belongs here: one pass over a file's bytes. Does not belong here: rows, columns' meaning, typing.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

# numpy and pyarrow are imported where a file is read: a run with nothing new reads none
from assets.runtime.errors import rejection
from models.feeds.attributes import folded

Format = Literal["csv", "parquet", "json", "xlsx"]
Compression = Literal["none", "gzip", "zstd"]

_FORMATS: dict[str, Format] = {".csv": "csv", ".parquet": "parquet", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".xlsx": "xlsx"}
_COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}
_MAGIC = {b"PAR1": "Parquet", b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip or XLSX", b"%PDF": "PDF"}
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_CHUNK = 1 << 20
#: A small file that unpacks to very much is an attack or a mistake, not a feed.
BOMB_BYTES, BOMB_RATIO = 100_000_000, 200


@dataclass(frozen=True)
class Dialect:
    """How a feed's text files are written, and where their header and rows are.

    Files that are converted before they are read are counted afterwards (assets/feeds/transcoding.py).
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    header_row: int = 1
    footer: int | str = 0
    preamble: tuple[tuple[str, str], ...] = ()
    fill_down: tuple[str, ...] = ()
    # how the cells of a sheet are written as text
    sheet: int | str = 1
    decimal: str | None = None
    dates: str | None = None

    @property
    def has_layout(self) -> bool:
        """Whether lines above the header or below the rows are no data."""
        return self.header_row > 1 or self.footer != 0


COMMAS = Dialect()


@dataclass
class Facts:
    """Counts over the uncompressed bytes. Parquet, and text that is not UTF-8, have only `sha256` and `size`. `commas` counts the dialect's delimiter."""

    sha256: str = ""
    size: int = 0
    unpacked: int = 0
    newlines: int = 0
    returns: int = 0  # carriage returns
    commas: int = 0
    has_quote: bool = False
    has_space: bool = False
    has_control: bool = False  # other than tab, line feed and return
    is_ascii: bool = True
    ends_with_newline: bool = False
    names_delimiter: bool = False  # its first line is `sep=;`, for spreadsheets
    header: tuple[str, ...] = ()
    delimiter: int = field(default=44, repr=False)

    @property
    def lines(self) -> int:
        """Lines of text, a last one without a line end included."""
        return self.newlines + (not self.ends_with_newline)

    def add(self, chunk: Any) -> None:
        """Count one more piece of the file."""
        import numpy as np

        data = np.frombuffer(chunk, dtype=np.uint8)
        newlines = int(np.count_nonzero(data == 10))
        low = int(np.count_nonzero(data < 32)) - newlines
        self.unpacked += len(data)
        self.newlines += newlines
        self.commas += int(np.count_nonzero(data == self.delimiter))
        if low:
            returns = int(np.count_nonzero(data == 13))
            self.returns += returns
            self.has_control |= low > returns + int(np.count_nonzero(data == 9))
        self.has_quote = self.has_quote or bool((data == 34).any())
        self.has_space = self.has_space or low > 0 or bool((data == 32).any())
        highest = int(data.max())
        self.is_ascii &= highest < 128
        self.has_control |= highest >= 127 and bool((data == 127).any())
        self.ends_with_newline = data[-1] == 10


def format_of(suffix: str) -> tuple[Format, Compression]:
    """What a suffix such as `.csv.gz` says about a file. Raises KeyError for any other suffix."""
    stem, _, last = suffix.rpartition(".")
    compression = _COMPRESSIONS.get(f".{last}", "none")
    return _FORMATS[stem if compression != "none" else suffix], compression


def suffix_of(name: str) -> str:
    """The part of a file name that says how to read it, in lower case: `.csv`, `.csv.gz`. Empty: not a format that is read."""
    lower = name.lower()
    return next((f + c for f in _FORMATS for c in ("", *_COMPRESSIONS) if lower.endswith(f + c)), "")


def inspect(path: Path, suffix: str, name: str, dialect: Dialect = COMMAS, header_line: int = 1) -> Facts:
    """Hash a file and count its bytes in one pass (a compressed file is read twice). `name` is shown to people, and so is the header's line.

    Raises InputError when the bytes are not what the suffix says: empty, another format, not UTF-8, damaged compression, no header.
    """
    import pyarrow as pa

    file_format, compression = format_of(suffix)
    facts = Facts(size=path.stat().st_size, delimiter=ord(dialect.delimiter))
    is_utf8 = dialect.encoding == "utf-8"
    look_inside = file_format not in ("parquet", "xlsx") and is_utf8
    hasher = hashlib.sha256()
    text = codecs.getincrementaldecoder("utf-8")()
    head = b""

    def count(chunk: Any) -> None:
        nonlocal head
        if len(head) < _CHUNK:
            head += bytes(chunk[: _CHUNK - len(head)])
        facts.add(chunk)
        if not facts.is_ascii:
            text.decode(chunk)

    try:
        with path.open("rb", buffering=0) as file:
            buffer = bytearray(min(_CHUNK, facts.size + 1))
            view = memoryview(buffer)
            while n := file.readinto(buffer):
                hasher.update(view[:n])
                if compression == "none":
                    if look_inside:
                        count(view[:n])
                    elif not head:
                        head = bytes(view[:8])
        facts.sha256 = hasher.hexdigest()
        if facts.size == 0:
            raise rejection(name, "the file is empty (0 bytes); deliver it again")
        if compression != "none":
            with _unpacked(path, compression) as stream:
                while chunk := stream.read(_CHUNK):
                    count(chunk) if look_inside else facts.add(chunk)
                    if facts.unpacked > max(BOMB_BYTES, BOMB_RATIO * facts.size):
                        raise rejection(name, f"unpacks to more than {BOMB_RATIO} times its size; if it is genuine, deliver it uncompressed")
        text.decode(b"", final=True)
    except UnicodeDecodeError as error:
        _check_magic(head, file_format, name)
        message = f"is not UTF-8 text ({error.reason}); save it as UTF-8, or declare `encoding` for the feed in book.yaml"
        raise rejection(name, message, facts.newlines + 1) from None
    except (OSError, pa.ArrowInvalid, EOFError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise rejection(name, f"cannot be unpacked as {compression}: {error}") from None
    _check_magic(head, file_format, name, is_utf8)
    if file_format == "csv" and is_utf8 and dialect.header_row == 1:
        start = head.decode("utf-8", "ignore").removeprefix("\ufeff")
        facts.names_delimiter = names_delimiter(start.partition("\n")[0], name, dialect.delimiter)
        facts.header = _header(start.partition("\n")[2] if facts.names_delimiter else start, facts, name, dialect, header_line)
    return facts


def names_delimiter(line: str, name: str, delimiter: str) -> bool:
    """Whether a first line is `sep=` and the feed's delimiter. Raises InputError when it is another delimiter."""
    found = re.fullmatch(r'"?sep=(.)"?\s*', line, re.IGNORECASE)
    if found and found.group(1) != delimiter:
        message = f"its first line says that {found.group(1)!r} separates its columns; declare `delimiter` for the feed in book.yaml"
        raise rejection(name, message, 1)
    return found is not None


@contextmanager
def _unpacked(path: Path, compression: Compression) -> Iterator[Any]:
    import pyarrow as pa

    with pa.OSFile(str(path), "rb") as raw, pa.CompressedInputStream(raw, compression) as stream:
        yield stream


def open_unpacked(path: Path, compression: Compression) -> Any:
    """A binary stream of the file's unpacked bytes."""
    import pyarrow as pa

    raw = pa.OSFile(str(path), "rb")
    return raw if compression == "none" else pa.CompressedInputStream(raw, compression)


def _check_magic(head: bytes, file_format: Format, name: str, is_utf8: bool = True) -> None:
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if file_format == "parquet":
        if head and not head.startswith(b"PAR1"):
            raise rejection(name, "is named .parquet but is not a Parquet file")
    elif file_format == "xlsx":
        if head and not head.startswith(b"PK\x03\x04"):
            raise rejection(name, "is named .xlsx but is not an XLSX file; save it as XLSX, without a password")
    elif found:
        raise rejection(name, f"is a {found} file by its first bytes, not {file_format}; give it the right suffix")
    elif not is_utf8:
        return
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[:1000].count(0) > len(head[:1000]) // 4:
        raise rejection(name, "is UTF-16 or binary, not UTF-8 text; save it as UTF-8, or declare `encoding` for the feed in book.yaml")


def _header(text: str, facts: Facts, name: str, dialect: Dialect, line: int) -> tuple[str, ...]:
    """The column names in the first line of `text`, trimmed."""
    delimiter = dialect.delimiter
    if facts.returns and not facts.newlines:
        raise rejection(name, "its lines end with a carriage return only; save it with line feeds")
    try:
        header = tuple(column.strip() for column in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)))
    except (csv.Error, StopIteration):
        raise rejection(name, f"the header line has no column names separated by {_DELIMITERS[delimiter]}", line) from None
    header = named(header, dialect.fill_down)
    checked_header(header, name, line)
    if len(header) == 1 and any(mark in header[0] for mark in _DELIMITERS if mark != delimiter):
        message = f"its columns are not separated by {_DELIMITERS[delimiter]}; save it so, or declare `delimiter` for the feed in book.yaml"
        raise rejection(name, message, line)
    return header


def named(header: Sequence[str], fill_down: Sequence[str]) -> tuple[str, ...]:
    """A header without the empty names at its end. Reports leave the column that they group by without a name: `fill_down` names it.

    Any other column without a name is called by its place, such as (1). It may be there, but a row with a value in it is rejected.
    """
    width = max((i for i, column in enumerate(header, 1) if column), default=1)
    missing = iter([column for column in fill_down if column not in header])
    return tuple(column or next(missing, f"({place})") for place, column in enumerate(header[:width], 1))


def is_unnamed(column: str) -> bool:
    """Whether a column of a header has only its place for a name."""
    return re.fullmatch(r"\([0-9]+\)", column) is not None


def checked_header(header: Sequence[str], name: str, line: int = 1) -> tuple[str, ...]:
    """The names of a file's columns. Raises InputError when two names are the same, or a name cannot be written."""
    times = Counter(map(folded, header))
    if twice := sorted({column for column in header if times[folded(column)] > 1}):
        message = f"the header names {', '.join(twice)} more than once (upper and lower case are the same); rename or remove all but one, and deliver it again"
        raise rejection(name, message, line)
    if unwritable := [column for column in header if "\0" in column]:
        raise rejection(name, f"the column name {unwritable[0]!r} contains a zero byte; rename it, and deliver the file again", line)
    return tuple(header)
