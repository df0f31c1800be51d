"""Whose shares remain: ours, the owner's, or of unknown origin."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.flatness import Believed, ByHand, HeldShares, could_still_fill, shares_before, split, traded_by_hand
from domain.market import Side
from domain.money import Quantity, Won
from domain.order import BrokerOrder, OrderIntent, OrderRecord, OrderStatus
from tests.support.builders import HYNIX, SAMSUNG, a_ref, an_intent

NO_CLAIMS = Believed(held={}, taken={}, before={}, by_hand={})


def believing(held: int = 0, taken: int = 0, before: int = 0, bought: int = 0, sold: int = 0) -> Believed:
    shares = {
        name: {SAMSUNG: Quantity(value)} for name, value in (("held", held), ("taken", taken), ("before", before))
    }
    return Believed(**shares, by_hand={SAMSUNG: ByHand(bought, sold)})


@pytest.mark.parametrize(
    ("shown", "believed", "parts"),
    [
        (10, believing(held=10), (10, 0, 0)),
        (3, believing(before=3), (0, 3, 0)),
        (3, believing(bought=3), (0, 3, 0)),
        (13, believing(held=10, bought=3), (10, 3, 0)),
        (15, believing(held=10, before=2, bought=3), (10, 5, 0)),
        (3, NO_CLAIMS, (0, 0, 3)),
        (12, believing(held=10), (10, 0, 2)),
        (6, believing(held=10, sold=4), (6, 0, 0)),
        (5, believing(taken=10, sold=10, bought=5), (0, 5, 0)),
        (10, believing(taken=10), (0, 0, 10)),
        (1, believing(before=3, sold=2), (0, 1, 0)),
        (2, believing(before=3, sold=2), (0, 1, 1)),
        (0, believing(held=10), ()),
    ],
    ids=[
        "ours alone",
        "held by the owner before",
        "bought by hand",
        "bought by hand in a stock of ours",
        "of all three kinds",
        "from nowhere",
        "more than ours from nowhere",
        "the owner sold some of ours",
        "the owner sold all of ours and bought again",
        "a position that our books let go without a sale",
        "the owner sold some of their own",
        "more left than the owner's sales leave",
        "an empty balance",
    ],
)
def test_each_share_has_an_owner_or_none(shown: int, believed: Believed, parts: tuple[int, ...]) -> None:
    expected = (HeldShares(SAMSUNG, *map(Quantity, parts)),) if parts else ()

    assert split({SAMSUNG: Quantity(shown)}, believed) == expected


def test_a_look_in_the_morning_finds_what_the_owner_holds_beside_ours() -> None:
    holdings = {SAMSUNG: Quantity(13), HYNIX: Quantity(4)}

    assert shares_before(holdings, believing(held=10), ()) == {SAMSUNG: 3, HYNIX: 4}


def test_a_later_look_reckons_back_to_the_morning() -> None:
    believed = believing(bought=5, sold=1)

    assert shares_before({SAMSUNG: Quantity(7)}, believed, ()) == {SAMSUNG: 3}
    assert shares_before({}, believing(sold=3), ()) == {SAMSUNG: 3}


def test_what_the_owner_has_bought_since_is_not_what_he_held_before() -> None:
    assert shares_before({SAMSUNG: Quantity(5)}, believing(bought=5), ()) == {}
    assert shares_before({}, believing(bought=5), ()) == {}


def test_shares_of_a_stock_that_we_ordered_are_not_called_the_owners_by_a_look_alone() -> None:
    """They may be ours, by an order that was lost; the last session's remainder is kept."""
    holdings = {SAMSUNG: Quantity(10)}

    assert shares_before(holdings, NO_CLAIMS, [SAMSUNG]) == {}
    assert shares_before(holdings, believing(before=4), [SAMSUNG]) == {SAMSUNG: 4}


def listed(intent: OrderIntent, **changes: object) -> BrokerOrder:
    row = BrokerOrder(
        ref=a_ref(7),
        symbol=intent.symbol,
        side=intent.side,
        order_type=intent.order_type,
        quantity=intent.quantity,
        limit_price=intent.limit_price,
        ordered_at=intent.decided_at + timedelta(seconds=1),
        filled_quantity=intent.quantity,
        filled_amount=Won(700_000),
        remaining_quantity=Quantity(0),
        rejected_quantity=Quantity(0),
    )
    return replace(row, **changes)  # type: ignore[arg-type]


BUY = an_intent(Side.BUY, Quantity(10))
LOST = OrderRecord(BUY, OrderStatus.NEVER_PLACED)


def test_an_order_that_is_not_ours_is_the_owners_on_either_side() -> None:
    bought, sold = listed(BUY), listed(BUY, side=Side.SELL, filled_quantity=Quantity(4))

    assert traded_by_hand([bought, sold], []) == {SAMSUNG: ByHand(10, 4)}
    assert traded_by_hand([listed(BUY, filled_quantity=Quantity(0))], []) == {}


def test_a_buy_that_looks_like_one_of_ours_that_was_given_up_explains_nothing() -> None:
    assert traded_by_hand([listed(BUY)], [LOST]) == {}


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Quantity(11)}, {"ordered_at": BUY.decided_at - timedelta(minutes=2)}, {"symbol": HYNIX}],
    ids=["another quantity", "older than our decision", "another stock"],
)
def test_another_buy_stays_the_owners_beside_one_that_was_given_up(changes: dict[str, object]) -> None:
    assert list(traded_by_hand([listed(BUY, **changes)], [LOST]).values()) == [ByHand(10, 0)]


def test_a_quarantined_order_can_fill_only_while_one_that_looks_like_it_works() -> None:
    doubtful = OrderRecord(BUY, OrderStatus.QUARANTINED)
    works = listed(BUY, filled_quantity=Quantity(0), remaining_quantity=Quantity(10))

    assert could_still_fill(doubtful, [works])
    assert not could_still_fill(doubtful, [listed(BUY)])
    assert not could_still_fill(doubtful, [])


@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.SENDING, OrderStatus.UNKNOWN])
def test_an_order_whose_end_was_not_seen_can_fill(status: OrderStatus) -> None:
    assert could_still_fill(OrderRecord(BUY, status), [])
    assert not could_still_fill(OrderRecord(BUY, OrderStatus.CANCELLED), [])
