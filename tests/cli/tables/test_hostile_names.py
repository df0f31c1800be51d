"""Names with terminal control sequences or markup, in every table of the books and every verb that prints them."""

import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from temporalio.client import Client

from cli.demo.day_report import report_table
from cli.tables.board import plain_lines
from cli.tables.board_view import rendered
from cli.tables.figures import summaries_table, trades_table
from cli.tables.terminal import Terminal
from database.database import open_database
from domain.identity import Environment, WorkerId, account_alias
from domain.summary import FLEET, summarise
from fleet import commands
from runtime.account_names import key_fingerprint
from runtime.embedded.search_attributes import ensure_search_attributes
from runtime.settings import load_settings
from security.sealing.keys import new_key
from tests.cli.demo.parts import a_board, a_holding_row, a_sound_day
from tests.database.books import Books
from tests.support.builders import MONDAY, a_closed_trade
from tests.support.command_line import Run
from workflows import attributes
from workflows.identity import worker_workflow_id

HOSTILE = (
    "\x1b[31m\x9b32m[/][bold red]X[/bold]\r\x07\n\N{RIGHT-TO-LEFT OVERRIDE}\N{LINE SEPARATOR}:smile: [link=http://a]"
)
ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_OWN_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def printed(renderable: RenderableType, *, coloured: bool = False) -> str:
    file = io.StringIO()
    console = Terminal(file=file, width=220, force_terminal=coloured, color_system="standard" if coloured else None)
    console.print(renderable)
    return file.getvalue()


def tables() -> list[RenderableType]:
    """Return every table that a program prints, with hostile names in it."""
    worker = WorkerId(HOSTILE)
    trade = replace(a_closed_trade(), name=HOSTILE, worker_id=worker)
    row = a_holding_row(worker_id=worker, name=HOSTILE, last_event=HOSTILE)
    board = a_board(row, failing=(HOSTILE,), troubles=(HOSTILE,), entries_closed_because=(HOSTILE,), trouble=HOSTILE)
    summaries = [summarise(MONDAY, FLEET, [trade]), summarise(MONDAY, HOSTILE, [trade])]
    day = a_sound_day()
    day = replace(day, ledger=replace(day.ledger, trades=(trade,)))
    return [
        trades_table([trade]),
        summaries_table(summaries),
        rendered(board),
        "\n".join(plain_lines(board)),
        report_table(day),
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("coloured", [False, True])
def test_no_table_is_steered_or_coloured_by_a_name(number: int, *, coloured: bool) -> None:
    text = printed(tables()[number], coloured=coloured)

    assert ODD.findall(_OWN_COLOURS.sub("", text)) == []
    assert "[bold red]X[/bold]" in _OWN_COLOURS.sub("", text)
    assert "\x1b[31m\x9b" not in text
    assert "]8;" not in text


@pytest.mark.parametrize("text", [HOSTILE, "[/nothing]", "[red", "\\[red]"])
def test_a_line_and_a_cell_keep_their_line(text: str) -> None:
    table = Table("name")
    table.add_row(text.replace("\n", " "))

    file = io.StringIO()
    Terminal(file=file, width=200).say(text)

    assert len(file.getvalue().splitlines()) == 1
    assert len(printed(table).splitlines()) == 5
    assert ODD.findall(file.getvalue() + printed(table) + printed(Text(text))) == []


@pytest.fixture
async def poisoned(
    nothing_configured: None, temporal_dev_server: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paper account whose books have a trade, a worker and a waiting order, all with hostile names."""
    number = f"{uuid4().int % 10**8:08}-01"
    environment = {
        "HARU_BROKER__ENVIRONMENT": "paper",
        "HARU_BROKER__APP_KEY": "P" * 36,
        "HARU_BROKER__APP_SECRET": "S" * 180,
        "HARU_BROKER__HTS_ID": "tester",
        "HARU_BROKER__ACCOUNT": number,
        "HARU_PAYLOADS__KEYS": new_key(),
        "TEMPORAL_ADDRESS": temporal_dev_server,
        "DATABASE_URL": database_url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "_ANSWER_WITHIN", timedelta(seconds=1))
    await ensure_search_attributes(await Client.connect(temporal_dev_server), attributes.ALL)
    account = account_alias(Environment.PAPER, number)
    database = await open_database(database_url)
    await database.accounts.pin(account, Environment.SIMULATED, key_fingerprint(load_settings()))
    worker = WorkerId(HOSTILE)
    await database.workers.register(account, worker, worker_workflow_id(account, worker), MONDAY)
    await Books(database, account).traded()
    await database.aclose()
    poison(database_url)


def poison(url: str) -> None:
    """Write the hostile name into every column that only people read."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for table, column in (("positions", "name"), ("trades", "name"), ("workers", "last_event")):
            connection.execute(f"UPDATE {table} SET {column} = %s".encode(), [HOSTILE])


VERBS = (
    ["status"],
    ["trades", f"{MONDAY}"],
    ["summary", f"{MONDAY}"],
    ["summary", "--from", f"{MONDAY}", "--to", f"{MONDAY}"],
    ["pause"],
    ["resume", "all"],
    ["rules", "all", "exits.stop_loss=2%"],
    ["quarantine"],
    ["alert-channels"],
    ["kill-switch", "on", "--reason", HOSTILE],
    ["kill-switch", "off"],
    ["pause", HOSTILE + "?"],
    ["dismiss", HOSTILE, "--reason", HOSTILE],
    ["adopt", HOSTILE, "1", "2", "--reason", HOSTILE],
)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
@pytest.mark.usefixtures("poisoned")
def test_no_verb_is_steered_by_a_name(run: Run, words: list[str], *, as_json: bool) -> None:
    done = run(*words, *(["--json"] if as_json else []))

    assert ODD.findall(done.stdout + done.stderr) == []
    assert "Traceback" not in done.stderr
    if as_json and words[0] == "trades":
        assert [trade["name"] for trade in json.loads(done.stdout)] == [HOSTILE]
