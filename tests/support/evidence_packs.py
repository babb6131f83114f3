"""Packs of a whole book, and packs that were tampered with: by someone who changes a byte, and by someone who also writes the hashes anew.

Belongs here: making and changing packs. Does not belong here: what must be found.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assets.evidence import build, data_package, digests
from assets.evidence.build import PACK, Built, Request, build_pack
from assets.evidence.container import unpack_container, write_container
from assets.evidence.verify_pack import verify_pack
from assets.published.reader import open_published


def pack_everything(book: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    """A pack with every payout of the book, as if all were of the period with most of them. Raises CheckFailed for one that is not proved."""
    monkeypatch.setattr(build, "select_period", lambda con, period: con.execute("create temp table of_period as select payout_id from fct_payout"))
    with open_published(book) as con:
        periods = con.execute("select period from fct_achievement group by period order by count(*) desc, period limit 1").fetchall()
    built = build_pack(book, Request(periods[0][0]), target)
    monkeypatch.undo()
    return built


def problems_of(pack: Path) -> list[str]:
    """Everything that verify-pack finds wrong."""
    return [problem for finding in verify_pack(pack) for problem in finding.problems]


def with_file(pack: Path, name: str, change: Callable[[bytes], bytes], target: Path) -> Path:
    """The pack with one file changed, and nothing else."""
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info, change(data) if info.filename == name else data)
    return target


def resealed(pack: Path, change: Callable[[Path], object], target: Path) -> Path:
    """The pack after `change` to its unpacked folder, with hashes, sizes and row counts written anew."""
    folder = target.with_suffix("")
    folder.mkdir()
    unpack_container(pack, folder)
    change(folder)
    for name in (digests.SUMS, digests.STATEMENT):
        (folder / name).unlink()
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    package = json.loads((folder / data_package.PATH).read_bytes())
    hashes = digests.hash_files(folder, [name for name in names if name != data_package.PATH])
    package["resources"] = [each for each in package["resources"] if each["path"] in hashes]
    for each in package["resources"]:
        each |= {"bytes": (folder / each["path"]).stat().st_size, "hash": f"sha256:{hashes[each['path']]}"}
        if "schema" in each:
            each["rows"] = len(read_rows(folder / each["path"]))
    (folder / data_package.PATH).write_text(json.dumps(package))
    digests.write_digests(folder, names, {"book": json.loads((folder / PACK).read_bytes())["book"]})
    with target.open("wb") as out:
        write_container(folder, [*names, digests.SUMS, digests.STATEMENT], out)
    return target


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def change_rows(folder: Path, table: str, change: Callable[[list[dict[str, str]]], Any]) -> None:
    """Rewrite a table of an unpacked pack."""
    path = folder / "tables" / f"{table}.csv"
    rows = read_rows(path)
    columns = list(rows[0])
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
