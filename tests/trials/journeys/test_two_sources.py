"""Two real hosts with different code under one strategy's name: neither buys by it, and each sells what was bought."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from domain.money import Price
from domain.tick_size import round_down
from tests.runtime.embedded.processes import FREE_PORTS, hosting, says_up
from tests.trials.journeys.real_system import RealSystem

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
    "HARU_RULES__EXITS__TRAILING_STOP": "0",
    "HARU_RULES__EXITS__TAKE_PROFIT": "0",
    "HARU_RULES__EXITS__TREND_BREAK": "0",
    "HARU_RULES__EXITS__LONGEST_HOLDING": "0s",
}
"""At the market's own speed only a forced price sells."""
BOUGHT = "SELECT count(*) FROM orders WHERE side = 'buy' AND sent_at IS NOT NULL"
HELD = "SELECT symbol, cost / bought_quantity FROM positions WHERE is_live AND bought_quantity > sold_quantity"
CAUSES = (
    "SELECT count(DISTINCT detail ->> 'cause') FROM events WHERE detail ->> 'cause' LIKE 'greedy is other code on %'"
)
DROPPED = "SELECT sum(dropped) FROM scan_drops WHERE filter = 'strategy_failed'"


@contextmanager
def two_hosts(folder: Path, *sources: str) -> Iterator[tuple[RealSystem, ...]]:
    """Start the servers in a process of their own; each host has a folder of strategies."""
    data = folder / "haru"
    with hosting({**FREE_PORTS, **SETTINGS, "HARU_DATA_DIR": str(data)}) as servers, ExitStack() as stack:
        says_up(servers)
        hosts = []
        for number, source in enumerate(sources):
            own = folder / f"strategies-{number}"
            own.mkdir(mode=0o700)
            (own / "greedy.py").write_text(source)
            hosts.append(RealSystem(data, {**SETTINGS, "HARU_STRATEGIES__PATH": str(own)}))
            stack.callback(_ends, hosts[-1])
        yield tuple(hosts)


def _ends(system: RealSystem) -> None:
    if system.host is not None:
        system.host.kill()
        system.host.wait()


def falls(system: RealSystem, symbol: str, paid: int) -> None:
    """Force a price below the stop-loss."""
    body: Mapping[str, object] = {"symbol": symbol, "price": int(round_down(Price(paid * 95 // 100)))}
    with httpx.Client(trust_env=False, headers=system.endpoints.control_headers) as client:
        client.post(f"{system.endpoints.simulator_url}/control/prices", json=body).raise_for_status()


def reason_of(symbol: str) -> str:
    return f"SELECT exit_reason FROM trades WHERE symbol = '{symbol}'"


@pytest.mark.slow
@pytest.mark.timeout(580)
def test_hosts_with_other_code_do_not_buy_and_each_of_them_sells(tmp_path: Path) -> None:
    keeps, leaves = GREEDY.format(when="never", answer=False), GREEDY.format(when="at once", answer=True)
    with two_hosts(tmp_path, keeps, leaves) as (one, other):
        one.starts()
        one.starter("--workers", "2", "--detach")
        one.until(lambda: len(one.query(HELD)) == 2, 120, "two held positions")
        (first, paid), (second, paid_for_second) = one.query(HELD)

        other.starts()
        one.until(lambda: one.number(CAUSES) == 2, 60, "a report of each host")
        bought = one.number(BOUGHT)
        falls(one, first, paid)
        one.until(lambda: bool(one.query(reason_of(first))), 60, "the first sale")
        one.until(lambda: one.number(DROPPED) > 0, 60, "a scan of the worker that is free again")
        status = one.starter("status")

        assert one.query(reason_of(first)) == [("stop_loss",)]
        assert one.number(BOUGHT) == bought == 2
        assert "greedy is other code on " in status.replace("\n", " ")
        assert one.host is not None
        assert isinstance(one.host, subprocess.Popen)

        _ends(one)
        falls(other, second, paid_for_second)
        other.until(lambda: bool(other.query(reason_of(second))), 120, "the second sale, by the other host")

        assert other.query(reason_of(second)) == [("stop_loss",)]
