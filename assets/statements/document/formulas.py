"""Formulas of calculation steps in the reader's language, with numbers in place of symbols.

Belongs here: how the text of a step (models/calculation/explanation/steps.py) is told to a partner. Does not belong here: computing anything. A formula that
no pattern knows is told as it stands.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from assets.published.explanation_view import base_unit, measure_unit, step_unit
from assets.published.reader import Row
from assets.statements.words import Words

#: Pattern of the formula, and the message that tells it with the pattern's groups.
_PATTERNS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), key)
    for pattern, key in (
        (r"M = sum of (?P<what>.+) over (?P<lines>\d+) lines of all members(?P<more>.*)", "f.sum_of_members"),
        (r"M = sum of (?P<what>.+) over (?P<lines>\d+) lines, amounts net of what (?P<net>.+) pays on them", "f.sum_net"),
        (r"M = sum of (?P<what>.+) over (?P<lines>\d+) lines", "f.sum"),
        (r"M = (?P<kind>full|begun) multiples of (?P<every>[\d.]+) in the sum of (?P<what>.+) over (?P<lines>\d+) lines", "f.multiples"),
        (r"M = distinct values of (?P<what>.+) over (?P<lines>\d+) lines, .*", "f.distinct"),
        (r"[EQ] = sum of (?P<what>.+)", "f.sum_of"),
        (r"[TBK] = as agreed", "f.agreed"),
        (r"[TBK] = row of the targets feed for this window", "f.feed"),
        (r"[TB] = same days one year earlier.*", "f.prior"),
        (r"T = target of the year × weights to date / weights of the year", "f.year"),
        (r"f = days of the term in the window / days of the window; .*", "f.prorate"),
        (r"x = last value of the metric (?P<what>.+)", "f.metric"),
        (r"x = 1 \+ how many have a larger (?P<what>\w+).*", "f.rank"),
        (r"x = share of the other participants with a smaller measure; alone: 1", "f.percentile"),
        (r"x = figure of another benefit, in its window that ends on the same day", "f.other"),
        (r"x = sum / sum, over the lines of the benefit", "f.ratio"),
        (r"the last tier with (?P<from>.+) (?P<sign>≤|<) x", "f.tier"),
        (r"below the first tier: 0", "f.below"),
        (r"sum of the slices", "f.slices"),
        (r"the cell", "f.cell"),
        (r"sum of the corners", "f.corners"),
        (r"mean of (?P<what>.+) over the (?P<ranks>\d+) ranks that are shared", "f.shared_ranks"),
        (r"× the factor of the tier reached", "f.factor"),
        (r"× the factor at x, on the line between the points", "f.factor"),
        (r"(?P<what>.+) at x, on the line between the points.*", "f.line"),
        (r"sum of what the groups of (?P<what>.+) pay", "f.groups"),
        (r"sum of what each version pays on its own days", "f.versions"),
        (r"below the first factor: × 0", "f.no_factor"),
        (r"gate (?P<number>\d+): × 1 where (?P<bounds>.+), else × (?P<rest>[\d.]+)", "f.gate"),
        (r".*at_most.*clips?, then less than pays_from pays 0, then at_least lifts", "f.limit"),
        (r"rounded \w+ to (?P<decimals>\d+) decimals of [A-Z]{3}", "f.round"),
        (r"rounded \w+ to steps of (?P<every>[\d.]+) [A-Z]{3}", "f.round_step"),
        (r"x = Σ weight × .*", "f.score"),
        (r"the highest tier that a group of (?P<what>.+) has reached", "f.tier_of_groups"),
        (r"all other groups together: (?P<groups>\d+)", "f.other_groups"),
        (r"what its slices pay up to M_until − what they pay up to M_from", "f.version_slices"),
        (r"\w+ at its own place.*", "f.own_place"),
        (r"E = payouts of (?P<names>.+) whose windows end in this one", "f.draw_against"),
        (r"g = amount.*, rounded .*", "f.draw_guarantee"),
        (r"what earlier windows paid in advance and have not taken back", "f.draw_balance"),
        (r"E < g: pays g − E.*", "f.draw_pays"),
        (r"E ≥ g: takes back the smaller of balance and E − g.*", "f.draw_takes"),
        (r"earned by the span − earned by its earlier windows", "f.prior_windows"),
        (r"its part of what all benefits of the agreement earn, within its limits.*", "f.limit_all"),
        (r"clawback: (?P<how>\w+); .*", "f.carry"),
        (r"best of group (?P<group>.+): the agreement that pays the most, (?P<agreement>.+), stands", "f.best"),
        (r"nothing is paid: (?P<reason>\w+)", "f.blocked"),
        (r"equal parts of the pool's amount", "f.pool"),
        (r"part of the pool's amount, by .*", "f.pool"),
    )
]
#: Words within formulas of symbols.
_PHRASES = {
    "quantity of the lines in it": "p.lines_in_it", "base of the lines in it": "p.lines_in_it", "the measure up to the next threshold": "p.up_to_next",
    "length of x": "p.length", ", within the limits": "p.within_limits",
}  # fmt: skip
_PREFIX = re.compile(
    r"(?P<name>version (?P<version>\d+), (?P<first>[\d-]+) to (?P<last>[\d-]+)|gate (?P<number>\d+)|columns|multiply|tier (?P<tier>\d+)"
    r"|row (?P<row>\d+), column (?P<column>\d+)|(?P<group>.+)(?=: tier \d+: )): (?P<rest>.+)"
)
_INPUT = re.compile(r"([A-Za-z_]+) = (-?\d+(?:\.\d+)?(?:/\d+)?)")
_SYMBOL = re.compile(r"[A-Za-z_]+")
_LETTERS = {"M": "measure", "E": "base", "Q": "quantity", "T": "target", "B": "baseline", "K": "incentive"}
_RATES = ("rate", "share", "rate_at_to", "share_at_to")


def tell_formula(words: Words, step: Row, benefit: Row, payout: Row) -> tuple[str, str]:
    """What a step did, and with which numbers; the second is empty where the first says all."""
    formula, inputs, currency = step["formula"], step["inputs"] or "", payout["currency"]
    values = dict(_INPUT.findall(inputs))
    known = {letter: str(payout[name]) for letter, name in _LETTERS.items() if payout[name] is not None} | values
    prefix, formula = "", re.sub(r" \(thresholds .*\)$", "", formula)
    while (found := _PREFIX.fullmatch(formula)) and not re.match(r"gate \d+: × 1", formula):
        prefix, formula = prefix + _tell_prefix(words, found), found["rest"]
    show = _shower(words, benefit, currency)
    if step["step"] == "limit":
        told = ", ".join(words.say(f"limit.{name}", value=show(name, value)) for name, value in values.items() if words.knows(f"limit.{name}"))
        return words.say("f.limit", limits=told), ""
    for pattern, key in _PATTERNS:
        if match := pattern.fullmatch(formula):
            groups = {name: _tell_group(words, name, value or "", show) for name, value in match.groupdict().items()}
            text = words.say(key, **groups) if groups else words.say(key)
            numbers = _tell_inputs(words, step["step"], values, show)
            if key in ("f.line", "f.shared_ranks"):
                text, numbers = words.say(key, **{**groups, "what": _filled(words, match["what"], known, show)}), numbers if key == "f.line" else ""
            return prefix + text, numbers
    return prefix + _filled(words, re.sub(r"^[A-Za-z] = ", "", formula), known, show), ""


def _tell_prefix(words: Words, found: re.Match[str]) -> str:
    if found["version"]:
        days = words.days(dt.date.fromisoformat(found["first"]), dt.date.fromisoformat(found["last"]))
        return f"{words.say('step.version')} {found['version']} ({days}): "
    if found["tier"]:
        return words.say("tier_n", number=found["tier"]) + ": "
    if found["group"]:
        return found["group"] + ": "
    if found["row"]:
        return words.say("cell_n", row=found["row"], column=found["column"]) + ": "
    return words.say("gate_n", number=found["number"]) + ": " if found["number"] else words.say(f"prefix.{found['name']}") + ": "


def _tell_group(words: Words, name: str, value: str, show: Callable[[str, str], str]) -> str:
    if name in ("lines", "ranks", "every", "rest", "groups"):
        return words.number(Decimal(value))
    if name == "reason":
        return words.say(f"blocked.{value}") if words.knows(f"blocked.{value}") else value.replace("_", " ")
    if name == "bounds":
        text = re.sub(r"-?\d+(\.\d+)?", lambda found: words.number(Decimal(found[0])), value)
        return text.replace(" and ", f" {words.say('and')} ")
    if name in ("what", "kind", "how") and words.knows(f"{name}.{value}"):
        return words.say(f"{name}.{value}")
    return value


def _tell_inputs(words: Words, step: str, values: dict[str, str], show: Callable[[str, str], str]) -> str:
    told = [f"{words.say(f'input.{name}')} {show(name, value)}" for name, value in values.items() if words.knows(f"input.{name}") and step != "tier"]
    return ", ".join(told)


def _filled(words: Words, formula: str, values: dict[str, str], show: Callable[[str, str], str]) -> str:
    """A formula of symbols with its numbers: `rate × E` as `0.8 % × 136,031.41`."""
    for phrase, key in _PHRASES.items():
        formula = formula.replace(phrase, words.say(key))
    return _SYMBOL.sub(lambda found: show(found[0], values[found[0]]) if found[0] in values else found[0], formula)


def _shower(words: Words, benefit: Row, currency: str) -> Callable[[str, str], str]:
    units = {"M": measure_unit(benefit), "T": measure_unit(benefit), "B": measure_unit(benefit), "E": base_unit(benefit)}

    def show(name: str, value: str) -> str:
        if "/" in value:
            return value
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        if name in (*_RATES, "rate_at_most"):
            return words.percent(number)
        if name in ("amount", "per_unit", "K", "at_most", "at_least", "pays_from", "earned", "prior_earned", "difference", "carried", "payout", "amount_at_to"):
            return words.amount(number, currency)
        if units.get(name) == "money":
            return words.amount(number, currency)
        return words.computed(number)

    return show


def tell_result(words: Words, step: Row, benefit: Row, currency: str) -> str:
    """The result of a step in its unit."""
    unit = step_unit(benefit, step["step"], step["formula"])
    if unit == "percent":
        return words.percent(step["result"], 2)
    if unit == "money" and step["result"] is not None:
        rounded = step["result"] if step["step"] in ("round", "prior", "carry", "combine", "limit_all") else round(step["result"], 4)
        return words.money(rounded, currency)
    return words.computed(step["result"])
