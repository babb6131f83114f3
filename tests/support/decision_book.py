"""A book of four agreements, small enough to work out by hand, for what is decided before it is signed; and random changes of it.

Belongs here: that book and its changes. Does not belong here: statements about them.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

BOOK = """
book: deciding
currency: EUR
as_of: 2026-06-30
feeds:
  transactions: {files: "feeds/transactions/*.csv", key: [transaction_id, line]}
  partners: {files: "feeds/partners/*.csv", key: [partner_id]}
  fx_rates: {files: "feeds/fx_rates/*.csv", key: [date, from_currency, to_currency]}
  targets: {files: "feeds/targets/*.csv", key: [agreement, benefit, participant_id, window_start]}
  credits: {files: "feeds/credits/*.csv", key: [transaction_id, line, participant_id]}
"""
VOLUME = """
agreement: VOLUME
title: Volume bonus
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C2, C3]
benefits:
  - id: volume
    clause: "1"
    window: quarter
    tiers: [{from: 0, rate: 0.01}, {from: 1000, rate: 0.02}]
"""
TARGET = """
agreement: TARGET
title: Target bonus
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C2]
benefits:
  - id: target
    clause: "1"
    window: half_year
    by: attainment
    target: feed
    tiers: [{from: 0, amount: 0}, {from: 1, amount: 50}]
"""
SUPPLY = """
agreement: SUPPLY
title: Supplier rebate
direction: receivable
currency: USD
term: {from: 2026-01-01, to: 2026-12-31}
participants: [S1]
benefits:
  - id: rebate
    clause: "1"
    window: half_year
    method: graduated
    tiers: [{from: 0, rate: 0.03}, {from: 500, rate: 0.05}]
"""
REPS = """
agreement: REPS
title: Commission
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [R1, R2]
benefits:
  - id: commission
    clause: "1"
    window: half_year
    tiers: [{from: 0, rate: 0.01}]
"""
AGREEMENTS = {"volume.yaml": VOLUME, "target.yaml": TARGET, "supply.yaml": SUPPLY, "reps.yaml": REPS}
FILES = {
    "transactions/1.csv": (
        "transaction_id,line,date,partner_id,amount,currency\n"
        "T1,1,2026-01-05,C1,900.00,EUR\nT2,1,2026-02-10,C2,500.00,USD\nT3,1,2026-04-10,C2,1500.00,EUR\nT4,1,2026-03-01,S1,800.00,USD\n"
    ),
    "partners/partners.csv": "partner_id,name,region\nC1,Café One,north\nC2,Two | Sons,south\nC3,Three,north\nS1,Supplier @1,\nR1,Ann,\nR2,Ben,\n",
    "credits/credits.csv": "transaction_id,line,participant_id,share\nT3,1,R1,1/3\nT3,1,R2,2/3\n",
    "fx_rates/rates.csv": "date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,0.90\n",
    "targets/targets.csv": "agreement,benefit,participant_id,window_start,target\nTARGET,target,C1,2026-01-01,1000\nTARGET,target,C2,2026-01-01,3000\n",
}


def write_book(folder: Path) -> Path:
    (folder / "agreements").mkdir(parents=True)
    (folder / "book.yaml").write_text(BOOK)
    for name, text in AGREEMENTS.items():
        (folder / "agreements" / name).write_text(text)
    for name, text in FILES.items():
        deliver(folder, name, text)
    return folder


def deliver(folder: Path, name: str, text: str) -> None:
    path = folder / "feeds" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def edit(folder: Path, agreement: str, before: str, after: str) -> None:
    path = folder / "agreements" / agreement
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", "-C", str(folder), *settings, *arguments], check=True, capture_output=True, text=True).stdout


def commit_terms(folder: Path) -> None:
    """A repository that holds book.yaml and the agreements, and nothing that runs write."""
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("*\n!book.yaml\n!agreements/\n!agreements/*\n!.gitignore\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Agreements")


def change_at_random(folder: Path, seed: int, terms: bool = True) -> None:
    """A few changes of the book: lines, and with terms rates, targets and agreements, each with a chance."""
    draw = random.Random(seed)
    rows = "".join(
        f"R{seed}-{n},1,2026-{draw.randint(1, 6):02}-{draw.randint(1, 28):02},{draw.choice(['C1', 'C2', 'C3', 'S1'])},"
        f"{draw.randint(-30000, 90000) / 100:.2f},{draw.choice(['EUR', 'USD'])}\n".replace("-0.00", "0.00")
        for n in range(draw.randint(1, 8))
    )
    if draw.random() < 0.8:
        deliver(folder, f"transactions/{seed}.csv", "transaction_id,line,date,partner_id,amount,currency,type\n" + _typed(rows))
    if not terms:
        return
    if draw.random() < 0.5:
        deliver(folder, f"fx_rates/{seed}.csv", f"date,from_currency,to_currency,rate\n2026-02-01,USD,EUR,0.{draw.randint(70, 99)}\n")
    if draw.random() < 0.5:
        deliver(
            folder,
            f"targets/{seed}.csv",
            f"agreement,benefit,participant_id,window_start,target\nTARGET,target,C{draw.randint(1, 2)},2026-01-01,{draw.randint(1, 40) * 100}\n",
        )
    if draw.random() < 0.5:
        edit(folder, "volume.yaml", "from: 1000, rate: 0.02", f"from: {draw.randint(5, 20) * 100}, rate: 0.0{draw.randint(1, 9)}")
    if draw.random() < 0.3:
        edit(folder, "supply.yaml", "currency: USD", draw.choice(["currency: EUR", "currency: USD\nversion: 2"]))
    if draw.random() < 0.3:
        edit(folder, "volume.yaml", "[C1, C2, C3]", draw.choice(["[C1, C3]", "[C2, C3, S1]"]))
    if draw.random() < 0.2:
        (folder / "agreements" / "target.yaml").unlink()


def _typed(rows: str) -> str:
    """The rows with their type: a negative amount is a return."""
    return "".join(f"{row},{'return' if float(row.split(',')[4]) < 0 else 'sale'}\n" for row in rows.splitlines())
