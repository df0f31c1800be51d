"""The stream's outgoing texts: data frames, replies to registrations and PINGPONG."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from simulator.stream.wishes import MESSAGES, NO_NAME

PINGPONG: Final = "PINGPONG"
_BLOCK_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class Cipherkeys:
    """The key (32 characters) and iv (16 characters) of one session."""

    key: str
    iv: str

    @classmethod
    def fresh(cls) -> "Cipherkeys":
        """Generate new keys."""
        return cls(token_hex(16), token_hex(8))

    def encrypted(self, text: str) -> str:
        """Return a text as AES-256-CBC with PKCS#7 padding, in base64."""
        padder = PKCS7(_BLOCK_BITS).padder()
        padded = padder.update(text.encode()) + padder.finalize()
        encryptor = Cipher(algorithms.AES(self.key.encode()), modes.CBC(self.iv.encode())).encryptor()
        return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def market_frame(tr_id: str, records: Sequence[Sequence[str]]) -> str:
    """Return a plain frame of one or more records."""
    return f"0|{tr_id}|{len(records):03}|{'^'.join(field for record in records for field in record)}"


def notice_frame(tr_id: str, record: Sequence[str], keys: Cipherkeys) -> str:
    """Return an encrypted frame of one notice."""
    return f"1|{tr_id}|001|{keys.encrypted('^'.join(record))}"


def taken(code: str, tr_id: str, tr_key: str, *, is_notice: bool, keys: Cipherkeys | None = None) -> str:
    """Return the reply to an accepted registration. A subscription's reply carries key and iv."""
    body: dict[str, Any] = {"rt_cd": "0", "msg_cd": code, "msg1": MESSAGES[code]}
    if keys is not None:
        body["output"] = {"iv": keys.iv, "key": keys.key}
    return _text({"tr_id": tr_id, "tr_key": tr_key, "encrypt": "Y" if is_notice else "N"}, body)


def refused(code: str, tr_id: str, tr_key: str) -> str:
    """Return the reply to a refused registration. Replies without a TR id carry rt_cd 9, others 1."""
    body = {"rt_cd": "9" if tr_id == NO_NAME else "1", "msg_cd": code, "msg1": MESSAGES[code]}
    return _text({"tr_id": tr_id, "tr_key": tr_key, "encrypt": "N"}, body)


def pingpong(kst: str) -> str:
    """Return the keep-alive text for a KST time ``YYYYMMDDHHMMSS``. It fits into a control frame."""
    return json.dumps({"header": {"tr_id": PINGPONG, "datetime": kst}}, separators=(",", ":"))


def _text(header: Mapping[str, str], body: Mapping[str, Any]) -> str:
    return json.dumps({"header": header, "body": body}, separators=(",", ":"))
