"""Small breakages of what is kept for years: closes, write-offs, the chain, receipts, the history of runs.

Belongs here: what is changed, and the tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import Mutant, mutants_of

RULES = ("tests/unit/records",)
RECEIPTS = ("tests/integration/test_receipts.py",)
PAYMENTS = ("tests/integration/ledger/test_payment_batches.py",)
PUBLISHING = ("tests/integration/publishing/test_publishing.py",)
PARTS = ("tests/integration/publishing/test_line_parts.py",)
TRANSACTION_PARTS = ("tests/integration/publishing/test_transaction_parts.py",)

CHANGES: dict[str, list[tuple[str, str]]] = {
    "models/records/write_offs.py": [
        # the limit: of all write-offs of the payout, to the cent
        ('total = abs(chosen) + sum((abs(each.amount) for each in before if each.payout_id == payout["payout_id"]), Decimal(0))', "total = abs(chosen)"),
        ('abs(each.amount) for each in before if each.payout_id == payout["payout_id"]', "abs(each.amount) for each in before"),
        ('abs(each.amount) for each in before if', "each.amount for each in before if"),
        ("total = abs(chosen) +", "total = chosen +"),
        ("if total > limit:", "if total >= limit:"),
        ("if total > limit:", "if abs(chosen) > limit:"),
        # what is open
        ('if payout["status"] not in ("final", "closed"):', 'if payout["status"] not in ("final", "closed", "open"):'),
        ('if payout["status"] not in ("final", "closed"):', 'if payout["status"] not in ("final",):'),
        ("if open_amount == 0:", "if open_amount <= 0:"),
        ("abs(chosen) > abs(open_amount)", "abs(chosen) >= abs(open_amount)"),
        ("abs(chosen) > abs(open_amount)", "chosen > open_amount"),
        ("chosen * open_amount < 0", "chosen < 0"),
        ("chosen == 0 or ", ""),
        ("round(chosen, decimals)", "round(chosen, 2)"),
        ("if not chosen.is_finite():", "if chosen.is_nan():"),
        # the chain of lines
        ("sequence=len(before) + 1,", "sequence=len(before),"),
        ("(number, last_sha256(write_offs))", "(number, write_off.previous_sha256)"),
        ("canonical_json(fields) != line or ", ""),
        (" or _line_sha256(fields) != write_off.sha256:", ":"),
        ("if record.write_offs_sha256 not in written", "if record.write_offs_sha256 != last_sha256(write_offs)"),
    ],
    "models/records/closing.py": [
        ('if record.kind == "close" and (record.period, record.version) not in reopened', 'if record.kind == "close"'),
        ("and (record.period, record.version) not in reopened", "and record.period not in {period for period, _ in reopened}"),
        ("return max((record.period for record in closes_in_force(records)), default=None)",
         "return next((record.period for record in closes_in_force(records)), None)"),
        ("period <= last", "period < last"),
        ("period <= last", "period == last"),
        ("period.first_day <= day <= period.last_day", "period.first_day < day <= period.last_day"),
        ("period.first_day <= day <= period.last_day", "period.first_day <= day < period.last_day"),
        ("periods[periods.index(own) :]", "periods"),
        ("if period.last_day > as_of:", "if period.last_day >= as_of:"),
        ("if period.last_day > as_of:", "if period.first_day > as_of:"),
        ("each.name < name and", "each.name <= name and"),
        ("and each.name in open_periods and", "and"),
        (" and not is_closed(each.name, records)]", "]"),
        ("if earlier and not with_earlier:", "if earlier:"),
        ("return [*earlier, period]", "return [period]"),
        ("approved.casefold() == by.casefold()", "approved == by"),
        ("if in_force[-1].period != name:", "if False:"),
        ('"version": in_force[-1].version', '"version": 1'),
        ("if known > as_of:", "if known >= as_of:"),
        ('record.kind == "close" and record.period == period for', "record.period == period for"),
        ("or len(cleaned) > LONGEST:", "or len(cleaned) >= LONGEST:"),
        ("not cleaned.isprintable() or", "False or"),
    ],
    "models/records/chain.py": [
        ("if sequence > expected:", "if sequence > expected + 1:"),
        ("elif sequence < expected:", "elif sequence < expected - 1:"),
        ("if previous and record.previous_sha256 != previous:", "if False:"),
        ("if record.folder != folder.name:", "if False:"),
        ("if _chain_sha256(fields) != record.chain_sha256 or canonical_json(fields) != data:", "if canonical_json(fields) != data:"),
        ('if _content_sha256(fields["files"]) != record.content_sha256:', "if False:"),
        ("elif name not in record.files:", "elif False:"),
        ("elif sha256(data := folder.files[name]) != record.files[name].sha256:", "elif len(data := folder.files[name]) != record.files[name].bytes:"),
        ("if sha not in held:", "if False:"),
    ],
    "models/records/receipt.py": [
        ("if own == sha256(canonical_json(fields)):", "if own:"),
    ],
}  # fmt: skip

#: Who may pay what, and once.
PAID: dict[str, list[tuple[str, str]]] = {
    "models/records/payment_batches.py": [
        ("approved_by.casefold() == batch.proposed.by.casefold()", "approved_by == batch.proposed.by"),
        ("    if batch.cancelled:\n        raise LedgerRuleViolation", "    if False:\n        raise LedgerRuleViolation"),
        ("records[-1].as_of > as_of", "records[0].as_of > as_of + dt.timedelta(1)"),
        ("(record.sequence, record.previous_sha256) != (len(records) + 1, payments_head(records))", "False"),
        ("if _chain_sha256(fields) != record.chain_sha256 or", "if"),
        ("elif sha256(folder.files[name]) != record.files[name]:", "elif False:"),
        ("if head not in held and not problems:", "if False:"),
    ],
    "assets/payments/open_parts.py": [
        ("where direction = 'payable'", ""),
        ("payouts.settled + payouts.written_off + coalesce(live.pending, 0)", "payouts.settled + coalesce(live.pending, 0)"),
        ("payouts.settled + payouts.written_off + coalesce(live.pending, 0)", "payouts.settled + payouts.written_off"),
        ("greatest(released, payable) as highest", "released as highest"),
        ("and status in ('final', 'closed') then", "then"),
        ("released - coalesce(pending, 0) - coalesce(confirmed, 0) as unused", "released - coalesce(pending, 0) as unused"),
        ("released - coalesce(pending, 0) - coalesce(confirmed, 0) as unused", "released - coalesce(confirmed, 0) as unused"),
        ("least(room, greatest(to_pay - room_later, 0))", "least(room, to_pay)"),
        ("from due where net > 0", "from due where net >= 0"),
        ("from due where net > 0", "from due"),
        ("(partition by participant_id, currency) as net", "(partition by participant_id) as net"),
        ("amount > 0 and to_pay < amount or", ""),
        ("or amount < 0 and to_pay > amount", ""),
    ],
    "assets/payments/batches.py": [
        ("    if batch.approved:\n", "    if False:\n"),
        ("view_open_parts(con, context.as_of, without_batch=number)", "view_open_parts(con, context.as_of)"),
        ("    if batch.cancelled:\n", "    if False:\n"),
    ],
}  # fmt: skip

#: What happens in which order, so that a crash between two of them leaves a whole book.
EFFECTS: dict[str, list[tuple[str, str]]] = {
    "assets/archive/receipts.py": [
        ('        con.execute("checkpoint")  #', "        pass  #"),
        ("return [REBUILT] if rebuild else [REBUILT_MISSING] if had_one else []", "return [REBUILT] if rebuild else []"),
        ("if (receipt.load_no, receipt.load_sha256) not in loads:", "if False:"),
        ("if hash_contents(found) != last[1]:", "if False:"),
        ("if status.st_size != arrival.bytes or (touched and", "if status.st_size != arrival.bytes or (False and"),
    ],
}  # fmt: skip

_APPEND = "            append_run(context.archive, run, shared_log(context, RUNS))\n"
_SWITCH = f"            switch(published, target)\n{_APPEND}"
PUBLISHED: dict[str, list[tuple[str, str]]] = {
    "assets/publishing/parquet_set.py": [
        (_SWITCH, f"{_APPEND}            switch(published, target)\n"),
        ("            check_set(con, context, files_of(staged, manifest))\n", ""),
        ("where coalesce(payout, 0) <> coalesce(lines, 0) or", "where coalesce(payout, 0) < coalesce(lines, 0) or"),
        ("group by payout_id having count(*) > 1", "group by payout_id having count(*) > 2"),
    ],
    "assets/publishing/kept_sets.py": [
        ("if place >= KEPT_SETS:", "if place > KEPT_SETS:"),
        ("    except BlockingIOError:\n        return True\n", "    except BlockingIOError:\n        return False\n"),
    ],
}  # fmt: skip

#: Which lines stay as they were published.
LINKED: dict[str, list[tuple[str, str]]] = {
    "assets/publishing/line_parts.py": [
        ("if sum(lines.values()) > ONE_FILE_UP_TO_LINES", "if sum(lines.values()) >= ONE_FILE_UP_TO_LINES"),
        # what makes a payout dirty
        ("and payouts.participant_key = changed.participant_key", ""),
        ("payouts.line_set_key = changed.line_set_key and ", ""),
        ("[measure_line_set_key, own_line_set_key, base_line_set_key]", "[measure_line_set_key]"),
        ("and changed.period_no between payouts.first_period and payouts.last_period", ""),
        ("between payouts.first_period and payouts.last_period", "= payouts.first_period"),
        ("between payouts.first_period and payouts.last_period", "= payouts.last_period"),
        ("queries = (_OF_CHANGED_LINES, ", "queries = ("),
        ("_OF_NET_AGREEMENTS, _differing", "_differing"),
        (', _differing(_ALLOCATED, "previous.payouts_allocated")', ""),
        (', _differing(_SLICES, "previous.tier_slices")', ""),
        ("(({now}) except from {before}) union all ", ""),
        (" union all (from {before} except ({now}))", ""),
        ("* exclude (payout_key, payout_no)", "* exclude (payout_key)"),
        ("* exclude (payout_key, payout_no)", "* exclude (payout_no)"),
        ("slices.* exclude (payout_key)", "slices.*"),
        # which set it is compared with
        ('not table_exists(con, "calc", "changed_sums") or ', ""),
        (' or not table_exists(con, "previous", "published_set")', ""),
        ('con.execute("from previous.published_set").fetchall() == [(seal_of(before),)] and is_same', "is_same"),
        ('("code_version", "engine_versions", "settings_sha256")', '("engine_versions", "settings_sha256")'),
        ('("code_version", "engine_versions", "settings_sha256")', '("code_version", "settings_sha256")'),
        ('("code_version", "engine_versions", "settings_sha256")', '("code_version", "engine_versions")'),
        ('("calc.changed_sums", "previous.payouts_allocated",', '("previous.payouts_allocated",'),
        # taking over a file
        ("if file_sha256(target) == sha256:", "if True:"),
        ("    except FileNotFoundError:\n        return False\n", ""),
        ("        shutil.copyfile(before, target)\n", ""),
    ],
    "assets/publishing/parquet_set.py": [
        ('con.execute(f"set variable {name} = ?", [value])', "pass"),
        ("            remember_payouts(con, manifest, parts)\n", ""),
    ],
    "assets/published/reader.py": [
        ("return manifest if is_whole and all(path.is_file() for path in hashes_of(folder, manifest)) else None", "return manifest if is_whole else None"),
    ],
}  # fmt: skip

FILES_IN_PARTS: dict[str, list[tuple[str, str]]] = {
    "assets/publishing/transaction_parts.py": [
        ("rows_per_row, lines_before)", "rows_per_row)"),
        ("count(*) filter (date > (select as_of from terms.settings))", "0"),
        ("hash('read', count(*),", "hash('read', 0,"),
        ("rows.disposition, files.file_name, rows.replaced_by_row_no)", "rows.disposition)"),
        ("hash('unresolved', row_no, reason)", "0"),
        ("hash('rejected', row_no, reason, readable)", "0"),
        ("hash('ignored', row_no)", "0"),
        ("hash('on line', row_no, line)", "0"),
        ("hash('original', lines.row_no, originals.first_day)", "0"),
        ("hash('credited', lines.row_no, credits.line, credits.credit_key)", "0"),
        (" || ' ' || hash($3)", ""),
        (" if known.get(part.name) == part.digest", ""),
        (" or not is_same_program(before, run)", ""),
        ("first - 1 for first in firsts[1:]", "first for first in firsts[1:]"),
        (" where manifest_sha256 = ?", " where ? is not null"),
        ("all_rows > {one_file}", "all_rows >= {one_file}"),
    ],
    "assets/publishing/parquet_set.py": [
        ("files.get(part.name) if part.name in unchanged else None", "files.get(part.name)"),
        ("set() if context.full else ", ""),
    ],
}

MUTANTS: list[Mutant] = [
    *mutants_of(CHANGES, RULES),
    *mutants_of(PAID, PAYMENTS),
    *mutants_of(EFFECTS, RECEIPTS),
    *mutants_of(PUBLISHED, PUBLISHING),
    *mutants_of(LINKED, PARTS),
    *mutants_of(FILES_IN_PARTS, TRANSACTION_PARTS),
]
