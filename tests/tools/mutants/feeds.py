"""Small breakages of what is made of a cell, and of where a row is said to be: the language of mappings, and the SQL that types and refuses.

Belongs here: what is changed, and the tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import Mutant, mutants_of

MAPPINGS = ("tests/unit/feeds/test_expressions.py",)
TYPING = (
    "tests/integration/feeds/test_feed_mapping.py",
    "tests/integration/feeds/test_feed_typing.py",
    "tests/integration/feeds/test_feed_rows.py",
    "tests/integration/feeds/test_whole_files.py",
    "tests/integration/feeds/test_feed_numbers.py",
    "tests/integration/feeds/test_feed_settings.py",
    "tests/integration/feeds/test_signs.py",
    "tests/faults/test_faults.py",
    "-k",
    "not long",
)

ROW_LINES = ("tests/integration/feeds/test_row_lines.py",)
TABLES = ("tests/integration/feeds/test_rejects.py", "-k", "show_the_line")

EXPRESSIONS: dict[str, list[tuple[str, str]]] = {
    "models/feeds/expressions.py": [
        # what may be written
        ('r"[0-9]{1,12}(\\.[0-9]{1,12})?"', 'r"[0-9]{1,12}(\\.[0-9]{1,13})?|1e3"'),
        ('"10{0,12}"', '"[1-9]0{0,12}"'),
        ("extra = [key for key, value in node.args.items() if value and key not in arguments]", "extra: list[str] = []"),
        ("if len(parameters) == 2 and parameters[1] <= 12:", "if len(parameters) == 2:"),
        ('if type(node.expression).__name__ != "Null":', "if False:"),
        ("([^%]|%-?[aAbBdfHIjmMpSyY]|%%)+", "([^%]|%-?[aAbBdfHIjmMpSyYz]|%%)+"),
        ("if len(text) > _MAX_LENGTH:", "if False:"),
        ("if len(matches) != 1:", "if not matches:"),
        # what is computed
        ("places = len(divisor) - 1", "places = len(divisor)"),
        ('return sum_of(left, "-", right)', 'return sum_of(left, "+", right)'),
        ('"and", "coalesce({}, true)"', '"and", "true"'),
        ('"or", "not coalesce({}, false)"', '"or", "true"'),
        ("when {test.sql} then {value.failed or 'false'} ", "when {test.sql} then false "),
        ("else {(last and last.failed) or 'false'} end", "else false end"),
        ('(f"when {part.failed} then true " if part.failed else "") + f"when {part.sql} is not null then false " for part in parts',
         'f"when {part.sql} is not null then false " for part in parts'),
        ("if part.scale <= scale:", "if True:"),
        ('f"coalesce({rounded} != {part.sql}, false)"', '"false"'),
        ('{"LEADING": "ltrim", "TRAILING": "rtrim"}', '{"LEADING": "rtrim", "TRAILING": "ltrim"}'),
        ('f"{text} is not null and {value} is null"), shown', '""), shown'),
        ('"LT": (_PAIR, _comparison("<"))', '"LT": (_PAIR, _comparison("<="))'),
        ('_text_function("left", "this"', '_text_function("right", "this"'),
    ],
    "models/feeds/expression_parts.py": [
        ('pattern = rf"-?[0-9]{{1,{INTEGER_DIGITS}}}"', 'pattern = rf"[+-]?[0-9]{{1,{INTEGER_DIGITS}}}"'),
        ('rf"([.][0-9]{{1,{scale}}})?" if scale', 'rf"([.][0-9]{{1,{scale + 1}}})?" if scale'),
        ('"([.]0*)?"', '"([.][0-9]*)?"'),
        ('f"coalesce(not {is_number}, false)"', '"false"'),
        ("text = f\"nullif({part.sql}, '')\"\n    if scope", 'text = f"{part.sql}"\n    if scope'),
        ('"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}([T ]', '"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ]'),
        ("room = _WIDTH - scale", "room = 10 * _WIDTH"),
        ("if scale > max_scale:", "if scale > 2 * max_scale:"),
        ('f"coalesce(abs({part.sql}) >= {bound}, false)"', '""'),
        ("\"rtrim(rtrim(({part.sql})::varchar, '0'), '.')\"", '"({part.sql})::varchar"'),
        ('if part.form not in ("boolean", "null"):', "if False:"),
    ],
}  # fmt: skip

CELLS: dict[str, list[tuple[str, str]]] = {
    "assets/feeds/typing_sql.py": [
        ('DECIMALS: dict[Kind, int] = {"amount": 6, "rate": 12,', 'DECIMALS: dict[Kind, int] = {"amount": 6, "rate": 6,'),
        (r'_AMBIGUOUS = r"-?[1-9][0-9]{0,2}\.[0-9]{3}"', r'_AMBIGUOUS = r"-?[1-9][0-9]{0,1}\.[0-9]{3}"'),
        (r"([0-9]{1,2}|[0-9]{4,6})", r"[0-9]{1,6}"),
        ("if units == 3]", "if units == 2]"),
        (r"[\x00-\x08\x0B", r"[\x01-\x07\x0B"),
        ('f"v{place} > date \'{last_day}\'"', 'f"v{place} >= date \'{last_day}\'"'),
        ("({amount} != 0 and sign({quantity}) != sign({amount}))", "(sign({quantity}) = -sign({amount}))"),
        ("then file_no else -file_no end as file_no", "then file_no else file_no end as file_no"),
        ("where ({_passes(typed, rules)}) is not true)", "where not ({_passes(typed, rules)}))"),
        ('["fault is null", *tests', '["true", *tests'),
        ("({amount} > 0 and {kind} = 'return')", "({amount} >= 0 and {kind} = 'return')"),
        ("then -abs({self.v}) else", "then -{self.v} else"),
        ("return self.condition if self.comes_first else", "return self.condition if True else"),
        ("case when not is_deleted or ({tests}) then", "case when true or ({tests}) then"),
        ("if rule.is_tested]", "if not rule.is_tested]"),
        ("return f\"coalesce({t}, {self._default_literal()})\"", "return t"),
        ('value = f"coalesce({self.v}, {other.v})"', "pass"),
        ("return f\"try_cast({t} as {sql_type})\"", "return f\"cast({t} as {sql_type})\""),
        ('yield f"{self.v} is not null"', 'yield "true"'),
        ('yield f"not coalesce({minimum}, false)"', 'yield "true"'),
        ('yield f"not {self.failed}"', 'yield "true"'),
        ("(({self.v}::varchar = {t}) and {t} >= '1000' and strlen({t}) = 10)", "({self.v} is not null)"),
        ("and {t} >= '1000' and strlen({t}) = 10)", ")"),
        ("'-?[0-9]{{1,10}}') and {self.v} is not null)", "'-?[0-9]{{1,11}}'))"),
        (r"'-?[0-9]{{1,{INTEGER_DIGITS}}}(\.[0-9]{{1,{DECIMALS[self.kind]}}})?')", r"'-?[0-9]{{0,{INTEGER_DIGITS}}}(\.[0-9]{{1,{DECIMALS[self.kind]}}})?')"),
        ("INTEGER_DIGITS + decimals", "INTEGER_DIGITS + 2 * decimals"),
        ("{'<=' if column.above_minimum else '<'}", "{'<'}"),
        ("{'<=' if column.above_minimum else '<'}", "{'<='}"),
        ("[0-9]{{{decimals + 1}}}')", "[0-9]{{{decimals + 2}}}')"),
        ('{"number": "out_of_range", "date": "bad_date", "timestamp": "bad_date"}', '{"date": "bad_date", "timestamp": "bad_date"}'),
        ('f"{t} is null", "missing_value"', 'f"{t} is not null", "missing_value"'),
    ],
}  # fmt: skip

LINES: dict[str, list[tuple[str, str]]] = {
    "assets/feeds/row_lines.py": [
        ("return facts.lines == _has_header(source) + rows", "return facts.lines >= _has_header(source) + rows"),
        (" and facts.returns in (0, facts.newlines)", ""),
        ("if len(lines) == rows:", "if True:"),
        ("rows_read.get(source.file_no, 0) // batch.rows_per_row", "rows_read.get(source.file_no, 0)"),
        ("above = source.header_line - 1", "above = 0"),
        ("number if source.is_sheet else last + 1", "last + 1"),
        ("if record:", "if any(record):"),
        ('if line.strip(" \\r\\n")', "if True"),
        ("lines[rows].repeat(rows_per_row)", "lines[rows].repeat(1)"),
    ],
    "assets/feeds/readers.py": [
        ('{"csv": self.header_line, "json": 0}', '{"csv": 1, "json": 0}'),
        ('{"csv": self.header_line, "json": 0}', '{"csv": self.header_line, "json": 1}'),
        ("return self.rewritten_from or self.path", "return self.path"),
    ],
    "assets/feeds/raw_tables.py": [
        ("coalesce(line, (row_no - 1) // rows_per_row + 1 + lines_before)", "coalesce((row_no - 1) // rows_per_row + 1 + lines_before, line)"),
        ("(row_no - 1) // rows_per_row + 1 + lines_before", "row_no + lines_before"),
    ],
}  # fmt: skip

SHOWN: dict[str, list[tuple[str, str]]] = {
    "fct_payout_line.sql": [("row_lines.line) as source_line", "null) as source_line")],
    "audit_reject.sql": [("row_lines.line) as line_number", "null) as line_number")],
    "audit_reject_resolved.sql": [
        ("row_lines.line) as line_number", "by_lines.line) as line_number"),
        ("by_lines.line) as resolved_by_line", "row_lines.line) as resolved_by_line"),
    ],
}  # fmt: skip

NAMED: dict[str, list[tuple[str, str]]] = {
    "models/feeds/attributes.py": [
        ("if each.casefold() not in used", "if each not in used"),
        ("name.encode()[:_LONGEST_NAME]", "name.encode()"),
        (' or "unnamed"', ""),
    ],
}  # fmt: skip

MUTANTS: list[Mutant] = [
    *mutants_of(NAMED, ("tests/unit/feeds/test_attribute_columns.py",)),
    *mutants_of(EXPRESSIONS, MAPPINGS),
    *mutants_of(CELLS, TYPING),
    *mutants_of(LINES, ROW_LINES),
    *mutants_of(SHOWN, TABLES),
]
