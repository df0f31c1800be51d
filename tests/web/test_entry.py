"""Beyond this machine a browser enters by password and second factor; each role gets what is its own."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from domain.identity import Environment
from fleet.fleet import Fleet
from tests.support.tls_relay import certificate_files
from tests.web.serving import KEY, Secured, Served, nothing, served
from web.access.codes import code_of, step_at
from web.access.limits import BY_ADDRESS
from web.access.passwords import Passwords, Role
from web.access.sessions import real_seconds

PASSWORDS = {Role.OPERATOR: "the operator's password", Role.READER: "the reader's password"}


@dataclass
class Guarded:
    """A page beyond this machine, its passwords, and the secrets of their second factors."""

    page: Served
    passwords: Passwords
    secrets: dict[Role, str]

    def code(self, role: Role) -> str:
        """Return the role's present code."""
        return code_of(self.secrets[role], step_at(real_seconds()))

    async def login(self, browser: httpx.AsyncClient, password: str, code: str, **headers: str) -> httpx.Response:
        """Send a login as the page's own script does."""
        body = json.dumps({"password": password, "code": code})
        return await browser.post(f"{self.page.origin}/login", content=body, headers={**self.page.headers, **headers})

    async def enter(self, role: Role) -> httpx.Response:
        """Let the page's browser in."""
        return await self.login(self.page.browser, PASSWORDS[role], self.code(role))


@pytest.fixture
async def guarded(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Guarded]:
    certificate, key = certificate_files(tmp_path)
    passwords = Passwords(tmp_path / "kept")
    secrets = {role: passwords.put(role, password) for role, password in PASSWORDS.items()}
    async with served(fleet, nothing, tmp_path, secured=Secured(certificate, key, passwords)) as page:
        yield Guarded(page, passwords, secrets)


async def logins(fleet: Fleet) -> list[tuple[object, ...]]:
    """Return the audit rows about the page, oldest first: command, outcome, reason."""
    events = await fleet.database.events.latest(fleet.account_id, 50)
    rows = [each.detail for each in reversed(events) if each.kind == "operator_command"]
    return [(each["command"], each["outcome"], each.get("why", "")) for each in rows]


async def test_without_a_session_there_is_only_the_login(guarded: Guarded) -> None:
    page, browser = guarded.page, guarded.page.browser
    closed = await browser.get(page.origin)
    inside = await browser.get("/")

    assert (closed.status_code, 'id="login"' in closed.text, KEY in closed.text) == (401, True, False)
    assert (inside.status_code, inside.headers["location"]) == (303, "/")
    assert closed.headers["strict-transport-security"].startswith("max-age=")
    assert [(await browser.get(path)).status_code for path in ("/live", "/rules", "/decisions")] == [401] * 3
    link = await browser.get(f"{page.origin}/", params={"key": KEY})
    assert (link.status_code, "set-cookie" in link.headers) == (401, False), "there is no link beyond this machine"


async def test_an_operator_enters_once_with_a_code_and_leaves(guarded: Guarded, fleet: Fleet) -> None:
    page = guarded.page
    words = PASSWORDS[Role.OPERATOR], guarded.code(Role.OPERATOR)
    entered, again = await guarded.login(page.browser, *words), await guarded.login(page.browser, *words)

    cookie = entered.headers["set-cookie"]
    assert (entered.status_code, entered.json()["to"]) == (200, f"/{page.access.room}/")
    assert cookie.startswith("__Host-haru-")
    assert all(each in cookie for each in ("HttpOnly", "Secure", "Path=/;", "SameSite=lax"))
    assert again.status_code == 403, "a code counts once"
    assert 'data-act="close"' in (await page.browser.get("/")).text
    plan = await page.browser.post("/plan", content='{"act": "close"}', headers=page.headers)
    assert plan.status_code == 200

    taken = dict(page.browser.cookies)
    left = await page.browser.post("/logout", content="{}", headers=page.headers)
    assert left.status_code == 200
    async with httpx.AsyncClient(base_url=page.address, cookies=taken, verify=False) as thief:
        assert (await thief.get("/rules")).status_code == 401, "a logout ends the session, not only the cookie"


async def test_a_reader_sees_no_command_and_may_give_none(guarded: Guarded) -> None:
    page = guarded.page
    assert (await guarded.enter(Role.READER)).status_code == 200
    shown = (await page.browser.get("/")).text

    assert not any(each in shown for each in ('data-act="', 'id="confirm"', 'id="rules"', 'id="decide"'))
    assert [(await page.browser.get(path)).status_code for path in ("/rules", "/decisions")] == [403, 403]
    for path in ("/plan", "/act"):
        refused = await page.browser.post(path, content='{"act": "close", "plan": "x"}', headers=page.headers)
        assert refused.status_code == 403


