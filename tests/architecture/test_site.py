"""The documentation as a site: complete, whole, without a request to anybody, and made by either of two programs.

Belongs here: mkdocs.yml and what is made by it. Does not belong here: what the pages say, and links between them (test_docs.py).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.pages.site import ROOT, gather_pages, read_settings

TOOLS = ROOT / "build" / "site-tools" / "bin"
_FETCHED = re.compile(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=\"?(?:https?:)?//")


def test_the_menu_leads_to_every_page_but_decisions(tmp_path: Path) -> None:
    pages = [page for entry in read_settings()["nav"] for value in entry.values() for page in ([value] if isinstance(value, str) else _values(value))]
    gathered = [path.relative_to(ROOT).as_posix() for path in gather_pages(tmp_path)]
    assert sorted(pages) == sorted(name for name in gathered if name.endswith(".md") and not name.startswith("docs/adr/"))


def test_no_plugin_is_needed() -> None:
    assert read_settings()["plugins"] == ["search"]


def test_the_list_for_models_names_every_page_with_a_sentence(tmp_path: Path) -> None:
    gather_pages(tmp_path)
    listed = re.findall(r"^- \[.+\]\((.+)\): (.+)$", (tmp_path / "llms.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(listed) == len({page for page, _ in listed}) > 30
    assert [page for page, sentence in listed if not (tmp_path / page).is_file() or len(sentence) < 20] == []


@pytest.mark.parametrize(("program", "theme"), [("mkdocs", "mkdocs"), pytest.param("zensical", "zensical", marks=pytest.mark.long)])
def test_it_is_made_without_a_warning_and_asks_nobody(program: str, theme: str, tmp_path: Path) -> None:
    command = TOOLS / program if theme == "zensical" else Path(sys.executable).parent / program
    if not command.exists():
        pytest.skip("`make site` installs it")
    gather_pages(tmp_path / "pages")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").replace("build/pages", "pages").replace("build/site", "site")
    (tmp_path / "mkdocs.yml").write_text(settings, encoding="utf-8")
    done = subprocess.run(
        [command, "build", "--strict", "-f", "mkdocs.yml"], cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "SITE_THEME": theme}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert len(pages) > 60
    assert [found[0] for page in pages for found in [_FETCHED.search(page)] if found] == []
    assert (tmp_path / "site" / "llms.txt").is_file()


def _values(entries: list[dict[str, str]]) -> list[str]:
    return [page for entry in entries for page in entry.values()]
