"""The real worker.py records its limits; workers started with looser settings are capped, and the user is informed."""

import json
from pathlib import Path

import pytest

from tests.support.turns import TURNS, WHOLE_DAYS
from tests.trials.journeys.real_system import real_system

SENT = "SELECT count(*) FROM orders WHERE side = 'buy' AND sent_at IS NOT NULL"
GREATEST = "SELECT max(limit_price * quantity) FROM orders WHERE side = 'buy' AND sent_at IS NOT NULL"
WITHOUT = "SELECT count(*) FROM orders WHERE side = 'buy' AND sent_at IS NOT NULL AND host_limits IS NULL"
RECORDED = "SELECT rules ->> 'risk.capital_per_trade' FROM host_limits"
REPORTED = "SELECT count(*) FROM events WHERE kind = 'rules_above_host_limits'"


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
def test_workers_of_looser_settings_buy_for_no_more_than_their_host_allows(tmp_path: Path) -> None:
    market = {"HARU_SIMULATOR__SPEED": "120", "HARU_SIMULATOR__START": "2026-11-23 09:30"}
    with real_system(tmp_path, **market, HARU_RULES__RISK__CAPITAL_PER_TRADE="1,000,000") as system:
        system.starts()
        system.settings = {**market, "HARU_RULES__RISK__CAPITAL_PER_TRADE": "10,000,000"}
        system.starter("--workers", "3", "--detach")
        system.until(lambda: system.number(SENT) >= 1, 120, "a buy")
        system.until(lambda: system.number(REPORTED) == 3, 60, "a report of each worker")

        assert system.query(RECORDED) == [("1000000",)]
        assert 0 < system.number(GREATEST) <= 1_000_000
        assert system.number(WITHOUT) == 0
        plain, limits = system.starter("status"), json.loads(system.starter("status", "--json"))["limits"]
        assert "WARNING these settings are looser than " in plain
        assert [host["limits"]["risk.capital_per_trade"] for host in limits["hosts"]] == ["1000000"]
