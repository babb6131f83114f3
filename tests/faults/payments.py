"""kill -9 at every call that changes a file, while a payment batch is proposed, approved or cancelled; then the command is given once more.

Belongs here: where to kill, and what must hold afterwards. Does not belong here: killing whole runs (kills.py), how a process is killed (machine.py).

    python -m tests.faults.payments             # half a minute of CPU
    python -m tests.faults.payments --short
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from assets.ledger.folder import clear_unfinished
from assets.payments.batches import approve_batch, cancel_batch, propose_batch
from assets.runtime.versions import code_version
from tests.faults.injection import Scorecard
from tests.faults.kills import KILLED
from tests.faults.lives import copy_book, must
from tests.faults.machine import Machine, in_child, put_under
from tests.faults.telling import print_card
from tests.support.payment_books import AS_OF, Part, PaymentBook, model

SETTINGS = 'payments: {debtor: {name: Us, iban: "DE89370400440532013000"}}'
_Act = Callable[[PaymentBook], object]


def propose(book: PaymentBook) -> object:
    return propose_batch(book.context(), AS_OF, "Ann")


def approve(book: PaymentBook) -> object:
    return approve_batch(book.context(), 1, "Bob")


def cancel(book: PaymentBook) -> object:
    return cancel_batch(book.context(), 1, "Bob", "drawn")


#: In this order, each on what the one before left.
ACTS: tuple[_Act, ...] = (propose, approve, cancel)


def open_book(folder: Path) -> PaymentBook:
    parts = [Part("p1", "80"), Part("p1", "20", number=2), Part("p2", "-5"), Part("p3", "7", payee="C2")]
    return PaymentBook(folder, parts, ibans={"C1": "NL91ABNA0417164300"}, more=SETTINGS)


def kill_everywhere(card: Scorecard, place: Path, manners: Sequence[str], every: int = 1) -> None:
    """Kill each act at its first call, its second, and so on until it comes through, before the call and in the middle of what it writes.

    Everything happens in children: a process that has computed has threads, which a child of it would miss.
    """
    start = open_book(place / "start")
    _do(place, start, PaymentBook.publish)
    for act in ACTS:
        undisturbed = open_book(place / f"after {act.__name__}")
        copy_book(start.folder, undisturbed.folder)
        _do(place, undisturbed, act, PaymentBook.publish)
        for manner in manners:
            call = 1
            while _kill(card, place, act, start, undisturbed, call, manner):
                call += every
        start = undisturbed


def _do(place: Path, book: PaymentBook, *acts: _Act) -> None:
    def perform() -> str:
        for act in acts:
            act(book)
        return ""

    must(in_child(perform, place / "log"), place / "log")


def _kill(card: Scorecard, place: Path, act: _Act, start: PaymentBook, undisturbed: PaymentBook, call: int, manner: str) -> bool:
    """Whether it was killed at that call; else it was through before."""
    copy_book(start.folder, place / "book")
    book = open_book(place / "book")

    def die() -> str:
        machine = Machine(book.folder / "ledger")
        machine.kill_at(call, manner == "torn")
        act(book)
        return ""

    def again() -> str:
        """As a command does: it clears, publishes and acts. What is wrong then."""
        clear_unfinished(book.folder / "ledger")
        book.publish()
        act(book)
        return "; ".join(_differences(book, undisturbed))

    code, _ = in_child(die, place / "log")
    wrong = must(in_child(again, place / "log"), place / "log")
    case = f"{act.__name__} killed at call {call} ({manner})"
    card.enter(act.__name__ if code in KILLED else "through", case, wrong=[wrong] if wrong else [])
    return code in KILLED


def _differences(book: PaymentBook, undisturbed: PaymentBook) -> Iterator[str]:
    """Records that are missing, changed or too many: a second batch of the same parts would be one."""
    found, wanted = _files(book), _files(undisturbed)
    return (f"{name} is not as it would have been" for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name))


def _files(book: PaymentBook) -> dict[str, bytes]:
    ledger = book.folder / "ledger"
    return {str(path.relative_to(ledger)): path.read_bytes() for path in ledger.rglob("*") if path.is_file()}


def _warm_up() -> None:
    """Import what the acts need, once for all children. It starts no thread."""
    import polars
    import pyarrow  # noqa: F401
    import xlsxwriter  # noqa: F401

    polars.DataFrame()
    code_version()
    model()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("tests.faults.payments", description="kill -9 at every step of a payment batch")
    parser.add_argument("--short", action="store_true", help="only at every other step, and in the middle of what it writes")
    options = parser.parse_args(arguments)
    _warm_up()
    card = Scorecard()
    with tempfile.TemporaryDirectory(prefix="payments-") as place:
        if options.short:
            kill_everywhere(card, Path(place), ["torn"], every=2)
        else:
            kill_everywhere(card, Path(place), ["before", "torn"])
    return print_card("payments", arguments, card)


if __name__ == "__main__":
    put_under("tests.faults.payments", sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
