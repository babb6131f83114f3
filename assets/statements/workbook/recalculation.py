"""The formulas of a worksheet that recompute one payout from its lines and tiers.

Belongs here: which formula each step of the calculation becomes, and which kinds have none. Does not belong here: writing cells (sheets.py).

A worksheet calculates with 15 digits, and the program exactly. So a sum of lines is rounded to 6 decimals, a place on an axis to 12 as it is published, and
an amount to a millionth of the unit before it is rounded to money: a threshold that is reached is reached in both, and a half is a half.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from assets.published.explanation_view import is_draw
from assets.published.reader import Row
from assets.statements.document.curve import benefit_of
from assets.statements.statement import Detail
from assets.statements.words import Words
from models.agreements.schema import counts_multiples, distinct_of, factor_of, measure_of, over_of

_FORMS = ("rate", "per_unit", "amount", "share")
_COLUMNS = {"tier": "B", "from": "C", "effective": "D", "rate": "E", "per_unit": "F", "amount": "G", "share": "H"}
_BOUND = re.compile(r"x (≥|>|≤|<) (-?[\d.]+)")
_SIGNS = {"≥": ">=", ">": ">", "≤": "<=", "<": "<"}
_INPUT = re.compile(r"([A-Za-z_]+) = (-?\d+(?:\.\d+)?)(?![\d/])")
#: Places that the participant's own figures give.
_PLACES = {"attainment": "{M}/{T}", "growth": "{M}/{B}-1", "growth_amount": "{M}-{B}"}


@dataclass(frozen=True)
class Cell:
    """A row of the calculation: at column B. `formula`: None for a number that is given. `kind`: money, percent or number."""

    label: str
    at: str
    formula: str | None
    value: float
    note: str
    kind: str = "number"


@dataclass
class Block:
    """`unknown`: the kind of benefit that has no formulas, in the reader's words; then there are no cells."""

    cells: list[Cell] = field(default_factory=list)
    tiers: list[dict[str, Any]] = field(default_factory=list)
    result: Cell | None = None
    unknown: str = ""


def kind_without_formulas(detail: Detail) -> str:
    """The key of the reason why a payout has no formulas; empty where it has."""
    payout, benefit = detail.payout, detail.benefit
    names = {step["step"] for step in detail.steps}
    if payout["status"] == "blocked":
        return "blocked"
    if is_draw(benefit):
        return "draw"
    if benefit["method"] == "running" or benefit.get("slices") == "by_line":
        return "by_line"
    if benefit.get("each") or "group" in names:
        return "groups"
    if "version" in names:
        return "versions"
    if "part" in names or payout["pool_measure"] is not None:
        return "pool"
    if benefit["method"] == "matrix" and benefit["matrix_method"] == "linear":
        return "linear_matrix"
    if any(step["step"] == "curve" and step["formula"].startswith("mean of ") for step in detail.steps):
        return "shared_rank"
    return ""


def compute(detail: Detail, words: Words, terms: tuple[str, int], lines: tuple[str, str] | None, row: int) -> Block:
    """The cells of a payout. `terms`: the sheet of tiers and its next row, from 0. `lines`: the ranges of payout ids and of measures. `row`: of the first."""
    if unknown := kind_without_formulas(detail):
        return Block(unknown=words.say(f"without.{unknown}"))
    return _Writer(detail, words, terms, lines, row).write()


