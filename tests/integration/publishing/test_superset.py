"""The dashboard of examples/bi in a real Superset and a real browser: its figures are those of the published tables, and it asks no other machine.

Superset is installed by its script where it is not yet there ($SUPERSET, default build/superset), so the first run takes many minutes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support.browser import CHROMIUM, Browser, open_browser

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="no browser")]

ROOT = Path(__file__).parents[3]
IMAGE = ROOT / "docs" / "images" / "superset.png"
PLACE = Path(os.environ.get("SUPERSET", ROOT / "build" / "superset"))
_LOGIN = """
    (async () => {
        const token = document.querySelector('#csrf_token').value;
        const answer = await fetch('/login/', {method: 'POST', body: new URLSearchParams({username: 'admin', password: %s, csrf_token: token})});
        return new URL(answer.url).pathname;
    })()"""
_TOTALS = """
    select sum(earned_reporting) filter (direction = 'receivable'), sum(earned_reporting) filter (direction = 'payable'), sum(accrued_signed),
        sum(projected_signed)
    from fct_payout_month"""
_LARGEST_OPEN = """
    select agreement_title from fct_payout where status in ('final', 'closed') and open_amount <> 0
    group by direction, currency, agreement_title order by sum(open_amount) desc limit 1"""
_NEAREST = """
    select p.participant_name from fct_payout as p join fct_achievement as a on a.payout_id = p.payout_id
    where p.status = 'open' and a.gap_to_next_tier >= 0 and a.measure_to_date > 0
    qualify row_number() over (partition by p.payout_id order by a.period desc) = 1
    order by a.gap_to_next_tier / (a.measure_to_date + a.gap_to_next_tier) limit 1"""
_BLOCKED = "select participant_name, status_reason from fct_payout where status = 'blocked' order by status_reason limit 1"


@pytest.fixture(scope="module")
def address(demo_book: Path) -> Iterator[str]:
    """Superset with the dashboard over the demo, until the tests have run."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    started = [str(ROOT / "examples" / "bi" / "superset.sh"), str(demo_book), str(port)]
    process = subprocess.Popen(started, env=os.environ | {"SUPERSET": str(PLACE)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        ends = time.monotonic() + 1800
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, "superset.sh has ended"
            assert time.monotonic() < ends, "Superset does not answer"
            time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def log_in(browser: Browser, address: str) -> None:
    browser.open(f"{address}/login/")
    browser.wait_for("(document.querySelector('#csrf_token') || {}).value", 60)
    password = (PLACE / "home" / "password").read_text().strip()
    assert browser.ask(_LOGIN % json.dumps(password)) == "/superset/welcome/"


def test_the_dashboard_shows_what_is_published(demo_book: Path, address: str) -> None:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        totals = [f"{value:,.2f}" for value in con.execute(_TOTALS).fetchall()[0]]
        names = [str(value) for query in (_LARGEST_OPEN, _NEAREST, _BLOCKED) for value in con.execute(query).fetchall()[0]]
    with open_browser() as browser:
        log_in(browser, address)
        browser.open(f"{address}/superset/dashboard/tierledger/?standalone=1", 1400, 1150)
        for text in (*totals, *names):
            browser.wait_for(f"document.body.innerText.includes({json.dumps(text)})", 90)
        browser.wait_for("document.querySelectorAll('canvas').length > 0", 90)
        assert not browser.ask("/error|exception/i.test(document.body.innerText)")
        others = {url for url in browser.requests if url.startswith("http")} - {url for url in browser.requests if url.startswith(address)}
        assert [url for url in others if not any(url in text and "has been blocked" in text for text in browser.said)] == []
        if os.environ.get("UPDATE_SNAPSHOTS"):
            time.sleep(3)  # bars grow
            browser.page.screenshot(path=IMAGE)
