"""Which rows are sales, which take back, and which are neither: `type`, the signs of numbers, and states in which nothing was sold.

Belongs here: words and signs that say so. Does not belong here: the amount itself (amounts.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from assets.feeds.proposal.amounts import Amounts, is_one_of
from assets.feeds.proposal.column_names import KINDS, STATES, bare
from assets.feeds.proposal.mapping_text import part, whole
from assets.feeds.proposal.roles import Roles
from assets.feeds.proposal.sample import WIDE, Column
from models.feeds.columns import TRANSACTION_TYPES
from models.sql_text import literal

#: What systems call the kinds of a row, in lower case.
_WORDS: dict[str, tuple[str, ...]] = {
    "return": (
        *("return", "returned", "returns", "sales return", "sales_return", "retoure", "retour", "rücksendung", "re", "refund", "refunds", "refunded"),
        "cash refund",
    ),
    "credit": (
        *("credit", "credits", "credit memo", "credit_memo", "creditmemo", "credit note", "credit_note", "creditnote", "credit invoice", "cm", "cn"),
        *("sales credit memo", "gutschrift", "g2", "storno", "stornierung", "s1", "avoir", "abono", "reversal"),
    ),
    "sale": (
        *("sale", "sales", "invoice", "sales invoice", "inv", "rechnung", "faktura", "f2", "charge", "payment", "order", "receipt", "sales receipt"),
        *("salesreceipt", "cash sale", "lieferung", "verkauf", "ar"),
    ),
    "adjustment": ("adjustment",),
}
_TYPE_OF = {word: name for name, words in _WORDS.items() for word in words}
#: What a longer phrase says, such as "Sales credit note": the first that is in it.
_PHRASES = (
    ("credit", re.compile(r"\b(credit[ _-]?(memo|note|invoice)s?|gutschrift|storno|stornierung)\b")),
    ("return", re.compile(r"\b(returns?|returned|refunds?|refunded|retoure|rücksendung)\b")),
    ("sale", re.compile(r"\b(sales?|invoices?|rechnung)\b")),
)
#: How debit and credit are written. The first debits an account.
_SIDES = (("S", "H"), ("D", "C"), ("DR", "CR"), ("Dr", "Cr"), ("Soll", "Haben"), ("Debit", "Credit"))
_SIDE_NAMES = ("sollhabenkennzeichen", "sollhabenkz", "sollhaben", "sh", "shkz", "debitcredit", "dc", "drcr")
_CONTRA_ACCOUNTS = ("gegenkonto", "contraaccount", "offset")
#: States in which nothing was sold, and the beginnings of those in which it was taken back.
_VOID = ("failed", "declined", "void", "voided", "draft", "expired")
_TAKEN_BACK = re.compile(r"(partially )?(cancel|storn|refunded|reversed)")
#: A column with more different words than this does not say of what kind a row is.
_MOST_WORDS = 12


def map_kinds(found: Amounts, columns: Sequence[Column], roles: Roles) -> None:
    """`type` and the signs of numbers: by a column of kinds, by debit and credit, or by the amounts themselves."""
    if "amount" not in found.columns:
        return
    used = {column.name for column in roles.chosen.values()}
    free = [column for column in columns if column.name not in used and (_rank(column) < len(KINDS) or len(columns) <= WIDE) and column.values()]
    negative = _negative_rows(roles)
    if kinds := next((column for column in sorted(free, key=_rank) if _has_kinds(column)), None):
        _map_words(found, kinds, negative)
    elif not any(negative) and (side := next((column for column in free if _sides_of(column)), None)):
        _map_side(found, side, roles)
    elif any(negative):
        found.columns["type"] = f"CASE WHEN {found.columns['amount']} < 0 THEN 'return' ELSE 'sale' END"
        found.reasons["type"] = "1 amount is negative" if sum(negative) == 1 else f"{sum(negative):,} amounts are negative"
    elif any(bare(column.name) == "type" for column in free):
        found.columns["type"] = "'sale'"
        found.reasons["type"] = "the file's own column of this name says something else"


def map_states(found: Amounts, columns: Sequence[Column]) -> None:
    """Rows in a state in which nothing was sold are no data. Whether cancelled ones count is left to a person."""
    for column in columns:
        words = Counter(column.values())
        if bare(column.name) not in STATES or len(words) > _MOST_WORDS:
            continue
        if void := sorted(word for word in words if word.casefold() in _VOID):
            found.settings["ignore"] = is_one_of(part(column), void)
            found.reasons["ignore"] = _counted(words, void, "sold nothing")
        if taken_back := sorted(word for word in words if _TAKEN_BACK.match(word.casefold())):
            found.others["deleted"] = (is_one_of(part(column), taken_back), _counted(words, taken_back, "count, unless this takes their key back"))
        return


def _counted(words: Counter[str], chosen: Sequence[str], what: str) -> str:
    rows = sum(words[word] for word in chosen)
    return f"{'1 row' if rows == 1 else f'{rows:,} rows'} of {', '.join(chosen)} {what}".strip()


def _type_of(word: str) -> str | None:
    """The type that a word or phrase of a file says; None: it is not known."""
    word = word.casefold()
    return _TYPE_OF.get(word) or next((name for name, phrase in _PHRASES if phrase.search(word)), None)


def _rank(column: Column) -> int:
    return KINDS.index(bare(column.name)) if bare(column.name) in KINDS else len(KINDS)


def _has_kinds(column: Column) -> bool:
    """Whether the column's words are kinds of rows: all of them are known, and some take back or the name says it; or some take back and the name says it."""
    words = set(column.values())
    is_known = all(map(_type_of, words))
    is_named = bare(column.name) in KINDS
    takes_back = any(_type_of(word) in ("return", "credit") for word in words)
    return len(words) <= _MOST_WORDS and is_known + is_named + takes_back >= 2 and (is_known or takes_back)


