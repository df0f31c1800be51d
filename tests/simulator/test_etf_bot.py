"""A bot of the tutorial kind runs a whole day in seconds: it buys at the breakout and sells before the close."""

from datetime import datetime
from types import SimpleNamespace

import httpx
import pytest

from simulator.samples import etf_breakout
from tests.simulator.test_process import running

PACE = 40
"""Market seconds that pass while the bot means to wait one second."""
ETF, STOCK = "122630", "005930"


class MarketTime:
    """The bot's clock and pauses: the market's manual clock, moved by every pause. No speed can lose a race."""

    def __init__(self, control: httpx.Client) -> None:
        self._control = control
        self.sleep(0)

    def now(self) -> datetime:
        return self._at

    def sleep(self, seconds: float) -> None:
        moved = self._control.post("/clock", json={"advance": seconds * PACE}).json()
        self._at = datetime.fromisoformat(moved["market_time"])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_bot_trades_a_whole_day_and_ends_with_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--clock", "2026-11-23 08:58:00", "--manual")
    with (
        running(*options) as (_, url),
        httpx.Client(base_url=f"{url}/control", trust_env=False, timeout=None) as control,
    ):
        listed = {stock["symbol"]: stock for stock in control.get("/symbols").json()}
        symbol = ETF if ETF in listed else STOCK
        base = listed[symbol]["base"]
        control.post("/prices", json={"symbol": symbol, "price": base, "drift": 0.0005}).raise_for_status()
        market = MarketTime(control)
        monkeypatch.setattr(etf_breakout, "datetime", market)
        monkeypatch.setattr(etf_breakout, "time", SimpleNamespace(sleep=market.sleep))

        etf_breakout.run(etf_breakout.Kis(url), symbol, 0.5)
        account = control.get("/accounts/12345678").json()

    said = capsys.readouterr().out
    sides = [order["side"] for order in account["orders"] if order["filled"]]
    assert "breakout at" in said
    assert said.splitlines()[-1].endswith("done")
    assert sides[0] == "buy"
    assert set(sides[1:]) == {"sell"}
    assert [holding["quantity"] for holding in account["holdings"]] == [0]
    assert account["cash"] > 100_000_000
