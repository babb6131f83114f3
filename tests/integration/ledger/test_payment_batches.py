"""Payment batches on released parts made by hand: what is proposed, what waits, who approves, what a payment confirms.

Belongs here: proposing, approving, cancelling, and the table of batches. Does not belong here: the files (test_payment_exports.py), the command on a
book that runs (test_pay_command.py).
"""

from __future__ import annotations

import datetime as dt
import random
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from assets.ledger.folder import read_ledger
from assets.payments.batches import approve_batch, cancel_batch, list_all, propose_batch
from assets.payments.open_parts import view_open_parts
from assets.published.reader import open_published
from assets.runtime.context import RunContext
from models.documents import InputError
from models.records.closing import LedgerRuleViolation
from tests.support.payment_books import AS_OF, Part, PaymentBook


def propose(book: PaymentBook, due_by: str = "2026-06-30") -> list[tuple[str, str, Decimal | int]]:
    """Propose, and name payee, currency and amount of each payment."""
    proposal = propose_batch(book.publish(), dt.date.fromisoformat(due_by), "Ann")
    return [(row["participant_id"], row["currency"], row["amount"]) for row in proposal.payments]


def test_a_cent_is_paid_and_nothing_is_not(tmp_path: Path) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "0.01"), Part("p2", "0.00", payee="C2")])
    assert propose(book) == [("C1", "EUR", Decimal("0.01"))]
    assert propose(book) == []
    assert [folder.name for folder in (tmp_path / "ledger" / "payments").iterdir()] == ["0001-propose-1"]


def test_only_what_we_owe_is_released_and_due_by_the_day(tmp_path: Path) -> None:
    parts = [
        Part("p1", "80", "2026-04-30"),
        Part("p1", "20", "2026-05-01", number=2),
        Part("p2", "7", "2026-07-01"),
        Part("p3", "5", direction="receivable"),
        Part("p4", "9", payee="C2", held="6"),
        Part("p5", "4", payee="C3"),
        # what is written off and what is held (disputed, not collected) come off what is paid each for itself
        Part("p6", "9", payee="C4", held="6"),
        Part("p7", "9", payee="C5", held="8"),
    ]
    book = PaymentBook(tmp_path, parts, payments=[("p5", "1.50", "X")], written_off={"p5": "0.5", "p6": "2", "p7": "2"})
    assert propose(book, "2026-04-30") == [("C1", "EUR", 80), ("C2", "EUR", 3), ("C3", "EUR", 2), ("C4", "EUR", 1)]
    assert propose(book, "2026-07-31") == [("C1", "EUR", 20)]
    numbers = [("TL-0001-0001-01", 80), ("TL-0001-0002-01", 3), ("TL-0001-0003-01", 2), ("TL-0001-0004-01", 1), ("TL-0002-0001-01", 20)]
    assert book.lines("reference, amount") == numbers
    for part in parts:
        part.held = "0"
    assert propose(book) == [("C2", "EUR", 6), ("C4", "EUR", 6), ("C5", "EUR", 7)]


def test_payees_and_currencies_are_netted_each_for_itself(tmp_path: Path) -> None:
    parts = [
        Part("p1", "100"),
        Part("p2", "-30"),
        Part("p3", "-30", currency="USD"),
        Part("p4", "40", payee="C2", currency="USD"),
        Part("p5", "-40", payee="C2", currency="USD"),
    ]
    book = PaymentBook(tmp_path, parts)
    proposal = propose_batch(book.publish(), AS_OF, "Ann")
    assert [(row["participant_id"], row["currency"], row["amount"], row["parts"]) for row in proposal.payments] == [("C1", "EUR", 70, 2)]
    assert [(row["participant_id"], row["currency"], row["net"]) for row in proposal.waiting] == [("C1", "USD", -30), ("C2", "USD", 0)]
    parts.append(Part("p6", "30.01", currency="USD"))
    assert propose(book) == [("C1", "USD", Decimal("0.01"))], "what waited is set off against the next"


