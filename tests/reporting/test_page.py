"""The page: complete, without external requests, hostile names as text, and the same content in both languages."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import reporting.page
from database.statements import KeptStatement
from domain.audit_log import Outcome
from domain.event_kind import EventKind
from domain.events.entries import MARKET_CLOSE
from domain.flatness import Proven
from domain.money import Won
from domain.order import OrderStatus
from domain.position import ExitReason
from domain.reconciliation import DiscrepancyKind
from domain.risk import Denial
from domain.screening import ScreeningFilter
from domain.statement import Figure, Line, Name
from domain.worker_state import WorkerState
from fleet.duties.access import SHUT_BECAUSE
from reporting import ratios
from reporting.after_close import AfterClose
from reporting.day import day_values
from reporting.page import cell, page, signed
from reporting.sentences import LANGUAGES, Language, number, words
from reporting.stretch import stretch_values
from strategies import KNOWN_STRATEGIES
from tests.reporting.parts import a_carried_position, a_close_that_left_shares, a_day, a_win, an_empty_day, an_incident
from tests.support.audit_rows import SEEN, a_command, chained
from tests.support.builders import MONDAY, NOW, SAMSUNG
from verifier.invariants import INVARIANTS

HOSTILE = """</script><script>alert(1)</script><img src="http://evil.example/x" onerror="alert(2)">'"{{7*7}}"""


