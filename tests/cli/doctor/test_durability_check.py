"""`doctor` on a server that may lose committed transactions."""

from dataclasses import replace

import pytest

from cli.doctor.checkup import Verdict
from cli.doctor.database_checks import look_at_durability
from database.database import Database, open_database
from database.server import Durability

DURABLE = Durability(fsync=True, full_page_writes=True, synchronous_commit="on", replicas=0, waits_for_standby=False)


def test_a_durable_server_is_fine() -> None:
    assert look_at_durability(DURABLE).verdict is Verdict.OK
    waits = look_at_durability(replace(DURABLE, replicas=1, waits_for_standby=True))
    assert (waits.verdict, waits.text) == (Verdict.OK, "a commit is on disk before it counts; on a replica too")


@pytest.mark.parametrize(
    ("changes", "said", "fix"),
    [
        ({"fsync": False}, "fsync=off: after a crash", "set fsync=on"),
        ({"full_page_writes": False}, "full_page_writes=off: after a crash", "set full_page_writes=on"),
        ({"synchronous_commit": "off"}, "synchronous_commit=off: after a crash", "set synchronous_commit=on"),
        ({"replicas": 1}, "no commit waits for the 1 replica(s)", "set synchronous_standby_names"),
        (
            {"replicas": 1, "waits_for_standby": True, "synchronous_commit": "local"},
            "a replica that takes over may lack",
            "with synchronous_commit=on",
        ),
    ],
)
def test_what_a_server_may_forget_is_named_with_what_is_at_stake(
    changes: dict[str, object], said: str, fix: str
) -> None:
    finding = look_at_durability(replace(DURABLE, **changes))  # type: ignore[arg-type]

    assert finding.verdict is Verdict.WARN
    assert said in finding.text
    assert "looks at the broker before it gives up an order" in finding.text
    assert fix in finding.fix


async def test_the_settings_are_those_of_the_connected_server(database_url: str) -> None:
    database: Database = await open_database(database_url)

    durability = await database.server.durability()

    assert durability.loses_on_crash == ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
    assert (durability.replicas, durability.waits_for_standby) == (0, False)
    await database.aclose()
