"""Packs of the demo book that several tests read, each made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.evidence.build import Request, build_pack
from tests.support.once import make_once

PERIOD = "2026-03"


@pytest.fixture(scope="session")
def whole_pack(demo_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of a quarter's last month, with the lines of every payout."""

    def make(folder: Path) -> None:
        folder.mkdir()
        build_pack(demo_book, Request(PERIOD, seed=7), folder / "pack.zip")

    return make_once(tmp_path_factory, "whole-pack", make) / "pack.zip"


#: Of few lines: one that pays 0, one of a span, one that is measured against the prior year, a commission with returns.
SMALL = (
    "UK-INDEPENDENTS-2026/quarterly-rebate/IU-11/2026-01-01",
    "EXPORT-2026/monthly-growth/EX-02/2026-03-01",
    "PUB-GROWTH-2526/growth/IN-13/2026-01-01",
    "AGENT-COMMISSION-2526/commission/SP-08/2026-03-01",
)


@pytest.fixture(scope="session")
def small_pack(demo_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with the lines of four payouts."""

    def make(folder: Path) -> None:
        folder.mkdir()
        build_pack(demo_book, Request(PERIOD, payouts=SMALL, of_sample_only=True), folder / "pack.zip")

    return make_once(tmp_path_factory, "small-pack", make) / "pack.zip"
