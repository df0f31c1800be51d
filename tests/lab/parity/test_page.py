"""The page of a replayed day shows both days' trades, results and causes, in both languages."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.tables.parity import comparison_values
from domain.rules import TradingRules
from lab.parity.causes import Cause, Day, Difference
from lab.parity.comparing import Comparison
from lab.parity.matching import Pair
from lab.parity.page import page_values, write_page
from lab.parity.replay import Replay
from lab.parity.seen import SeenDay
from lab.recording import Gaps
from reporting.listing import write_index
from reporting.sentences import LANGUAGES, Language, command_line_words
from tests.lab.parity.test_causes import OTHER, a_trade, seen_day
from tests.support.builders import NOW, SAMSUNG

HOSTILE = "<script>alert(1)</script>"
LATE = Difference(SAMSUNG, NOW, "exit", "10:00:01", "10:00:02", Cause.SLOT, HOSTILE)
OPEN = Difference(SAMSUNG, NOW, "exit price", "1", "2", Cause.UNEXPLAINED, "the same minute")
Compared = tuple[dict[str, Any], tuple[SeenDay, Day, Day, Comparison]]


def compared(*differences: Difference) -> Compared:
    live = a_trade("live")
    replay = replace(a_trade("replay"), closed_at=live.closed_at + timedelta(minutes=1))
    only_there = replace(a_trade("only"), symbol=OTHER)
    seen, one, two = seen_day(), Day((live,)), Day((replay, only_there))
    found = Comparison([(Pair(live, replay), differences), (Pair(None, only_there), ())])
    return values_of(seen, one, two, found), (seen, one, two, found)


def values_of(seen: SeenDay, live: Day, replay: Day, found: Comparison) -> dict[str, Any]:
    """Return the verb's values; its replay only lends its day, its workers and its gaps."""
    gaps = Gaps(stocks=2, left_out={SAMSUNG: "fewer than two minutes"})
    played = Replay(replay, replay.trades[0].net_pnl, TradingRules(), 3, gaps, {}, None)  # type: ignore[arg-type]
    return comparison_values(seen, live, played, found)


def shown(of: Compared, language: Language = "en") -> dict[str, Any]:
    return page_values(*of, command_line_words(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_names_each_cause_and_escapes_evidence(language: Language, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    values, of = compared(LATE, OPEN)

    path = write_page(tmp_path, values, of, language)
    index = write_index(tmp_path, language, [{"name": values["date"], **dict.fromkeys(
        ("trades", "win_percent", "net", "costs", "drawdown", "violations"), 0)}])  # fmt: skip

    text = path.read_text()
    assert HOSTILE not in text
    assert "10:00:01 / 10:00:02" in text
    assert "<built-in" not in text
    assert ("1 unexplained" if language == "en" else "원인 불명 1건") in text
    assert ("rate slot" if language == "en" else command_line_words("ko").say("rate slot")) in text
    assert f'href="{path.name}"' in index.read_text()


def test_a_day_without_a_difference_is_explained() -> None:
    found = shown(compared())

    assert (found["unexplained"], found["equal"], found["causes"]) == (0, 2, {})
    assert [each["difference"] != 0 for each in found["pairs"]] == [False, True]
    assert found["pairs"][1]["live"] is None


def test_trades_are_drawn_on_the_recorded_minutes() -> None:
    found = shown(compared())

    first, second = found["drawings"]
    assert (first["symbol"], len(first["live"]), len(first["replay"])) == (SAMSUNG, 1, 1)
    assert (second["symbol"], len(second["live"]), len(second["replay"])) == (OTHER, 0, 1)
    points = [tuple(map(float, point.split(","))) for each in (first, second) for point in each["closes"].split()]
    assert len(points) == 160
    assert all(0 <= x <= found["width"] and 0 <= y <= found["height"] for x, y in points)
    assert first["live"][0]["points"] != first["replay"][0]["points"]


def test_the_results_end_where_the_sums_do() -> None:
    values, of = compared()
    _, live, replay, _ = of
    results = shown((values, of))["results"]

    ends = {name: float(results[name].split()[-1].split(",")[1]) for name in ("live", "replay")}
    sums = {"live": live.trades[0].net_pnl, "replay": sum(each.net_pnl for each in replay.trades)}
    assert (ends["live"] > ends["replay"]) == (sums["live"] < sums["replay"])
    assert (results["low"], results["high"]) == (min(0, *sums.values()), max(0, *sums.values()))


def test_a_day_without_trades_has_an_empty_drawing() -> None:
    seen, nothing = seen_day(), Day(())
    values, _ = compared()

    found = shown((values, (seen, nothing, nothing, Comparison([]))))

    assert found["results"] == {"live": "", "replay": "", "low": 0, "high": 0}
    assert (found["drawings"], found["pairs"]) == ([], [])
