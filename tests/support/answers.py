"""Asking the server of a book, as an assistant would: through a client of the protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp import Client

from pipelines.answers.server import make_server


def ask(book: Path, tool: str, arguments: dict[str, Any], participants: Sequence[str] | None = None) -> Any:
    """The answer of one tool; its message where it refuses."""
    return ask_all(book, [(tool, arguments)], participants)[0]


def ask_all(book: Path, calls: Sequence[tuple[str, dict[str, Any]]], participants: Sequence[str] | None = None) -> list[Any]:
    """The answers of several."""

    async def talk() -> list[Any]:
        async with Client(make_server(book, participants)) as client:
            return [read_answer(await client.call_tool(tool, arguments)) for tool, arguments in calls]

    return asyncio.run(talk())


def read_answer(result: Any) -> Any:
    """What a tool answered; its message where it refused."""
    text = result.content[0].text
    return text if result.is_error else json.loads(text)
