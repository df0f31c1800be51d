"""``starter.py strategy``: a new file works at once, the list shows what is known, and a check plays a day."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from strategies.catalogue import BUILT_IN_CATALOGUE, install
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")
ROOT = Path(__file__).resolve().parents[3]

DAYS = """date,time,symbol,open,high,low,close,volume
20261120,0900,005930,70000,70500,69500,70000,1000
20261123,0900,005930,71000,71000,71000,71000,500
20261123,0901,005930,71000,71500,71000,71400,700
20261123,0903,005930,71400,71400,70800,70900,700
"""
BROKEN = {
    "raises": ("raise ValueError('no such column')", "raised ValueError: no such column"),
    "nonsense": ("return 'buy'", "returned a str, not a signal"),
    "no number": (
        "return EntrySignal('opening_gap', '1', Decimal('NaN'), 'x')",
        "returned a confidence that is not a Decimal from 0 to 1",
    ),
}


@pytest.fixture(autouse=True)
def _built_in_again() -> Iterator[None]:
    yield
    install(BUILT_IN_CATALOGUE)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Two recorded days of one stock, which opens with a gap on the second."""
    file = tmp_path / "bars.csv"
    file.write_text(DAYS)
    return file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configured folder of strategies, which does not exist yet."""
    monkeypatch.setenv("HARU_STRATEGIES__PATH", str(tmp_path / "mine"))
    return tmp_path / "mine"


def test_a_new_strategy_works_and_so_does_its_test(run: Run, folder: Path, bars: Path) -> None:
    written = run("strategy", "new", "opening_gap")
    listed = run("strategy", "list", "--json")
    checked = run("strategy", "check", "opening_gap", "--day", str(bars), "--json")
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "test_opening_gap.py")],
        cwd=ROOT,
        env=os.environ | {"HARU_STRATEGIES__PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert written.returncode == 0, written.stderr
    assert "Next: python starter.py strategy check opening_gap" in written.stdout
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.glob("*.py")} == {
        "opening_gap.py": 0o600,
        "test_opening_gap.py": 0o600,
    }
    (own,) = [each for each in json.loads(listed.stdout)["strategies"] if each["name"] == "opening_gap"]
    assert own["parameters"] == {"least_gap": {"value": "0.5%", "bounds": "within 0%..30%"}}
    assert (own["origin"], own["in_use"]) == (str(folder / "opening_gap.py"), False)
    report = json.loads(checked.stdout)
    (signal,) = report["signals"]
    assert (report["day"], report["stocks"], report["faults"]) == ("2026-11-23", 1, {})
    assert signal["symbol"] == "005930"
    assert signal["since"] >= "2026-11-23T09:01"
    assert signal["until"] < "2026-11-23T09:04"
    assert "opened 1.4% above yesterday's close" in signal["reason"]
    assert tested.returncode == 0, tested.stdout


def test_without_a_setting_the_line_for_it_is_printed(run: Run, tmp_path: Path) -> None:
    done = run("strategy", "new", "gap", HARU_DATA_DIR=str(tmp_path / ".haru"))

    assert f"HARU_STRATEGIES__PATH={tmp_path / 'my_strategies'}" in done.stdout
    assert (tmp_path / "my_strategies/gap.py").exists()


def test_nothing_is_overwritten(run: Run, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "test_gap.py").write_text("mine")

    done = run("strategy", "new", "gap")

    assert (done.returncode, done.stdout) == (1, "")
    assert f"{folder / 'test_gap.py'} exists and is not overwritten" in done.stderr
    assert [file.name for file in folder.iterdir()] == ["test_gap.py"]
    assert (folder / "test_gap.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "report"),
    [("Gap", "write a name such as"), ("a/b", "write a name"), ("momentum", "is the name of a strategy")],
)
def test_a_name_that_cannot_be_used_is_refused(run: Run, folder: Path, name: str, report: str) -> None:
    done = run("strategy", "new", name)

    assert done.returncode == 1
    assert report in done.stderr
    assert not folder.exists() or not list(folder.iterdir())


RANKED = """
    def rank(self, views: tuple[MarketView, ...], parameters: Parameters) -> dict[Symbol, Decimal]:
        return {views[0].quote.symbol: Decimal("0.1"), views[1].quote.symbol: Decimal("0.9")}
