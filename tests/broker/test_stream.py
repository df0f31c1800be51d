"""A session on KIS's WebSocket over a real socket: keep-alive, registrations, keys, and every way to lose it."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from broker.kis import stream_session
from broker.kis.stream_frames import Cipherment
from domain.errors import EnvironmentMismatchError, StreamInUseError, StreamLostError
from domain.hosts import STREAM_URLS
from domain.identity import Environment
from domain.market import Quote, Symbol
from domain.stream import Garbled, NoticeKind, OrderNotice
from tests.broker.frames import FILL, TRADE, changed, notices, sealed, trades
from tests.broker.parts import ACCOUNT, SAMSUNG
from tests.broker.stream_client import APPROVED, Client, Heard
from tests.broker.stream_server import StreamServer, a_stream_server

HYNIX = Symbol("000660")
OURS = {"_1": ACCOUNT + "01"}


@pytest.fixture
async def server() -> AsyncIterator[StreamServer]:
    async with a_stream_server() as server:
        yield server


@pytest.fixture
async def heard(server: StreamServer) -> AsyncIterator[Heard]:
    async with Client(server.url).session() as heard:
        yield heard


async def test_notices_are_asked_for_first_with_the_approval_key_and_the_hts_id(server: StreamServer) -> None:
    client = Client(server.url)
    async with client.session() as heard:
        await heard.session.register([SAMSUNG])
        await heard.has_registered(1)

    phases = ("1", "H0STMKO0", SAMSUNG)
    assert server.asked == [("1", "H0STCNI0", "trader"), phases, ("1", "H0STCNT0", SAMSUNG)]
    assert set(server.keys) == {"approved-1"}
    body = client.kis.body("Approval")
    assert sorted(body) == ["appkey", "grant_type", "secretkey"]


async def test_the_paper_service_has_notices_of_its_own(server: StreamServer) -> None:
    async with Client(server.url, Environment.PAPER).session() as heard:
        await server.says(notices(changed(FILL, **OURS), tr_id="H0STCNI9"))
        (notice,) = await heard.hears(1)

    assert server.asked == [("1", "H0STCNI9", "trader")]
    assert isinstance(notice, OrderNotice)


async def test_trades_and_own_notices_come_in_our_words(server: StreamServer, heard: Heard) -> None:
    await server.says(trades(TRADE, changed(TRADE, _2="72000")))
    await server.says(notices(changed(FILL, **OURS)))
    first, second, notice = await heard.hears(3)

    assert isinstance(first, Quote)
    assert isinstance(second, Quote)
    assert (first.price, second.price) == (71_900, 72_000)
    assert isinstance(notice, OrderNotice)
    assert (notice.kind, notice.symbol, notice.number) == (NoticeKind.FILLED, "027360", "0000001562")


async def test_a_notice_of_another_account_is_not_ours(server: StreamServer, heard: Heard) -> None:
    await server.says(notices(FILL))
    await server.says(trades(TRADE))

    (only,) = await heard.hears(1)
    assert isinstance(only, Quote)


async def test_a_ping_is_answered_with_its_own_text(server: StreamServer, heard: Heard) -> None:
    ping = '{"header":{"tr_id":"PINGPONG","datetime":"20261010093015"}}'
    await server.says(ping)
    await server.says(trades(TRADE))
    await heard.hears(1)

    assert server.echoed == [ping]


async def test_an_unreadable_frame_is_reported_and_the_next_one_is_read(server: StreamServer, heard: Heard) -> None:
    await server.says(trades(TRADE.rpartition("^")[0]))
    await server.says("nonsense")
    await server.says(trades(TRADE))

    short, nonsense, tick = await heard.hears(3)
    assert isinstance(short, Garbled)
    assert "45 fields in 1 records" in short.why
    assert isinstance(nonsense, Garbled)
    assert isinstance(tick, Quote)


async def test_what_is_not_wanted_any_more_is_left(server: StreamServer, heard: Heard) -> None:
    await heard.session.register([SAMSUNG, HYNIX])
    await heard.has_registered(2)
    await heard.session.register([HYNIX])
    await heard.session.register_again(HYNIX)
    await heard.has_registered(1)

    assert server.asked[4:] == [("2", "H0STCNT0", SAMSUNG), ("2", "H0STCNT0", HYNIX), ("1", "H0STCNT0", HYNIX)]
    assert heard.session.registered == (HYNIX,)


async def test_requests_keep_a_distance(server: StreamServer, heard: Heard) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()

    await heard.session.register([Symbol(f"30000{number}") for number in range(6)])

    assert loop.time() - started >= 6 * 0.1


async def test_registrations_that_come_and_go_end_at_a_bound(
    server: StreamServer, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_session, "MOST_A_MINUTE", 7)
    for _ in range(5):
        await heard.session.register([SAMSUNG])
        await heard.has_registered(1)
        await heard.session.register([SAMSUNG, HYNIX])
        await heard.session.register([HYNIX])
        if len(server.asked) >= 7:
            break
    for _ in range(3):
        await heard.session.register([SAMSUNG])
        await heard.session.register([HYNIX])

    assert len(server.asked) == 7


async def test_a_registration_without_an_answer_is_repeated_less_and_less_often(
    server: StreamServer, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_session, "_ANSWERS_WITHIN", 0.2)
    server.silent.add(SAMSUNG)
    loop = asyncio.get_running_loop()
    started = loop.time()

    async with asyncio.timeout(30):
        while server.asked.count(("1", "H0STCNT0", SAMSUNG)) < 4:
            await heard.session.register([SAMSUNG])
            await asyncio.sleep(0.01)

    assert loop.time() - started >= 0.2 + 0.4 + 0.8


async def test_a_full_session_is_not_asked_for_more(server: StreamServer, heard: Heard) -> None:
    server.refusals["300003"] = "OPSP0008"
    stocks = [Symbol(f"30000{number}") for number in range(6)]
    await heard.session.register(stocks[:3])
    await heard.has_registered(3)
    await heard.session.register(stocks[:4])
    await asyncio.sleep(0.1)
    asked = len(server.asked)
    await heard.session.register(stocks)

    assert len(server.asked) == asked
    assert heard.session.registered == tuple(stocks[:3])


async def test_a_stock_that_kis_refuses_is_not_asked_for_again_and_one_it_has_already_counts(
    server: StreamServer, heard: Heard
) -> None:
    server.refusals |= {SAMSUNG: "OPSP8992", HYNIX: "OPSP0002"}
    await heard.session.register([SAMSUNG, HYNIX])
    await heard.has_registered(1)
    await heard.session.register([SAMSUNG, HYNIX])

    assert heard.session.registered == (HYNIX,)
    assert server.asked.count(("1", "H0STCNT0", SAMSUNG)) == 1


async def test_a_cut_line_ends_the_session(server: StreamServer, heard: Heard) -> None:
    await server.says(trades(TRADE))
    await heard.hears(1)
    await server.cuts()

    with pytest.raises(StreamLostError, match="cut"):
        await heard.loses()


async def test_a_line_that_says_nothing_at_all_ends_the_session(server: StreamServer) -> None:
    async with Client(server.url, silence=0.3).session() as heard:
        with pytest.raises(StreamLostError, match=r"no message for 0\.3 s"):
            await heard.loses()


OTHER_KEY = Cipherment(b"0123456789abcdef0123456789abcdef", b"fedcba9876543210")


async def test_notices_under_another_key_end_the_session_and_the_next_one_has_its_own(server: StreamServer) -> None:
    client = Client(server.url)
    async with client.session() as heard:
        for _ in range(3):
            await server.says(notices(changed(FILL, **OURS), cipherment=OTHER_KEY))
        with pytest.raises(StreamLostError, match="decrypted"):
            await heard.loses()
    server.cipherment = OTHER_KEY
    async with client.session() as heard:
        await server.says(notices(changed(FILL, **OURS), cipherment=OTHER_KEY))
        (notice,) = await heard.hears(1)

    assert isinstance(notice, OrderNotice)


async def test_a_notice_that_cannot_be_decrypted_costs_only_itself(server: StreamServer, heard: Heard) -> None:
    for _ in range(4):
        await server.says(notices(changed(FILL, **OURS), cipherment=OTHER_KEY))
        await server.says(notices(changed(FILL, **OURS)))

    events = await heard.hears(8)

    assert [type(event) for event in events] == [Garbled, OrderNotice] * 4


async def test_a_notice_whose_name_is_no_utf8_is_read(server: StreamServer, heard: Heard) -> None:
    await server.says(f"1|H0STCNI0|001|{sealed(changed(FILL, **OURS, _18='삼성전자'), encoding='euc-kr')}")

    (notice,) = await heard.hears(1)

    assert isinstance(notice, OrderNotice)
    assert notice.kind is NoticeKind.FILLED


async def test_bytes_that_are_no_utf8_cost_only_their_text(server: StreamServer, heard: Heard) -> None:
    await server.says_bytes(b"0|H0STCNT0|001|\xbb\xef\xbc\xba")
    await server.says(trades(TRADE))

    damaged, trade = await heard.hears(2)

    assert isinstance(damaged, Garbled)
    assert isinstance(trade, Quote)


async def test_a_second_session_of_the_key_gets_the_reason(server: StreamServer, heard: Heard) -> None:
    body = {"rt_cd": "9", "msg_cd": "OPSP8996", "msg1": "ALREADY IN USE appkey"}
    await server.says(json.dumps({"header": {"tr_id": "(null)", "tr_key": "", "encrypt": "N"}, "body": body}))

    with pytest.raises(StreamInUseError):
        await heard.loses()


async def test_a_refused_approval_key_is_replaced_once_by_a_fresh_one(server: StreamServer) -> None:
    client = Client(server.url)
    client.kis.script["Approval"] = [APPROVED, httpx.Response(200, json={"approval_key": "approved-2"})]
    server.refusals["trader"] = "OPSP0011"

    async def used() -> None:
        async with client.session() as heard:
            await heard.loses()

    with pytest.raises(StreamLostError, match="OPSP0011"):
        await used()
    client.keys.attempts.clear()
    with pytest.raises(StreamLostError, match="OPSP0011"):
        await used()
    with pytest.raises(Exception, match="at most"):
        await used()

    assert list(dict.fromkeys(server.keys)) == ["approved-1", "approved-2"]


async def test_an_approval_key_serves_every_session_and_process(server: StreamServer) -> None:
    client, other = Client(server.url), Client(server.url)
    other.stream._keeper._keys = client.keys
    for each in (client, client, other):
        async with each.session() as heard:
            await heard.session.register([SAMSUNG])
            await heard.has_registered(1)

    assert len(client.kis.asked("Approval")) + len(other.kis.asked("Approval")) == 1


async def test_an_address_that_does_not_answer_is_no_stream(unused_port: int) -> None:
    client = Client(f"ws://127.0.0.1:{unused_port}")
    with pytest.raises(StreamLostError, match="does not open"):
        async with client.session():
            pass


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (Environment.PAPER, STREAM_URLS[Environment.LIVE]),
        (Environment.LIVE, STREAM_URLS[Environment.PAPER]),
        (Environment.SIMULATED, STREAM_URLS[Environment.LIVE]),
        (Environment.SIMULATED, STREAM_URLS[Environment.PAPER]),
    ],
)
def test_the_stream_of_another_environment_is_refused(environment: Environment, url: str) -> None:
    with pytest.raises(EnvironmentMismatchError):
        Client(url, environment)
