"""Encrypt payloads by AES-GCM, each bound to its workflow, and for activities also to the activity type."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from security.sealing.keys import KeyRing
from security.sealing.marks import REFUSED, SealedFailures
from security.sealing.refusals import Refusals

ENCRYPTED: Final = b"binary/encrypted"
"""The name that Temporal's own samples use. For it the Web UI calls its codec server."""
_NONCE: Final = 12
_SCHEDULED: Final = re.compile(r"-\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")
_PLAIN: Final = "not encrypted: it was not sent with a key of this fleet, or by an earlier version"
_UNKNOWN: Final = "encrypted by a key that this host does not have"
_FORGED: Final = "does not authenticate: it was changed, or forged"
_SERVERS: Final = frozenset({b'"ACTIVITY_ID_NOT_STARTED"', b'"ACTIVITY_ID_UNKNOWN"'})
"""Plain-text details that Temporal's server writes for a cancelled activity. Never used, and not reported."""
_MOVED: Final = "belongs to another place: it was copied from there"


def base_id(workflow_id: str) -> str:
    """Return a workflow id without the time that a schedule appends, which is unknown when its input is encrypted."""
    return _SCHEDULED.sub("", workflow_id)


def place_of(context: SerializationContext) -> bytes:
    """Return the place of a payload, using only values that both writer and reader know.

    The place is namespace and workflow id, and for an activity's input, result, heartbeat and failure also its type.
    An activity's id is known to one side only.
    """
    if isinstance(context, WorkflowSerializationContext):
        return json.dumps([context.namespace, base_id(context.workflow_id)]).encode()
    if isinstance(context, ActivitySerializationContext):
        parts = [context.namespace, base_id(context.workflow_id or ""), context.activity_type]
        return json.dumps(parts).encode()
    return b"elsewhere"


class SealedPayloads(PayloadCodec, WithSerializationContext):
    """Encrypt for a place, and decrypt only payloads that were encrypted for it.

    Without a place (a reader of whole histories), the place that a payload names is authenticated with it.
    """

    def __init__(self, ring: KeyRing, refusals: Refusals, place: bytes | None = None) -> None:
        self._ring = ring
        self._refusals = refusals
        self._place = place

    def with_context(self, context: SerializationContext) -> Self:
        """Return the codec of a place."""
        return type(self)(self._ring, self._refusals, place_of(context))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt with random nonces, so equal payloads have different ciphertexts."""
        return [self._closed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt. A payload that does not authenticate becomes a mark that raises when read (`sealing/marks.py`)."""
        return [self._opened(payload) for payload in payloads]

    def _closed(self, payload: Payload) -> Payload:
        key, nonce, place = self._ring.first, os.urandom(_NONCE), self._place or b""
        data = nonce + key.cipher.encrypt(nonce, payload.SerializeToString(), place)
        return Payload(metadata={"encoding": ENCRYPTED, "key": key.id.encode(), "place": place}, data=data)

    def _opened(self, payload: Payload) -> Payload:
        opened = self._read(payload)
        if isinstance(opened, Payload):
            return opened
        if payload.data not in _SERVERS:
            self._refusals.note("payload", "", _workflow_in(self._place), opened)
        return Payload(metadata={"encoding": REFUSED.encode()}, data=opened.encode())

    def _read(self, payload: Payload) -> Payload | str:
        """Return the decrypted payload, or why it is refused."""
        if payload.metadata.get("encoding") != ENCRYPTED:
            return _PLAIN
        key = self._ring.get(payload.metadata.get("key", b"").decode(errors="replace"))
        if key is None:
            return _UNKNOWN
        place = payload.metadata.get("place", b"")
        try:
            clear = key.cipher.decrypt(payload.data[:_NONCE], payload.data[_NONCE:], place)
            read = Payload.FromString(clear)
        except (InvalidTag, DecodeError, ValueError):
            return _FORGED
        return read if self._place in (None, place) else _MOVED


def sealed(converter: DataConverter, ring: KeyRing, refusals: Refusals) -> DataConverter:
    """Return a converter that encrypts all payloads of another converter, including the texts of failures."""
    return replace(
        converter,
        payload_codec=SealedPayloads(ring, refusals),
        failure_converter_class=SealedFailures,
    )


def _workflow_in(place: bytes | None) -> str:
    if place is None or not place.startswith(b"["):
        return ""
    return str(json.loads(place)[1])
