"""Benefits and agreements, what amends them, and groups of them that combine.

Belongs here: legal agreements over the whole language. Does not belong here: what stands on an axis (curves.py), lines (lines.py).
"""

from __future__ import annotations

import copy
import datetime as dt
from decimal import Decimal

from tests.support.exact_text import to_yaml
from tests.torture.calendars import draw_term, windows
from tests.torture.curves import (
    Scale,
    add_baseline,
    add_incentive,
    draw_axis,
    draw_gates,
    draw_limits,
    draw_matrix,
    draw_multiplier,
    draw_tiers,
    kind_of,
    look_at_others,
    scale_of,
)
from tests.torture.drawing import Draw, Row
from tests.torture.from_days import amend_from_days
from tests.torture.measures import refine_measure
from tests.torture.people import Cluster
from tests.torture.scopes import draw_scope

#: What a benefit with one place for all members may not have.
_OF_ONE_ALONE = ("rank", "percentile", "rolling", "every", "distinct", "each")
WINDOWS = ["month", "quarter", "half_year", "year", "term"]


def draw_agreements(d: Draw, cluster: Cluster, calendar: Row) -> list[Row]:
    """The agreements of a cluster: one by itself, several side by side, versions of one, or a group that combines."""
    found = _draw_group(d, cluster, calendar)
    for agreement in found:
        if len(agreement["benefits"]) == 2 and d.chance(0.5, "other_benefits"):
            agreement["benefits"] = copy.deepcopy(agreement["benefits"])
            look_at_others(d, agreement["benefits"])
    _draw_places_and_windows(d, cluster, found)
    if "from_date" in d.features and len({agreement["agreement"] for agreement in found}) == 1 and d.chance(0.8):
        found = amend_from_days(d, found[0])
    if "draws" in d.features:
        _draw_advances(d, found)
    return found


def _draw_advances(d: Draw, agreements: list[Row]) -> None:
    """A draw against what is paid as a whole, in every version of an agreement that combines with no other."""
    window, prorate = d.pick(WINDOWS), d.chance(0.3)
    for agreement in agreements:
        against = [b["id"] for b in agreement["benefits"] if not {"release", "minimum"} & set(b.get("settle", {}))]
        if against and agreement.get("combine", {}).get("rule", "all") == "all":
            terms = {"amount": d.number(0, 200, 2), "against": against, "recover": d.chance(0.8)}
            if terms["recover"] and d.chance(0.4):
                terms["ceiling"] = d.number(0, 300, 2)
            advance = {"id": "draw", "clause": "9.9", "window": window, "draw": terms, **({"prorate": "days"} if prorate else {})}
            agreement["benefits"] = [*agreement["benefits"], advance]


def _draw_places_and_windows(d: Draw, cluster: Cluster, agreements: list[Row]) -> None:
    """One place for all members, and windows that count from the term: for all versions of an agreement, where they can have them."""
    if "term_windows" in d.features and len({agreement["term"]["from"] for agreement in agreements}) == 1 and d.chance(0.4):
        for agreement in agreements:
            agreement["windows"] = {"from": "term"}
    for name in dict.fromkeys(agreement["agreement"] for agreement in agreements):
        versions = [agreement for agreement in agreements if agreement["agreement"] == name]
        written = " ".join(to_yaml(benefit) for version in versions for benefit in version["benefits"])
        if "placed" in d.features and not any(word in written for word in _OF_ONE_ALONE) and d.chance(0.6):
            payee = d.pick([*cluster.members, *cluster.reps])
            for version in versions:
                version |= {"pool": "placed", "payee": payee}