"""
BUSY = """date,time,symbol,open,high,low,close,volume
20261120,0900,005930,70000,70500,69500,70000,1000
20261120,0900,000660,200000,201000,199000,200000,1000
20261120,0900,035720,40000,40500,39500,40000,1000
20261123,0900,005930,71000,71000,71000,71000,500000
20261123,0901,005930,71000,71500,71000,71400,700000
20261123,0903,005930,71400,71400,70200,70300,700000
20261123,0900,000660,203000,203000,203000,203000,500000
20261123,0901,000660,203000,204000,203000,204000,700000
20261123,0900,035720,40800,40900,40800,40900,10
"""


def _ranking(folder: Path) -> None:
    file = folder / "opening_gap.py"
    text = file.read_text().replace("import EntrySignal, MarketView", "import EntrySignal, MarketView, Symbol")
    file.write_text(f"{text}{RANKED}")


def test_a_check_shows_screening_order_and_exits(run: Run, folder: Path, bars: Path) -> None:
    bars.write_text(BUSY)
    run("strategy", "new", "opening_gap")
    _ranking(folder)
    rules = {"HARU_RULES__SCREENING__LEAST_TURNOVER": "1000000000", "HARU_RULES__SCREENING__LEAST_VOLUME": "1000"}

    report = json.loads(run("strategy", "check", "opening_gap", "--day", str(bars), "--json", **rules).stdout)
    shown = run("strategy", "check", "opening_gap", "--day", str(bars)).stdout

    assert report["faults"] == {}
    assert {each["symbol"]: each["dropped_by"] for each in report["signals"]} == {
        "035720": "thin_volume",
        "005930": "",
        "000660": "",
    }
    (drop,) = [each for each in report["drops"] if each["symbol"] == "035720"]
    assert (drop["filter"], drop["since"][11:16], drop["looks"]) == ("thin_volume", "09:00", report["looks"] // 3)
    assert report["screening"]["thin_volume"] == drop["looks"]
    ranked = [scan["candidates"] for scan in report["scans"] if len(scan["candidates"]) == 2]
    assert ranked[0] == [
        {"symbol": "000660", "confidence": "0.9"},
        {"symbol": "005930", "confidence": "0.1"},
    ]
    (sold,) = [each for each in report["exits"] if each["symbol"] == "005930"]
    assert (sold["reason"], sold["bought_at"][11:16], sold["at"][11:16]) == ("strategy", "09:01", "09:04")
    assert sold["detail"] == "opening_gap signals an exit"
    assert float(sold["change"]) < 0
    assert "  thin_volume" in shown
    assert "  09:01:30 000660 0.90, 005930 0.10" in shown
    assert f"    {float(sold['change']):+.1%} strategy\n" in shown
    assert max(map(len, shown.splitlines()[3:])) <= 80


def test_a_check_speaks_korean(run: Run, folder: Path, bars: Path) -> None:
    bars.write_text(BUSY)
    run("strategy", "new", "opening_gap")

    shown = run("strategy", "check", "opening_gap", "--day", str(bars), HARU_LANGUAGE="ko").stdout

    assert "매수 신호:" in shown
    assert "스크리닝에서 제외: thin_" in shown
    assert "신호 가격에 샀다고 볼 때의 청산" in shown


@pytest.mark.parametrize(
    ("answer", "fault"),
    [("return 1", "returned a int, not a bool"), ("raise ValueError('odd')", "raised ValueError: odd")],
)
def test_a_fault_of_wants_out_is_counted_and_price_rules_decide(
    run: Run, folder: Path, bars: Path, answer: str, fault: str
) -> None:
    bars.write_text(BUSY)
    run("strategy", "new", "opening_gap")
    file = folder / "opening_gap.py"
    body = "return view.reference is not None and 0 < view.quote.price < view.reference.previous_high"
    file.write_text(file.read_text().replace(body, answer))

    done = run("strategy", "check", "opening_gap", "--day", str(bars), "--json")

    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert fault in report["faults"]
    assert {each["reason"] for each in report["exits"]} <= {"time_stop", "trend_break", "deadline"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_reports_what_goes_wrong(run: Run, folder: Path, bars: Path, name: str) -> None:
    body, report = BROKEN[name]
    run("strategy", "new", "opening_gap")
    file = folder / "opening_gap.py"
    file.write_text(
        file.read_text().replace("        quote, reference = view.quote, view.reference\n", f"        {body}\n")
    )

    done = run("strategy", "check", "opening_gap", "--day", str(bars))

    assert done.returncode == 1
    assert f"times: {report}" in done.stdout
    assert "0 signals" in done.stdout


def test_a_refused_strategy_is_listed_with_its_place_and_cannot_be_checked(run: Run, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "gap.py").write_text("import time\n")

    listed, checked = run("strategy", "list"), run("strategy", "check", "gap")

    assert (listed.returncode, checked.returncode) == (1, 1)
    assert f"refused {folder / 'gap.py'}:1: imports time" in listed.stdout
    assert f"gap is not known. Refused: {folder / 'gap.py'}:1: imports time" in checked.stderr


def test_an_unknown_strategy_or_day_is_refused_with_the_nearest(run: Run, bars: Path) -> None:
    assert "did you mean momentum?" in run("strategy", "check", "momentun").stderr
    day = run("strategy", "check", "momentum", "--day", str(bars), "--date", "2026-11-24")
    assert "2026-11-24 has no session; the data has 2026-11-20 to 2026-11-23" in day.stderr
    assert run("strategy", "check", "momentum", "--day", str(bars.with_name("none.csv"))).returncode == 1


def test_without_a_file_the_simulators_day_is_played(run: Run) -> None:
    report = json.loads(run("strategy", "check", "volatility_breakout", "--json").stdout)

    assert (report["stocks"], report["without_reference"], report["faults"]) == (48, 0, {})
    assert report["signals"]
