"""One name in two Unicode forms is one name: in feeds, settings, agreements, paths and on the command line.

Belongs here: letters typed as one character or as two, through the whole program. Does not belong here: upper and lower case (test_carried_along.py).
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest

from assets.published.explanation import explain_payout
from assets.published.reader import fetch, open_published
from models.documents import InputError, parse_documents
from models.records.closing import clean_text, plan_reopen
from pipelines.cli.main import main
from pipelines.run import run_book

BOOK = """\
book: forms
currency: EUR
as_of: 2026-12-31
feeds:
  transactions:
    files: "feeds/vérkäufe/*é.csv"
    nulls: [né]
    columns: {art: "CASE WHEN left(sörte, 4) = 'Café' THEN 'röh' ELSE sörte END", betrag é: größe, transaction_id: "\\"númmer x\\""}
    defaults: {currency: EUR}
  products: {files: "feeds/products/*.csv"}
"""
AGREEMENT = """\
agreement: Ä
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [Pé]
scope: {products: {exclude: {kätegorie: [Café]}}}
benefits:
- {id: b, clause: "1", window: year, tiers: [{from: 0, rate: 1}], scope: {where: "art = 'röh' and \\"betrag é\\" is null"}}
- {id: all, clause: "1", window: year, tiers: [{from: 0, rate: 1}]}
"""
SALES = """\
númmer x,date,partner_id,product_id,amount,sörte,größe
1,2026-01-02,Pé,G,10,Café,né
2,2026-01-02,Pé,X,100,Café,né
3,2026-01-02,Pé,X,7,Caféteria,groß
"""
PRODUCTS = "product_id,kätegorie\nG,Café\nX,Tée\n"
Form = Literal["NFC", "NFD"]


def make(folder: Path, written: Form, delivered: Form, agreement: str = AGREEMENT) -> Path:
    files = {"book.yaml": BOOK, "agreements/ä.yaml": agreement, "feeds/vérkäufe/januar é.csv": SALES, "feeds/products/p.csv": PRODUCTS}
    for name, text in files.items():
        form: Form = delivered if name.startswith("feeds") else written
        path = folder / unicodedata.normalize(form, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unicodedata.normalize(form, text), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("written", "delivered"),
    [("NFC", "NFD"), *(pytest.param(*forms, marks=pytest.mark.long) for forms in (("NFC", "NFC"), ("NFD", "NFC"), ("NFD", "NFD")))],
)
def test_settings_and_feeds_may_be_typed_in_different_forms(written: Form, delivered: Form, tmp_path: Path) -> None:
    book = make(tmp_path, written, delivered)
    run_book(book)
    with open_published(book) as con:
        payouts = fetch(con, "select agreement_id, benefit_id, participant_id, payout from fct_payout order by payout")
        assert [tuple(row.values()) for row in payouts] == [("Ä", "b", "Pé", Decimal(100)), ("Ä", "all", "Pé", Decimal(107))]
        files = fetch(con, "select file_name from audit_feed_file where feed = 'transactions'")
        assert files == [{"file_name": "feeds/vérkäufe/januar é.csv"}]
    assert explain_payout(book, unicodedata.normalize(written, "Ä/all/Pé/2026-01-01"), 5).line_count == 2
    if written != delivered:
        assert main(["verify", "--book", str(book), "--quiet"]) == 0


def test_a_file_under_the_other_form_of_its_name_is_the_same_file(tmp_path: Path) -> None:
    book = make(tmp_path, "NFC", "NFD")
    run_book(book)
    folder = book / unicodedata.normalize("NFD", "feeds/vérkäufe")
    (folder / unicodedata.normalize("NFD", "januar é.csv")).rename(folder / "januar é.csv")
    assert run_book(book).status == "nothing_new"


def test_two_agreements_whose_ids_differ_in_form_alone_are_one(tmp_path: Path) -> None:
    book = make(tmp_path, "NFC", "NFC")
    (book / "agreements/b.yaml").write_text(unicodedata.normalize("NFD", AGREEMENT), encoding="utf-8")
    with pytest.raises(InputError, match="Ä version 1 appears twice"):
        run_book(book)


def test_a_key_that_differs_in_form_alone_appears_twice() -> None:
    with pytest.raises(InputError, match="appears twice"):
        parse_documents(f"é: 1\n{unicodedata.normalize('NFD', 'é')}: 2\n", "a.yaml")


def test_one_person_is_one_person_in_both_forms() -> None:
    other = unicodedata.normalize("NFD", "José")
    assert clean_text("--by", other) == "José"
    with pytest.raises(InputError, match="two people"):
        plan_reopen("2026-01", "x", "José", other, [])