def _draw_group(d: Draw, cluster: Cluster, calendar: Row) -> list[Row]:
    kind = d.weigh(
        [("one", 5, None), ("two", 1, None), ("amended", 2.5, "amendments"), ("best", 1, "best"), ("exclusive", 1, "exclusive"), ("net_of", 1, "net_of")]
    )
    first = draw_agreement(d, cluster, calendar, f"{cluster.name}-A")
    if kind == "one":
        return [first]
    if kind == "amended":
        return draw_versions(d, cluster, calendar, first)
    count = d.pick([2, 2, 3]) if kind != "net_of" else 2
    others = []
    for n in range(1, count):
        window = first["benefits"][0]["window"]
        finer = WINDOWS[WINDOWS.index(window) :] if kind == "net_of" else [window] if kind == "best" else WINDOWS
        term = first["term"] if kind in ("best", "net_of") else None
        others.append(draw_agreement(d, cluster, calendar, f"{cluster.name}-{'ABC'[n]}", finer, term))
    if kind in ("best", "net_of"):
        for benefit in first["benefits"]:
            _set_window(benefit, first["benefits"][0]["window"])
    if kind == "two":
        if d.chance(0.3, "best"):
            first["combine"] = {"rule": "all"}
        return [first, *others]
    if kind == "net_of":
        others[0]["combine"] = {"rule": "net_of", "agreements": [first["agreement"]]}
        return [first, *others]
    for agreement in (first, *others):
        if kind == "best":
            agreement.pop("limits", None)
        agreement["combine"] = {"group": f"G-{cluster.name}", "rule": kind} | ({"priority": d.pick([1, 2, 2])} if d.chance(0.6) else {})
    return [first, *others]


def spans_of(window: str) -> list[str]:
    """What a window may accumulate over."""
    lengths = ["month", "quarter", "half_year", "year", "term"]
    return ["window", *(span for span in lengths[lengths.index(window) :] if span != "month")]


def _set_window(benefit: Row, window: str) -> None:
    if benefit["window"] != window and isinstance(benefit.get("target"), dict) and "year" in benefit["target"]:
        benefit["target"] = benefit["target"]["year"]  # its weights were those of the other windows
    benefit["window"] = window
    if not spans_of(window).count(benefit.get("accumulate", "window")):
        benefit["accumulate"] = "term"
        if isinstance(benefit.get("measure"), dict):  # other days do not accumulate
            benefit["measure"].pop("over", None)


def draw_agreement(d: Draw, cluster: Cluster, calendar: Row, name: str, kinds: list[str] | None = None, term: Row | None = None) -> Row:
    """One agreement of the cluster. `kinds`: windows its benefits may have (one is drawn for all when there are several)."""
    everyone = [*cluster.members, *cluster.reps]
    agreement: Row = {"agreement": name, "version": 1, "currency": cluster.currency, "term": term or draw_term(d, calendar)}
    if d.chance(0.15, "sum_limits"):
        agreement["limits"] = {d.pick(["at_most", "at_most", "at_least"]): d.number(5, 400, 0), "per": "term"}
    if d.chance(0.8):
        agreement["title"] = f"Programme {name}"
    if d.chance(0.3):
        agreement["direction"] = d.pick(["payable", "receivable"])
    if d.chance(0.3):
        agreement["participants"] = {"cluster": cluster.name} | ({"kind": d.pick(["dealer", ["dealer", "chain"]])} if d.chance(0.5) else {})
    else:
        agreement["participants"] = d.some(everyone, max(1, len(everyone) - 2), len(everyone))
    if d.chance(0.15):
        agreement |= {"pool": "together", "payee": d.pick(everyone)}
    if d.chance(0.4):
        agreement["include_children"] = d.pick([True, False, False])
    if d.chance(0.35):
        agreement["scope"] = draw_scope(d)
    if cluster.foreign and d.chance(0.5, "fx_rule"):
        agreement["fx"] = d.pick(["transaction_date", "period_end", {"fixed": {"EUR": Decimal("1.25"), "USD": Decimal("0.92"), "JPY": Decimal("0.0061")}}])
        if isinstance(agreement["fx"], dict):
            agreement["fx"]["fixed"].pop(cluster.currency, None)
    if d.chance(0.3, "returns_original"):
        agreement["returns"] = "original"
    if d.chance(0.2):
        agreement |= {"approved": {"by": "j.doe", "on": dt.date(2023, 12, 11)}, "review_by": dt.date(2026, 9, 30), "document": "contracts/some.pdf"}
    kinds = kinds or WINDOWS
    shared = d.pick(kinds)
    count = d.pick([1, 1, 2])
    agreement["benefits"] = []
    for n in range(1, count + 1):
        kind = shared if len(kinds) < len(WINDOWS) else d.rng.choices(WINDOWS, [3, 4, 2, 1.5, 1])[0]
        agreement["benefits"].append(draw_benefit(d, f"b{n}", kind, agreement, calendar))
    return agreement


