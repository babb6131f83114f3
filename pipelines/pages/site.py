"""The pages of the documentation in one folder, of which MkDocs or Zensical makes a site (mkdocs.yml), and llms.txt, the list of them for a model.

Belongs here: which files belong to the site. Does not belong here: how it looks.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
START = "README.md"
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_SENTENCE = re.compile(r"^(.+?\.)(?:\s|$)", re.DOTALL)


class _Settings(yaml.SafeLoader):
    """MkDocs' YAML: `!ENV [NAME, default]` is the variable; here its default."""


def _take_default(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> Any:
    return loader.construct_sequence(node)[-1]


_Settings.add_constructor("!ENV", _take_default)


def gather_pages(folder: Path) -> list[Path]:
    """Copy the first page, and every file that it and its pages lead to, under the paths they have here. Returns their paths."""
    shutil.rmtree(folder, ignore_errors=True)
    settings = read_settings()
    found = [ROOT / name for name in (START, *settings["extra_css"])]
    for path in found:  # grows while it is read
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        found += [linked for linked in _links(path) if linked not in found] if path.suffix == ".md" else []
    (folder / "llms.txt").write_text(list_for_models(settings), encoding="utf-8")
    return found


def read_settings() -> dict[str, Any]:
    """mkdocs.yml."""
    settings: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Settings)
    return settings


def list_for_models(settings: dict[str, Any]) -> str:
    """The site's pages as https://llmstxt.org describes it: title, summary, and by section each page with its first sentence."""
    sections = [("Start", [entry]) if isinstance(next(iter(entry.values())), str) else next(iter(entry.items())) for entry in settings["nav"]]
    lines = [f"# {settings['site_name']}", "", f"> {settings['site_description']}"]
    for section, entries in sections:
        lines += ["", f"## {section}", ""] if f"## {section}" not in lines else []
        lines += [f"- [{title}]({page}): {_first_sentence(ROOT / page)}" for entry in entries for title, page in entry.items()]
    return "\n".join(lines) + "\n"


def _links(page: Path) -> Iterator[Path]:
    for target in dict.fromkeys(_LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))):
        path = (page.parent / target).resolve()
        if path.is_file():
            yield path


def _first_sentence(page: Path) -> str:
    paragraphs = [" ".join(part.split()) for part in _CODE.sub("", page.read_text(encoding="utf-8")).split("\n\n")]
    first = next((part for part in paragraphs if part and part[0] not in "#|-!<>"), "")
    found = _SENTENCE.match(first)
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", (found[1] if found else first).rstrip(":"))


if __name__ == "__main__":
    print(f"{len(gather_pages(ROOT / read_settings()['docs_dir']))} files in {read_settings()['docs_dir']}")
