"""Every sentence that the command line can print has a Korean text; JSON is the same in both languages."""

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from activities.account.cash_check import cash_in_words
from cli.demo.day_report import CHECKS
from domain.cash import CashCompared
from domain.money import Won
from history.checking import MEANINGS
from reporting.sentences import command_line_words
from reporting.spoken import padded, say, speak
from runtime.embedded.stage import unconfigured
from runtime.language import use_configured_language
from tests.runtime.embedded.processes import ROOT
from tests.support.command_line import Run
from verifier.invariants import INVARIANTS

SPEAKERS: Final = (
    *(ROOT / name for name in ("worker.py", "starter.py", "demo.py", "runtime/hosting.py")),
    *sorted((ROOT / "verifier").glob("*.py")),
    *sorted(
        path
        for path in (ROOT / "cli").rglob("*.py")
        if path.name != "strategy_template.py"  # which holds code, not sentences
    ),
    *(
        ROOT / "fleet" / name
        for name in ("board.py", "books.py", "clocks.py", "commands.py", "errors.py", "order_lookup.py", "standings.py")
    ),
    *(ROOT / name for name in ("fleet/troubles.py", "web/performing.py", "web/state.py", "web/view.py")),
    *(ROOT / "web" / name for name in ("process.py", "access/exposure.py", "access/passwords.py")),
    *(ROOT / "web" / "commands" / name for name in ("decisions.py", "planning.py", "rules.py")),
    *(ROOT / name for name in ("fleet/rules_in_force.py", "runtime/live_changes.py", "runtime/web_settings.py")),
    *(
        ROOT / "runtime" / name
        for name in ("broker_settings.py", "env_file.py", "faults.py", "health.py", "live_dangers.py")
    ),
    *(
        ROOT / "runtime" / name
        for name in ("opening.py", "settings.py", "superuser.py", "temporal_connection.py", "token_key.py")
    ),
    *(ROOT / "runtime" / name for name in ("backup.py", "embedded/restoring.py", "postgres_client.py", "restore.py")),
    ROOT / "security" / "backup_file.py",
    *(ROOT / "strategies" / name for name in ("admission.py", "catalogue.py", "parameters.py", "purity.py")),
    *(ROOT / "strategies" / name for name in ("entry_rule.py", "rule_lines.py")),
    *(ROOT / "runtime" / name for name in ("strategy_loading.py", "temporal_connection.py", "token_key.py")),
    *(ROOT / "runtime" / "embedded" / name for name in ("books.py", "upgrade.py", "payload_key.py", "token_key.py")),
    *(ROOT / name for name in ("database/errors.py", "workflows/faults.py", "domain/dangers.py")),
    *(ROOT / "history" / name for name in ("checking.py", "clocks.py", "columns.py", "downloading.py", "errors.py")),
    *(ROOT / "history" / name for name in ("importing.py", "provenance.py", "rows.py", "tables.py")),
    *(ROOT / name for name in ("domain/strategy.py", "domain/verdict.py", "security/private_files.py")),
    *(
        ROOT / "lab" / "evidence" / name
        for name in ("choice.py", "foresight.py", "judging.py", "reading.py", "wording.py")
    ),
    ROOT / "lab" / "slippage.py",
    *(
        ROOT / "lab" / "parity" / name
        for name in ("busy.py", "causes.py", "comparing.py", "replay.py", "scans.py", "seen.py")
    ),
)
"""Modules whose texts reach the user of a verb."""
PARTS: Final = frozenset(
    ast.literal_eval(line) for line in (ROOT / "tests" / "cli" / "parts_of_sentences.txt").read_text().splitlines()
)
"""Texts without Korean: a part of a sentence whose whole has it, a name, a type, a command, a word to look for."""


@cache
def korean(text: str) -> str:
    return command_line_words("ko").say_parts(text)


def test_every_sentence_of_the_command_line_has_korean() -> None:
    said = {text: path for path in SPEAKERS for text in sentences_of(path)}
    missing = {text for text in said if not re.search("[가-힣]", korean(text))}

    assert [f"{said[text].relative_to(ROOT)}: {text}" for text in sorted(missing - PARTS)] == []
    assert PARTS - missing == set()


def sentences_of(path: Path) -> Iterator[str]:
    """Yield the texts of a module that have two words or more, with 1 in each gap that the module does not fill."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(each) for part in node.values for each in ast.walk(part)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in skipped:
            yield from filter(has_words, filled(node, module))


def has_words(text: str) -> bool:
    return " " in text.strip() and re.search(r"[A-Za-z]{3}", text) is not None


def filled(node: ast.expr, module: ModuleType) -> Iterator[str]:
    """Yield a text with the constants of its module in its gaps, and with each text that a condition chooses."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield from ("".join(each) for each in product(*(tuple(filled(part, module)) for part in parts)))
        case ast.FormattedValue(value=ast.Name(id=name)) if isinstance(getattr(module, name, None), str | int):
            yield str(getattr(module, name))
        case ast.FormattedValue(value=ast.IfExp(body=body, orelse=other)):
            yield from (*filled(body, module), *filled(other, module))
        case _:
            yield "1"


