"""The command line itself: help, exit codes, messages. No run happens here.

Belongs here: what a person meets before or instead of a run. Does not belong here: runs (tests/integration/test_run.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from assets.published.formatting import money, number, percent, size
from assets.runtime.versions import code_version
from pipelines import settings
from pipelines.cli.main import COMMANDS, main
from pipelines.cli.options import as_called, command_line, named_book


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Examples" in text
    assert f"tierledger {command}" in text


@pytest.mark.parametrize(("agreements", "rest"), [(2, ""), (3, "… and 1 more; --json lists them all")])
def test_a_long_table_of_agreements_is_cut_and_its_notes_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, agreements: int, rest: str
) -> None:
    for limit in ("_MOST_LISTED", "_AT_ONCE"):
        monkeypatch.setattr(f"pipelines.cli.commands.validate.{limit}", 2)
    (tmp_path / "book.yaml").write_text('book: b\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}\n')
    (tmp_path / "agreements").mkdir()
    term, tiers = "{from: 2026-01-01, to: 2026-12-31}", "[{from: 10, amount: 5}]"
    for n in range(agreements):
        text = f'agreement: A{n}\ncurrency: EUR\nterm: {term}\nparticipants: [P]\nbenefits: [{{id: b, clause: "1", window: year, tiers: {tiers}}}]\n'
        (tmp_path / "agreements" / f"a{n}.yaml").write_text(text)
    assert main(["validate", "--book", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert ("more;" in text) == bool(rest)
    assert rest in text
    assert [f"agreements/a{n}.yaml:1" in text for n in range(3)] == [True, True, False]
    assert text.count("cliff: at 10 the payout goes from EUR 0.00 to EUR 5.00") == agreements
    assert f"{agreements} agreements, no mistakes." in text


def test_the_settings_of_a_dagster_instance_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the environment names an instance, that one is opened, on the address that was asked for; its settings stay as they are."""
    started: list[list[str]] = []
    homes: list[str] = []

    def start(program: str, command: list[str], environment: dict[str, str]) -> None:
        started.append(command)
        homes.append(environment["DAGSTER_HOME"])

    monkeypatch.setattr("os.execve", start)
    monkeypatch.chdir(tmp_path)
    book = tmp_path / "book"
    book.mkdir()
    (book / "book.yaml").write_text("book: b\ncurrency: EUR\nfeeds: {transactions: {files: x}}\n")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(["ui", "--book", str(book), "--host", "0.0.0.0", "--port", "3100"]) == 0
    assert started[0][-4:] == ["--host", "0.0.0.0", "--port", "3100"]
    assert "http://0.0.0.0:3100" in capsys.readouterr().out
    settings = book / ".dagster_home" / "dagster.yaml"
    assert "telemetry" in settings.read_text()
    settings.write_text("telemetry: {enabled: true}\n")
    assert main(["ui", "--book", str(book)]) == 0
    assert settings.read_text() == "telemetry: {enabled: true}\n"
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "own"))
    assert main(["ui", "--book", str(book)]) == 0
    assert homes == [str(book / ".dagster_home"), str(book / ".dagster_home"), str(tmp_path / "own")]


def test_the_version_names_release_and_calculation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tierledger {code_version()}\n"
    assert main(["--help"]) == 0
    assert "--version" in capsys.readouterr().out


@pytest.fixture
def program_file(tmp_path: Path) -> Path:
    """A program named tierledger that can be run."""
    file = tmp_path / "bin" / "tierledger"
    file.parent.mkdir()
    file.touch(mode=0o755)
    return file


