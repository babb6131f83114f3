"""A book with one agreement for each way in which a payout hangs on something else, that events are played in.

Belongs here: making it, running it both ways. Does not belong here: the events, what they reach (tests/integration/incremental).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from assets.incremental.recomputed import Recomputed
from pipelines.run import run_book

TERM = {"from": "2025-01-01", "to": "2026-12-31"}
RATES = [{"from": 0, "rate": 0.01}, {"from": 1000, "rate": 0.02}]
FEEDS: dict[str, Any] = {
    "transactions": {"files": "feeds/transactions/*.csv", "key": ["transaction_id", "line"], "deleted": "note = 'gone'"},
    "partners": {"files": "feeds/partners/*.csv", "key": ["partner_id", "from"]},
    "products": {"files": "feeds/products/*.csv", "key": ["product_id", "from"]},
    "assignments": {"files": "feeds/assignments/*.csv", "key": ["partner_id", "participant_id"]},
    "participations": {"files": "feeds/participations/*.csv", "key": ["agreement", "participant_id", "from"]},
    "credits": {"files": "feeds/credits/*.csv", "key": ["transaction_id", "line", "participant_id"]},
    "fx_rates": {"files": "feeds/fx_rates/*.csv", "key": ["date", "from_currency", "to_currency"]},
    "targets": {"files": "feeds/targets/*.csv", "key": ["agreement", "benefit", "participant_id", "window_start"]},
    "metrics": {"files": "feeds/metrics/*.csv", "key": ["participant_id", "metric", "date"]},
    "payments": {"files": "feeds/payments/*.csv", "key": ["reference"]},
    "disputes": {"files": "feeds/disputes/*.csv", "key": ["dispute_id"]},
    "adjustments": {"files": "feeds/adjustments/*.csv", "key": ["adjustment_id"]},
    "collections": {"files": "feeds/collections/*.csv", "key": ["transaction_id", "line", "collected_on"]},
    "balances": {"files": "feeds/balances/*.csv", "key": ["agreement", "benefit", "participant_id", "window_start"]},
}
NOTHING_KEPT = "nothing is kept of a run before: there was none, it did not end, or files were read anew"
LINE = "transaction_id,line,date,partner_id,product_id,type,quantity,amount,currency,original_transaction_id,note"
HEADERS = {
    "partners": "partner_id,name,parent_id,from,to,region,factor",
    "products": "product_id,name,from,to,category,points",
    "assignments": "partner_id,participant_id,share",
    "credits": "transaction_id,line,participant_id,share",
    "participations": "agreement,participant_id,from,to,factor",
    "fx_rates": "date,from_currency,to_currency,rate",
    "targets": "agreement,benefit,participant_id,window_start,target",
    "metrics": "participant_id,metric,date,value",
    "payments": "agreement,benefit,participant_id,window_start,amount,paid_on,reference,currency",
    "disputes": "dispute_id,agreement,benefit,participant_id,window_start,transaction_id,raised_on,by,reason,status,resolved_on",
    "adjustments": "adjustment_id,agreement,benefit,participant_id,window_start,date,amount,reason,by,approved_by",
    "collections": "transaction_id,line,collected_on,share",
    "balances": "agreement,benefit,participant_id,window_start,date,measure,base,quantity,accrued,settled,carried",
}
_GROWTH: dict[str, Any] = {
    "by": "growth", "baseline": {"prior": "year"}, "window": "year", "accrue": {"placement": "forecast", "forecast": "seasonal"},
    "tiers": [{"from": -1, "rate": 0.01}, {"from": 0, "rate": 0.02}],
}  # fmt: skip
_LOOKING: dict[str, Any] = {"accumulate": "year", "by": {"benefit": "seen"}, "tiers": [{"from": 0, "amount": 1}, {"from": 1, "amount": 9}]}


def agreement(name: str, participants: list[str] | dict[str, list[str]], *benefits: dict[str, Any], **more: Any) -> dict[str, Any]:
    numbered = [{"id": "b", "clause": str(number), "window": "month", "tiers": RATES, **benefit} for number, benefit in enumerate(benefits or [{}], 1)]
    numbered = [{key: value for key, value in benefit.items() if value is not None} for benefit in numbered]
    return {"agreement": name, "title": name, "currency": "EUR", "term": TERM, "participants": participants, "benefits": numbered, **more}


def _advance(amount: float, **terms: Any) -> dict[str, Any]:
    return {"id": "advance", "window": "quarter", "tiers": None, "draw": {"amount": amount, "against": ["b"], "recover": True, **terms}}


_IN_PARTS = {"when": "collected", "hold_disputed": True, "release": [{"share": "2/3", "lag_days": 10}, {"share": "1/3", "after": "term", "lag_days": 60}]}
AGREEMENTS = [
    agreement("PLAIN", ["P1"]),
    agreement("CARRY", ["P2"], {"accumulate": "year", "settle": {"hold_disputed": True}}),
    agreement("OWED", ["P4"], {"tiers": [{"from": -10000, "rate": 0.01}]}),
    agreement("AHEAD", ["P2"], {}, _advance(20)),
    agreement("AHEAD-27", ["P2"], {}, _advance(10, **{"from": "AHEAD"}), term={"from": "2027-01-01", "to": "2027-12-31"}),
    agreement("KEPT", ["P3"], {}, _advance(20, recover=False)),
    agreement("CAPPED", ["P3"], {"settle": _IN_PARTS}, limits={"at_most": 12, "per": "year"}),
    agreement("DRINKS", ["P3"], scope={"products": {"include": {"category": ["drinks"]}}}),
    agreement("NORTH", {"region": ["north"]}),
    agreement("PARENT", ["P0"], include_children=True),
    agreement("SALES", ["S1"], {"window": "quarter", "by": "attainment", "target": "feed", "tiers": [{"from": 0, "amount": 10}, {"from": 1, "amount": 20}]}),
    agreement("NAMED", ["S2"], {"window": "year"}),
    agreement("SCORE", ["P5"], {"by": {"metric": "nps"}, "tiers": [{"from": 0, "amount": 1}, {"from": 50, "amount": 5}]}),
    agreement("TIED", ["P7", "P8"], {"by": "rank", "ties": {"then": [{"metric": "nps"}]}, "tiers": [{"from": 1, "amount": 9}, {"from": 2, "amount": 4}]}),
    agreement("RACE", ["P6", "P7", "P8"], {"by": "rank", "tiers": [{"from": 1, "amount": 100}, {"from": 2, "amount": 50}, {"from": 3, "amount": 0}]}),
    agreement("BEST-A", ["P9"], combine={"rule": "best", "group": "best"}),
    agreement("BEST-B", ["P9"], {"window": "month", "accumulate": "year", "settle": {"clawback": "pay"}}, combine={"rule": "best", "group": "best"}),
    agreement("FIRST", ["P10"], combine={"rule": "exclusive", "group": "one", "priority": 1}, scope={"products": {"include": {"category": ["drinks"]}}}),
    agreement("SECOND", ["P10"], combine={"rule": "exclusive", "group": "one", "priority": 2}),
    agreement("NET", ["P1"], {"window": "year"}, combine={"rule": "net_of", "agreements": ["PLAIN"]}),
    agreement("RETURNS", ["P11"], {"settle": {"minimum": 12, "clawback": "pay"}}, returns="original"),
    agreement("POINTS", ["P0", "P9"], {"window": "year", "measure": {"of": "amount", "times": "product.points"}}),
    agreement("FACTOR", ["P10"], {"window": "year", "measure": {"of": "amount", "times": "partner.factor"}}),
    agreement("RANGE", ["P9"], {"window": "year", "measure": {"distinct": "product.category"}, "tiers": [{"from": 0, "per_unit": 7}]}),
    agreement("LOYAL", ["P5"], {"measure": {"of": "amount", "over": "prior_year"}, "base": "amount"}),
    agreement("GROWTH", ["P12"], _GROWTH),
    agreement("AMENDED", ["P12"], {"window": "quarter"}),
    agreement("AMENDED", ["P12"], {"window": "quarter"}, version=2, effective="2026-05-08", amendment="from_date"),
    agreement("TODAY", ["P0"], {**_GROWTH, "window": "quarter", "baseline": {"prior": "year", "hierarchy": "today"}}),
    agreement("LOOKS", ["P12"], {"id": "seen", "by": "attainment", "target": 404}, _LOOKING),
    agreement(
        "PLACED",
        ["P9", "P11"],
        {"method": "graduated"},
        {"id": "m", "by": {"metric": "nps"}, "tiers": [{"from": 0, "rate": 0.01}, {"from": 50, "rate": 0.02}]},
        pool="placed",
        payee="P5",
    ),
]
IDS = [f"P{number}" for number in range(13)] + ["S1", "S2"]


class EdgesBook:
    """A book in a folder; `event` plays one event, runs it, and compares with a full run."""

    def __init__(self, folder: Path, engine: dict[str, Any] | None = None, names: Collection[str] | None = None) -> None:
        """names: the agreements that are in it, where a test has no need of all."""
        self.folder, self.as_of, self.count, self.engine = folder, "2026-06-15", 0, engine or {}
        for feed in FEEDS:
            (folder / "feeds" / feed).mkdir(parents=True)
        (folder / "agreements").mkdir()
        for document in AGREEMENTS:
            if names is None or document["agreement"] in names:
                self.write_agreement(document)
        self.deliver("partners", *(f"{name},{name},{'P0' if name == 'P4' else ''},,,{'north' if name == 'P2' else 'south'}" for name in IDS))
        self.deliver("products", "D1,D1,,,drinks,2", "F1,F1,,,food,3")
        self.deliver("assignments", "P3,S1,1")
        self.deliver("credits", "P12-3,,S2,1/3")
        self.deliver("fx_rates", "2025-01-01,USD,EUR,0.9", "2026-05-01,USD,EUR,0.8")
        self.deliver("targets", "SALES,b,S1,2026-04-01,500")
        self.deliver("metrics", "P5,nps,2026-05-10,40")
        self.deliver("payments", "CARRY,b,P2,2026-01-01,1,2026-05-20,PAID-1,USD")
        self.deliver("disputes", "D-1,,,,,P2-1,2026-05-20,ann,not ours")
        months = [(month, "F1" if month == 2 else "D1") for month in range(1, 7)]
        self.lines(*(f"{name}-{month},1,2026-{month:02}-10,{name},{product},sale,1,{400 + month},EUR,," for name in IDS for month, product in months))
        self.lines("G1,1,2026-06-01,P1,D1,sale,1,9,EUR,,gone")
        self.lines(*(f"{name}-25-{month},1,2025-{month:02}-20,{name},D1,sale,1,{300 + month},USD,," for name in IDS for month in (3, 6, 7)))
        self.deliver("adjustments", "A-1,CAPPED,b,P3,2026-02-01,2026-05-20,-0.5,agreed,ann", "A-2,CARRY,b,P2,2026-03-01,2026-05-31,3,agreed,ann")
        self.deliver("collections", "P3-1,,2026-04-20,1", "P3-2,1,2026-05-20,0.5")
        self.deliver("balances", "AHEAD,b,P2,2026-01-01,2026-01-15,600,,,4,1,0.5", "AHEAD,advance,P2,2026-01-01,2026-01-15,,,,2,,30")

    def deliver(self, feed: str, *rows: str) -> Path:
        self.count += 1
        path = self.folder / "feeds" / feed / f"{self.count:03}.csv"
        header = LINE if feed == "transactions" else HEADERS[feed]
        whole = (row + "," * (header.count(",") - row.count(",")) for row in rows)  # what a row leaves out at its end is empty
        path.write_text("\n".join([header, *whole]) + "\n")
        return path

    def lines(self, *rows: str) -> Path:
        return self.deliver("transactions", *rows)

    def write_agreement(self, document: dict[str, Any]) -> None:
        (self.folder / "agreements" / f"{document['agreement']}-{document.get('version', 1)}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def write_settings(self) -> None:
        settings = {"book": "edges", "currency": "EUR", "as_of": dt.date.fromisoformat(self.as_of), "feeds": FEEDS, "engine": self.engine}
        settings["publish"] = {"duckdb": False}  # nobody reads it here
        (self.folder / "book.yaml").write_text(yaml.safe_dump(settings))

    def run(self, full: bool = False) -> Recomputed:
        self.write_settings()
        recomputed = run_book(self.folder, force=True, full=full).recomputed
        assert recomputed is not None
        return recomputed

    def published(self) -> dict[str, str]:
        files = (self.folder / "published" / "current").glob("*.parquet")
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.stem != "audit_run"}

    def event(self, compares: bool = True) -> Recomputed:
        """Run, and say what was computed anew; what it published is what a full run publishes."""
        recomputed = self.run()
        if not compares:
            return recomputed
        incremental = self.published()
        assert self.run(full=True).why_full == "--full was given"
        differing = {name for name, sha256 in self.published().items() if incremental.get(name) != sha256}
        assert not differing
        return recomputed