def test_the_cash_of_a_reconciliation_has_korean() -> None:
    cash = CashCompared(Won(1_000), Won(1_500), others=Won(200))

    assert korean(cash_in_words(cash)) == (
        "예수금: 원장 1,000원, 증권사 1,500원, 차이 +500원, Haru가 내지 않은 주문 +200원, 원인 불명 +300원"
    )


def test_a_sentence_without_korean_is_found() -> None:
    assert not re.search("[가-힣]", korean("the moon is full tonight"))


@pytest.fixture
def in_korean(monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> Iterator[None]:
    monkeypatch.setenv("HARU_LANGUAGE", "ko")
    use_configured_language()
    yield
    speak("en")


@pytest.mark.usefixtures("in_korean")
def test_parts_and_gaps_are_translated_and_names_stay() -> None:
    assert say("PostgreSQL: no answer in time; start `python worker.py` first") == (
        "PostgreSQL: 응답 시간 초과. 먼저 `python worker.py`를 시작하세요"
    )
    assert say("HARU · PAPER · continuous, liquidation in 0:10:00") == "HARU · PAPER · 정규장, 청산까지 0:10:00"
    assert say("worker-1: done, holding, paused, rules v2") == "worker-1: 완료, 보유, 매수 중지, 규칙 v2"
    assert say("대한전선 now at work") == "대한전선 now at work"


@pytest.mark.parametrize(
    ("english", "translated"),
    [
        (
            (
                "entries until 15:00, sale from 15:12 ("
                "30 positions need 7 min 51 s at 1 calls/s before the auction at 15:20)"
            ),
            "매수 15:00까지, 매도 15:12부터 (30종목 매도에 7분 51초 필요(초당 1건), 15:20 종가 동시호가 전)",
        ),
        (
            "this machine's clock is 3.1 s ahead of the broker and in step with the database; more than 2 s",
            "이 컴퓨터 시계: 증권사보다 3.1초 빠름, 데이터베이스와 일치, 2초 초과",
        ),
        (
            "HARU_A: Input should be a valid integer, unable to parse string as an integer (it is 'x'); unset it",
            "HARU_A: 정수여야 합니다 (현재 값 'x'); 지우세요",
        ),
        (
            "limits: kill switch off · fleet net +0 won, entries stop at -2,000 (2,000 away)",
            "한도: 긴급 정지 꺼짐 · 전체 순손익 +0원, -2,000원에서 매수 중지(여유 2,000원)",
        ),
        (
            "exits.stop_los is not a rule; did you mean exits.stop_loss? Nothing was changed",
            "exits.stop_los: 없는 규칙입니다. exits.stop_loss인가요? 아무것도 바꾸지 않았습니다",
        ),
        (
            "run-1/1  worker-1  buy 005930 ×10 at 70,000 won  quarantined",
            "run-1/1  worker-1  매수 005930 ×10 70,000원  격리",
        ),
        (
            "until 2026-12-14: 2026-12-03 from 10:00 to 16:30, 2026-12-25 closed (KST)",
            "2026-12-14까지: 2026-12-03 10:00~16:30, 2026-12-25 휴장 (KST)",
        ),
        ("sold 005930: take_profit, net +1,200 won", "005930 매도: 익절, 순손익 +1,200원"),
        (
            "2 files: CSV, utf-8, comma; minute bars named by the minute's end; date, market; unused: x; time, KST",
            "파일 2개: CSV, utf-8, comma; 분봉(끝 시각 기준); date, market; 안 쓴 열: x; time, KST",
        ),
        (
            "  refused /a/b.csv: is no table: its first line has 1 columns",
            "  거부    /a/b.csv: 표가 아닙니다. 첫 줄의 열이 1개입니다",
        ),
        (
            "/a/b.csv, line 3: volume is 'x'; write a whole number",
            "/a/b.csv 3행: volume 값 'x': 정수로 적으세요",
        ),
        (
            "x is not known. Refused: /a.py:3: print does I/O; use the view (and 2 more)",
            "x: 알 수 없는 전략입니다. 거부된 전략: /a.py:3: print: 입출력을 합니다. view를 쓰세요 (그 밖에 2건)",
        ),
        (
            "x is not known. Refused: /a.py:3: print does I/O; use the view; /b.py:1: waits",
            "x: 알 수 없는 전략입니다. 거부된 전략: /a.py:3: print does I/O; use the view; /b.py:1: waits",
        ),
        (
            "refused: /a.py:1: waits; a strategy answers at once, use def",
            "거부: /a.py:1: 전략은 기다리지 않고 바로 답해야 합니다. def를 쓰세요",
        ),
        (
            "momentum 2 (in use): built in, source 517c4b3c9127",
            "momentum 2 (사용 중): 내장, 소스 517c4b3c9127",
        ),
    ],
)
def test_a_sentence_with_sentences_in_it_is_korean_throughout(english: str, translated: str) -> None:
    assert korean(english) == translated


@pytest.mark.usefixtures("in_korean")
def test_help_usage_errors_and_refusals_are_in_korean(run: Run) -> None:
    assert run("--help").stdout.startswith("사용법: starter.py")
    assert "긴급" not in run("pause", "--help").stdout
    assert "신규 매수를 중지합니다" in run("pause", "--help").stdout
    assert "오류: 인자 N: 워커는 1개 이상으로 지정하세요" in run("--workers", "0").stderr.replace("--workers", "N")
    assert "먼저 `python worker.py`를 시작하세요" in run("status").stderr
    assert "고치거나" in run("status", HARU_PORTS__TEMPORAL="eighty").stderr or "지우면" in run("status").stderr


@pytest.mark.usefixtures("in_korean")
def test_the_doctor_speaks_korean_and_its_json_does_not(run: Run) -> None:
    text, values = run("doctor").stdout, json.loads(run("doctor", "--json").stdout)

    assert text.startswith("정상      설정")
    assert not re.search("[가-힣]", json.dumps(values, ensure_ascii=False))


@pytest.mark.usefixtures("in_korean")
def test_the_json_of_a_refusal_is_english(run: Run) -> None:
    done = run("status", "--json")

    assert "start `python worker.py` first" in json.loads(done.stdout)["error"]
    assert "시작하세요" in done.stderr


@pytest.mark.usefixtures("in_korean")
def test_tables_are_in_korean_and_json_is_not(run: Run, paper_fleet: Mapping[str, str]) -> None:
    assert "아직 워커가 없습니다" in run("status").stdout
    assert "거래일" in run("summary").stdout
    assert "청산한 매매가 없습니다" in run("trades").stdout
    assert "판정을 기다리는 주문이 없습니다" in run("quarantine").stdout
    for verb in ("status", "summary", "trades", "quarantine"):
        assert not re.search("[가-힣]", run(verb, "--json").stdout), verb


@pytest.mark.parametrize("meaning", MEANINGS.values())
def test_every_finding_in_bars_has_korean(meaning: str) -> None:
    assert re.search("[가-힣]", korean(f"1,000 {meaning}"))


@pytest.mark.usefixtures("in_korean")
def test_strategies_and_bars_are_in_korean_and_their_json_is_not(run: Run, tmp_path: Path) -> None:
    row = "20261123,0900,005930,70000,70500,69900,70300,60000"
    (tmp_path / "bars.csv").write_text(f"date,time,symbol,open,high,low,close,volume\n{row}\n")

    assert "분봉(종목·일): 신규 1, 기존과 같음 0" in run("bars", "import", str(tmp_path / "bars.csv")).stdout
    assert "1거래일, 분봉 1개, 일봉 0개" in run("bars", "list").stdout
    assert "2026-11-23 005930: 380분 중 379분이 빠졌습니다" in run("bars", "check").stdout
    assert "momentum 2 (사용 중): 내장, 소스" in run("strategy", "list").stdout
    assert "알 수 없는 전략입니다. momentum인가요?" in run("strategy", "check", "momentun").stderr
    for words in (("bars", "list"), ("bars", "check"), ("strategy", "list")):
        assert not re.search("[가-힣]", run(*words, "--json").stdout), words


def test_the_file_of_the_settings_may_name_the_language(nothing_configured: None, tmp_path: Path, run: Run) -> None:
    (tmp_path / ".env").write_text("HARU_LANGUAGE=ko\n")
    (tmp_path / ".env").chmod(0o600)
    try:
        assert run("status").stderr.endswith("시작하세요\n")
    finally:
        speak("en")


def test_another_language_is_refused(nothing_configured: None, run: Run) -> None:
    assert "HARU_LANGUAGE: Input should be 'en' or 'ko'" in run("status", HARU_LANGUAGE="fr").stderr


def test_a_korean_text_fills_its_columns() -> None:
    assert padded("정상", 10) == "정상      "
    assert padded("ok", 10) == "ok        "


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["worker.py", "--help"], "매매를 실행합니다."),
        (["worker.py", "--odd"], "오류: 알 수 없는 인자입니다: --odd"),
        (["demo.py", "--help"], "워커 수(기본값 5)"),
        (["demo.py", "--workers", "0"], "워커는 1개 이상으로 지정하세요"),
        (["-m", "verifier", "--help"], "이력을 대조합니다."),
        (["-m", "verifier"], "먼저 `python worker.py`를 시작하세요"),
    ],
    ids=" ".join,
)
def test_the_other_programs_speak_korean(words: list[str], said: str, tmp_path: Path) -> None:
    environment = {**unconfigured(tmp_path), "HARU_LANGUAGE": "ko", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *words], check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )

    text = done.stdout + done.stderr
    assert said in text
    assert "usage" not in text


@pytest.mark.usefixtures("in_korean")
def test_the_names_of_the_demos_checks_are_korean() -> None:
    assert [name for name in CHECKS if not re.search("[가-힣]", say(name.replace("_", " ")))] == []
    assert [each.name for each in INVARIANTS if not re.search("[가-힣]", say(each.says))] == []