def test_a_proposed_command_names_the_program_as_it_was_called(program_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name where that finds it, else by the path that was typed; also in words of the layers below the command."""
    monkeypatch.setattr(sys, "argv", [str(program_file)])
    monkeypatch.setenv("PATH", str(program_file.parent))
    assert main(["run", "--book", "nowhere"]) == 2
    assert "`tierledger demo` writes" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["run", "--book", "nowhere"]) == 2
    assert f"`{program_file} demo` writes" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(program_file.parent))  # where the name finds another program
    monkeypatch.setattr(sys, "argv", [".venv/bin/tierledger"])
    assert command_line("explain 1f", Path("my book")) == ".venv/bin/tierledger explain 1f --book 'my book'"


def test_a_module_that_is_run_by_python_proposes_the_same() -> None:
    """Also in the help and where an option is wrong; the interpreter is named as it was typed."""
    python = os.path.relpath(sys.executable)

    def output(*arguments: str) -> str:
        return subprocess.run([python, "-m", "pipelines.cli", *arguments], capture_output=True, text=True, check=False).stderr

    assert f"`{python} -m pipelines.cli demo` writes" in output("run", "--book", "nowhere")
    assert f"'{python} -m pipelines.cli run -h'" in output("run", "--wrong")


def test_a_proposed_command_names_the_book_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only where the command takes it."""
    monkeypatch.setattr(sys, "argv", [".venv/bin/tierledger"])
    text = as_called("`tierledger run`, `tierledger run --book there`, `tierledger demo`; tierledger is the name", Path("here"))
    assert text == "`.venv/bin/tierledger run --book here`, `.venv/bin/tierledger run --book there`, `.venv/bin/tierledger demo`; tierledger is the name"


@pytest.mark.parametrize("arguments", [["explain", "1f", "--book", "my book"], ["explain", "--book=my book", "1f"]])
def test_the_book_of_a_command_line(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_book(arguments) == Path("my book")
    monkeypatch.setenv("TIERLEDGER_BOOK", "other")
    assert named_book(["explain", "1f"]) == Path("other")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f" {command} " in text for command in COMMANDS)


def test_the_page_of_commands_names_every_one() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [command for command in COMMANDS if f"| `tierledger {command}" not in page] == []


@pytest.mark.parametrize("command", [["run"], ["validate"], ["explain"], ["ui"]])
def test_a_book_that_is_not_there_says_how_to_get_one(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--book", str(tmp_path / "nowhere")]) == 2
    assert "tierledger demo" in (error := capsys.readouterr().err) or "tierledger run" in error
    assert "Traceback" not in error


def test_the_book_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TIERLEDGER_BOOK", str(tmp_path / "from-environment"))
    assert main(["run"]) == 2
    assert "from-environment" in capsys.readouterr().err


def test_the_book_is_the_current_folder_where_that_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIERLEDGER_BOOK", raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings.book_folder() == settings.DEMO_BOOK
    (tmp_path / "book.yaml").write_text("book: here\n")
    assert settings.book_folder() == tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--as-of", "30.06.2026"],
        ["run", "--asof", "2026-06-30"],
        ["walk"],
        ["explain", "x", "--format", "pdf"],
        ["close", "2026-01"],
        ["write-off", "x", "--reason", "r", "--by", "b", "--amount", "much"],
        ["reopen", "2026-01", "--by", "a"],
    ],
)
def test_a_wrong_command_line_is_wrong_input(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_every_mistake_of_book_and_agreements_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agreements").mkdir()
    (tmp_path / "book.yaml").write_text("book: b\ncurency: EUR\nfeeds: {transactions: {files: x.csv}}\n")
    (tmp_path / "agreements" / "a.yaml").write_text("agreement: A\ntitle: t\ncurrency: EUR\nbenefits: []\n")
    (tmp_path / "agreements" / "b.yaml").write_text("agreement: B\nagreement: B\n")
    assert main(["validate", "--book", str(tmp_path)]) == 2
    errors = capsys.readouterr().err
    assert "book.yaml:2: curency: this key is not known; did you mean currency?" in errors
    assert "agreements/a.yaml:" in errors
    assert "agreements/b.yaml:2: agreement: this key appears twice" in errors


@pytest.mark.parametrize(("setting", "key"), [("postgres: x", "postgres"), ("parquet: false", "publish.parquet")])
def test_settings_that_are_not_carried_out_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str, key: str) -> None:
    (tmp_path / "book.yaml").write_text(f"book: b\ncurrency: EUR\nfeeds: {{transactions: {{files: x.csv}}}}\npublish: {{{setting}}}\n")
    assert main(["run", "--book", str(tmp_path)]) == 2
    assert key in capsys.readouterr().err


def test_fresh_removes_only_the_demo_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.yaml").write_text("book: mine\ncurrency: EUR\nfeeds: {transactions: {files: x.csv}}\n")
    assert main(["demo", str(tmp_path), "--fresh"]) == 2
    assert "not the demo book" in capsys.readouterr().err
    assert (tmp_path / "book.yaml").is_file()


def test_doctor_works_on_a_broken_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.yaml").write_text("book: [\n")
    assert main(["doctor", "--book", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "this is not YAML" in text
    assert "nothing published yet" in text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234567.5", "EUR", "1,234,567.50 EUR"),
        ("1234.0000", "JPY", "1,234 JPY"),
        ("-0.1230", "KWD", "-0.123 KWD"),
        ("0.0050", "EUR", "0.005 EUR"),
        ("1E+3", "USD", "1,000.00 USD"),
    ],
)
def test_money_has_the_decimals_of_its_currency_and_loses_none(amount: str, currency: str, text: str) -> None:
    assert money(Decimal(amount), currency) == text


def test_other_figures() -> None:
    assert money(None, "EUR") == "–"
    assert number(12345) == "12,345"
    assert number(Decimal("0.100")) == "0.1"
    assert percent(Decimal("0.0150")) == "1.5 %"
    assert (size(999), size(1_500_000)) == ("999 bytes", "1.5 MB")
