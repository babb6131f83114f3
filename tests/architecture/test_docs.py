"""The docs hold what they promise: links lead somewhere, no text cites a document that is not shipped, and the agreements that the language's page
shows are ones the program takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.agreements.parse import parse_agreements
from models.calendars import CalendarSettings
from models.documents import parse_documents
from tests.faults.files import CASES

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (".ci", "assets", "benchmarks", "dbt_project", "docs", "examples", "models", "pipelines", "tests")
#: What a run of dbt or Python leaves in them.
MADE = {"__pycache__", "logs", "target"}
SUFFIXES = {".c", ".csv", ".html", ".j2", ".md", ".py", ".sql", ".toml", ".txt", ".yaml", ".yml"}
FILES = sorted(
    path
    for path in [*ROOT.iterdir(), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    if path.is_file() and (path.suffix in SUFFIXES or path.suffix == "") and not MADE & set(path.relative_to(ROOT).parts)
)
PAGES = [path for path in FILES if path.suffix == ".md"]
#: Pages that a command writes for its user.
WRITTEN = {"report.md"}
#: Documents by which the project was specified and reviewed, and marks of their sections: a reader of the repository has none of them.
NOT_SHIPPED = re.compile(r"\b(?:SPEC|FAULTS|DESIGN|PERF|REVIEW)\b|§|(?<![\w/])/work/|\.\./shared\b")
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are reached, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md", "docs/testing.md"])
def test_files_and_folders_of_the_repository_that_a_page_names_are_there(name: str) -> None:
    named = re.findall(r"`([\w./-]+(?:/|\.(?:c|md|py|sql|toml|ya?ml)))`", (ROOT / name).read_text(encoding="utf-8"))
    names = {path.name for path in FILES}
    paths = [path for path in named if path.split("/")[0] in FOLDERS]
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [path for path in named if "/" not in path and path not in names] == []


def test_every_generated_page_has_a_target_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    makers = [path.stem for path in (ROOT / "pipelines" / "pages").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")]
    assert len(makers) > 5
    assert [name for name in makers if f"-m pipelines.pages.{name}\n" not in makefile] == []


def test_no_text_cites_a_document_that_is_not_shipped() -> None:
    names = {page.name for page in PAGES} | WRITTEN
    found = []
    for path in FILES:
        if path == Path(__file__).resolve():
            continue
        text = re.sub(r"https?://\S+", "", path.read_text(encoding="utf-8", errors="replace"))
        cited = [*NOT_SHIPPED.findall(text), *(name for name in re.findall(r"[\w-]+\.md\b", text) if name not in names)]
        found += [f"{path.relative_to(ROOT)}: {name}" for name in cited]
    assert not found


def test_the_agreement_on_the_language_page_is_taken() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", LANGUAGE, re.DOTALL)
    whole = [block for block in blocks if block.startswith("agreement:")]
    assert whole
    for block in whole:
        assert parse_agreements({"language.md": block})


def test_pieces_of_yaml_on_the_language_page_are_taken() -> None:
    """What stands in backticks as {…} is YAML as the program reads it."""
    pieces = [piece for piece in re.findall(r"`(?:[a-z_]+: )?(\{[^`]*\}|\[\{[^`]*\}\])`", LANGUAGE) if "…" not in piece]
    assert len(pieces) > 10
    for piece in pieces:
        if not re.fullmatch(r"\{[a-z, ]+\}", piece):
            assert parse_documents(piece, "language.md")[0].value
    calendar = next(piece for piece in pieces if "first_days" in piece)
    assert CalendarSettings.model_validate(parse_documents(calendar, "language.md")[0].value)


def test_the_index_leads_to_every_page_once() -> None:
    targets = re.findall(r"\]\(([^)#]+\.md)\)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8"))
    linked = sorted((ROOT / "docs" / target).resolve() for target in targets)
    assert linked == sorted({*PAGES} - {ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "docs" / "README.md"})


def test_the_architecture_page_names_every_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = [folder for floor in ("models", "assets", "pipelines") for folder in (ROOT / floor).iterdir() if (folder / "__init__.py").exists()]
    suites = [folder for folder in (ROOT / "tests").iterdir() if (folder / "__init__.py").exists()]
    assert [name for folder in packages if f"`{(name := folder.relative_to(ROOT).as_posix())}`" not in page] == []
    assert [folder.name for folder in suites if f"`{folder.name}`" not in page] == []


def test_the_page_of_tests_counts_the_faults_found_in_use() -> None:
    text = " ".join((ROOT / "docs/testing.md").read_text(encoding="utf-8").split())
    assert f"the {sum(case.fault.startswith('U') for case in CASES)} files of faults that were found in use" in text
