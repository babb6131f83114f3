"""The online retail book over its sample, and over the whole year of real data where it is there: nothing is lost on the way in, payouts are
those of plain SQL over the CSV files, and files may come in any portions.

TIERLEDGER_ONLINE_RETAIL names the folder of the real files (docs/online-retail.md). They are not part of the project; what needs them is skipped
without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from examples.online_retail.write import SAMPLE, deliver_days, list_days, write_online_retail_book
from pipelines.run import run_book

WHOLE_YEAR = pytest.param(
    os.environ.get("TIERLEDGER_ONLINE_RETAIL"),
    id="whole year",
    marks=pytest.mark.skipif(
        "TIERLEDGER_ONLINE_RETAIL" not in os.environ,
        reason="needs the real files: docs/online-retail.md says where to get them; name their folder in TIERLEDGER_ONLINE_RETAIL",
    ),
)
pytestmark = pytest.mark.xdist_group("online_retail")
only_whole_year = pytest.mark.parametrize("data", [WHOLE_YEAR], indirect=True)
only_sample = pytest.mark.parametrize("data", [pytest.param(SAMPLE, id="sample")], indirect=True)

#: The files as text, read without the program: goods as the agreements mean them, each customer's country as of the last row.
SOURCE = """
create table source as
    select * replace (replace(CustomerID, '.0', '') as CustomerID), row_number() over () as n
    from read_csv('{data}/*.csv', all_varchar = true, filename = true);
create table goods as
    select n, InvoiceNo, StockCode, CustomerID as customer, InvoiceDate[:10]::date as day, date_trunc('quarter', day)::date as quarter,
        Quantity::integer as pieces, (Quantity::integer * UnitPrice::decimal(18, 3))::decimal(38, 3) as amount
    from source
    where StockCode not in ('POST', 'DOT', 'C2', 'M', 'm', 'D', 'S', 'B', 'BANK CHARGES', 'AMAZONFEE', 'CRUK') and StockCode not like 'gift%';
