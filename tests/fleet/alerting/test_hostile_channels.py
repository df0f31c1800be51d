"""The answer of an alert channel or dead-man's switch is cut off, however large it is or unpacks to."""

import json
import subprocess
import sys

import pytest

from domain.event import EventLevel
from fleet.alerting.channels import LARGEST_ANSWER, Message, channels_of
from tests.broker.hostile_server import bomb
from tests.support.peak_memory import peak_mb
from tests.support.webhook import Webhook

MOST_GROWN_MB = 60
"""Too small for a hundred megabytes, unpacked."""


async def _grown_by_sending(url: str) -> int:
    (channel,) = channels_of([url])
    before = peak_mb()
    assert await channel.send(Message("title", "body", EventLevel.WARNING), seconds=60) == ""
    return peak_mb() - before


@pytest.mark.parametrize("encoding", ["gzip", ""])
def test_an_answer_of_a_channel_takes_little_memory(webhook: Webhook, encoding: str) -> None:
    webhook.encoding = encoding
    webhook.answer = bomb() if encoding else b" " * 100_000_000
    code = (
        "import asyncio, json, sys; from tests.fleet.alerting.test_hostile_channels import _grown_by_sending as grown; "
        "print(json.dumps(asyncio.run(grown(sys.argv[1]))))"
    )

    done = subprocess.run([sys.executable, "-c", code, webhook.url], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) < MOST_GROWN_MB
    assert len(webhook.messages) == 1


async def test_a_short_refusal_of_a_channel_is_still_reported(webhook: Webhook) -> None:
    webhook.answers, webhook.answer = 403, b"no such room" + b" " * LARGEST_ANSWER
    (channel,) = channels_of([webhook.url])

    trouble = await channel.send(Message("title", "body", EventLevel.WARNING), seconds=60)

    assert "403" in trouble
