"""The simulator's market is chosen once and kept."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.clock import KST
from exchange.calendar import NO_OVERRIDES, CalendarOverrides
from runtime.embedded.errors import CorruptFolderError, EmbeddedError
from runtime.embedded.market import keep_market
from runtime.market_settings import SimulatorSettings

SATURDAY = datetime(2026, 11, 21, 3, tzinfo=UTC)
DEFAULTS = SimulatorSettings()


def in_seoul(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=KST)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (SATURDAY, in_seoul(2026, 11, 23, 8, 58)),
        (in_seoul(2026, 11, 23, 0, 0), in_seoul(2026, 11, 23, 8, 58)),
        (in_seoul(2026, 11, 23, 23, 59), in_seoul(2026, 11, 23, 8, 58)),
        (in_seoul(2026, 12, 31, 12, 0), in_seoul(2027, 1, 4, 8, 58)),
    ],
)
def test_the_market_begins_before_the_first_session_on_or_after_today(
    tmp_path: Path, now: datetime, opens: datetime
) -> None:
    market = keep_market(tmp_path, DEFAULTS, NO_OVERRIDES, now.astimezone(UTC))

    assert market.clock.market_time(now.astimezone(UTC)) == opens
    assert (market.clock.speed, market.seed) == (10, 7)


def test_the_operators_closures_move_the_first_session(tmp_path: Path) -> None:
    overrides = CalendarOverrides(closures=frozenset({date(2026, 11, 23)}))

    market = keep_market(tmp_path, DEFAULTS, overrides, SATURDAY)

    assert market.clock.market_anchor == in_seoul(2026, 11, 24, 8, 58)


def test_a_restart_continues_the_same_market(tmp_path: Path) -> None:
    first = keep_market(tmp_path, SimulatorSettings(speed=60, seed=3), NO_OVERRIDES, SATURDAY)

    again = keep_market(tmp_path, DEFAULTS, NO_OVERRIDES, SATURDAY + timedelta(days=9))

    assert again == first


def test_the_start_may_be_chosen(tmp_path: Path) -> None:
    start = in_seoul(2026, 11, 19, 15, 0)

    market = keep_market(tmp_path, SimulatorSettings(start=start), NO_OVERRIDES, SATURDAY)

    assert market.clock.market_anchor == start


@pytest.mark.parametrize("wanted", [{"speed": 60}, {"seed": 8}, {"start": in_seoul(2026, 11, 24, 9)}])
def test_a_kept_market_refuses_another_speed_seed_or_start(tmp_path: Path, wanted: dict[str, int]) -> None:
    keep_market(tmp_path, DEFAULTS, NO_OVERRIDES, SATURDAY)

    with pytest.raises(EmbeddedError, match=rf"HARU_SIMULATOR__{next(iter(wanted)).upper()}.*HARU_DATA_DIR"):
        keep_market(tmp_path, SimulatorSettings.model_validate(wanted), NO_OVERRIDES, SATURDAY)


@pytest.mark.parametrize(
    "change", [{"speed": 0}, {"speed": "fast"}, {"real_anchor": "2026-11-21T00:00:00"}, {"market_anchor": "soon"}]
)
def test_a_market_file_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    market = keep_market(tmp_path, DEFAULTS, NO_OVERRIDES, SATURDAY)
    (tmp_path / "market.json").write_text(json.dumps({**market.to_dict(), **change}))

    with pytest.raises(CorruptFolderError, match=r"market\.json"):
        keep_market(tmp_path, DEFAULTS, NO_OVERRIDES, SATURDAY)


def test_a_market_file_without_a_seed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "market.json").write_text("{}")

    with pytest.raises(CorruptFolderError, match=r"market\.json"):
        keep_market(tmp_path, DEFAULTS, NO_OVERRIDES, SATURDAY)
