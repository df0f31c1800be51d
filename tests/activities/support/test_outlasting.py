"""Work outlasts a silent Temporal, and nothing else that cancels its attempt."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.activity import ActivityCancellationDetails
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.support import outlasting as module
from activities.support.outlasting import outlasting

SILENT = ActivityCancellationDetails(timed_out=True)


@dataclass
class Server:
    """The part of Temporal's client that a probe uses; it answers from a probe on."""

    answers_from: int
    probes: int = 0
    probed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def service_client(self) -> "Server":
        return self

    async def check_health(self, timeout: timedelta) -> bool:  # noqa: ASYNC109 - the SDK's name
        assert timeout
        self.probes += 1
        self.probed.set()
        if self.probes < self.answers_from:
            raise RPCError("no connection", RPCStatusCode.UNAVAILABLE, b"")
        return True


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_BETWEEN_PROBES", 0.0)
    monkeypatch.setattr(module, "_OVERLAP", 0.0)
    return iter(())


@dataclass
class Play:
    """One attempt whose work ends when a test lets it."""

    server: Server
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: str = ""

    def __post_init__(self) -> None:
        client: Any = self.server
        self.env = ActivityEnvironment(client)

    @activity.defn
    async def act(self) -> str:
        return await outlasting(self._work())

    async def begin(self) -> "asyncio.Task[str]":
        """Start the attempt, and return it when its work has begun."""
        attempt = asyncio.ensure_future(self.env.run(self.act))
        await self.begun.wait()
        return attempt

    def cancel_again(self) -> None:
        for each in self.env._activities:
            assert each.task is not None
            each.task.cancel()

    async def _work(self) -> str:
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        return "sold"


async def test_work_that_nothing_cancels_returns_its_result() -> None:
    play = Play(Server(1))
    play.go_on.set()

    assert await (await play.begin()) == "sold"
    assert not play.server.probes


async def test_a_command_ends_the_work() -> None:
    play = Play(Server(1))
    attempt = await play.begin()

    play.env.cancel()

    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert play.ended == "cancelled"


async def test_work_goes_on_while_temporal_is_silent_however_often_its_attempt_is_cancelled() -> None:
    play = Play(Server(1_000_000))
    attempt = await play.begin()
    play.env.cancel(SILENT)
    await play.server.probed.wait()
    play.cancel_again()
    await asyncio.sleep(0)

    play.go_on.set()

    assert await attempt == "sold"


async def test_work_ends_for_the_next_attempt_once_temporal_is_back() -> None:
    play = Play(Server(3))
    attempt = await play.begin()

    play.env.cancel(SILENT)

    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert play.server.probes == 3
    assert play.ended == "cancelled"


async def test_work_of_a_process_that_ends_is_not_held_up() -> None:
    play = Play(Server(1_000_000))
    attempt = await play.begin()
    play.env.worker_shutdown()

    play.env.cancel(SILENT)

    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert play.ended == "cancelled"


async def test_an_error_of_the_work_is_its_own() -> None:
    @activity.defn
    async def fails() -> None:
        async def work() -> None:
            raise ValueError("odd")

        await outlasting(work())

    with pytest.raises(ValueError, match="odd"):
        await ActivityEnvironment().run(fails)
