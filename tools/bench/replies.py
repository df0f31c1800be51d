"""How long the largest accepted replies block the event loop."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import httpx

from broker.kis.calls import Call
from broker.kis.envelope import read_envelope
from broker.kis.fields import read
from broker.kis.order_messages import DayOrderRow
from broker.kis.parsing import DEEPEST, MOST_ROWS, MOST_VALUES
from broker.kis.rows import Source, rows_of
from broker.kis.stream_frames import Frame, read_frame, ticks_in
from domain.unreadable import AccountList
from security.bounded_http import LARGEST_REPLY
from tools.bench.figures import Figure
from tools.bench.market import real_now
from tools.bench.stack import Stack

_AIM: Final = 50.0
_TICK: Final = 0.001
_IDLE: Final = 0.05
_ORDERS: Final = Source(Call.ORDER_LIST, AccountList.ORDERS)
_ORDER: Final = dict.fromkeys(("ord_qty", "ord_unpr", "tot_ccld_qty", "tot_ccld_amt", "rmn_qty", "rjct_qty"), "10") | {
    "ord_dt": "20261123",
    "ord_tmd": "120001",
    "ord_gno_brno": "06010",
    "odno": "0000000001",
    "pdno": "005930",
    "ord_dvsn_cd": "00",
    "sll_buy_dvsn_cd": "02",
}
_TICKS: Final = 999


async def measure(stack: Stack) -> list[Figure]:
    """Read each of the worst replies while a task polls the loop every millisecond."""
    rounds = 1 if stack.quick else 20
    idle = [await _longest_block(lambda: asyncio.sleep(_IDLE)) for _ in range(rounds)]
    figures = [Figure("replies", "floor: longest block of an idle loop", "ms", tuple(idle))]
    for name, content in _replies().items():
        longest = [await _longest_block(lambda: _read(content)) for _ in range(rounds)]  # noqa: B023 - run at once
        figures.append(Figure("replies", f"longest block of the loop: {name}", "ms", tuple(longest), aim=_AIM))
    longest = [await _longest_block(_read_ticks) for _ in range(rounds)]
    return [
        *figures,
        Figure("replies", "longest block of the loop: a frame of 999 ticks", "ms", tuple(longest), aim=_AIM),
    ]


def _replies() -> Mapping[str, bytes]:
    rows = json.dumps({"rt_cd": "0", "output1": [_ORDER] * MOST_ROWS}).encode()
    numbers = b",".join([b"9" * 130] * (MOST_VALUES - 1))
    floats = b",".join([b"1." + b"7" * 110 + b"e-300"] * (MOST_VALUES - 1))
    return {
        f"{MOST_ROWS:,} orders": rows,
        "4 MB of rows": rows[:-1] + b',"x":"' + b"x" * (LARGEST_REPLY - len(rows) - 10) + b'"}',
        "4 MB in one text": _object(b'"' + "가".encode() * ((LARGEST_REPLY - 100) // 3) + b'"'),
        "4 MB of escapes": _object(b'"' + b"\\ud83d" * ((LARGEST_REPLY - 100) // 6) + b'"'),
        "4 MB of long whole numbers": _object(b'{"y":[' + numbers + b"]}"),
        "4 MB of long fractions": _object(b'{"y":[' + floats + b"]}"),
        "one number of 4 MB": _object(b"9" * (LARGEST_REPLY - 100)),
        "1e999999999, NaN and Infinity": _object(b"[1e999999999,NaN,-Infinity]"),
        "one field given 29,999 times": _object(b"{" + b",".join([b'"k":1'] * (MOST_VALUES - 1)) + b"}"),
        "29,999 fields in 4 MB": _object(json.dumps({f"{n:0120}": n for n in range(MOST_VALUES - 1)}).encode()),
        "the deepest": _object(b"[" * (DEEPEST - 1) + b"]" * (DEEPEST - 1)),
        "refused: a million objects": _object(b"[" + b"{}," * 1_300_000 + b"{}]"),
        "refused: 100,000 levels": _object(b"[" * 100_000),
        "not UTF-8": b"\xff" * LARGEST_REPLY,
    }


def _object(value: bytes) -> bytes:
    return b'\xef\xbb\xbf{"rt_cd":"0","output1":[],"x":' + value + b"}"


async def _read(content: bytes) -> None:
    try:
        envelope = await read_envelope(httpx.Response(200, content=content))
    except httpx.RequestError:
        return
    if envelope.body is not None:
        await rows_of(_ORDERS, [envelope], lambda row: read(Call.ORDER_LIST, DayOrderRow, row))


async def _read_ticks() -> None:
    now = real_now()
    record = ["005930", "120000", *["70000"] * 44]
    record[33], record[43] = f"{now:%Y%m%d}", "0"
    frame = read_frame(f"0|H0STCNT0|{_TICKS}|{'^'.join(record * _TICKS)}")
    if isinstance(frame, Frame):
        await asyncio.to_thread(ticks_in, frame, now)


async def _longest_block(work: Callable[[], Awaitable[None]]) -> float:
    """Return the longest delay (ms) of a task that sleeps one millisecond at a time."""
    longest, ended = 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal longest
        while not ended.is_set():
            began = time.perf_counter()
            await asyncio.sleep(_TICK)
            longest = max(longest, time.perf_counter() - began - _TICK)

    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0)
    await work()
    ended.set()
    await watching
    return longest * 1000
