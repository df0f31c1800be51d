"""KIS's market-phase messages, with any added fields, and with or without the stock's code in front."""

import pytest

from broker.kis.market_messages import messages_in
from broker.kis.stream_frames import Frame, FrameError
from domain.market_phase import MarketMessage, MarketWord
from domain.stream import Garbled


def fields(code: str = "112", *, first: str = "005930", more: int = 0) -> list[str]:
    stock = [first] if first else []
    return [*stock, "N", "", code, "112", "", "", "55", "N", "N", "1", *["0"] * more]


def read(*records: list[str]) -> tuple[MarketMessage | Garbled, ...]:
    payload = "^".join(field for record in records for field in record)
    return messages_in(Frame("H0STMKO0", is_encrypted=False, count=len(records), payload=payload))


@pytest.mark.parametrize("more", [0, 1, 5])
@pytest.mark.parametrize("first", ["005930", ""], ids=["stock first", "no stock"])
def test_a_phase_is_read_by_count(first: str, more: int) -> None:
    records = [fields("174", first=first, more=more), fields("175", first=first, more=more)]

    assert read(*records) == (MarketMessage(MarketWord.HALTED, "174"), MarketMessage(MarketWord.OPEN, "175"))


@pytest.mark.parametrize("code", ["", "(null)", "140", "159", "999"])
def test_what_is_not_about_the_regular_market_is_no_message(code: str) -> None:
    assert read(fields(code)) == ()


def test_an_impossible_code_costs_itself_alone() -> None:
    garbled, message = read(fields("1x2"), fields("387"))

    assert isinstance(garbled, Garbled)
    assert message == MarketMessage(MarketWord.SIDECAR_ON, "387")


def test_too_few_fields_are_refused() -> None:
    with pytest.raises(FrameError):
        read(["005930", "N", "", "112"])