def draw_benefit(d: Draw, name: str, window: str, agreement: Row, calendar: Row) -> Row:
    benefit: Row = {"id": name, "clause": f"{d.rng.randint(1, 9)}.{d.rng.randint(1, 9)}", "window": window}
    if d.chance(0.1):
        benefit["quote"] = "As agreed."
    if d.chance(0.35):
        benefit["accumulate"] = d.pick([*spans_of(window), "term"])
    if d.chance(0.3):
        benefit["scope"] = draw_scope(d, agreement.get("scope"))
    if d.chance(0.6):
        benefit["measure"] = d.weigh(
            [("amount", 2, None), ("quantity", 2, None), ("margin", 1.5, None), ("count", 1, None), ("points", 1.5, "attribute"), ("own", 2, "own_scope")]
        )
        if benefit["measure"] == "own":
            of = d.weigh([("amount", 2, None), ("quantity", 1, None), ("margin", 1, None), ("count", 0.5, None), ("points", 0.5, "attribute")])
            benefit["measure"] = {"of": of} | ({"scope": draw_scope(d, benefit.get("scope") or agreement.get("scope"))} if d.chance(0.9) else {})
    found = windows(calendar, benefit, agreement["term"])
    months = max(1, round(((found[-1].end - found[0].span_start).days + 1) / 30)) if benefit.get("accumulate", "window") != "window" else found[0].months
    scale = scale_of(benefit, months)
    if d.chance(0.15, "matrix"):
        benefit["matrix"] = draw_matrix(d, benefit, scale)
        if d.chance(0.3):
            benefit["boundary"] = d.pick(["lower_inclusive", "upper_inclusive"])
    else:
        _add_curve(d, benefit, scale)
    _add_base(d, benefit, agreement, scale)
    _add_rest(d, benefit, scale)
    refine_measure(d, benefit)
    return benefit


def _add_curve(d: Draw, benefit: Row, scale: Scale) -> None:
    method = d.weigh([(None, 1, None), ("whole", 2, None), ("graduated", 3, None), ("linear", 3, None), ("rolling", 1, "rolling"), ("total", 1, "total")])
    if method:
        benefit["method"] = method
    by = draw_axis(d, benefit, scale, units=method in ("graduated", "rolling"))
    if by != "measure" or d.chance(0.3):
        benefit["by"] = by
    if kind_of(by) == "rank" and d.chance(0.5):
        benefit["ties"] = d.pick(["min", "share", "share"])
    if method == "linear" and d.chance(0.6):
        benefit["above"] = d.pick(["hold", "extend", "zero"])
    if d.chance(0.4):
        benefit["boundary"] = d.pick(["lower_inclusive", "upper_inclusive"])
    benefit["tiers"] = draw_tiers(d, benefit, scale)


def _add_base(d: Draw, benefit: Row, agreement: Row, scale: Scale) -> None:
    method = benefit.get("method", "whole")
    if method == "rolling" or not d.chance(0.45):
        return
    base = d.weigh(
        [("measure", 1, None), ("amount", 2, None), ("quantity", 1, None), ("margin", 2, None), ("own", 2, "own_scope")]
        + ([("increment", 2, None)] if method != "graduated" else [])
    )
    if base == "own":
        base = {"of": d.pick(["amount", "quantity", "margin"]), "scope": draw_scope(d, benefit.get("scope") or agreement.get("scope"))}
    if base == "increment":
        add_baseline(d, benefit, scale)
    benefit["base"] = base


def _pays_on_money(benefit: Row) -> bool:
    measure, base = (of["of"] if isinstance(of, dict) else of for of in (benefit.get("measure", "amount"), benefit.get("base", "measure")))
    return (measure if base in ("measure", "increment") else base) in ("amount", "margin")


