"""Names of SQL statements: act and table, for every statement of the books."""

import ast
import re
from pathlib import Path

import pytest

from runtime.tracing.statements import statement_name

FOLDER = Path(__file__).parents[3] / "database"
_BEGINS = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\s")


def statements() -> list[str]:
    texts = (
        node.value
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return [text for text in texts if _BEGINS.match(text)]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("INSERT INTO orders (intent_id) VALUES ($1)", "SQL insert orders"),
        ("INSERT INTO workers VALUES ($1) ON CONFLICT (id)\n DO UPDATE SET state = $2", "SQL insert workers"),
        ("WITH won AS (UPDATE stock_locks SET owner = $1 RETURNING *) SELECT * FROM won", "SQL update stock_locks"),
        ("WITH lease AS (UPDATE stock_locks SET a = $1) INSERT INTO orders SELECT $2", "SQL insert orders"),
        ("SELECT 1 FROM positions WHERE symbol = '005930' FOR UPDATE", "SQL select positions"),
        ("SELECT 1 FROM orders FOR UPDATE SKIP LOCKED", "SQL select orders"),
        ("DELETE FROM price_marks WHERE at < $1", "SQL delete price_marks"),
        ("BEGIN;", "SQL begin"),
        ("SELECT pg_notify('a', '71000')", "SQL select"),
        ("VALUES (71000)", "SQL other"),
    ],
)
def test_a_statement_is_named_by_its_act_and_table(query: str, name: str) -> None:
    assert statement_name(query) == name


def test_every_statement_of_the_books_has_a_name_without_a_value() -> None:
    names = {statement_name(each) for each in statements()}

    assert len(names) > 50
    assert all(re.fullmatch(r"SQL (select|insert|update|delete)( [a-z_]+)?", each) for each in names), names
