"""Payload converter that caches pydantic type adapters per process."""

from functools import cache
from typing import Final

from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter, DefaultPayloadConverter

from security.sealing.marks import RefusedPayloads

_TYPES: Final = 256
"""Maximum of cached types; a sandbox reloads a workflow's own module, and a cached type would keep that copy alive."""


@cache
def _json() -> PydanticJSONPlainPayloadConverter:
    return PydanticJSONPlainPayloadConverter(max_cached_type_adapters=_TYPES)


class SharedPayloadConverter(CompositePayloadConverter):
    """Payload converter that each run creates, with type adapters shared by all.

    Building an adapter takes milliseconds of CPU time, and every trade ends a run: at the close that would delay a
    hundred sales.
    """

    def __init__(self) -> None:
        """Replace the SDK's own JSON converter."""
        defaults = DefaultPayloadConverter.default_encoding_payload_converters
        ours = (_json() if each.encoding == _json().encoding else each for each in defaults)
        super().__init__(RefusedPayloads(), *ours)


DATA_CONVERTER: Final = DataConverter(payload_converter_class=SharedPayloadConverter)
