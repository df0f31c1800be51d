"""How values cross Temporal: as JSON by pydantic, which learns each type once a process and not once a run."""

from functools import cache
from typing import Final

from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter, DefaultPayloadConverter

from security.sealing.marks import RefusedPayloads

_TYPES: Final = 256
"""Kept at most; a workflow's own module is loaded anew for each run, and a type of it would keep that copy alive."""


@cache
def _json() -> PydanticJSONPlainPayloadConverter:
    return PydanticJSONPlainPayloadConverter(max_cached_type_adapters=_TYPES)


class SharedPayloadConverter(CompositePayloadConverter):
    """Each run of a workflow makes a converter of its own; what they know of the types is shared.

    To learn a type takes milliseconds of a processor, and every trade ends a run: at the close that is what a hundred
    sales would wait for.
    """

    def __init__(self) -> None:
        """Take the place of the SDK's own converter for JSON."""
        defaults = DefaultPayloadConverter.default_encoding_payload_converters
        ours = (_json() if each.encoding == _json().encoding else each for each in defaults)
        super().__init__(RefusedPayloads(), *ours)


DATA_CONVERTER: Final = DataConverter(payload_converter_class=SharedPayloadConverter)
