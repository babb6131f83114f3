"""The zip of a pack: the same files give the same bytes.

Belongs here: writing and reading the container. Does not belong here: which files there are (build.py), whether they are right (verify_pack.py).

Files are in order of their names, with one date and one mode, so that nothing depends on when or where the pack was written.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_CHUNK = 1 << 20
#: Compressed bytes depend on the library that compressed them.
COMPRESSED_BY = zlib.ZLIB_RUNTIME_VERSION


def write_container(folder: Path, names: Iterable[str], target: IO[bytes]) -> None:
    """Write the files of a folder as one zip."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as container:
        for name in sorted(names):
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, _MODE, 3
            info.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, container.open(info, "w") as out:
                while chunk := source.read(_CHUNK):
                    out.write(chunk)


def unpack_container(pack: Path, folder: Path) -> list[str]:
    """Unpack into an empty folder. Returns the names. Raises BadZipFile where the container is damaged or a name leads out of the folder."""
    with zipfile.ZipFile(pack) as container:
        names = container.namelist()
        if len(set(names)) < len(names):
            raise zipfile.BadZipFile("a name is in it twice")
        for name in names:
            target = folder / name
            if name.endswith("/") or not target.resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"{name!r} is not the name of a file of a pack")
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with container.open(name) as source, target.open("wb") as out:
                    while chunk := source.read(_CHUNK):
                        out.write(chunk)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
                raise zipfile.BadZipFile(f"{name} was changed: {error}") from None
        return names
