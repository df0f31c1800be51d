"""A migration that is not named a contract only adds, so that the release before it works beside it."""

import re
from typing import Final

import pytest

from database.schema_level import MIGRATIONS, is_contract, level_of

FIRST: Final = "0079"
"""The first number under this rule. Earlier migrations came with releases that stopped every host."""
TAKES_AWAY: Final = {
    "drops": r"\bDROP\s+(?!CONSTRAINT\b|INDEX\b|DEFAULT\b|NOT\s+NULL\b|FUNCTION\b|TRIGGER\b|VIEW\b)",
    "renames": r"\bRENAME\b",
    "changes a type": r"\bALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE\b",
    "requires a value": r"\bSET\s+NOT\s+NULL\b",
    "removes rights": r"\bREVOKE\b",
}
ADDED: Final = re.compile(r"\bADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)[^,;]*", re.IGNORECASE)
TIGHTENS: Final = re.compile(r"\bADD\s+CONSTRAINT\s+(\w+)", re.IGNORECASE)


def what_it_takes_away(text: str) -> list[str]:
    """Return what a migration does that the code before it may not survive."""
    sql = re.sub(r"--[^\n]*|'(?:[^']|'')*'", "''", text)
    found = [what for what, pattern in TAKES_AWAY.items() if re.search(pattern, sql, re.IGNORECASE)]
    for column in ADDED.finditer(sql):
        required = re.search(r"\bNOT\s+NULL\b", column[0], re.IGNORECASE) and "DEFAULT" not in column[0].upper()
        found += [f"requires {column[1]}"] if required else []
    for name in TIGHTENS.findall(sql):
        widened = re.search(rf"\bDROP\s+CONSTRAINT\s+(IF\s+EXISTS\s+)?{name}\b", sql, re.IGNORECASE)
        found += [] if widened else [f"tightens by {name}"]
    return found


@pytest.mark.parametrize("name", sorted(each.stem for each in MIGRATIONS.glob("*.sql") if each.name >= FIRST))
def test_a_migration_that_is_not_a_contract_only_adds(name: str) -> None:
    text = (MIGRATIONS / f"{name}.sql").read_text(encoding="utf-8")

    assert is_contract(name) or what_it_takes_away(text) == []


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE hosts",
        "ALTER TABLE hosts DROP COLUMN pid",
        "ALTER TABLE hosts DROP pid",
        "ALTER TABLE hosts RENAME COLUMN pid TO process",
        "ALTER TABLE hosts RENAME TO machines",
        "ALTER TABLE hosts ALTER COLUMN pid TYPE text",
        "ALTER TABLE hosts ALTER COLUMN build SET NOT NULL",
        "ALTER TABLE hosts ADD COLUMN zone text NOT NULL",
        "ALTER TABLE hosts ADD CONSTRAINT old CHECK (pid > 1)",
        "REVOKE INSERT ON hosts FROM haru",
    ],
)
def test_what_the_earlier_release_may_not_survive_is_noticed(sql: str) -> None:
    assert what_it_takes_away(sql)


def test_a_wider_check_and_a_column_with_a_default_only_add() -> None:
    wider = "ALTER TABLE o DROP CONSTRAINT o_check; ALTER TABLE o ADD CONSTRAINT o_check CHECK (s IN ('a', 'b'))"

    assert what_it_takes_away(wider) == []
    assert what_it_takes_away("-- DROP nothing\nALTER TABLE o ADD COLUMN build text NOT NULL DEFAULT ''") == []


def test_one_contract_among_the_unknown_makes_a_schema_too_new() -> None:
    ours = {file.stem for file in MIGRATIONS.glob("*.sql")}

    assert level_of({*ours, "9998_more"}).too_new == ()
    assert level_of({*ours, "9998_more", "9999_contract_less"}).too_new == ("9998_more", "9999_contract_less")