create table homes as select CustomerID as customer, arg_max(Country, n) as country from source where CustomerID is not null group by all;
create table quarters as select unnest(generate_series(date '2011-01-01', date '2011-10-01', interval 3 month))::date as quarter;
"""

#: agreement and benefit: (participant, window start, payout) of every row that pays something, in SQL over the source.
PAYOUTS = {
    ("NL-14646-2011", "volume"): """
        with earned as (
            select quarter, sum(sum(amount)) over (order by quarter) as m,
                round(m * case when m >= 270000 then 0.025 when m >= 190000 then 0.02 when m >= 120000 then 0.015 when m >= 50000 then 0.01 else 0 end, 2) as e
            from goods where customer = '14646' and year(day) = 2011 group by quarter)
        select '14646', quarter, e - coalesce(lag(e) over (order by quarter), 0) from earned""",
    ("FR-STEPS-2011", "voucher"): """
        select customer, quarter, case when sum(amount) >= 5000 then 200 when sum(amount) >= 2500 then 75 when sum(amount) >= 1000 then 25 else 0 end
        from goods join homes using (customer) where country = 'France' and year(day) = 2011 group by all""",
    ("CH-QUARTER-2011", "rebate"): """
        select customer, quarter, case when p >= 15 then round(p, 2) else 0 end
        from (select customer, quarter, sum(amount) * case when sum(amount) >= 5000 then 0.03 when sum(amount) >= 2000 then 0.02 else 0.01 end as p
            from goods join homes using (customer) where country = 'Switzerland' and year(day) = 2011 group by all)""",
    ("UK-WHOLESALE-2011", "half-year-slices"): """
        select customer, half, round(0.005 * least(m, 25000) + 0.01 * greatest(least(m, 50000) - 25000, 0)
            + 0.015 * greatest(least(m, 100000) - 50000, 0) + 0.02 * greatest(m - 100000, 0), 2)
        from (select customer, make_date(2011, case when month(day) <= 6 then 1 else 7 end, 1) as half, sum(amount) as m from goods
            where year(day) = 2011 and customer in ('18102', '17450', '17511', '16684', '13694', '15311', '13089', '16029', '15769', '14088')
            group by all)""",
    ("JUMBO-BAGS-2011", "bags"): """
        select customer, quarter, sum(pieces) * case when sum(pieces) > 2000 then 0.08 when sum(pieces) > 900 then 0.05
            when sum(pieces) > 300 then 0.03 else 0 end
        from goods where year(day) = 2011 and StockCode in ('85099B', '85099C', '85099F', '85099f', '20711', '20712', '20713', '21033', '21928', '21929',
            '21930', '21931', '22385', '22386', '22663', '23199', '23200', '23201', '23202', '23203', '23343', '23344', '23581')
            and customer in ('15769', '14646', '13694', '16029', '15311', '17511', '14680', '15838', '16180', '17677', '13629', '16182')
        group by all""",
    ("ORDER-LINES-2011", "lines"): """
        select customer, date_trunc('month', day)::date, case when count(*) >= 800 then 60 when count(*) >= 400 then 25 when count(*) >= 200 then 10 else 0 end
        from goods where year(day) = 2011 and InvoiceNo not like 'C%' and InvoiceNo not like 'A%' and pieces > 0
            and customer in ('17841', '14911', '14096', '12748', '14606', '15311', '13089', '13263')
        group by all""",
    ("DE-CLUB-2011", "annual-bonus"): """
        select customer, date '2011-01-01', case when p >= 30 then round(least(p, 400), 2) else 0 end
        from (select customer, sum(round(amount * rate, 2)) as m,
                m * case when m >= 10000 then 0.03 when m >= 5000 then 0.02 when m >= 2500 then 0.01 else 0 end as p
            from goods join homes using (customer)
            join (select date::date as date, rate::decimal(18, 6) as rate from read_csv('{rates}', all_varchar = true) where from_currency = 'GBP') rates
                on date_trunc('month', day) = date
            where country = 'Germany' and year(day) = 2011 group by all)""",
    ("DECEMBER-2011", "increase"): """
        select customer, date '2011-12-01', case when b > 0 and m >= b
            then round((m - b) * case when m >= b * 1.5 then 0.06 when m >= b * 1.1 then 0.04 else 0.02 end, 2) else 0 end
        from (select customer, coalesce(sum(amount) filter (year(day) = 2011), 0) as m, coalesce(sum(amount) filter (year(day) = 2010), 0) as b
            from goods where month(day) = 12 and customer in ('14646', '14911', '17511', '16684', '13694', '17949', '15769', '18102', '13089', '14096')
            group by all)""",
    ("EIRE-GROUP-2011", "group-volume"): """
        select '14911', date '2011-01-01', least(5500, round(0.01 * least(m, 100000) + 0.02 * greatest(least(m, 200000) - 100000, 0)
            + 0.03 * greatest(m - 200000, 0) + case when m >= 200000 then 1500 when m >= 100000 then 500 else 0 end, 2))
        from (select sum(amount) as m from goods where customer in ('14911', '14156', '14016') and year(day) = 2011)""",
}

#: Rows that are alike in every column to another, beyond the first.
ALIKE = "count(*) - count(distinct (InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country))"

#: Worked out in docs/online-retail.md.
BY_HAND = {"2011-06-01": "204.28", "2011-07-01": "513.54", "2011-08-01": "0.00", "2011-09-01": "128.13"}


#: What the sample's lines come to, worked out from the agreements: agreement, benefit, participant, window start. Every other payout is 0.
SAMPLE_PAYOUTS = {
    ("ADVANCE-CARRY-2011", "advance", "17949", "2011-01-01"): "60.00",  # 1 % of 6,000
    ("ADVANCE-CARRY-2011", "advance", "17949", "2011-08-01"): "760.00",  # 2 % of 41,000, less 60; in September 38,000 earn 440 less, which waits
    ("ADVANCE-CARRY-2011", "advance", "17949", "2011-11-01"): "40.00",  # 2 % of 43,000 is 480 more, 440 of it set off
    ("ADVANCE-PAY-2011", "advance", "15749", "2011-01-01"): "480.00",  # 2 % of 24,000
    ("ADVANCE-PAY-2011", "advance", "15749", "2011-04-01"): "-270.00",  # 1 % of 21,000, less 480
    ("CH-QUARTER-2011", "rebate", "12357", "2011-01-01"): "50.00",  # 2 % of 2,500
    ("DE-CLUB-2011", "annual-bonus", "12481", "2011-01-01"): "46.80",  # 4,000 pounds are 4,680 euros, 1 %
    ("DE-CLUB-2011", "postage-refund", "12481", "2011-01-01"): "105.30",  # half of 210.60 euros
    ("DECEMBER-2011", "increase", "14911", "2011-12-01"): "8.00",  # 4 % of 200, growth of 20 %
    ("DECEMBER-2011", "thank-you", "14911", "2011-12-01"): "50.00",  # 1,200 of a plan of 1,050
    ("EIRE-GROUP-2011", "group-volume", "14911", "2011-01-01"): "2524.00",  # 151,200: 1,000 + 1,024 + 500
    ("FR-STEPS-2011", "voucher", "12682", "2011-01-01"): "25.00",  # exactly 1,000
    ("JUMBO-BAGS-2011", "bags", "15769", "2011-01-01"): "9.03",  # 301 bags
    ("JUMBO-BAGS-2011", "bags", "15769", "2011-04-01"): "27.00",  # exactly 900 bags: not more than 900
    ("NL-14646-2011", "volume", "14646", "2011-01-01"): "600.00",  # 1 % of 60,000
    ("NL-14646-2011", "volume", "14646", "2011-04-01"): "1350.00",  # 1.5 % of 130,000, less 600
    ("NORDIC-CHRISTMAS-2011", "christmas", "12433", "2011-08-01"): "42.00",  # 8 % of 400 and 10
    ("NORDIC-CHRISTMAS-2011", "christmas", "12483", "2011-08-01"): "3.00",  # 5 % of 60
    ("OVERSEAS-FUND-2011", "contribution", "12415", "2011-01-01"): "90.00",  # 80 on the first 8,000, 10 on the next 2,000
    ("OVERSEAS-FUND-2011", "contribution", "12415", "2011-07-01"): "50.00",  # at least 50, here and for the three that buy nothing
    **{("OVERSEAS-FUND-2011", "contribution", customer, start): "50.00" for customer in ("12744", "12753", "12798") for start in ("2011-01-01", "2011-07-01")},
    ("PLAN-2011", "plan", "13089", "2011-04-01"): "480.00",  # 120 % of plan, 1.6 x 300
    ("PLAN-2011", "plan", "14298", "2011-01-01"): "187.50",  # 95 % of plan, three quarters of 250
    ("UK-WHOLESALE-2011", "half-year-slices", "13089", "2011-01-01"): "72.00",  # 0.5 % of 14,400
    ("UK-WHOLESALE-2011", "half-year-slices", "15769", "2011-01-01"): "12.01",  # 0.5 % of 2,402
    ("UK-WHOLESALE-2011", "half-year-slices", "18102", "2011-01-01"): "175.00",  # 125 on the first 25,000, 50 on the next 5,000
}


def run_in_portions(folder: Path, data: Path, portions: Iterable[int]) -> Path:
    """The book after one run for each portion: the number of days delivered so far."""
    days = list_days(data)
    write_online_retail_book(folder, data, days=[])
    delivered = 0
    for until in portions:
        deliver_days(folder, data, days[delivered:until])
        run_book(folder)
        delivered = until
    assert delivered == len(days)
    return folder


@pytest.fixture(scope="module", params=[pytest.param(SAMPLE, id="sample"), WHOLE_YEAR])
def data(request: pytest.FixtureRequest) -> Path:
    """The folder of the daily files."""
    return Path(request.param)


@pytest.fixture(scope="module")
def book(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book after all files, in two portions, so that everything below holds of files that come one after the other."""
    days = len(list_days(data))
    return run_in_portions(tmp_path_factory.mktemp("online-retail") / "in-portions", data, (days // 8, days))


@pytest.fixture(scope="module")
def source(data: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(SOURCE.format(data=data))
        yield con


def _published(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer to a query whose {table} names stand for published tables."""
    tables = {path.stem: f"read_parquet('{path}')" for path in (folder / "published" / "current").glob("*.parquet")}
    with duckdb.connect() as con:
        return con.sql(sql.format(**tables)).fetchall()


@only_whole_year
def test_the_control_totals_of_the_source_come_out(book: Path, source: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect(str(book / "warehouse.duckdb"), read_only=True) as con:
        totals = con.sql("""
            select count(*), sum(amount), count(distinct transaction_id), count(distinct partner_id) filter (not starts_with(partner_id, 'ANONYMOUS')),
                count(distinct product_id), count(*) filter (starts_with(partner_id, 'ANONYMOUS')), count(*) filter (type = 'return'),
                count(*) filter (type = 'adjustment' and starts_with(transaction_id, 'A')),
                count(*) filter (starts_with(transaction_id, 'A') and amount < 0), count(*) filter (amount = 0), count(*) filter (amount % 0.01 <> 0)
            from staging.stg_transactions""").fetchall()
    assert totals == [(541_909, Decimal("9747747.934000"), 25_900, 4_372, 4_070, 135_080, 9_288, 3, 2, 2_515, 4)]
    partners = _published(book, "select count(*) filter (attributes->>'kind' = 'customer'), count(distinct attributes->>'country') from {dim_partner}")
    assert partners == [(4_372, 38)]
    assert source.sql(f"select {ALIKE} from source").fetchall() == [(5_268,)]


def test_rows_that_are_alike_all_count(book: Path, source: duckdb.DuckDBPyConnection) -> None:
    ((rows, alike),) = source.sql(f"select count(*), {ALIKE} from source").fetchall()
    assert alike > 0
    counts = "sum(rows_read), sum(rows_loaded), sum(rows_duplicate), sum(rows_superseded), sum(rows_rejected)"
    assert _published(book, f"select {counts} from {{audit_feed_file}} where feed = 'transactions'") == [(rows, rows, 0, 0, 0)]


def test_every_row_of_every_file_is_accounted_for(book: Path, data: Path) -> None:
    accounted = "rows_read = rows_loaded + rows_duplicate + rows_superseded + rows_rejected"
    files = 3 * len(list_days(data)) + 1
    assert _published(book, f"select count(*), count(*) filter ({accounted}) from {{audit_feed_file}} where feed not in ('fx_rates', 'targets')") == [
        (files, files)
    ]
    assert _published(book, "select count(*) from {audit_reject}") == [(0,)]


@pytest.mark.parametrize(("agreement", "benefit"), PAYOUTS)
def test_payouts_are_those_of_plain_sql(book: Path, source: duckdb.DuckDBPyConnection, agreement: str, benefit: str) -> None:
    rates = book / "feeds" / "fx_rates" / "fx_rates.csv"
    wanted = {tuple(row[:2]): Decimal(row[2]) for row in source.sql(PAYOUTS[agreement, benefit].format(rates=rates)).fetchall()}
    found = _published(book, f"select participant_id, window_start, payout from {{fct_payout}} where agreement_id = '{agreement}' and benefit_id = '{benefit}'")
    assert {tuple(row[:2]): row[2] for row in found if row[2]} == {key: payout for key, payout in wanted.items() if payout}


@only_sample
def test_the_sample_pays_what_the_agreements_say(book: Path) -> None:
    rows = _published(
        book,
        """select agreement_id, benefit_id, participant_id, window_start::varchar, payout::decimal(18, 2)::varchar from {fct_payout} where payout <> 0""",
    )
    assert {row[:4]: row[4] for row in rows} == SAMPLE_PAYOUTS
    assert {agreement for agreement, *_ in rows} == {agreement for (agreement,) in _published(book, "select agreement_id from {dim_agreement}")} - {
        "ADVANCE-NONE-2011",  # no month of the sample reaches its first tier
        "ORDER-LINES-2011",  # nor 200 lines
    }


@only_whole_year
def test_the_payout_worked_out_by_hand_comes_out(book: Path) -> None:
    rows = _published(
        book,
        """select window_start::varchar, payout::decimal(18, 2)::varchar from {fct_payout}
            where agreement_id = 'ADVANCE-CARRY-2011' and participant_id = '17949'""",
    )
    assert {start: payout for start, payout in rows if start in BY_HAND} == BY_HAND


def test_a_quarter_without_a_plan_is_blocked(book: Path) -> None:
    rows = _published(
        book, "select participant_id, window_start::varchar, status_reason from {fct_payout} where status = 'blocked' and agreement_id = 'PLAN-2011'"
    )
    assert rows == [("14298", "2011-10-01", "target_missing")]


@pytest.mark.long
@pytest.mark.parametrize("is_daily", [False, True], ids=["at once", "day by day"])
def test_files_that_come_in_other_portions_give_the_same_tables(book: Path, data: Path, tmp_path: Path, is_daily: bool) -> None:
    days = len(list_days(data))
    folder = run_in_portions(tmp_path / "other", data, range(1, days + 1) if is_daily else (days,))
    tables = sorted(path.name for path in (book / "published" / "current").glob("*.parquet"))
    assert tables == sorted(path.name for path in (folder / "published" / "current").glob("*.parquet"))
    assert [name for name in tables if name != "audit_run.parquet" and not _are_equal(book, folder, name)] == []


def _are_equal(one: Path, other: Path, name: str) -> bool:
    """Whether both books publish the same rows, apart from the moment a file arrived."""
    without = "exclude (arrived_at)" if name == "audit_feed_file.parquet" else ""
    first, second = (f"(select * {without} from read_parquet('{folder / 'published' / 'current' / name}'))" for folder in (one, other))
    with duckdb.connect() as con:
        return not con.sql(f"(from {first} except all from {second}) union all (from {second} except all from {first})").fetchall()
