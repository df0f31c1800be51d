"""Seals: proof in a header that a holder of the fleet's key has sent exactly this message to exactly this workflow.

A message without arguments has no payload to authenticate, and a payload alone could be sent again under another
name.
"""

import hmac
import json
from dataclasses import dataclass
from typing import Final

from temporalio.api.common.v1 import Payload

from security.sealing.keys import KeyRing

HEADER: Final = "haru-seal"
_ENCODING: Final = b"haru/seal"
_LONGEST: Final = 400
"""Bytes. Our seals have half of that. A stranger's seal may be nested deeply."""


@dataclass(frozen=True, slots=True)
class Message:
    """The sealed message. ``about`` binds a further id: of an update or a run."""

    act: str
    name: str
    workflow_id: str
    about: str = ""

    def at(self, instant: int) -> bytes:
        """Return the message, sent at an instant (seconds since the epoch), as unambiguous bytes."""
        return json.dumps([self.act, self.name, self.workflow_id, self.about, instant]).encode()


def seal(ring: KeyRing, message: Message, instant: int = 0) -> Payload:
    """Return the seal of a message. Equal messages of the same second have equal seals, so a replay matches."""
    proof = {"key": ring.first.id, "at": instant, "mac": ring.first.mac(message.at(instant))}
    return Payload(metadata={"encoding": _ENCODING}, data=json.dumps(proof).encode())


def sealed_at(ring: KeyRing, message: Message, proof: Payload | None) -> int | None:
    """Return when a message was sealed (seconds since the epoch), or None if the proof is not for this message."""
    if proof is None or len(proof.data) > _LONGEST:
        return None
    try:
        claim = json.loads(proof.data)
        key, instant, mac = ring.get(str(claim["key"])), int(claim["at"]), str(claim["mac"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    if key is None or not _equal(key.mac(message.at(instant)), mac):
        return None
    return instant


def _equal(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))
