"""The check-up skips a check that depends on a failed one, and reports each finding with its fix."""

from collections import namedtuple
from datetime import date, timedelta
from pathlib import Path

import pytest

from cli.doctor.broker_checks import look_ahead, look_at_calendar, look_at_clocks, look_at_orders, look_at_tax
from cli.doctor.checkup import Check, Finding, Line, Verdict, all_well, doubtful, examine, fine, startable, wrong
from cli.doctor.machine_checks import look_at_env_file, look_at_folder, look_at_keys
from database.errors import DatabaseAwayError
from exchange.calendar import CalendarOverrides, krx_calendar
from fleet.clocks import Skew
from tests.support.builders import SAMSUNG
from tests.support.running_fleet import MONDAY_MORNING
from tests.support.stepping import CALENDAR, a_broker, a_simulation, pinned_database

MONDAY = MONDAY_MORNING.date()


async def looked(*checks: Check) -> list[Line]:
    return [line async for line in examine(checks, (OSError,))]


def a_check(name: str, finding: Finding, *needs: str) -> Check:
    async def look() -> Finding:
        return finding

    return Check(name, look, needs)


async def test_what_rests_on_a_failed_check_is_not_tried_and_says_on_what() -> None:
    lines = await looked(
        a_check("disk", fine("there")),
        a_check("server", wrong("away", "start it")),
        a_check("account", fine("never seen"), "disk", "server"),
        a_check("orders", fine("never seen"), "account"),
        a_check("days", fine("seen"), "disk"),
    )

    assert [(line.name, line.verdict) for line in lines] == [
        ("disk", Verdict.OK),
        ("server", Verdict.FAIL),
        ("account", Verdict.NOT_TRIED),
        ("orders", Verdict.NOT_TRIED),
        ("days", Verdict.OK),
    ]
    assert [line.text for line in lines[2:4]] == ["needs server", "needs account"]
    assert "fix: start it" in str(lines[1])
    assert not all_well(lines)


async def test_what_is_not_up_yet_is_no_failure_but_nothing_rests_on_it() -> None:
    lines = await looked(a_check("server", startable("not running")), a_check("account", fine(""), "server"))

    assert [line.verdict for line in lines] == [Verdict.OK, Verdict.NOT_TRIED]
    assert all_well(lines)


async def test_a_warning_lets_the_next_ones_be_tried_and_is_no_failure() -> None:
    lines = await looked(a_check("clock", doubtful("late", "set it")), a_check("account", fine("there"), "clock"))

    assert [line.verdict for line in lines] == [Verdict.WARN, Verdict.OK]
    assert all_well(lines)


async def test_an_expected_error_is_a_failure_with_the_checks_fix_and_another_one_passes() -> None:
    async def breaks() -> Finding:
        raise DatabaseAwayError("the login is refused")

    async def is_a_bug() -> Finding:
        raise LookupError

    (line,) = await looked(Check("server", breaks, fix="start it"))
    assert (line.verdict, line.text, line.fix) == (
        Verdict.FAIL,
        "PostgreSQL: the login is refused; check that it runs and DATABASE_URL, then try again",
        "start it",
    )
    with pytest.raises(LookupError):
        await looked(Check("bug", is_a_bug))


def test_a_folder_that_is_not_there_yet_will_be_made(tmp_path: Path) -> None:
    finding = look_at_folder(tmp_path / "data")

    assert finding.verdict is Verdict.OK
    assert "will be made" in finding.text
    assert not (tmp_path / "data").exists()


def test_a_file_in_the_folders_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    finding = look_at_folder(tmp_path / "data")

    assert finding.verdict is Verdict.FAIL
    assert "HARU_DATA_DIR" in finding.fix


@pytest.mark.parametrize(("free", "verdict"), [(10 * 2**20, Verdict.FAIL), (2**30, Verdict.WARN), (2**33, Verdict.OK)])
def test_a_disk_that_fills_up_is_reported_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - what shutil returns
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(2**40, 0, free))

    assert look_at_folder(tmp_path).verdict is verdict


