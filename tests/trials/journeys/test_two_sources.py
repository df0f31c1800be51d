"""Two real hosts with different code under one strategy's name: neither buys by it, and each sells what was bought."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from domain.money import Price
from domain.tick_size import round_down
from security.sealing.keys import new_key
from tests.support.turns import TURNS, WHOLE_DAYS
from tests.trials.journeys.real_system import RealSystem, real_system

GREEDY = '''"""Buys everything, and sells {when}."""

from decimal import Decimal

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters


class Greedy:
    name = "greedy"
    version = "1"
    Parameters = Parameters

    def entry(self, view: MarketView, parameters: Parameters) -> EntrySignal | None:
        return EntrySignal(self.name, self.version, Decimal("0.9"), "everything")

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: Parameters) -> bool:
        return {answer}
'''
SETTINGS = {
    "HARU_SIMULATOR__SPEED": "1",
    "HARU_SIMULATOR__START": "2026-11-23 10:00",
    "HARU_RULES__STRATEGY__NAMES": "greedy",
    "HARU_RULES__EXITS__TRAILING_DISTANCE": "0",
    "HARU_RULES__EXITS__TAKE_PROFIT": "0",
    "HARU_RULES__EXITS__TREND_BREAK": "0",
    "HARU_RULES__EXITS__LONGEST_HOLDING": "0s",
    "HARU_RULES__RISK__COOLDOWN_AFTER_LOSS": "0s",
}
"""At the market's own speed only a forced price sells."""
_STARTS_WITHIN = 200.0
BOUGHT = "SELECT count(*) FROM orders WHERE side = 'buy' AND sent_at IS NOT NULL"
HELD = "SELECT symbol, cost / bought_quantity FROM positions WHERE is_live AND bought_quantity > sold_quantity"
CAUSES = (
    "SELECT count(DISTINCT detail ->> 'cause') FROM events WHERE detail ->> 'cause' LIKE 'greedy is other code on %'"
)
DROPPED = "SELECT sum(dropped) FROM scan_drops WHERE filter = 'strategy_failed'"


@contextmanager
def a_second_host(folder: Path, first: RealSystem, shared: Mapping[str, str], source: str) -> Iterator[RealSystem]:
    """Start another host at the first one's servers, with a data folder and a strategy of its own."""
    folder.mkdir()
    at = first.endpoints
    addresses = {
        "DATABASE_URL": str(at.database_url),
        "TEMPORAL_ADDRESS": str(at.temporal_address),
        "HARU_SIMULATOR__URL": str(at.simulator_url),
    }
    second = RealSystem(folder / "haru", {**shared, **addresses, **with_strategy(folder, source)})
    try:
        second.starts(_STARTS_WITHIN)
        yield second
    finally:
        if second.host is not None:
            second.host.kill()
            second.host.wait()


def with_strategy(folder: Path, source: str) -> dict[str, str]:
    """Write a strategy, and return the setting that names its folder."""
    own = folder / "strategies"
    own.mkdir(mode=0o700)
    (own / "greedy.py").write_text(source)
    return {"HARU_STRATEGIES__PATH": str(own)}


def falls(system: RealSystem, symbol: str, paid: int) -> None:
    """Force a price below the stop-loss."""
    body: Mapping[str, object] = {"symbol": symbol, "price": int(round_down(Price(paid * 95 // 100)))}
    with httpx.Client(trust_env=False, headers=system.endpoints.control_headers) as client:
        client.post(f"{system.endpoints.simulator_url}/control/prices", json=body).raise_for_status()


def reason_of(symbol: str) -> str:
    return f"SELECT exit_reason FROM trades WHERE symbol = '{symbol}'"


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(900)
def test_hosts_with_other_code_do_not_buy_and_each_of_them_sells(tmp_path: Path) -> None:
    keeps, leaves = GREEDY.format(when="never", answer=False), GREEDY.format(when="at once", answer=True)
    shared = {**SETTINGS, "HARU_PAYLOADS__KEYS": new_key()}
    with real_system(tmp_path, **shared, **with_strategy(tmp_path, keeps)) as one:
        one.starts(_STARTS_WITHIN)
        one.starter("--workers", "2", "--detach")
        one.until(lambda: len(one.query(HELD)) == 2, 200, "two held positions")
        (first, paid), (second, paid_for_second) = one.query(HELD)

        with a_second_host(tmp_path / "second", one, shared, leaves):
            one.until(lambda: one.number(CAUSES) == 2, 120, "a report of each host")
            falls(one, first, paid)
            one.until(lambda: bool(one.query(reason_of(first))), 120, "the first sale")
            one.until(lambda: one.number(DROPPED) > 0, 120, "a scan of the worker that is free again")
            status = one.starter("status")

            assert one.query(reason_of(first)) == [("stop_loss",)]
            assert one.number(BOUGHT) == 2
            assert "greedy is other code on " in " ".join(status.split())

            assert one.host is not None
            one.host.send_signal(signal.SIGSTOP)  # its servers run on, so that the other host takes over
            falls(one, second, paid_for_second)
            one.until(lambda: bool(one.query(reason_of(second))), 200, "the second sale, by the other host")

            assert one.query(reason_of(second)) == [("stop_loss",)]
