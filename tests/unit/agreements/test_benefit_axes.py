"""Axes that look at other benefits, scores and ratios: what the language refuses, with file, line, key and a way out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from models.agreements.parse import parse_agreements
from models.agreements.schema import ScorePart, parts_of
from models.documents import InputError

TERMS = """\
agreement: A
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P]
"""
AGREEMENT = f"""\
{TERMS}benefits:
- {{id: volume, clause: "1", window: quarter, by: attainment, target: 10, tiers: [{{from: 0, rate: 0.1}}]}}
- {{id: year, clause: "2", window: year, tiers: [{{from: 0, rate: 0.1}}]}}
- {{id: looks, clause: "3", window: quarter, BY}}
"""
TIERS = "tiers: [{from: 0, amount: 1}]"


def refusals(by: str, *more: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_agreements({"agreements/a.yaml": "---\n".join([AGREEMENT.replace("BY", by), *more])})
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("by", "where", "message"),
    [
        (f"by: {{benefit: volumes}}, {TIERS}", "by.benefit", "no benefit volumes in this version of the agreement; did you mean volume?"),
        (f"by: {{benefit: looks}}, {TIERS}", "by.benefit", "cannot look at itself; use by: measure, attainment or growth"),
        (f"by: {{benefit: year, of: measure}}, {TIERS}", "by.benefit", "year has window: year, which is longer than quarter"),
        (f"by: {{benefit: volume, of: growth}}, {TIERS}", "by.benefit", "volume has no baseline, so it has no growth (M / B − 1)"),
        (f"by: {{benefit: volume, of: growth_amount}}, {TIERS}", "by.of", "allowed: 'attainment', 'growth', 'measure', 'tier' or 'earned'"),
        (f"{TIERS}, requires: [{{by: {{benefit: other}}, at_least: 1}}]", "requires[0].by.benefit", "no benefit other"),
        (f"{TIERS}, multiply: {{by: {{benefit: other}}, tiers: [{{from: 0, factor: 1}}]}}", "multiply.by.benefit", "no benefit other"),
        (
            "matrix: {rows: {by: measure, from: [0]}, columns: {by: {benefit: other}, from: [0]}, amount: [[1]]}",
            "matrix.columns.by.benefit",
            "no benefit other",
        ),
        (
            "matrix: {rows: {by: {benefit: other}, from: [0]}, columns: {by: measure, from: [0]}, amount: [[1]]}",
            "matrix.rows.by.benefit",
            "no benefit other",
        ),
        (f"by: {{score: [{{benefit: other, weight: 1}}]}}, {TIERS}", "by.score[0].benefit", "no benefit other"),
        (f"by: {{score: [{{weight: 1}}]}}, {TIERS}", "by.score[0]", "either a benefit or a metric"),
        (f"by: {{score: [{{metric: nps, benefit: volume, weight: 1}}]}}, {TIERS}", "by.score[0]", "either a benefit or a metric"),
        (f"by: {{score: [{{metric: nps, of: tier, weight: 1}}]}}, {TIERS}", "by.score[0].of", "a metric has only its value"),
        (f"by: {{score: [{{metric: nps}}]}}, {TIERS}", "by.score[0].weight", "required"),
        (f"by: {{score: [{{metric: nps, weight: 0}}]}}, {TIERS}", "by.score", "at least one weight must be above 0"),
        (f"by: {{score: [{{metric: nps, weight: -1}}]}}, {TIERS}", "by.score[0].weight", "0 or more"),
        (f"by: {{score: []}}, {TIERS}", "by.score", "at least 1 item"),
        (f"by: {{benefit: volume, figure: tier}}, {TIERS}", "by.figure", "not known. Allowed: benefit, of"),
        (f"by: {{ratio: [margin]}}, {TIERS}", "by.ratio", "at least 2 items"),
        (f"by: {{ratio: [margin, sales]}}, {TIERS}", "by.ratio[1]", "allowed: 'amount', 'quantity', 'margin' or 'count'"),
        (f"by: {{rank: {{benefit: volume}}}}, {TIERS}", "by.rank", "allowed: 'measure'"),
        ("by: {benefit: volume}, method: graduated, tiers: [{from: 0, rate: 0.1}]", "by", "a benefit has no thresholds on the measure; use whole or linear"),
        ("by: {score: [{metric: nps, weight: 1}]}, method: rolling, tiers: [{from: 0, rate: 0.1}]", "by", "a score has no thresholds on the measure"),
        ("by: {ratio: [margin, amount]}, method: graduated, tiers: [{from: 0, rate: 0.1}]", "by", "a ratio has no thresholds on the measure"),
    ],
)
def test_refusals_say_where_and_what_to_do(by: str, where: str, message: str) -> None:
    problems = refusals(by)
    match = [problem for problem in problems if problem.startswith(f"agreements/a.yaml:8: benefits[2].{where}: ")]
    assert match, problems
    assert message in match[0]


def test_attainment_needs_a_target_of_the_other_benefit() -> None:
    text = AGREEMENT.replace("BY", f"by: {{benefit: volume}}, {TIERS}").replace("by: attainment, target: 10, ", "")
    with pytest.raises(InputError, match="volume has no target, so it has no attainment"):
        parse_agreements({"agreements/a.yaml": text})


def test_a_circle_is_refused_within_a_version_and_through_versions() -> None:
    circle = [f'{{id: {name}, clause: "1", window: year, {TIERS}, BY}}' for name in ("a", "b", "c")]

    def versions(*looks: tuple[str, str, str]) -> str:
        texts = []
        for number, others in enumerate(looks, 1):
            axes = [f"by: {{benefit: {other}, of: tier}}" if other else "" for other in others]
            benefits = "".join(f"- {each.replace('BY', by)}\n" for each, by in zip(circle, axes, strict=True))
            texts.append(f"version: {number}\neffective: 2025-0{number}-01\n{TERMS}benefits:\n{benefits}".replace(", }", "}"))
        return "---\n".join(texts)

    with pytest.raises(InputError, match="a cycle: a looks at b looks at c looks at a"):
        parse_agreements({"agreements/a.yaml": versions(("b", "c", "a"))})
    with pytest.raises(InputError, match="a cycle: a looks at b looks at a"):
        parse_agreements({"agreements/a.yaml": versions(("b", "", ""), ("", "a", ""))})
    assert parse_agreements({"agreements/a.yaml": versions(("b", "c", ""), ("c", "", ""))})


def test_a_benefit_alone_is_a_score_of_one_part() -> None:
    found = parse_agreements({"agreements/a.yaml": AGREEMENT.replace("BY", f"by: {{benefit: volume, of: tier}}, {TIERS}")})
    assert parts_of(found[0].agreement.benefits[2].by) == [ScorePart(benefit="volume", of="tier", weight=Decimal(1))]