async def test_failed_logins_are_refused_counted_and_recorded(guarded: Guarded, fleet: Fleet) -> None:
    right, browser = PASSWORDS[Role.OPERATOR], guarded.page.browser
    tries = [("wrong password!!", guarded.code(Role.OPERATOR)), (right, "000000"), ("", ""), (right, "x" * 10)]
    assert [(await guarded.login(browser, *each)).status_code for each in tries] == [403] * 4
    assert (await guarded.login(browser, right, guarded.code(Role.READER))).status_code == 403
    assert len(tries) + 1 == BY_ADDRESS
    late = await guarded.enter(Role.OPERATOR)

    assert (late.status_code, int(late.headers["retry-after"]) > 0) == (429, True)
    assert "set-cookie" not in late.headers
    while len(rows := await logins(fleet)) < BY_ADDRESS + 1:
        pass
    wrong = [("web login", "refused", "wrong password or code")] * BY_ADDRESS
    assert sorted(rows) == [("web login", "refused", "too many tries"), *wrong]


@pytest.mark.parametrize(
    "odd",
    [
        {"origin": "https://evil.example"},
        {"origin": ""},
        {"content-type": "text/plain"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example"},
    ],
    ids=str,
)
async def test_another_site_cannot_log_in_or_out(guarded: Guarded, odd: dict[str, str]) -> None:
    code = guarded.code(Role.OPERATOR)
    assert (await guarded.login(guarded.page.browser, PASSWORDS[Role.OPERATOR], code, **odd)).status_code == 403
    assert (await guarded.enter(Role.OPERATOR)).status_code == 200
    out = await guarded.page.browser.post("/logout", content="{}", headers={**guarded.page.headers, **odd})
    assert out.status_code == 403


async def test_a_session_ends_with_its_password(guarded: Guarded) -> None:
    await guarded.enter(Role.OPERATOR)
    assert (await guarded.page.browser.get("/decisions")).status_code == 200
    guarded.passwords.put(Role.OPERATOR, "another password now")
    assert (await guarded.page.browser.get("/decisions")).status_code == 401


async def test_a_stream_ends_with_its_session(guarded: Guarded) -> None:
    await guarded.enter(Role.READER)
    async with guarded.page.browser.stream("GET", "/live") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: parts"
        guarded.passwords.remove(Role.READER)
        assert [each async for each in lines if each.startswith("event: never")] == [], "it has an end"


async def test_entering_and_leaving_are_recorded(guarded: Guarded, fleet: Fleet) -> None:
    await guarded.enter(Role.READER)
    await guarded.page.browser.post("/logout", content="{}", headers=guarded.page.headers)
    while len(rows := await logins(fleet)) < 2:
        pass
    assert sorted(rows) == [("web login", "accepted", ""), ("web logout", "accepted", "")]
    clients = {each.detail["client"] for each in await fleet.database.events.latest(fleet.account_id, 5)}
    assert all(str(each).startswith("web read-only 127.0.0.1 ") for each in clients)


async def test_the_second_link_only_sees(fleet: Fleet, tmp_path: Path) -> None:
    async with served(fleet, nothing, tmp_path) as page:
        async with httpx.AsyncClient(base_url=page.address, timeout=60) as reader:
            opened = await reader.get(page.origin, params={"key": page.access.readers_key})
            assert opened.status_code == 303
            assert "data-act=" not in (await reader.get("/")).text
            refused = await reader.post("/plan", content='{"act": "close"}', headers=page.headers)
            assert refused.status_code == 403
        assert (await page.browser.post("/plan", content='{"act": "close"}', headers=page.headers)).status_code == 200


async def test_a_page_that_only_shows_does_not_know_the_operators_link(fleet: Fleet, tmp_path: Path) -> None:
    async with served(fleet, nothing, tmp_path, may_act=False) as page:
        assert (await page.browser.get(page.origin, params={"key": KEY})).status_code == 403


@pytest.mark.parametrize(
    ("act", "asks"),
    [
        ({"act": "kill-switch off"}, True),
        ({"act": "kill-switch on"}, False),
        ({"act": "close"}, False),
    ],
    ids=str,
)
async def test_real_money_asks_again_before_it_may_buy(
    fleet: Fleet, tmp_path: Path, act: dict[str, str], asks: bool
) -> None:
    passwords, live = Passwords(tmp_path / "kept"), replace(fleet, environment=Environment.LIVE)
    async with served(live, nothing, tmp_path, passwords=passwords) as page:

        async def posts(path: str, **values: str) -> httpx.Response:
            return await page.browser.post(path, content=json.dumps(values), headers=page.headers)

        without = await posts("/plan", **act)
        assert without.status_code == (409 if asks else 200)
        assert ("starter.py web-password" in without.text) is asks

        passwords.put(Role.OPERATOR, PASSWORDS[Role.OPERATOR])
        plan = (await posts("/plan", **act)).json()
        assert plan["needs_password"] is asks
        if asks:
            for wrong in ({}, {"password": "wrong"}, {"password": ""}):
                refused = await posts("/act", plan=plan["plan"], **wrong)
                assert (refused.status_code, refused.json()["again"]) == (403, True)
        done = await posts("/act", plan=plan["plan"], **({"password": PASSWORDS[Role.OPERATOR]} if asks else {}))
        assert (done.status_code, done.json()["well"]) == (200, True)