class _Writer:
    """Adds cells one under the other; formulas name cells by letter, as the steps do."""

    def __init__(self, detail: Detail, words: Words, terms: tuple[str, int], lines: tuple[str, str] | None, row: int) -> None:
        self.detail, self.payout, self.benefit, self.say = detail, detail.payout, detail.benefit, words.say
        self.sheet, self.first_term, self.lines, self.row = terms[0], terms[1] + 1, lines, row
        self.block = Block()
        self.cell_of: dict[str, str] = {}
        self.steps: dict[str, list[Row]] = {}
        for step in detail.steps:
            self.steps.setdefault(step["step"], []).append(step)
        self.forms = [form for form in _FORMS if any(tier[form] is not None for tier in detail.tiers)]

    def write(self) -> Block:
        self._figures()
        self._tiers()
        self._place()
        value = self._curve()
        for step in self.detail.steps:
            if step["step"] == "multiply":
                value = self._factor(value, self.add(self.say("step.multiply"), None, step["result"], self.say("sheet.from_step")))
            elif step["step"] == "require":
                value = self._factor(value, self._gate(step))
            elif step["step"] == "limit":
                value = self._limit(value, step)
        self._settle(value)
        return self.block

    def add(self, label: str, formula: str | None, value: Any, note: str = "", kind: str = "number") -> Cell:
        cell = Cell(label, f"$B${self.row + len(self.block.cells) + 1}", formula, float(value or 0), note, kind)
        self.block.cells.append(cell)
        return cell

    def named(self, letter: str, label: str, formula: str | None, value: Any, note: str = "", kind: str = "number") -> Cell:
        self.cell_of[letter] = self.add(label, formula, value, note, kind).at
        return self.block.cells[-1]

    def _figures(self) -> None:
        """M, E, Q, T, B, K and f."""
        payout, benefit, agreed = self.payout, self.benefit, benefit_of(self.benefit["definition"])
        given = {**self._inputs("axis"), **self._inputs("curve")}
        ids, measures = self.lines or ("", "")
        formula = f'=SUMIFS({measures},{ids},"{payout["payout_id"]}")' if self.detail.totals.lines else None
        if distinct_of(agreed) is not None:
            self.named("M", f"M · {self.say('measured')}", None, payout["measure"], self.say("sheet.from_step"))
            self._rest(given, counts=True)
            return
        of_lines = self.add(self.say("sheet.sum_of_lines"), formula, self.detail.totals.credited_measure, self.say("sheet.sum_of_lines_note"))
        counts, measure = counts_multiples(agreed), payout["measure"]
        whole = Decimal(self._inputs("measure").get("sum", str(measure)) if counts else measure or 0)
        before = self.add(self.say("sheet.measured_before"), None, whole - self.detail.totals.credited_measure, self.say("sheet.measured_before_note"))
        total = f"ROUND({of_lines.at}+{before.at},6)"
        if counts and whole >= 0:
            rounds = "ROUNDUP" if benefit["measure_round"] == "up" else "ROUNDDOWN"
            self.named("M", f"M · {self.say('measured')}", f"={rounds}(ROUND({total}/{benefit['measure_every'].normalize():f},9),0)", measure)
        elif counts:
            self.named("M", f"M · {self.say('measured')}", None, measure)
        else:
            self.named("M", f"M · {self.say('measured')}", f"={total}", measure)
        self._rest(given, counts)

    def _rest(self, given: Mapping[str, str], counts: bool) -> None:
        """f, T, B, K, E and Q. `counts`: the measure is a number of multiples or values, and so is the quantity."""
        payout, benefit, agreed = self.payout, self.benefit, benefit_of(self.benefit["definition"])
        if "prorate" in self.steps:
            inputs = self._inputs("prorate")
            days, of = self.add(self.say("input.days"), None, inputs["days"]), self.add(self.say("sheet.of_days"), None, inputs["of_days"])
            self.named("f", "f", f"={days.at}/{of.at}", Decimal(inputs["days"]) / Decimal(inputs["of_days"]))
        for letter, name in (("T", "target"), ("B", "baseline"), ("K", "incentive")):
            if payout[name] is not None:
                self._agreed(letter, name, given)
        if "rate" in self.forms:
            if benefit["base"] == "increment":
                self.named("E", f"E · {self.say('step.base')}", self._with("=MAX({M}-{B},0)"), payout["base"])
            elif benefit["base"] == "measure" or payout["base"] is None:
                self.named("E", f"E · {self.say('step.base')}", self._with("={M}"), payout["measure"])
            else:
                self.named("E", f"E · {self.say('step.base')}", None, payout["base"], self.say("sheet.from_step"))
        if "per_unit" in self.forms:
            is_measure = counts or (measure_of(agreed)[0] == "quantity" and not factor_of(agreed) and not over_of(agreed))
            self.named("Q", f"Q · {self.say('step.quantity')}", self._with("={M}") if is_measure else None, payout["quantity"])

    def _agreed(self, letter: str, name: str, given: Mapping[str, str]) -> None:
        """A target as prior year times factor, anything else as it is given."""
        step = next(iter(self.steps.get(name, [])), None)
        inputs = dict(_INPUT.findall((step or {}).get("inputs") or ""))
        value = Decimal(given.get(letter, str(self.payout[name])))
        label = f"{letter} · {self.say(name)}"
        if "prior" in inputs and "times" in inputs and Decimal(inputs["prior"]) * Decimal(inputs["times"]) == value:
            prior = self.add(self.say("input.prior"), None, inputs["prior"], self.say("f.prior"))
            times = self.add(self.say("input.times"), None, inputs["times"])
            self.named(letter, label, f"={prior.at}*{times.at}", value)
            return
        note = self.say("f.agreed") if step and step["formula"].endswith("as agreed") else self.say("f.feed")
        self.named(letter, label, None, value, note)

    def _tiers(self) -> None:
        """Thresholds of a prorated window count in its part, where they are in units of the measure."""
        scales = "f" in self.cell_of and self.benefit["by_axis"] in ("measure", "growth_amount") and self.benefit["method"] != "matrix"
        part = Decimal(1)
        if scales:
            inputs = self._inputs("prorate")
            part = Decimal(inputs["days"]) / Decimal(inputs["of_days"])
        for n, tier in enumerate(self.detail.tiers):
            here = f"C{self.first_term + n}"
            factor = f"*'{self.say('sheet.calculation')}'!{self.cell_of['f']}" if scales else ""
            self.block.tiers.append({**tier, "effective_formula": f"=ROUND({here}{factor},12)", "effective": float(tier["from_value"] * part)})

    def _range(self, name: str) -> str:
        column, last = _COLUMNS[name], self.first_term + len(self.detail.tiers) - 1
        return f"'{self.sheet}'!${column}${self.first_term}:${column}${last}"

    def _place(self) -> None:
        payout, benefit = self.payout, self.benefit
        axis, kind = str(benefit["by_axis"]), "percent" if benefit["by_axis"] in ("attainment", "growth") else "number"
        formula = self._with("={M}") if axis == "measure" else None
        if axis in _PLACES and all(letter in self.cell_of for letter in re.findall(r"\{(\w)\}", _PLACES[axis])):
            formula = self._with(f"=ROUND({_PLACES[axis]},12)")
        note = "" if formula else self.say("sheet.from_step")
        self.named("x", f"x · {self.say('step.axis')}", formula, payout["axis_value"], note, kind)
        is_below = benefit["method"] != "linear" and axis != "rank" and benefit["boundary"] == "upper_inclusive"
        sign = "<" if is_below else "<="
        self.named("tier", self.say("tier"), self._with(f'=COUNTIF({self._range("effective")},"{sign}"&{{x}})'), payout["tier"])

    def _curve(self) -> Cell:
        method = str(self.benefit["method"])
        if method == "matrix":
            return self._matrix()
        if method in ("graduated", "rolling"):
            return self._slices(method)
        if method == "linear":
            return self._line()
        parts = []
        for form in self.forms:
            at = f"INDEX({self._range(form)},MAX({{tier}},1))"
            if method == "total":
                at = f'SUMIFS({self._range(form)},{self._range("tier")},"<="&{{tier}})'
            parts.append(f"{at}*{self._multiplied(form)}")
        return self.add(self.say("step.curve"), self._with(f"=IF({{tier}}=0,0,{'+'.join(parts)})"), self.payout["curve_payout"], " + ".join(self._told()))

    def _told(self) -> list[str]:
        letters = {"rate": "E", "per_unit": "Q", "share": "K"}
        return [f"{self.say(f'form.{form}')} × {letters[form]}" if form in letters else self.say(f"form.{form}") for form in self.forms]

    def _multiplied(self, form: str) -> str:
        if form == "amount":
            return "{f}" if "f" in self.cell_of else "1"
        return {"rate": "{E}", "per_unit": "{Q}", "share": "{K}"}[form]

    def _slices(self, method: str) -> Cell:
        """A cell per tier: graduated pays on the part inside it, rolling on everything up to where the next one begins."""
        count, axis = len(self.detail.tiers), str(self.benefit["by_axis"])
        in_measure = {"attainment": "{0}*{{T}}", "growth": "(1+{0})*{{B}}", "growth_amount": "{{B}}+{0}"}.get(axis, "{0}")
        slices, values = [], {step["formula"].split(":")[0]: step["result"] for step in self.steps.get("slice", [])}
        for n in range(count):
            here, after = (f"'{self.sheet}'!$D${self.first_term + n + m}" for m in (0, 1))
            start, end = in_measure.format(here), in_measure.format(after)
            top = f"IF({{tier}}>{n + 1},{end},{{M}})" if n + 1 < count else "{M}"
            length = top if method == "rolling" else f"MAX({top}-({start}),0)"
            parts = []
            for form in self.forms:
                column = f"'{self.sheet}'!${_COLUMNS[form]}${self.first_term + n}"
                if form == "amount":
                    parts.append(f"{column}{'*{f}' if 'f' in self.cell_of else ''}")
                elif form == "share":
                    far = f"IF({{tier}}>{n + 1},{after},{{x}})" if n + 1 < count else "{x}"
                    parts.append(f"{column}*({far}-{here})*{{K}}")
                else:
                    other = "E" if form == "rate" else "Q"
                    ratio = f"*IF({{M}}>0,{{{other}}}/{{M}},0)" if method == "graduated" and self._differs(other) else ""
                    positive = f"IF({{M}}>0,{length},0)" if method == "graduated" else length
                    parts.append(f"{column}*{positive}{ratio}")
            label = self.say("tier_n", number=n + 1)
            slices.append(
                self.add(label, self._with(f"=IF({{tier}}<{n + 1},0,{'+'.join(parts)})"), values.get(f"tier {n + 1}", 0), self.say(f"method.{method}"))
            )
        return self.add(self.say("step.curve"), f"=SUM({slices[0].at}:{slices[-1].at})", self.payout["curve_payout"], self.say("f.slices"))

    def _differs(self, letter: str) -> bool:
        """Whether base or quantity is something else than the measure."""
        formula = next(cell.formula for cell in self.block.cells if cell.at == self.cell_of[letter])
        return formula != self._with("={M}")

    def _line(self) -> Cell:
        """Between two points the value is interpolated; beyond the last one as agreed."""
        count, above, froms = len(self.detail.tiers), str(self.benefit["above"]), self._range("effective")
        last = f"INDEX({froms},{count})"
        parts = []
        for form in self.forms:
            values = self._range(form)

            def between(at: str, after: str, values: str = values) -> str:
                rise = f"(INDEX({values},{after})-INDEX({values},{at}))/(INDEX({froms},{after})-INDEX({froms},{at}))"
                return f"(INDEX({values},{at})+({{x}}-INDEX({froms},{at}))*{rise})"

            beyond = f"INDEX({values},{count})"
            if above == "extend" and count > 1 and self.detail.tiers[-1]["from_value"] > self.detail.tiers[-2]["from_value"]:
                beyond = between(str(count - 1), str(count))
            inside = between("{tier}", "({tier}+1)") if count > 1 else beyond
            value = f"IF({{tier}}>={count},{beyond},{inside})"
            parts.append(f"{value}*{self._multiplied(form)}")
        pays = "+".join(parts)
        none = f"OR({{tier}}=0,{{x}}>{last})" if above == "zero" else "{tier}=0"
        return self.add(self.say("step.curve"), self._with(f"=IF({none},0,{pays})"), self.payout["curve_payout"], self.say("method.linear"))

    def _matrix(self) -> Cell:
        matrix = benefit_of(self.benefit["definition"]).matrix
        assert matrix is not None
        step = next((step for step in self.steps.get("axis", []) if step["formula"].startswith("columns: ")), None)
        column = self.add(f"{self.say('prefix.columns')} · x", None, step["result"] if step else 0, self.say("sheet.from_step"))
        sign = "<" if self.benefit["boundary"] == "upper_inclusive" else "<="
        places = "+".join(f"IF({Decimal(place).normalize():f}{sign}{column.at},1,0)" for place in matrix.columns.from_)
        number = self.add(f"{self.say('prefix.columns')} · n", f"={places}", self._column_of(matrix, step, sign))
        parts = []
        for form, letter in (("rate", "{E}"), ("amount", "1"), ("share", "{K}")):
            if grid := getattr(matrix, form, None):
                rows = ",".join(f"CHOOSE(MAX({number.at},1),{','.join(f'{Decimal(cell).normalize():f}' for cell in line)})" for line in grid)
                if letter == "{E}" and "E" not in self.cell_of:
                    value = self.payout["base"] if self.payout["base"] is not None else self.payout["measure"]
                    is_measure = self.benefit["base"] == "measure"
                    self.named("E", f"E · {self.say('step.base')}", self._with("={M}") if is_measure else None, value)
                parts.append(f"CHOOSE(MAX({{tier}},1),{rows})*{letter}")
        formula = self._with(f"=IF(OR({{tier}}=0,{number.at}=0),0,{'+'.join(parts)})")
        return self.add(self.say("step.curve"), formula, self.payout["curve_payout"], self.say("method.matrix"))

    @staticmethod
    def _column_of(matrix: Any, step: Row | None, sign: str) -> int:
        y = step["result"] if step else Decimal(0)
        return sum(1 for place in matrix.columns.from_ if (place < y if sign == "<" else place <= y))

    def _gate(self, step: Row) -> Cell:
        """1 where every bound holds, else what the requirement leaves."""
        number = step["formula"].split(":")[0]
        axis = next((each for each in self.steps.get("axis", []) if each["formula"].startswith(f"{number}: ")), None)
        rule = "" if axis is None else axis["formula"].removeprefix(f"{number}: x = ")
        own = {"M / T": "{M}/{T}", "M / B − 1": "{M}/{B}-1", "M − B": "{M}-{B}", "M": "{M}"}.get(rule)
        value = axis["result"] if axis is not None else Decimal(dict(_INPUT.findall(step["inputs"] or "")).get("x", "0"))
        label = self.say("gate_n", number=number.split()[-1])
        if own and all(letter in self.cell_of for letter in re.findall(r"\{(\w)\}", own)):
            place = self.add(f"{label} · x", self._with(f"=ROUND({own},12)"), value)
        else:
            place = self.add(f"{label} · x", None, value, self.say("sheet.from_step"))
        bounds = ",".join(f"{place.at}{_SIGNS[sign]}{bound}" for sign, bound in _BOUND.findall(step["formula"]))
        otherwise = step["formula"].rsplit("else × ", 1)[1]
        return self.add(label, f"=IF(AND({bounds}),1,{otherwise})", step["result"], step["formula"].split(": ", 1)[1].replace(" and ", ", "))

    def _factor(self, value: Cell, factor: Cell) -> Cell:
        return self.add("×", f"={value.at}*{factor.at}", value.value * factor.value)

    def _limit(self, value: Cell, step: Row) -> Cell:
        """Capped, then nothing below the least payment, then lifted."""
        given, told = dict(_INPUT.findall(step["inputs"] or "")), []
        formula = value.at
        for name in ("at_most", "rate_at_most", "pays_from", "at_least"):
            if name not in given:
                continue
            bound = self.add(self.say(f"limit.{name}", value="…"), None, given[name]).at
            told.append(name)
            if name == "at_most":
                formula = f"MIN({formula},{bound})"
            elif name == "rate_at_most":
                base = self.cell_of.get("E") or self.add(f"E · {self.say('step.base')}", None, given.get("E")).at
                formula = f"MIN({formula},{bound}*MAX({base},0))"
            elif name == "pays_from":
                formula = f"IF({formula}<{bound},0,{formula})"
            else:
                formula = f"MAX({formula},{bound})"
        return self.add(self.say("step.limit"), f"={formula}", step["result"])

    def _settle(self, value: Cell) -> None:
        """Rounded; then what earlier windows, the whole agreement or other agreements decide, which is given."""
        payout, step = self.payout, next(iter(self.steps.get("round", [])), None)
        text = step["formula"] if step else "rounded half_up to 2 decimals of"
        last = self.add(self.say("step.round"), _rounded(value.at, text), payout["earned"], "", "money")
        if "prior" in self.steps:
            before = self.add(self.say("input.prior_earned"), None, payout["prior_earned"], self.say("sheet.from_step"), "money")
            last = self.add(self.say("step.prior"), f"=ROUND({last.at}-{before.at},4)", payout["earned"] - payout["prior_earned"], "", "money")
        for name in ("limit_all", "carry", "combine"):
            for step in self.steps.get(name, []):
                change = self.add(self.say("sheet.change"), None, step["result"] - Decimal(str(last.value)), self.say("sheet.from_step"), "money")
                last = self.add(self.say(f"step.{name}"), f"=ROUND({last.at}+{change.at},4)", step["result"], "", "money")
        self.block.result = self.add(self.say("sheet.result"), f"={last.at}", payout["payout"], payout["currency"], "money")

    def _inputs(self, name: str) -> dict[str, str]:
        """The numbers of the first step of a kind."""
        step = next(iter(self.steps.get(name, [])), None)
        return dict(_INPUT.findall(step["inputs"] or "")) if step else {}

    def _with(self, formula: str) -> str:
        """A formula with the cells that its letters name."""
        return re.sub(r"\{(\w+)\}", lambda found: self.cell_of[found[1]], formula)


def _rounded(at: str, text: str) -> str:
    """ROUND takes halves away from zero."""
    steps = re.search(r"steps of ([\d.]+)", text)
    decimals = re.search(r"to (\d+) decimals", text)
    unit = Decimal(steps[1]) if steps else Decimal(1).scaleb(-int(decimals[1] if decimals else 2))
    units, digits = f"ROUND({at}/{unit:f},6)", max(0, -int(unit.normalize().as_tuple().exponent))
    if "half_even" in text:
        return f"=ROUND(IF(ABS({units}-TRUNC({units}))=0.5,2*ROUND({units}/2,0),ROUND({units},0))*{unit:f},{digits})"
    return f"=ROUND(ROUND({units},0)*{unit:f},{digits})"
