"""Names in agreements that match nothing, and members that changed since the prior year, are warnings of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.runtime.context import RunContext
from assets.transform.dbt import prepare
from models.documents import InputError
from pipelines.run import run_book
from tests.support.sql_books import read_feeds, write_book

TRANSACTIONS = "transaction_id,date,partner_id,product_id,amount,currency,channel\n1,2026-01-02,P,X,10.00,EUR,retail\n2,2026-01-02,PQ,X,10.00,EUR,web\n"
FULL = {
    "transactions": TRANSACTIONS,
    "partners": "partner_id,region\nP,north\nPQ,south\n",
    "products": "product_id,category\nX,beverages\nY1,wine\n",
    "metrics": "participant_id,metric,date,value\nP,nps,2026-01-01,5\n",
    "targets": "agreement,benefit,participant_id,window_start,target\nall,t,P,2026-01-01,5\n",
}
TIERS = "tiers: [{from: 0, rate: 1}]"
#: Agreements of which every name is there.
GOOD = {
    "all": (
        "[P, PQ]",
        "scope: {products: {include: {category: [wine, beverages]}, exclude: {product_id: [Y1]}}, where: \"channel = 'retail'\"}",
        "year",
        TIERS,
    ),
    "north": ("{region: north}", "scope: {types: [sale, return]}", "year", f"by: {{metric: nps}}, {TIERS}"),
}
#: P takes part in `product`, PQ does not, and there is no agreement `produc`.
PARTICIPATIONS = "agreement,participant_id,from\nproduct,P,2026-01-01\nproduct,PQ,2026-01-01\nproduc,P,2026-01-01\n"
T = ("[P]", "", "year", f"by: attainment, target: feed, {TIERS}")


def make_book(folder: Path, feeds: dict[str, str], agreements: dict[str, tuple[str, str, str, str]]) -> RunContext:
    listed = "".join(f'  {feed}: {{files: "feeds/{feed}/*.csv"}}\n' for feed in feeds)
    book = f"book: names\ncurrency: EUR\nas_of: 2026-06-30\nfeeds:\n{listed}"
    context = write_book(folder / "book", {f"{feed}/1.csv": text for feed, text in feeds.items()}, agreements, book)
    read_feeds(context)
    return context


def warnings_of(folder: Path, feeds: dict[str, str], agreements: dict[str, tuple[str, str, str, str]]) -> list[str]:
    return list(prepare(make_book(folder, feeds, agreements)).warnings)


def test_names_that_are_there_are_no_warning(tmp_path: Path) -> None:
    feeds = {**FULL, "targets": FULL["targets"].replace("all,t", "t,b")}
    assert warnings_of(tmp_path, feeds, {**GOOD, "t": T}) == []


SPOILT = {
    "product": (("[P]", "scope: {products: {include: {product_id: [X1]}}}", "year", TIERS), "names product_id X1, which no product has; did you mean X?"),
    "value": (("[P]", "scope: {products: {exclude: {category: [win]}}}", "year", TIERS), "names category win, which no product has; did you mean wine?"),
    "attribute": (
        ("[P]", "scope: {products: {include: {categry: [wine]}}}", "year", TIERS),
        "names the attribute categry, which no product has. There is category, product_id",
    ),
    "region": (("{region: nord}", "", "year", TIERS), "names region nord, which no partner has; did you mean north?"),
    "metric": (
        ("[P]", "", "year", f"by: {{metric: npss}}, {TIERS}"),
        "b: the metrics feed has no row for the metric npss, which metric needs; did you mean nps?",
    ),
    "score": (
        ("[P]", "", "year", f"by: {{score: [{{metric: npss, weight: 1}}]}}, {TIERS}"),
        "b: the metrics feed has no row for the metric npss, which score needs; did you mean nps?",
    ),
    "target": (T, "b: the targets feed has no row for the benefit target/b, which target needs"),
    "condition": (
        ("[P]", "scope: {where: \"channel = 'retial'\"}", "year", TIERS),
        "scope.where: holds for no line; no line has channel retial, did you mean retail?",
    ),
    "one-of-two": (
        ("[P]", "scope: {where: \"channel in ('web', 'retial')\"}", "year", TIERS),
        "scope.where: no line has channel retial, did you mean retail?",
    ),
    "number": (("[P]", "scope: {where: amount > 5000}", "year", TIERS), "scope.where: holds for no line"),
    "types": (("[P]", "scope: {types: [credit, adjustment]}", "year", TIERS), "types counts lines of type credit, adjustment, and there is none"),
}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    feeds = {**FULL, "participations": PARTICIPATIONS}
    agreements = {name: agreement for name, (agreement, _) in SPOILT.items()} | {"by-hand": ("[P]", "", "year", "manual: true")}
    return warnings_of(tmp_path_factory.mktemp("spoilt"), feeds, agreements)


@pytest.mark.parametrize("name", SPOILT)
def test_a_name_that_nothing_has_is_a_warning_with_the_nearest(spoilt: list[str], name: str) -> None:
    (warning,) = (warning for warning in spoilt if warning.startswith(f"agreements/{name}.yaml:"))
    assert SPOILT[name][1] in warning


def test_a_benefit_that_counts_no_lines_names_no_types(spoilt: list[str]) -> None:
    assert [warning for warning in spoilt if "by-hand" in warning] == []


def test_targets_of_an_unknown_benefit_are_a_warning(spoilt: list[str]) -> None:
    (warning,) = (warning for warning in spoilt if warning.startswith("feeds/targets/1.csv"))
    assert "has targets for all/t, and no agreement has this benefit" in warning


def test_participations_of_who_does_not_take_part_are_a_warning(spoilt: list[str]) -> None:
    one, other = sorted(warning for warning in spoilt if warning.startswith("feeds/participations/1.csv"))
    assert "has participations for produc/P, and no agreement has this participant; did you mean product/P?" in one
    assert "has participations for product/PQ, and no agreement has this participant; did you mean product/P?" in other


@pytest.mark.long
def test_without_a_partners_feed_a_participant_that_no_line_has_is_a_warning(tmp_path: Path) -> None:
    feeds = {"transactions": TRANSACTIONS}
    agreements = {"one": ("[P, Pq]", "", "year", TIERS), "two": ("[P]", "scope: {products: {include: {product_id: [X, Z9]}}}", "year", TIERS)}
    participant, product = warnings_of(tmp_path, feeds, agreements)
    assert "one names partner_id Pq, which no line or assignment has; did you mean PQ?" in participant
    assert "two names product_id Z9, which no line has. Correct the name, or deliver the rows" in product


def test_with_a_partners_feed_it_is_an_error_with_the_nearest_id(tmp_path: Path) -> None:
    context = make_book(tmp_path, FULL, {**GOOD, "one": ("[P, Pq]", "", "year", TIERS)})
    with pytest.raises(InputError, match="one names Pq, which is not in the partners feed; did you mean PQ? Correct the id, or add it".replace("?", r"\?")):
        prepare(context)


@pytest.mark.long
def test_many_unknown_names_are_one_message_with_the_likeliest_mistakes_first(tmp_path: Path) -> None:
    many = "[" + ", ".join([*(f"Q{number:03}" for number in range(300)), "pq"]) + "]"
    (warning,) = warnings_of(tmp_path / "lines", {"transactions": TRANSACTIONS}, {"one": (many, "", "year", TIERS)})
    assert "one names 301 values of partner_id that no line or assignment has: pq (did you mean PQ?), Q000, Q001, " in warning
    assert warning.endswith("Q018 and 281 more. Correct the names, or deliver the rows")
    with pytest.raises(InputError) as caught:
        prepare(make_book(tmp_path / "partners", FULL, {**GOOD, "one": (many, "", "year", TIERS)}))
    (problem,) = caught.value.problems
    assert "one names 301 ids that are not in the partners feed: pq (did you mean PQ?), Q000, " in problem.message
    assert problem.message.endswith("Q018 and 281 more. Correct the ids, or add them to the feed")


def test_a_book_without_lines_warns_of_nothing(tmp_path: Path) -> None:
    header = TRANSACTIONS.splitlines()[0] + "\n"
    assert warnings_of(tmp_path, {"transactions": header}, {"one": ("[P]", "", "year", TIERS)}) == []


def test_the_summary_of_a_run_has_the_warnings(tmp_path: Path) -> None:
    context = make_book(tmp_path, {"transactions": TRANSACTIONS}, {"one": ("[Pq]", "", "year", TIERS)})
    assert any("one names partner_id Pq" in warning for warning in run_book(context.folder).warnings)


GROWTH = "by: growth_amount, baseline: {prior: year}, tiers: [{from: 0, rate: 1}]"
MOVED = """partner_id,parent_id,from,to
NEW,,,
OLD,,,2025-12-31
OLD,NEW,2026-01-01,
GONE,NEW,,2025-12-31
GONE,,2026-01-01,
STAYS,NEW,,
IDLE,,,2025-12-31
IDLE,NEW,2026-01-01,
"""
MEMBERS = """transaction_id,date,partner_id,amount,currency
1,2025-06-01,OLD,80.00,EUR
2,2025-06-01,NEW,20.00,EUR
3,2025-03-01,GONE,5.00,EUR
4,2025-03-02,GONE,5.00,EUR
5,2025-03-02,STAYS,5.00,EUR
6,2026-03-02,IDLE,5.00,EUR
"""


def test_a_baseline_of_other_members_is_a_warning(tmp_path: Path) -> None:
    """OLD joined and GONE left with lines in the prior year. STAYS is in both years; IDLE joined without lines."""
    feeds = {"transactions": MEMBERS, "partners": MOVED}
    (both,) = warnings_of(tmp_path / "both", feeds, {"one": ("[NEW]", "", "year", GROWTH)})
    assert both.startswith("agreements/one.yaml:1: baseline: one compares NEW with a prior year with 2 lines of GONE, which no longer belongs to it;")
    assert "; 1 more member changed. " in both
    (joined,) = warnings_of(tmp_path / "joined", {**feeds, "transactions": MEMBERS.replace("GONE", "STAYS")}, {"one": ("[NEW]", "", "year", GROWTH)})
    assert "one compares NEW with a prior year without 1 line of OLD, which did not belong to it then. Each line counts for whom" in joined


def test_members_matter_only_where_the_prior_year_does(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, {"transactions": MEMBERS, "partners": MOVED}, {"one": ("[NEW]", "", "year", TIERS)}) == []
