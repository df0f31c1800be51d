"""The payload converter: one for each run, with type adapters cached across runs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.market import Quote
from domain.money import Price
from tests.support.builders import a_quote
from workflows.payloads import DATA_CONVERTER


@dataclass
class Parcel:
    """Counts how often its schema was built."""

    learnt = 0
    content: int

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        cls.learnt += 1
        return core_schema.no_info_after_validator_function(lambda it: cls(it["content"]), core_schema.dict_schema())


def test_what_one_run_has_learnt_the_next_one_knows() -> None:
    for content in range(3):
        converter = DATA_CONVERTER.payload_converter_class()
        (parcel,) = converter.from_payloads(converter.to_payloads([Parcel(content)]), [Parcel])
        assert parcel == Parcel(content)

    assert Parcel.learnt == 1


@pytest.mark.parametrize(
    ("value", "hint"),
    [(None, None), (b"bytes", bytes), ("text", str), (a_quote(), Quote), ([Price(5)], list)],
)
async def test_everything_crosses_as_with_the_sdks_own_converter(value: Any, hint: Any) -> None:
    ours, theirs = [await each.encode([value]) for each in (DATA_CONVERTER, pydantic_data_converter)]

    assert ours == theirs
    assert await DATA_CONVERTER.decode(theirs, [hint] if hint else None) == [value]


def test_a_moment_comes_back_as_a_moment() -> None:
    converter, moment = DATA_CONVERTER.payload_converter, datetime(2026, 11, 23, tzinfo=UTC)

    assert converter.from_payload(converter.to_payload(moment), datetime) == moment
