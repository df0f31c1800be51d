"""A payload decrypts only in its own place; one that does not raises where it is read, never before."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    SerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError, CancelledError, FailureError

from security.sealing.codec import SealedPayloads, base_id, sealed
from security.sealing.keys import KeyRing, new_key
from security.sealing.marks import UNAUTHENTIC, is_refused
from security.sealing.refusals import Refusals
from security.sealing.seals import Message, seal, sealed_at
from workflows.payloads import DATA_CONVERTER

KEY = new_key()
REFUSALS = Refusals()
OURS = sealed(DATA_CONVERTER, KeyRing([KEY]), REFUSALS)
WORKER = WorkflowSerializationContext("default", "trading-worker/paper-1/worker-1")


def activity(name: str = "submit_order", workflow_id: str | None = WORKER.workflow_id) -> SerializationContext:
    return ActivitySerializationContext(
        namespace="default",
        activity_id=None,
        activity_type=name,
        activity_task_queue="q",
        workflow_id=workflow_id,
        workflow_type="TradingWorkerWorkflow",
        is_local=False,
    )


PLACES = [
    WORKER,
    WorkflowSerializationContext("default", "trading-worker/paper-1/worker-2"),
    WorkflowSerializationContext("other", WORKER.workflow_id),
    activity(),
    activity("cancel_order"),
    activity(workflow_id="trading-worker/paper-1/worker-2"),
    activity(workflow_id=None),
]


async def opened(converter: DataConverter, payload: Payload) -> Any:
    (value,) = await converter.decode([payload])
    return value


@pytest.mark.parametrize("here", range(len(PLACES)))
@pytest.mark.parametrize("there", range(len(PLACES)))
async def test_a_payload_opens_at_its_own_place_alone(here: int, there: int) -> None:
    (payload,) = await OURS.with_context(PLACES[here]).encode([{"won": 5}])

    if here == there:
        assert await opened(OURS.with_context(PLACES[there]), payload) == {"won": 5}
        return
    with pytest.raises(ApplicationError, match="belongs to another place") as refused:
        await opened(OURS.with_context(PLACES[there]), payload)
    assert (refused.value.type, refused.value.non_retryable) == (UNAUTHENTIC, True)


async def test_a_reader_of_histories_needs_no_place() -> None:
    (payload,) = await OURS.with_context(activity()).encode(["read"])

    assert await opened(OURS, payload) == "read"


async def test_nothing_readable_crosses() -> None:
    (payload,) = await OURS.with_context(WORKER).encode(["a secret"])

    assert b"a secret" not in payload.SerializeToString()


def test_an_id_of_a_schedules_run_counts_as_the_schedules() -> None:
    assert base_id("market-close/paper-1-2026-11-23T06:05:00Z") == "market-close/paper-1"
    assert base_id(WORKER.workflow_id) == WORKER.workflow_id


@given(st.data())
async def test_no_change_of_a_payload_goes_unnoticed(data: st.DataObject) -> None:
    context = OURS.with_context(WORKER)
    (payload,) = await context.encode([1])
    name = data.draw(st.sampled_from(["encoding", "key", "place", "data"]))
    before = payload.data if name == "data" else payload.metadata[name]
    at = data.draw(st.integers(0, len(before) - 1))
    after = before[:at] + bytes([before[at] ^ data.draw(st.integers(1, 255))]) + before[at + 1 :]
    if name == "data":
        payload.data = after
    else:
        payload.metadata[name] = after

    with pytest.raises(ApplicationError):
        await opened(context, payload)


@given(st.binary(max_size=200), st.sampled_from([b"binary/encrypted", b"json/plain", b"haru/refused", b""]))
async def test_whatever_comes_is_refused_without_an_error_before_it_is_read(data: bytes, encoding: bytes) -> None:
    codec = SealedPayloads(KeyRing([KEY]), Refusals(), b"here")
    key_id = KeyRing([KEY]).first.id.encode()

    (mark,) = await codec.decode([Payload(metadata={"encoding": encoding, "key": key_id, "place": b"here"}, data=data)])

    assert is_refused(mark)


async def test_a_failure_is_read_without_details_that_were_refused() -> None:
    failure = Failure(message="Cancelled")
    failure.canceled_failure_info.details.payloads.append(
        Payload(metadata={"encoding": b"json/plain"}, data=b'"ACTIVITY_ID_NOT_STARTED"')
    )
    refusals = Refusals()

    error = await sealed(DATA_CONVERTER, KeyRing([KEY]), refusals).with_context(activity()).decode_failure(failure)

    assert isinstance(error, CancelledError)
    assert not error.details
    assert not refusals.take(), "the server's own words are no stranger's"


async def test_the_text_of_a_failure_crosses_encrypted() -> None:
    failure, context = Failure(), OURS.with_context(activity())

    await context.encode_failure(ApplicationError("account 12345678-01", "detail"), failure)

    assert b"12345678" not in failure.SerializeToString()
    error = await context.decode_failure(failure)
    assert isinstance(error, FailureError)
    assert error.message == "account 12345678-01"


def test_a_seal_is_of_one_message_alone() -> None:
    ring, message = KeyRing([KEY]), Message("update", "pause", "worker-1", "id")
    proof = seal(ring, message, 5)

    assert sealed_at(ring, message, proof) == 5
    others = [
        Message("signal", "pause", "worker-1", "id"),
        Message("update", "stop", "worker-1", "id"),
        Message("update", "pause", "worker-2", "id"),
        Message("update", "pause", "worker-1", "di"),
    ]
    assert [sealed_at(ring, other, proof) for other in others] == [None] * len(others)
    assert sealed_at(KeyRing([new_key()]), message, proof) is None
    assert sealed_at(ring, message, None) is None
    assert sealed_at(ring, message, Payload(data=proof.data.replace(b'"at": 5', b'"at": 6'))) is None


@given(st.binary(max_size=500))
def test_a_seal_that_is_none_is_refused(data: bytes) -> None:
    assert sealed_at(KeyRing([KEY]), Message("start", "x", "y"), Payload(data=data)) is None


def test_a_nested_seal_does_not_exhaust_the_stack() -> None:
    assert sealed_at(KeyRing([KEY]), Message("start", "x", "y"), Payload(data=b"[" * 1_000_000)) is None


def test_a_flood_is_counted_in_little_room() -> None:
    refusals = Refusals()

    for number in range(100_000):
        refusals.note("signal", f"name-{number}", "x\x1b[31m" * 1_000, "why")
    taken = refusals.take()

    assert len(taken) <= 51
    assert sum(number for _, number in taken) == 100_000
    assert all(len(each.workflow_id) <= 120 and "\x1b" not in each.workflow_id for each, _ in taken)
    assert not refusals.take()
