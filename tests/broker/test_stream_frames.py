"""KIS's real-time texts are parsed with any added fields; an unreadable text is reported, never guessed."""

from collections.abc import Callable, Sized
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.kis.stream_frames import (
    PING,
    AccountNotice,
    Cipherment,
    Control,
    Frame,
    FrameError,
    UndecryptableError,
    notices_in,
    read_frame,
    ticks_in,
)
from domain.market import Quote, Side
from domain.stream import Garbled, NoticeKind, OrderNotice
from tests.broker.frames import ACCEPTANCE, CIPHERMENT, FILL, TRADE, as_real, changed, notices, sealed, trades

AT = datetime(2023, 6, 12, 0, 33, 54, 400_000, tzinfo=UTC)


def ticks(text: str, received_at: datetime = AT) -> tuple[Quote, ...]:
    return tuple(each for each in heard(text, received_at) if isinstance(each, Quote))


def heard(text: str, received_at: datetime = AT) -> tuple[Quote | Garbled, ...]:
    frame = read_frame(text)
    assert isinstance(frame, Frame)
    return ticks_in(frame, received_at)


def noticed(text: str, cipherment: Cipherment | None = CIPHERMENT) -> list[OrderNotice]:
    return [each.notice for each in notices_heard(text, cipherment) if not isinstance(each, Garbled)]


def notices_heard(text: str, cipherment: Cipherment | None = CIPHERMENT) -> tuple[AccountNotice | Garbled, ...]:
    frame = read_frame(text)
    assert isinstance(frame, Frame)
    return notices_in(frame, cipherment)


def test_a_trade_becomes_a_quote_with_its_best_bid_and_ask() -> None:
    (tick,) = ticks(trades(TRADE))

    assert (tick.symbol, tick.price, tick.bid, tick.ask) == ("005930", 71_900, 71_800, 71_900)
    assert (tick.bid_quantity, tick.ask_quantity) == (216_924, 65_945)
    assert (tick.volume, tick.turnover) == (3_052_507, 219_853_241_700)
    assert (tick.open_price, tick.high_price, tick.low_price) == (72_100, 72_400, 71_700)
    assert tick.limits is None


@pytest.mark.parametrize(
    ("received", "observed"),
    [
        (AT, AT),
        (AT + timedelta(seconds=20), AT.replace(second=55, microsecond=0)),
        (AT - timedelta(seconds=20), AT.replace(microsecond=0)),
    ],
    ids=["at once", "late", "from the future"],
)
def test_a_trade_happened_in_the_second_that_it_is_stamped_with(received: datetime, observed: datetime) -> None:
    assert ticks(trades(TRADE), received)[0].observed_at == observed


@pytest.mark.parametrize("added", [[], ["2"], ["2", "", "later"]], ids=["46", "47", "49"])
def test_several_trades_in_one_frame_are_cut_by_their_number_of_fields(added: list[str]) -> None:
    """46 fields before 2026-09-14, 47 since, more some day."""
    three = (TRADE, changed(TRADE, _2="72000"), changed(TRADE, _0="000660", _2="99000"))

    found = ticks(trades(*("^".join([record, *added]) for record in three)))

    assert [(tick.symbol, tick.price) for tick in found] == [("005930", 71_900), ("005930", 72_000), ("000660", 99_000)]


@pytest.mark.parametrize("code", ["A", "B", "C", "D"])
def test_the_expected_price_of_an_auction_is_no_trade(code: str) -> None:
    found = ticks(trades(changed(TRADE, _2="60000", _43=code), TRADE))

    assert [tick.price for tick in found] == [71_900]


def test_fields_that_kis_appends_to_each_record_change_nothing() -> None:
    grown = TRADE + "^1^KRX"

    assert ticks(trades(grown, changed(grown, _2="72000"))) == ticks(trades(TRADE, changed(TRADE, _2="72000")))
    assert noticed(notices(FILL + "^new^newer")) == noticed(notices(FILL))


@pytest.mark.parametrize("records", [(TRADE.rpartition("^")[0],), (TRADE, TRADE + "^1")], ids=["lost", "uneven"])
def test_fewer_fields_than_documented_are_refused_aloud(records: tuple[str, ...]) -> None:
    with pytest.raises(FrameError, match="fields in"):
        ticks(trades(*records))


@pytest.mark.parametrize(
    "bad",
    [{"_2": ""}, {"_2": "-71900"}, {"_2": "71900.5"}, {"_0": ""}, {"_1": "256199"}, {"_33": ""}, {"_13": "many"}],
    ids=str,
)
def test_a_trade_with_an_impossible_field_is_no_quote_and_hides_no_other(bad: dict[str, str]) -> None:
    garbled, tick = heard(trades(changed(TRADE, **bad), TRADE))

    assert isinstance(garbled, Garbled)
    assert isinstance(tick, Quote)