def test_a_payment_before_its_day_is_not_taken_back_but_one_too_many_is(tmp_path: Path) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "50", "2026-12-31"), Part("p2", "10")], payments=[("p1", "50", "X")])
    assert propose(book) == [("C1", "EUR", 10)]
    parts = [Part("p1", "40"), Part("p1", "10", "2026-12-31", number=2), Part("p2", "10")]
    assert propose(PaymentBook(tmp_path / "parts", parts, payments=[("p1", "50", "X")])) == [("C1", "EUR", 10)]
    later = PaymentBook(tmp_path / "later", [Part("p1", "50"), Part("p2", "10")], payments=[("p1", "50.01", "X")])
    assert propose(later) == [("C1", "EUR", Decimal("9.99"))]
    later = PaymentBook(tmp_path / "open", [Part("p1", "50", status="open"), Part("p2", "10")], payments=[("p1", "60", "X")])
    assert propose(later) == [("C1", "EUR", 10)], "while the window runs, more may be earned"


def test_payments_without_a_reference_fill_the_first_parts(tmp_path: Path) -> None:
    parts = [Part("p1", "80", held="40"), Part("p1", "20", "2026-05-31", number=2)]
    book = PaymentBook(tmp_path, parts, payments=[("p1", "50", "X")])
    propose(book)
    assert book.lines("release_no, amount") == [(2, 10)], "40 + 20 are released, and 50 of them paid"


def test_what_comes_on_top_of_a_live_batch_is_of_the_part_that_grew(tmp_path: Path) -> None:
    parts = [Part("p1", "80"), Part("p1", "20", number=2)]
    book = PaymentBook(tmp_path, parts)
    propose(book)
    parts[0].amount = "80.01"
    assert propose(book) == [("C1", "EUR", Decimal("0.01"))]
    assert book.lines("batch_no, release_no, amount")[-1] == (2, 1, Decimal("0.01"))


def test_what_is_cancelled_is_proposed_again(tmp_path: Path) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "10"), Part("p2", "3", payee="C2")])
    propose(book)
    record, is_new = cancel_batch(book.publish(), 1, "Bob", "wrong account")
    assert (record.folder, is_new) == ("0002-cancel-1", True)
    assert cancel_batch(book.publish(), 1, "Eve", "again") == (record, False)
    assert propose(book) == [("C1", "EUR", 10), ("C2", "EUR", 3)]
    assert book.lines("batch_no, state, pending_amount, reason") == [
        (1, "cancelled", 0, "wrong account"),
        (1, "cancelled", 0, "wrong account"),
        (2, "proposed", 10, None),
        (2, "proposed", 3, None),
    ]
    with pytest.raises(LedgerRuleViolation, match="batch 1 was cancelled by Bob"):
        approve_batch(book.publish(), 1, "Bob")


def test_another_person_approves_and_only_once(tmp_path: Path) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "10")])
    with pytest.raises(InputError, match="there is none yet"):
        approve_batch(book.publish(), 1, "Bob")
    propose(book)
    with pytest.raises(InputError, match="another person approves it"):
        approve_batch(book.publish(), 1, " ann ")
    first = approve_batch(book.publish(), 1, "Bob")
    again = approve_batch(book.publish(), 1, "Eve")
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.record, again.files) == (first.record, first.files)
    assert book.lines("state, approved_by, approved_on") == [("approved", "Bob", AS_OF)]
    assert propose(book) == []
    with pytest.raises(InputError, match="the batches are 1 to 1"):
        cancel_batch(book.publish(), 2, "Bob", "no")


def test_a_batch_of_which_less_is_open_now_is_not_approved(tmp_path: Path) -> None:
    parts = [Part("p1", "10"), Part("p2", "-4"), Part("p3", "5", payee="C2")]
    book = PaymentBook(tmp_path, parts)
    propose(book)
    parts[0].amount = "9.99"
    with pytest.raises(LedgerRuleViolation, match=r"A/p1/C1/2026-01-01: 10.00 EUR in the batch, 9.99 EUR open now. Cancel it"):
        approve_batch(book.publish(), 1, "Bob")
    parts[0].amount, parts[1].amount = "12", "-3.99"
    with pytest.raises(LedgerRuleViolation, match=r"A/p2/C1/2026-01-01: -4.00 EUR in the batch, -3.99 EUR open now"):
        approve_batch(book.publish(), 1, "Bob")
    parts[1].amount = "-6"
    assert approve_batch(book.publish(), 1, "Bob").is_new, "what came on top waits for the next batch"
    assert propose(book) == [], "2 more, and 2 more to take back"


