"""KIS's WebSocket texts for tests: the documents' own examples, and notices encrypted as KIS encrypts them."""

from base64 import b64encode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from broker.kis.stream_frames import Cipherment

CIPHERMENT = Cipherment(b"abcdefghijklmnopabcdefghijklmnop", b"0123456789abcdef")
TRADE = (
    "005930^093354^71900^5^-100^-0.14^72023.83^72100^72400^71700^71900^71800^1^3052507^219853241700^5105^6937^1832"
    "^84.90^1366314^1159996^1^0.39^20.28^090020^5^-200^090820^5^-500^092619^2^200^20230612^20^N^65945^216924^1118750"
    "^2199206^0.05^2424142^125.92^0^^72100"
)
"""One record of H0STCNT0 with 46 fields."""
ACCEPTANCE = (
    "ID^5000000001^0000001562^^02^0^00^0^027360^0000000001^000002200^092701^0^1^1^00950^000000001^NAME^1Y^10^^NAME40^"
)
"""A notice with 23 fields, as the paper service sends it."""
FILL = (
    "ID^5000000001^0000001562^^02^0^00^0^027360^0000000001^000044000^092702^0^2^2^00950^000000001^NAME^1Y^10^^NAME40"
    "^000044000"
)


def changed(record: str, **places: str) -> str:
    """Return a record with some fields replaced; ``_4="01"`` is the fifth one."""
    fields = record.split("^")
    for place, value in places.items():
        fields[int(place[1:])] = value
    return "^".join(fields)


def as_real(notice: str) -> str:
    """Return a paper notice in the real service's 26 fields."""
    fields = notice.split("^")
    return "^".join([*fields[:18], "000000000", "1", "Y", "", *fields[19:]])


def trades(*records: str) -> str:
    return f"0|H0STCNT0|{len(records):03d}|" + "^".join(records)


def sealed(text: str, cipherment: Cipherment = CIPHERMENT, encoding: str = "utf-8") -> str:
    """Encrypt as KIS does, in base64."""
    padder = PKCS7(128).padder()
    padded = padder.update(text.encode(encoding)) + padder.finalize()
    sealer = Cipher(algorithms.AES(cipherment.key), modes.CBC(cipherment.iv)).encryptor()
    return b64encode(sealer.update(padded) + sealer.finalize()).decode()


def notices(*records: str, tr_id: str = "H0STCNI0", cipherment: Cipherment = CIPHERMENT) -> str:
    return f"1|{tr_id}|{len(records):03d}|{sealed('^'.join(records), cipherment)}"
