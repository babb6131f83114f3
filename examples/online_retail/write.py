"""Writes the online retail book: the files of this folder, and the daily files copied from the data folder (the real ones, or the sample).

Belongs here: which file goes where. Does not belong here: the peculiarities of the data, which book.yaml handles.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).parent
#: A few days of invented lines in the layout of the daily files.
SAMPLE = _HERE / "sample"


def list_days(data: Path) -> list[str]:
    """The days for which the data has a file (2010-12-01, …), in order. Raises FileNotFoundError when there is none."""
    days = sorted(path.stem for path in data.glob("????-??-??.csv"))
    if not days:
        raise FileNotFoundError(f"{data} holds no daily files such as 2010-12-01.csv; see docs/online-retail.md for where the data comes from")
    return days


def deliver_days(folder: Path, data: Path, days: Iterable[str]) -> None:
    """Copy the files of these days into the book's landing folder, as a delivery would."""
    landing = folder / "feeds" / "transactions"
    landing.mkdir(parents=True, exist_ok=True)
    for day in days:
        shutil.copyfile(data / f"{day}.csv", landing / f"{day}.csv")


def write_online_retail_book(folder: Path, data: Path, days: Iterable[str] | None = None) -> None:
    """Write book.yaml, agreements/ and feeds/ into `folder`, which is created, with the files of these days (None: of all).

    `data` is the folder of the daily files. Files already in the book under these names are overwritten.
    """
    chosen = list_days(data) if days is None else days
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_HERE / "book.yaml", folder / "book.yaml")
    for part in ("agreements", "feeds"):
        shutil.copytree(_HERE / part, folder / part, dirs_exist_ok=True)
    deliver_days(folder, data, chosen)
