"""``python -m tests.trials.fuzz --count N --seed S``: damaged replies through every reader of the KIS client."""

import argparse
import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import httpx

from broker.kis import queries
from broker.kis.stream_frames import Control, FrameError, UndecryptableError, notices_in, read_frame, ticks_in
from tests.broker.frames import ACCEPTANCE, CIPHERMENT, FILL, TRADE, as_real, notices, sealed, trades
from tests.broker.parts import market_now
from tests.trials.fuzz.judge import trouble_with_error, trouble_with_outcome, trouble_with_value
from tests.trials.fuzz.mutations import Damaged, damaged, damaged_text
from tests.trials.fuzz.parsers import LOGINS, PARSERS, Caller, Parser, real_shaped_replies

STREAM_TEXTS = {
    "stream ticks": (trades(TRADE), trades(TRADE, TRADE)),
    "stream notices": (notices(FILL), notices(as_real(ACCEPTANCE)), f"0|H0STCNI9|001|{FILL}"),
    "stream words": (
        '{"header":{"tr_id":"H0STCNI0","tr_key":"me"},"body":{"rt_cd":"0","msg_cd":"OPSP0000","msg1":"SUBSCRIBE"}}',
        '{"header":{"tr_id":"x"},"body":{"output":{"iv":"0123456789abcdef","key":"abcdefghijklmnopabcdefghijklmnop"}}}',
        '{"header":{"tr_id":"PINGPONG","datetime":"20261123100000"}}',
    ),
}


@dataclass(slots=True)
class Tally:
    """The results of each reader, by name, and all violations."""

    ended: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    violations: list[str] = field(default_factory=list)

    def count(self, name: str, ending: str, trouble: str, case: str) -> None:
        self.ended[name][ending] += 1
        if trouble:
            self.violations.append(f"{name}, {case}: {trouble}")


class _Network(httpx.AsyncBaseTransport):
    """Serves one damaged answer under one path and counts the requests there."""

    def __init__(self, label: str, reply: Damaged) -> None:
        self._label = label
        self._reply = reply
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/" + self._label):
            self.asked += 1
            return httpx.Response(
                self._reply.status, content=self._reply.content, headers={"tr_cont": self._reply.tr_cont}
            )
        return httpx.Response(403, json={"error_code": "EGW00133", "error_description": "no other token"})


async def fuzz(count: int, seed: int) -> Tally:
    """Damage ``count`` replies, the readers in turn; the same seed gives the same damage."""
    replies, tally = await real_shaped_replies(), Tally()
    kinds: list[Parser | str] = [*PARSERS, *STREAM_TEXTS]
    queries.RATE_PAUSES = (0.0, 0.0)  # type: ignore[misc]
    queries.LEDGER_PAUSE = 0.0  # type: ignore[misc]
    for number in range(count):
        kind, chance, case = kinds[number % len(kinds)], Random(f"{seed}/{number}"), f"seed {seed} case {number}"
        if isinstance(kind, str):
            _read_text(kind, chance, tally, case)
        else:
            await _read_reply(kind, damaged(replies[kind.label], chance), tally, case)
    return tally


async def _read_reply(parser: Parser, reply: Damaged, tally: Tally, case: str) -> None:
    network = _Network(parser.label, reply)
    try:
        async with asyncio.timeout(10):
            value = await parser.act(Caller(network, has_token=parser.label not in LOGINS))
    except Exception as error:  # noqa: BLE001 - any exception is a result of the fuzz
        tally.count(parser.name, type(error).__name__, trouble_with_error(error), case)
        return
    trouble = trouble_with_outcome(value, reply, network.asked) if parser.is_order else trouble_with_value(value)
    tally.count(parser.name, type(value).__name__ if parser.is_order else "value", trouble, case)


def _read_text(name: str, chance: Random, tally: Tally, case: str) -> None:
    text = chance.choice(STREAM_TEXTS[name])
    if name == "stream notices" and chance.random() < 0.7:
        text = f"1|H0STCNI0|001|{sealed(damaged_text(FILL, chance).encode('utf-8', 'replace').decode())}"
    else:
        text = damaged_text(text, chance)
    try:
        value = _read_stream(text)
    except (FrameError, UndecryptableError) as error:
        said = str(error).strip()
        tally.count(name, type(error).__name__, "" if said else "an error says nothing", case)
    except Exception as error:  # noqa: BLE001 - any exception is a result of the fuzz
        tally.count(name, type(error).__name__, f"{type(error).__name__} is none of ours", case)
    else:
        tally.count(name, "value", trouble_with_value(value), case)


def _read_stream(text: str) -> object:
    frame = read_frame(text)
    if isinstance(frame, Control):
        return None
    return notices_in(frame, CIPHERMENT) if frame.tr_id.startswith("H0STCNI") else ticks_in(frame, market_now())


def report(tally: Tally, seconds: float) -> str:
    """Return the figures as text, one line per reader."""
    lines = []
    for name, ended in tally.ended.items():
        parts = ", ".join(f"{ending} {number:,}" for ending, number in ended.most_common())
        lines.append(f"{name:16} {sum(ended.values()):7,}  {parts}")
    total = sum(sum(ended.values()) for ended in tally.ended.values())
    lines.append(f"{total:,} damaged replies in {seconds:.0f} s, {len(tally.violations)} violations")
    return "\n".join([*lines, *tally.violations[:20]]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz and return the exit code: 0 nothing found, 1 violations, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.trials.fuzz", description="Damaged replies through every reader."
    )
    parser.add_argument("--count", type=int, default=100_000, help="how many replies (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="which damage (default %(default)s)")
    asked = parser.parse_args(arguments)
    if asked.count < 1:
        parser.error("--count must be at least 1")
    began = time.monotonic()
    tally = asyncio.run(fuzz(asked.count, asked.seed))
    sys.stdout.write(report(tally, time.monotonic() - began))
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