def test_payments_confirm_by_reference_and_count_once(tmp_path: Path) -> None:
    parts = [Part("p1", "80"), Part("p1", "20", number=2), Part("p2", "5", payee="C2"), Part("p3", "0")]
    book = PaymentBook(tmp_path, parts)
    propose(book)
    book.payments = [("p1", "79.99", "TL-0001-0001-01"), ("p2", "5", "TL-0001-0001-02"), ("p3", "20", "TL-0001-0001-02"), ("p3", "100", "TL-0001-0001")]
    assert book.lines("release_no, state, confirmed_amount, pending_amount, confirmed_on") == [
        (1, "proposed", Decimal("79.99"), Decimal("0.01"), None),
        (2, "proposed", 0, 20, None),
        (1, "proposed", 0, 5, None),
    ], "the reference of another payout confirms nothing"
    assert [row["state"] for row in list_all(book.publish().folder)] == ["proposed"]
    book.payments = [("p1", "100", "TL-0001-0001"), ("p2", "5", "TL-0001-0002-01")]
    assert book.lines("state, confirmed_amount, pending_amount, confirmed_on")[0] == ("confirmed", 80, 0, dt.date(2026, 6, 1))
    assert book.lines("state") == [("confirmed",)] * 3, "the payment's own reference stands for all its parts"
    assert [row["state"] for row in list_all(book.publish().folder)] == ["confirmed"], "all of the batch"
    assert propose(book) == []
    with pytest.raises(LedgerRuleViolation, match="has been paid"):
        cancel_batch(book.publish(), 1, "Bob", "late")
    parts[0].amount = "81"
    assert propose(book) == [("C1", "EUR", 1)]
    assert book.lines("batch_no, release_no, amount")[-1] == (2, 1, 1), "the part that grew, not the last one"


def test_what_is_paid_of_a_cancelled_batch_stays_paid(tmp_path: Path) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "80"), Part("p1", "20", number=2)])
    propose(book)
    book.payments = [("p1", "80", "TL-0001-0001-01")]
    cancel_batch(book.publish(), 1, "Bob", "the bank refused one")
    assert book.lines("state, pending_amount") == [("confirmed", 0), ("cancelled", 0)]
    assert [row["state"] for row in list_all(book.publish().folder)] == ["cancelled"]
    assert propose(book) == [("C1", "EUR", 20)]


def test_a_batch_is_not_seen_on_an_earlier_day(tmp_path: Path) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "10")])
    propose(book)
    book.as_of = dt.date(2026, 6, 29)
    with pytest.raises(LedgerRuleViolation, match=r"Set as_of in book.yaml to 2026-06-30 or later"):
        propose_batch(book.publish(), AS_OF, "Ann")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("0001-propose-1/lines.csv", b"10.0000", b"10.0001"), "lines.csv: was changed after it was written by Ann"),
        (("0001-propose-1/batch.json", b'"by":"Ann"', b'"by":"Eve"'), "batch.json: was changed after it was written: its hash does not match"),
        (("0002-approve-1/payments-1.csv", b"10.00", b"99.00"), "payments-1.csv: was changed after it was written by Bob"),
        (("0002-approve-1/payments-1.csv", b"", b""), "payments-1.csv: is missing"),
        (("0001-propose-1", b"", b""), "0002-approve-1: previous_sha256: does not follow the batch before it"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: tuple[str, bytes, bytes], message: str) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "10")])
    propose(book)
    approve_batch(book.publish(), 1, "Bob")
    name, before, after = damage
    path = tmp_path / "ledger" / "payments" / name
    if before:
        path.chmod(0o644)
        assert before in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(before, after))
    else:
        path.rename(tmp_path / "away")
    with pytest.raises(InputError, match=message):
        read_ledger(tmp_path / "ledger")


