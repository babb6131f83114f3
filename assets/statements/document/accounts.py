"""Where we stand: per direction and currency what is payable, and what led there from the last statement.

Belongs here: balances and their causes. Does not belong here: payouts (payouts.py).
"""

from __future__ import annotations

from decimal import Decimal

from assets.statements.document.parts import Account, Bar, Table
from assets.statements.statement import STOCKS, Position
from assets.statements.words import Words


def tell_account(position: Position, words: Words, columns: tuple[str, str]) -> Account:
    say, currency = words.say, position.currency
    now, before = position.now, position.before
    payable = now["payable"]
    if payable < 0:
        label = say("payable.back_by_you" if position.direction == "payable" else "payable.back_by_us")
    else:
        label = say("payable.by_us" if position.direction == "payable" else "payable.by_you")
    if not payable:
        label = say("payable.nothing")
    stocks = [
        (say(f"stock.{name}"), words.amount(now[name], currency), words.amount(before[name], currency))
        for name in STOCKS
        if name in ("payable", "open") or now[name] or before[name]
    ]
    flows = [
        (say(f"flow.{name}"), words.amount(now[name], currency), words.amount(before[name], currency))
        for name in ("earned", "adjusted", "settled", "written_off")
        if name in ("earned", "settled") or now[name] or before[name]
    ]
    return Account(
        title=say(f"direction.{position.direction}"),
        label=label,
        amount=words.amount(abs(payable), currency),
        currency=currency,
        is_negative=payable < 0,
        note=say("payable.note_negative") if payable < 0 else "",
        stocks=Table((say("stocks"), *columns), stocks, frozenset({1, 2}), frozenset({len(stocks) - 1})),
        flows=Table((say("flows"), *columns), flows, frozenset({1, 2})),
        bars=_bars(position, words),
    )


def _bars(position: Position, words: Words) -> list[Bar]:
    """From the open balance of the last statement to that of this one."""
    currency, at = position.currency, position.before["open"]
    points = [Decimal(0), at]
    for _, amount in position.causes:
        points.append(points[-1] + amount)
    low, high = min(points), max(points)
    size = (high - low) or Decimal(1)

    def bar(label: str, amount: Decimal, kind: str, start: Decimal, end: Decimal) -> Bar:
        left, right = min(start, end), max(start, end)
        sign = "+" if kind in ("up", "down") and amount > 0 else ""
        return Bar(label, sign + words.amount(amount, currency), kind, round(float((left - low) / size * 100), 2), round(float((right - left) / size * 100), 2))

    bars = [bar(words.say("bridge.before"), at, "start", Decimal(0), at)]
    for cause, amount in position.causes:
        bars.append(bar(words.say(f"cause.{cause}"), amount, "up" if amount > 0 else "down", at, at + amount))
        at += amount
    return [*bars, bar(words.say("bridge.now"), at, "end", Decimal(0), at)]