@pytest.mark.parametrize(("mode", "verdict"), [(0o600, Verdict.OK), (0o640, Verdict.FAIL), (0o604, Verdict.FAIL)])
def test_an_env_file_that_others_may_read_is_reported(tmp_path: Path, mode: int, verdict: Verdict) -> None:
    path = tmp_path / ".env"
    path.touch()
    path.chmod(mode)

    assert look_at_env_file(path).verdict is verdict


@pytest.mark.parametrize(
    ("key", "secret", "said"),
    [
        ("k" * 35, "s" * 180, "APP_KEY has 35 characters"),
        ("k" * 36, "s" * 179 + "\n", "APP_SECRET holds a blank, a line break"),
        ("k" * 35 + " ", "s" * 180, "APP_KEY holds a blank"),
    ],
)
def test_keys_of_another_form_are_reported_without_being_shown(key: str, secret: str, said: str) -> None:
    finding = look_at_keys(key, secret)

    assert finding.verdict is Verdict.FAIL
    assert said in finding.text
    assert "kkk" not in finding.text
    assert look_at_keys("k" * 36, "s" * 180).verdict is Verdict.OK


@pytest.mark.parametrize(("seconds", "verdict"), [(1, Verdict.OK), (-3, Verdict.WARN), (11, Verdict.FAIL)])
def test_clocks_are_judged_by_the_one_that_is_furthest_off(seconds: int, verdict: Verdict) -> None:
    skews = [Skew("PostgreSQL", timedelta(0)), Skew("the broker", timedelta(seconds=seconds))]

    assert look_at_clocks(skews).verdict is verdict


def test_closures_and_other_hours_of_the_next_two_weeks_are_reported() -> None:
    calendar = krx_calendar(2026, 2027)

    assert "2026-11-19 from 10:00 to 16:30" in look_ahead(calendar, date(2026, 11, 16)).text
    coming = look_ahead(calendar, date(2026, 12, 22)).text
    assert "2026-12-25 closed, 2026-12-31 closed, 2027-01-01 closed, 2027-01-04 from 10:00 to 15:30" in coming
    assert "regular sessions" in look_ahead(calendar, date(2026, 11, 23)).text


@pytest.mark.parametrize(
    ("today", "verdict", "says"),
    [
        (date(2026, 11, 23), Verdict.OK, "the transaction tax of 2026 is known"),
        (date(2026, 12, 15), Verdict.OK, "the transaction tax of 2026 is known"),
        (date(2026, 12, 16), Verdict.WARN, "sales from 2026-12-29 on settle in 2027"),
        (date(2026, 12, 29), Verdict.WARN, "sales now settle in 2027"),
    ],
)
def test_a_tax_that_is_not_known_is_reported_before_it_is_needed(today: date, verdict: Verdict, says: str) -> None:
    found = look_at_tax(krx_calendar(2026, 2027), today)

    assert (found.verdict, found.text[: len(says)]) == (verdict, says)
    assert ("2027" in found.fix) is (verdict is Verdict.WARN)


async def test_a_calendar_that_differs_from_the_brokers_is_reported_with_the_day(database_url: str) -> None:
    simulation = a_simulation("2026-11-23 10:00")
    ours = krx_calendar(2026, 2027, CalendarOverrides(closures=frozenset({date(2026, 11, 25)})))
    async with (
        pinned_database(database_url) as database,
        a_broker(simulation, database, simulation.market_now) as broker,
    ):
        differing = await look_at_calendar(broker, ours, MONDAY)
        agreeing = await look_at_calendar(broker, CALENDAR, MONDAY)
        asked = simulation.calls.by_tr_id["CTCA0903R"]
        orders = await look_at_orders(broker, SAMSUNG)
        placed = simulation.calls.by_tr_id["TTTC0012U"]

    assert (differing.verdict, agreeing.verdict) == (Verdict.FAIL, Verdict.OK)
    assert "2026-11-25 is a session by the broker's" in differing.text
    assert asked == 1
    assert orders.verdict is Verdict.OK
    assert "nothing was ordered" in orders.text
    assert placed == 0