class Elements(HTMLParser):
    """Every element with its attributes, the visible text, and that of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.within: list[tuple[str, str]] = []
        self.shown: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in {"script", "style"}:
            self.within.append((self._open, data))
        else:
            self.shown.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.found)


def a_hostile_page(language: Language = "en") -> str:
    trade = a_win(name=HOSTILE)
    return page(day_values(a_day(trade, events=(an_incident(HOSTILE, detail={"evidence": HOSTILE}),))), language)


def pages() -> Iterator[str]:
    position, fills = a_carried_position()
    for language in LANGUAGES:
        yield page(day_values(a_day()), language)
        yield page(day_values(an_empty_day(left=(position,), fills=fills)), language)
        yield page(stretch_values([a_day(), an_empty_day()]), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_shows_all_its_sections(language: Language) -> None:
    text = "\n".join(Elements(page(day_values(a_day()), language)).shown)

    said = words(language)
    for section in (
        "equity",
        "timeline",
        "profit",
        "slippage",
        "charts",
        "returns",
        "groups",
        "tables",
        "metrics",
        "trades",
        "incidents",
    ):
        assert said["sections"][section] in text
    assert said["verdict"]["sound"] in text
    for part in ("−5,000", "005930 Samsung Electronics", said["reasons"]["stop_loss"], said["kinds"]["order_adopted"]):
        assert part in text
    assert said["invariants"]["I10"] in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_lists_its_commands_and_the_last_row_of_their_log(language: Language) -> None:
    text = "\n".join(Elements(page(day_values(a_day()), language)).shown)

    said = words(language)
    for part in (said["sections"]["commands"], "김 (1000)", "desk", "stop worker-1", said["outcomes"]["refused"]):
        assert part in text
    assert f"5: {SEEN.digest}" in text
    assert day_values(a_day())["audit_log"] == {"row": 5, "digest": SEEN.digest}


def test_a_hostile_command_is_shown_as_text() -> None:
    rows = tuple(chained([a_command(1, HOSTILE)]))

    elements = Elements(page(day_values(a_day(commands=rows)), "en"))

    assert elements.count("script") == Elements(page(day_values(a_day()), "en")).count("script")
    assert any(HOSTILE in shown for shown in elements.shown)


def test_a_carried_position_and_an_unverified_day_are_reported() -> None:
    position, fills = a_carried_position()

    text = "\n".join(Elements(page(day_values(an_empty_day(left=(position,), fills=fills)), "en")).shown)

    assert "Carried positions" in text
    assert "Not verified" in text
    assert "No closed trades." in text


def test_a_stretch_shows_months_days_and_ratios() -> None:
    text = "\n".join(Elements(page(stretch_values([a_day(), *[an_empty_day()] * 19]), "en")).shown)

    for part in ("Months", "2026-11", "2026-11-23", "Sharpe ratio", "Sortino ratio", "Calmar ratio"):
        assert part in text


def test_a_stretch_of_one_day_has_one_date_and_no_ratios() -> None:
    text = "\n".join(Elements(page(stretch_values([a_day()]), "en")).shown)

    assert "Trading days 2026-11-23\n" in text
    assert "Ratios need 20 sessions or more." in text


def test_a_day_without_trades_says_so_once_and_draws_no_empty_sections() -> None:
    text = page(day_values(an_empty_day()), "en")

    drawn = [name for name, title in words("en")["sections"].items() if f"<h2>{title}</h2>" in text]
    assert text.split("<script")[0].count("No closed trades.") == 1
    assert set(drawn) == {"after_close", "timeline", "incidents", "screening", "verdict"}


def test_the_missing_library_is_reported_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratios, "find_spec", lambda _: None)

    assert "pip install empyrical-reloaded" in page(stretch_values([a_day()]), "en")


def test_what_the_books_say_is_text_and_never_markup() -> None:
    elements = Elements(a_hostile_page())

    assert elements.count("img") == 0
    assert elements.count("script") == 4
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert any(HOSTILE in text for text in elements.shown)
    data = json.loads(next(text for kind, text in elements.within if kind == "script"))
    assert data["values"]["trades"][0]["name"] == HOSTILE


def test_nothing_is_fetched() -> None:
    for text in (*pages(), a_hostile_page("ko")):
        elements = Elements(text)

        targets = [
            attributes.get(name) for _, attributes in elements.found for name in ("src", "href", "srcset", "data")
        ]
        assert set(targets) <= {None, "data:,"}
        assert not {tag for tag, _ in elements.found} & {"iframe", "object", "embed", "form", "base"}
        styles = " ".join(text for kind, text in elements.within if kind == "style")
        assert "url(" not in styles
        assert "@import" not in styles


def test_the_policy_lets_these_very_scripts_run_and_nothing_else() -> None:
    elements = Elements(a_hostile_page())

    policy = next(str(attributes["content"]) for tag, attributes in elements.found if "http-equiv" in attributes)
    scripts = [text for kind, text in elements.within if kind == "script"][1:]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = re.search(r"script-src ([^;]*);", policy)
    assert policy.startswith("default-src 'none';")
    assert allowed is not None
    assert allowed[1].split() == [f"'sha256-{digest}'" for digest in digests]


def test_the_chart_library_is_the_one_that_is_named_and_its_licence_lies_beside_it() -> None:
    assets = Path(reporting.page.__file__).parent / "assets"

    assert "Apache ECharts 6.1.0 (Apache License 2.0)" in a_hostile_page()
    assert '.version="6.1.0"' in (assets / "echarts.common.min.js").read_text(encoding="utf-8")
    assert "Apache License" in (assets / "echarts.LICENSE").read_text()
    assert "Apache ECharts" in (assets / "echarts.NOTICE").read_text()


def keys_of(texts: Mapping[str, Any], before: str = "") -> set[str]:
    inner = [keys_of(value, f"{before}{name}.") for name, value in texts.items() if isinstance(value, dict)]
    return {f"{before}{name}" for name in texts}.union(*inner)


def test_both_languages_have_the_same_words() -> None:
    assert keys_of(words("en").texts) == keys_of(words("ko").texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_the_system_can_say_has_a_word(language: Language) -> None:
    said = words(language)

    assert {reason.value for reason in ExitReason} == set(said["reasons"])
    assert {state.value for state in WorkerState} == set(said["states"])
    assert {name.value for name in ScreeningFilter} == set(said["filters"])
    assert {denial.value for denial in Denial} == set(said["denials"])
    assert {invariant.name for invariant in INVARIANTS} == set(said["invariants"])
    assert {outcome.value for outcome in Outcome} == set(said["outcomes"])
    assert set(KNOWN_STRATEGIES) == set(said["strategies"])
    assert {kind.value for kind in (*DiscrepancyKind, *OrderStatus)} | {MARKET_CLOSE, SHUT_BECAUSE} <= set(said["said"])
    metrics = [*day_values(a_day())["metrics"], *stretch_values([a_day(), *[an_empty_day()] * 19])["metrics"]]
    assert {each["key"] for each in metrics} == set(said["metrics"])


def test_joined_reasons_are_translated_one_by_one() -> None:
    assert words("ko").say(f"{MARKET_CLOSE} · {SHUT_BECAUSE}") == "장 마감 · 증권사가 앱키 또는 토큰을 거부함"


def test_a_name_without_a_translation_stands_for_itself() -> None:
    assert words("ko").of("kinds", "something_new") == "something_new"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (1_234_567, "1,234,567"), (-0.5, "−0.50"), (12.0, "12"), ("text", "text")],
)
def test_numbers_are_written_with_separators_and_a_true_minus(value: float | str | None, text: str) -> None:
    assert number(value) == text


def test_signs_and_columns() -> None:
    assert (signed(5), signed(-5), signed(0), signed(None)) == ("+5", "−5", "0", "–")
    assert (cell(3.0, "entry_ticks"), cell(100.0, "win_percent"), cell(12.0, "minutes")) == ("3.00", "100.00", "12.0")
    assert (cell(-0.004, "net_percent"), cell(-0.5, "net_percent")) == ("0.00", "−0.50")
    assert (cell(70_000, "entry_price"), cell(None, "exit_ticks")) == ("70,000", "–")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_shows_whose_shares_are_left_and_every_name_of_a_difference(language: Language) -> None:
    found = a_close_that_left_shares()

    text = "\n".join(Elements(page(day_values(a_day(after_close=found)), language)).shown)

    said = words(language)
    left = said["after_close"]
    for part in (left["badge"]["not_flat"], left["not_flat"], f"{left['ours_left']}: 1", f"{left['open_orders']}: 3"):
        assert part in text
    assert f"{left['unexplained_left']}: 1" in text
    assert "4,321" in text
    for group, names in (("figures", Figure), ("differences", Name)):
        assert [name for name in names if said.of(group, name.value) not in text] == []


def test_a_statement_that_was_not_reported_says_why() -> None:
    found = AfterClose(Proven(MONDAY, True, 0, NOW), (), KeptStatement((), "paper reports none", NOW))

    text = "\n".join(Elements(page(day_values(a_day(after_close=found)), "en")).shown)

    assert "Not compared: paper reports none" in text
    assert words("en")["after_close"]["flat"] in text
    assert words("en")["after_close"]["badge"]["flat"] in text
    assert words("en")["after_close"]["open_orders"] not in text


def test_a_statement_that_agrees_says_so() -> None:
    line = Line(SAMSUNG, Figure.TAX, Won(10), Won(10))
    found = AfterClose(Proven(MONDAY, True, 0, NOW), (), KeptStatement((line,), "", NOW))

    text = "\n".join(Elements(page(day_values(a_day(after_close=found)), "en")).shown)

    assert "figures compared 1 · different 0 · unexplained 0 · All figures agree." in text


def test_a_stretch_names_the_days_that_were_not_flat() -> None:
    flat = a_day(after_close=AfterClose(Proven(MONDAY, True, 0, NOW)))
    left = a_day(after_close=a_close_that_left_shares())

    values = stretch_values([flat, left, an_empty_day()])

    assert [day["flat"] for day in values["days"]] == [True, False, None]
    assert '<td class="level-error">NO</td>' in page(values, "en")


def test_details_of_incidents_are_written_in_korean() -> None:
    """Translate the names of figures, the denials and the phrases of our own code; keep other texts as they are."""
    detail: dict[str, str | int] = {"quantity": 1_200, "why": "locked at the lower limit", "denial": "COOLING_DOWN"}
    events = (an_incident(EventKind.POSITION_UNSOLD_AT_CLOSE, detail={**detail, "evidence": "order 17"}),)

    text = " ".join(Elements(page(day_values(a_day(events=events)), "ko")).shown)

    assert words("ko").of("kinds", EventKind.POSITION_UNSOLD_AT_CLOSE) in text
    assert "수량: 1,200 · 거부 규칙: 손실 후 쿨다운 · 이유: 하한가 잠김 · 근거: order 17" in " ".join(text.split())


def test_an_operators_own_words_and_unknown_names_stand_as_they_are() -> None:
    lines = words("ko").details({"zone": "x", "net": 5, "by": "me", "reason": "unknown", "trades": 3})

    assert list(lines) == ["이유: unknown", "처리자: me", "거래: 3", "순손익: 5", "zone: x"]