def test_batches_that_were_taken_away_are_missed(tmp_path: Path) -> None:
    book = PaymentBook(tmp_path, [Part("p1", "10")])
    propose(book)
    approval = approve_batch(book.publish(), 1, "Bob").record
    read_ledger(tmp_path / "ledger", payment_heads={approval.chain_sha256: "the run"})
    (tmp_path / "ledger" / "payments" / approval.folder).rename(tmp_path / "away")
    with pytest.raises(InputError, match=f"does not hold the head {approval.chain_sha256} of the run"):
        read_ledger(tmp_path / "ledger", payment_heads={approval.chain_sha256: "the run"})


@pytest.mark.parametrize(("seed", "steps"), [(0, 12), *(pytest.param(seed, 40, marks=pytest.mark.long) for seed in range(1, 20))])
def test_no_cent_is_in_two_live_batches(tmp_path: Path, seed: int, steps: int) -> None:
    """Random histories: after every step, what is paid, in live batches and open is what is released, for each payout; and a part has no more than that."""
    dice = random.Random(seed)
    currencies = [dice.choice(["EUR", "USD"]) for _ in range(4)]
    parts = [
        Part(f"p{payout}", "0", dice.choice(["2026-04-30", "2026-05-31", "2026-07-31"]), number, f"C{payout % 2}", currencies[payout])
        for payout in range(4)
        for number in (1, 2)
    ]
    book = PaymentBook(tmp_path, parts)
    context = book.publish()
    for _ in range(steps):
        has_proposed = _step(book, context, dice)
        context = book.publish()
        _check(context, has_proposed)


def _step(book: PaymentBook, context: RunContext, dice: random.Random) -> bool:
    """Something that happens to a book. Whether it was a proposal."""
    with open_published(book.folder) as con:
        live = con.sql("select batch_no, payout_id, amount, reference from fct_payment_batch where pending_amount <> 0 order by all").fetchall()
    choice = dice.randrange(8)
    if choice == 0:
        book.payments.append((dice.choice(book.parts).payout, f"{dice.randint(1, 1000) / 100:.2f}", f"X{len(book.payments)}"))
    elif choice < 4 and live:
        number, payout, amount, reference = dice.choice(live)
        if choice == 1:
            book.payments.append((payout, str(amount), reference))
        elif choice == 2:
            cancel_batch(context, number, "Bob", "drawn")
        else:
            with suppress(LedgerRuleViolation):  # less is open now
                approve_batch(context, number, "Bob")
    elif choice < 6:
        part = dice.choice(book.parts)
        part.amount, part.held = f"{dice.randint(-2000, 9000) / 100:.2f}", "0"
        if not part.amount.startswith("-") and dice.random() < 0.3:
            part.held = part.amount
    else:
        due_by = dt.date(2026, 5, 15) if dice.random() < 0.3 else AS_OF
        return propose_batch(context, due_by, "Ann").record is not None
    return False


def _check(context: RunContext, has_proposed: bool) -> None:
    with open_published(context.folder) as con:
        view_open_parts(con, context.as_of)
        payouts = con.sql("""
            select released, payable, settled + coalesce(live, 0) as gone, coalesce(open, 0) as open
            from fct_payout
            left join (select payout_id, sum(pending_amount) as live from fct_payment_batch group by all) using (payout_id)
            left join (select payout_id, sum(amount) as open from open_parts group by all) using (payout_id)""").fetchall()
        too_much = con.sql("""
            select payout_id, release_no, released, sum(pending_amount + confirmed_amount) as batched
            from fct_payment_batch join fct_release using (payout_id, release_no)
            group by all
            having batched > released and arg_max(amount, batch_no) > 0 and max(batch_no) = (select max(batch_no) from fct_payment_batch)""").fetchall()
    for released, payable, gone, is_open in payouts:
        assert gone + is_open == min(max(gone, min(released, payable)), max(released, payable))
    assert too_much == [] or not has_proposed