@pytest.mark.parametrize("form", [str, as_real], ids=["23 fields", "26 fields"])
def test_acceptance_and_fill_are_distinguished_in_either_form(form: type[str]) -> None:
    accepted, filled = noticed(notices(form(ACCEPTANCE), form(FILL)))

    assert accepted == OrderNotice(NoticeKind.ACCEPTED, accepted.symbol, Side.BUY, "0000001562", None, 1, 2_200)  # type: ignore[arg-type]
    assert (filled.kind, filled.symbol, filled.quantity, filled.price) == (NoticeKind.FILLED, "027360", 1, 44_000)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"_5": "2", "_14": "2", "_3": "0000001560"}, NoticeKind.CANCELLED),
        ({"_5": "2", "_14": "1", "_3": "0000001560"}, NoticeKind.ACCEPTED),
        ({"_14": "3"}, NoticeKind.CANCELLED),
        ({"_12": "1"}, NoticeKind.REJECTED),
        ({"_12": "1", "_4": "01"}, NoticeKind.REJECTED),
    ],
    ids=["cancelled", "cancel asked for", "immediate or cancel", "refused", "sale refused"],
)
def test_the_kind_of_a_notice(fields: dict[str, str], kind: NoticeKind) -> None:
    (notice,) = noticed(notices(changed(ACCEPTANCE, **fields)))

    assert notice.kind is kind
    assert notice.side is (Side.SELL if "_4" in fields else Side.BUY)
    assert notice.original == ("0000001560" if "_3" in fields else None)


@pytest.mark.parametrize(
    "text",
    ["1|H0STCNI0|001|no base64!", f"1|H0STCNI0|001|{sealed(FILL)[:-8]}", "1|H0STCNI0|001|"],
    ids=["no base64", "cut off", "empty"],
)
def test_a_damaged_notice_is_no_notice_and_says_nothing_of_the_key(text: str) -> None:
    with pytest.raises(FrameError):
        noticed(text)


def test_a_notice_that_the_key_does_not_open_is_no_notice() -> None:
    with pytest.raises(UndecryptableError):
        noticed(notices(FILL, cipherment=Cipherment(b"another key of thirty-two bytes.", CIPHERMENT.iv)))


def test_a_sealed_notice_without_a_key_is_no_notice() -> None:
    with pytest.raises(UndecryptableError, match="before this session's key"):
        noticed(notices(FILL), None)


def test_what_kis_says_of_a_registration() -> None:
    said = (
        '{"header":{"tr_id":"H0STCNI0","tr_key":"myhtsid","encrypt":"Y"},"body":{"rt_cd":"0","msg_cd":"OPSP0000",'
        '"msg1":"SUBSCRIBE SUCCESS","output":{"iv":"0123456789abcdef","key":"abcdefghijklmnopabcdefghijklmnop"}}}'
    )

    assert read_frame(said) == Control("H0STCNI0", "myhtsid", "OPSP0000", True, "SUBSCRIBE SUCCESS", CIPHERMENT)
    assert "abcdef" not in repr(read_frame(said))


def test_a_ping_is_a_control_message_without_a_body() -> None:
    assert read_frame('{"header":{"tr_id":"PINGPONG","datetime":"20261010093015"}}') == Control(PING)


@pytest.mark.parametrize("text", ["", "0|", "{}", "{", "[]", "2|H0STCNT0|001|a", "0|H0STCNT0|000|a", '{"header":1}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(FrameError):
        read_frame(text)


WORDS = [trades(TRADE, TRADE), notices(FILL), notices(as_real(ACCEPTANCE)), "0|H0STCNI0|001|" + FILL, '{"header":{}}']


@given(st.data())
def test_whatever_becomes_of_a_text_it_is_read_or_refused_by_name(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(WORDS) | st.text(max_size=60))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 12, len(text))))
        text = text[:start] + data.draw(st.sampled_from(["", "^", "|", "0", "-", "٣", "é", "\x00"])) + text[end:]

    try:
        frame = read_frame(text)
    except FrameError:
        return
    if isinstance(frame, Frame):
        assert read_or_refused(lambda: ticks_in(frame, AT)) <= frame.count
        assert read_or_refused(lambda: notices_in(frame, CIPHERMENT)) <= frame.count


def read_or_refused(read: Callable[[], Sized]) -> int:
    """Return the number of parsed records, 0 if they are refused."""
    try:
        return len(read())
    except (FrameError, UndecryptableError):
        return 0


@given(st.text(max_size=40), st.integers(0, 45))
def test_a_trade_with_one_field_replaced_is_a_quote_or_refused(value: str, place: int) -> None:
    fields = TRADE.split("^")
    fields[place] = value
    try:
        found = ticks("0|H0STCNT0|001|" + "^".join(fields))
    except FrameError:
        return
    assert all(tick.price >= 0 and tick.volume >= 0 for tick in found)


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**256 - 1))
def test_another_key_never_makes_a_notice(iv: int, key: int) -> None:
    other = Cipherment(key.to_bytes(32, "big"), iv.to_bytes(16, "big"))
    try:
        found = noticed(notices(FILL, cipherment=other))
    except (UndecryptableError, FrameError):
        return
    assert other == CIPHERMENT or found == []