def _map_words(found: Amounts, kinds: Column, negative: Sequence[bool]) -> None:
    """A word that the file does not have yet is left as it is. It is no type, so such rows will be rejected and not read as sales."""
    words = Counter(kinds.values())
    groups = {name: sorted(word for word in words if (_type_of(word) or "sale") == name) for name in _WORDS}
    taking_back = groups["return"] + groups["credit"]
    whens = " ".join(f"WHEN {is_one_of(part(kinds), group)} THEN {literal(name)}" for name, group in groups.items() if group)
    found.columns["type"] = whole(kinds) if set(words) <= set(TRANSACTION_TYPES) else f"CASE {whens} ELSE {part(kinds)} END"
    found.reasons["type"] = _counted(words, taking_back, "take back") if taking_back else "no row takes back; another word will be rejected"
    signs = {is_negative for is_negative, cell in zip(negative, kinds.cells, strict=True) if cell in taking_back}
    if signs == {False}:
        found.settings["signs"] = "by_type"
        found.reasons["signs"] = f"{', '.join(taking_back)} has no sign of its own"
    elif signs == {True, False}:
        found.others["signs"] = ("by_type", f"some amounts of {', '.join(taking_back)} are positive; this makes them negative")


def _sides_of(column: Column) -> tuple[str, str] | None:
    """How the column writes debit and credit; None: it does not. One of them is enough under a name that says so."""
    words = set(column.values())
    return next((pair for pair in _SIDES if words == set(pair) or (words < set(pair) and bare(column.name) in _SIDE_NAMES)), None)


def _map_side(found: Amounts, side: Column, roles: Roles) -> None:
    """In the books of the seller, a sale debits the customer's account, and a credit note credits it."""
    debit, credit = _sides_of(side) or ("", "")
    partner = roles.chosen.get("partner_id")
    is_contra = partner is not None and bare(partner.name).startswith(_CONTRA_ACCOUNTS)
    kept, taking_back = (credit, debit) if is_contra else (debit, credit)
    words = Counter(side.values())
    account = "the customer's is the contra account" if is_contra else "a sale debits the customer's account"
    found.settings["signs"] = "by_type"
    found.reasons["signs"] = f"amounts have {kept} or {taking_back} for a sign"
    found.reasons["type"] = f"{account}; {words[kept]:,} rows are {kept}, {words[taking_back]:,} are {taking_back}"
    whens = f"WHEN {is_one_of(part(side), [taking_back])} THEN 'return' WHEN {is_one_of(part(side), [kept])} THEN 'sale'"
    found.columns["type"] = f"CASE {whens} ELSE {part(side)} END"


def _negative_rows(roles: Roles) -> list[bool]:
    """Whether each row's amount is below zero."""
    column = roles.chosen.get("amount") or roles.chosen["quantity"]
    return [re.search(r"^\D{0,4}[-(]|-\D{0,4}$", cell) is not None for cell in column.cells]