def _add_rest(d: Draw, benefit: Row, scale: Scale) -> None:
    """Multiplier, gates, limits, proration, accrual, settlement."""
    if d.chance(0.2, "multiply"):
        benefit["multiply"] = draw_multiplier(d, benefit, scale)
    if d.chance(0.25, "requires"):
        benefit["requires"] = draw_gates(d, benefit, scale)
    if d.chance(0.3):
        benefit["limits"] = draw_limits(d, d.pick([20, 100, 400]), _pays_on_money(benefit))
        if {"multiply", "requires"} & set(benefit) and d.chance(0.6, "order"):
            benefit["order"] = d.rng.sample(["multiply", "requires", "limits"], 3)
    if benefit.get("accumulate", "window") == "window" and d.chance(0.2, "prorate"):
        benefit["prorate"] = d.pick(["none", "days", "days", "days"])
    if d.chance(0.3, "forecast"):
        benefit["accrue"] = {"placement": "forecast"} | ({"forecast": d.pick(["linear", "seasonal", "feed"])} if d.chance(0.8) else {})
    elif "tiers" in benefit and benefit.get("method", "whole") == "whole" and d.chance(0.2, "placement_tier"):
        benefit["accrue"] = {"placement": {"tier": d.rng.randint(1, len(benefit["tiers"]))}}
    elif d.chance(0.1):
        benefit["accrue"] = {"placement": "actual"}
    if d.chance(0.6):
        benefit["settle"] = {"clawback": d.pick(["pay", "carry", "none"])} | (_falls_due(d.rng.randint(0, 60)) if d.chance(0.5) else {})
    if d.chance(0.05):
        add_incentive(d, benefit)


def _falls_due(number: int) -> Row:
    """Some days after the window, in two or three parts, or once enough has gathered."""
    if number < 10:
        return {"release": [{"share": "1/3"}, {"share": "1/3", "after": "year", "lag_days": number}, {"share": "1/3", "after": "term"}]}
    if number < 20:
        return {"release": [{"share": Decimal("0.333333"), "lag_days": 200 - number}, {"share": Decimal("0.666667"), "after": "window"}]}
    return {"minimum": number * 10, "lag_days": number} if number < 35 else {"lag_days": number}


def draw_versions(d: Draw, cluster: Cluster, calendar: Row, first: Row) -> list[Row]:
    """The agreement and one or two amendments: other tiers, scopes, participants; the same windows."""
    versions = [first]
    if d.chance(0.3):
        first["effective"] = first["term"]["from"]
    for number in range(2, d.pick([2, 2, 3]) + 1):
        before = versions[-1]
        version = copy.deepcopy(before)
        version["version"] = number
        version["effective"] = d.day(first["term"]["from"], first["term"]["to"])
        version.pop("amendment", None)
        if d.chance(0.7):
            version["amendment"] = d.pick(["next_window", "restate", "restate"])
        if d.chance(0.3):
            version["scope"] = draw_scope(d)
            for benefit in version["benefits"]:  # scopes inside were drawn within another
                benefit.pop("scope", None)
                if isinstance(benefit.get("measure"), dict):
                    benefit["measure"].pop("scope", None)
                if isinstance(benefit.get("base"), dict):
                    benefit["base"]["scope"] = draw_scope(d, version["scope"])
        if d.chance(0.2) and isinstance(version["participants"], list):
            version["participants"] = d.some([*cluster.members, *cluster.reps], 1, 9)
        version["benefits"] = [_amend(d, benefit, version, calendar) for benefit in version["benefits"]]
        versions.append(version)
    return versions


def _amend(d: Draw, benefit: Row, version: Row, calendar: Row) -> Row:
    """The same benefit on other terms, or on the same."""
    if d.chance(0.25):
        return benefit
    drawn = draw_benefit(d, benefit["id"], benefit["window"], version, calendar)
    kept = {key: benefit[key] for key in ("accumulate",) if key in benefit}
    drawn.pop("accumulate", None)
    if kept.get("accumulate", "window") != "window":
        drawn.pop("prorate", None)
        if isinstance(drawn.get("measure"), dict):  # other days do not accumulate
            drawn["measure"].pop("over", None)
    return drawn | kept
