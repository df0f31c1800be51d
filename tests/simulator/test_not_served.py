"""Calls that are not served: KIS's error, one line per kind on standard error, counts in the control API."""

import pytest

from simulator.catalogue import FUNCTIONS
from simulator.not_served import _MOST_KINDS, Kind, NotServed
from tests.simulator.market_day import PREFIX, SAMSUNG, Client, a_simulation
from tests.simulator.streaming import a_listener, a_venue

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}


async def test_a_path_or_tr_id_that_is_not_served_is_named_once_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client(a_simulation())

    replies = [await client.get("/quotations/nothing", "FHKST00000000", STOCK) for _ in range(3)]
    replies.append(await client.get("/quotations/inquire-price", "FHKST00000000", STOCK))
    replies.append(await client.post("/quotations/inquire-price", "FHKST01010100", STOCK))
    paper_only = await client.get("/trading/inquire-balance", "VTTC8434R", STOCK)

    assert {(reply.status_code, reply.json()["msg_cd"]) for reply in replies} == {(500, "OPSQ0002")}
    assert paper_only.json()["msg_cd"] == "EGW02004"
    listed = (await client.http.get("/control/not-served")).json()
    assert [(each["method"], each["path"], each["tr_id"], each["count"]) for each in listed] == [
        ("GET", f"{PREFIX}/quotations/nothing", "FHKST00000000", 3),
        ("GET", f"{PREFIX}/quotations/inquire-price", "FHKST00000000", 1),
        ("POST", f"{PREFIX}/quotations/inquire-price", "FHKST01010100", 1),
    ]
    assert {(each["environment"], each["msg_cd"]) for each in listed} == {("real", "OPSQ0002")}
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0] == (
        f"simulator: not served: GET {PREFIX}/quotations/nothing FHKST00000000 (real): no such path here; "
        "없는 서비스 코드 입니다. (OPSQ0002)"
    )
    assert [line.split("(real): ")[1] for line in lines[1:]] == [
        "the path is served, the TR id FHKST00000000 is not; 없는 서비스 코드 입니다. (OPSQ0002)",
        "the path takes GET, not POST; 없는 서비스 코드 입니다. (OPSQ0002)",
    ]


async def test_an_official_function_is_refused_by_one_name_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client(a_simulation())

    reply = (await client.get("/quotations/invest-opinion", "FHKST663300C0", STOCK)).json()
    listed = (await client.http.get("/control/not-served")).json()
    line = capsys.readouterr().err.strip()

    reason = (
        "invest_opinion (FHKST663300C0, 국내주식 종목투자의견) is not served: the simulator has no analysts' opinions; "
        "시뮬레이터가 제공하지 않는 서비스 입니다.(국내주식 종목투자의견)"
    )
    assert reply["msg1"].strip() == reason.split("; ")[1]
    assert [each["reason"] for each in listed] == [reason]
    path = f"{PREFIX}/quotations/invest-opinion"
    assert line == f"simulator: not served: GET {path} FHKST663300C0 (real): {reason} (OPSQ0002)"


async def test_a_topic_of_the_stream_that_is_not_served_is_reported_too() -> None:
    async with a_venue() as venue:
        async with await a_listener(venue) as listener:
            for _ in range(2):
                assert (await listener.asks("H0NOTHING", SAMSUNG))["msg_cd"] == "OPSP8991"
            await listener.asks("H0UPPGM0", "0001")
        listed = (await venue.http.get(f"{venue.url()}/control/not-served")).json()

    assert [(each["path"], each["tr_id"], each["count"]) for each in listed] == [
        ("stream", "H0NOTHING", 2),
        ("stream", "H0UPPGM0", 1),
    ]
    assert [each["reason"] for each in listed] == [
        "no such TR id of the stream here",
        FUNCTIONS["index_program_trade"].refusal,
    ]


def test_what_a_client_sends_cannot_write_to_the_terminal_or_fill_the_memory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = NotServed("real")

    desk.note(Kind("GET", "/\x1b[2J\n" + "x" * 1_000, "\u202eFHK"), "no such path here", "OPSQ0002")
    first = capsys.readouterr().err
    for number in range(_MOST_KINDS + 20):
        desk.note(Kind("GET", f"/{number}", ""), "no such path here", "OPSQ0002")
    capsys.readouterr()
    desk.say_counts()
    said = capsys.readouterr().err

    assert first.count("\n") == 1
    assert first.rstrip("\n").isprintable()
    assert len(first) < 400
    assert len(desk.to_json()) == _MOST_KINDS
    assert said.splitlines()[-1] == "simulator: not served: 21 calls of other kinds (real)"
