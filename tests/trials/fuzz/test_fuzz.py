"""A short run of ``make fuzz``, and a check that it detects violations."""

from datetime import UTC, datetime
from random import Random

import pytest

from broker.kis.fields import Message
from broker.kis.order_messages import BuyingPowerRow
from broker.kis.orders import KisOrders
from domain.errors import BrokerUnavailableError
from domain.market import Quote, Symbol
from domain.money import Price
from domain.order import Accepted, BrokerOrderRef, Rejected, Unknown
from tests.broker.parts import ACCOUNT, DAY
from tests.trials.fuzz.__main__ import fuzz, main, report
from tests.trials.fuzz.judge import trouble_with_error, trouble_with_outcome, trouble_with_value
from tests.trials.fuzz.mutations import Damaged, damaged

REFUSED = Damaged(200, b'{"rt_cd": "1", "msg_cd": "APBK0919", "msg1": "no"}', "")
PLACED = Damaged(200, b'{"rt_cd": "0", "output": {"ODNO": "0000000007", "KRX_FWDG_ORD_ORGNO": "06010"}}', "")
REF = BrokerOrderRef(DAY, "06010", "0000000007")


async def test_two_thousand_damaged_replies_end_in_values_or_in_named_errors() -> None:
    tally = await fuzz(2_016, seed=3)

    assert tally.violations == []
    assert {sum(ended.values()) for ended in tally.ended.values()} == {84}
    assert all(len(ended) > 1 for ended in tally.ended.values())


def test_the_same_seed_damages_in_the_same_way() -> None:
    reply = {"rt_cd": "0", "output": [{"price": "70000"}]}

    assert damaged(reply, Random("7/1")) == damaged(reply, Random("7/1"))
    assert len({damaged(reply, Random(f"7/{number}")).content for number in range(50)}) > 30


async def test_a_reader_that_lets_another_error_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(row: dict[str, str]) -> Message:
        return BuyingPowerRow.model_construct(nrcvb_buy_amt=int(row["nrcvb_buy_amt"]), nrcvb_buy_qty=1)

    monkeypatch.setattr("broker.kis.account.BuyingPowerRow.model_validate", careless)

    tally = await fuzz(440, seed=3)

    assert any("buying power" in violation and "is none of ours" in violation for violation in tally.violations)
    assert "violations\n" in report(tally, 1.0)


async def test_an_order_that_is_sent_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    once = KisOrders._send

    async def twice(self: KisOrders, *request: object) -> object:
        await once(self, *request)  # type: ignore[arg-type]
        return await once(self, *request)  # type: ignore[arg-type]

    monkeypatch.setattr(KisOrders, "_send", twice)

    tally = await fuzz(22, seed=3)

    assert [violation.partition(": ")[2] for violation in tally.violations] == ["2 requests have left"] * 3


@pytest.mark.parametrize(
    ("outcome", "reply", "sent", "trouble"),
    [
        (Accepted(REF), PLACED, 1, ""),
        (Rejected("APBK0919", "no"), REFUSED, 1, ""),
        (Unknown("order-cash: ReadTimeout"), REFUSED, 1, ""),
        (Accepted(REF), REFUSED, 1, "accepted without success and its number"),
        (Rejected("APBK0919", "no"), PLACED, 1, "rejected without a clear refusal"),
        (Rejected("", "no"), REFUSED, 1, "rejected without a clear refusal"),
        (Unknown(" "), REFUSED, 1, "unknown without a reason"),
        (None, REFUSED, 1, "None is no outcome"),
        (Accepted(REF), PLACED, 0, "0 requests have left"),
        (Unknown(f"account {ACCOUNT}"), REFUSED, 1, "a secret is shown"),
    ],
)
def test_what_an_order_became_is_held_against_the_reply(
    outcome: object, reply: Damaged, sent: int, trouble: str
) -> None:
    assert trouble_with_outcome(outcome, reply, sent) == trouble


def test_values_and_errors_are_judged() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)

    assert trouble_with_value(Quote(Symbol("005930"), Price(70_000), now)) == ""
    assert trouble_with_value((Quote(Symbol("005930"), Price(-1), now),)) == "price is negative"
    assert trouble_with_value(Quote(Symbol("005930"), Price(1), now.replace(tzinfo=None))) == "observed_at has no zone"
    assert trouble_with_error(BrokerUnavailableError("balance: HTTP 502")) == ""
    assert trouble_with_error(BrokerUnavailableError("")) == "BrokerUnavailableError says nothing"
    assert trouble_with_error(ValueError("x")) == "ValueError is none of ours"
    assert trouble_with_error(BrokerUnavailableError(ACCOUNT)) == "a secret is shown"


def test_the_program_counts_and_refuses_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "22", "--seed", "1"]) == 0
    assert "22 damaged replies" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["--count", "0"])
    assert ended.value.code == 2
