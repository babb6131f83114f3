"""The README shows an agreement of the demo and the payout it gives, as the program prints it.

Belongs here: the README beside the demo book. Does not belong here: what explain shows (test_explain.py), links (tests/architecture/test_docs.py).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.documents import parse_documents
from pipelines.cli.main import main

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
AGREEMENT = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0]


def test_the_agreement_is_one_of_the_demo(demo_book: Path) -> None:
    shown = parse_documents(AGREEMENT, "README.md")[0].value
    file = demo_book / "agreements" / "wine-promotion-2025.yaml"
    assert shown == parse_documents(file.read_text(encoding="utf-8"), file.name)[0].value


def test_the_payout_is_what_explain_prints(demo_book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, shown = re.findall(r"`tierledger explain (\S+)`:\n\n```\n(.*?)```", README, re.DOTALL)[0]
    assert main(["explain", name, "--book", str(demo_book)]) == 0
    printed = iter(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert [line for line in shown.splitlines() if line not in printed] == []  # found in this order
