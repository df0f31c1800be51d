"""The list of KIS's official functions: served, refused by name, or unknown."""

from pathlib import Path

import pytest

from simulator.catalogue import OFFICIAL
from simulator.endpoints import ENDPOINTS
from simulator.official import Standing, standing_of, standing_of_function, table
from tests.simulator.market_day import Client, a_simulation

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kis-functions.md"
PREFIX = "/uapi/domestic-stock/v1"


def test_the_page_shows_the_count_as_it_is() -> None:
    assert "\n".join(table()) in PAGE.read_text(encoding="utf-8")


def test_the_list_is_whole() -> None:
    rest = [one for one in OFFICIAL if one.path]

    assert (len(rest), len(OFFICIAL) - len(rest)) == (131, 25)
    assert len([one for one in rest if one.demo]) == 18
    assert sum(len(one.real) for one in rest) == 135


def test_every_path_that_is_served_here_is_official_or_for_overseas() -> None:
    official = {one.path for one in OFFICIAL}

    assert {path for path in ENDPOINTS if path not in official and "overseas" not in path} == set()


@pytest.mark.parametrize(
    ("path", "tr_id", "standing"),
    [
        (f"{PREFIX}/quotations/inquire-price", "FHKST01010100", Standing.SERVED),
        (f"{PREFIX}/quotations/invest-opinion", "FHKST663300C0", Standing.REFUSED),
        (f"{PREFIX}/quotations/invest-opinion", "FHKST663300C1", Standing.UNKNOWN),
        (f"{PREFIX}/quotations/no-such-thing", "FHKST01010100", Standing.UNKNOWN),
        ("", "H0STCNT0", Standing.SERVED),
        ("", "H0ZZZZZ0", Standing.UNKNOWN),
    ],
)
def test_a_call_is_served_refused_by_name_or_unknown(path: str, tr_id: str, standing: Standing) -> None:
    assert standing_of(path, tr_id) is standing


def test_a_paper_call_is_served_by_its_paper_name_only() -> None:
    path = f"{PREFIX}/trading/inquire-balance"

    assert standing_of(path, "VTTC8434R", paper=True) is Standing.SERVED
    assert standing_of(path, "VTTC8434R") is Standing.REFUSED


async def test_the_reply_names_the_function_that_is_not_served() -> None:
    client = Client(a_simulation())

    named = await client.get("/quotations/invest-opinion", "FHKST663300C0", {})
    unknown = await client.get("/quotations/no-such-thing", "FHKST663300C0", {})

    assert (named.status_code, named.json()["rt_cd"], named.json()["msg_cd"]) == (500, "1", "OPSQ0002")
    assert "국내주식 종목투자의견" in named.json()["msg1"]
    assert unknown.json()["msg1"] == "없는 서비스 코드 입니다."


def test_what_is_refused_has_its_reason_and_what_is_served_has_none() -> None:
    wrong = [one.function for one in OFFICIAL if bool(one.lacks) == (standing_of_function(one) is Standing.SERVED)]

    assert wrong == []


def test_at_least_so_many_functions_are_served() -> None:
    served = [one for one in OFFICIAL if standing_of_function(one) is Standing.SERVED]

    assert len([one for one in served if one.path]) >= 80
    assert len([one for one in served if one.path and one.demo]) == 18
    assert len([one for one in served if not one.path]) >= 21


def test_a_function_with_a_demo_mode_is_served_on_paper_too() -> None:
    calls = [(one.path, tr_id) for one in OFFICIAL for tr_id in one.demo if one.path]

    assert {call for call in calls if standing_of(*call, paper=True) is not Standing.SERVED} == set()
