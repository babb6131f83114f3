"""`tierledger approve`: record in an agreement's file who approved its terms."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.options import BookOption, JsonOption, QuietOption, make_console, print_json


def approve(
    book: BookOption,
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="The agreement's id.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who approves; must not be who changed the terms.")],
    version: Annotated[int | None, typer.Option("--version", metavar="N", help="Which version. Default: the highest.")] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Approve the terms of an agreement as they are now.

    Writes the key `approved` into its file: the name, the day (as_of of book.yaml, otherwise today) and the hash of the terms. If the terms change
    later, the approval no longer counts, and a book with require_approval: true does not run until they are approved again. Whoever changed the
    terms since the last approval cannot approve them: the key `changed_by` and git say who that was.

    [bold]Examples[/bold]

      tierledger approve ACME-2026 --by "A. Roe"
      tierledger approve ACME-2026 --version 2 --by "A. Roe"
    """
    from assets.agreements.approve import approve_agreement

    done = approve_agreement(book, agreement, by, version)
    terms = done.source.agreement
    if as_json:
        fields = {"agreement": terms.agreement, "version": terms.version, "by": done.by, "on": done.on, "terms_sha256": done.terms_sha256}
        print_json({**fields, "is_new": done.is_new, "file": done.source.document.file})
    elif not quiet:
        from rich.markup import escape

        before = "" if done.is_new else "was already "
        text = f"{terms.agreement} version {terms.version} ({terms.title or terms.agreement}) {before or 'is '}approved by {done.by} on {done.on}"
        make_console().print(f"{escape(text)}, in {escape(done.source.document.file)}.\nTerms  [cyan]{done.terms_sha256}[/cyan]", soft_wrap=True)
