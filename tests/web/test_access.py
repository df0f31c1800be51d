"""Codes, passwords, sessions and limits of the page's door."""

import json
from pathlib import Path

import pytest

from web.access import codes, passwords, sessions
from web.access.codes import address_of, code_of, new_secret, step_of
from web.access.limits import BY_ADDRESS, IN_TOTAL, WITHIN, LoginLimits, network_of
from web.access.passwords import Passwords, Role, WeakPasswordError
from web.access.sessions import Sessions

PASSWORD = "a long enough password"
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The secret of RFC 6238's examples, `12345678901234567890`, in base 32."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert code_of(RFC_SECRET, codes.step_at(seconds)) == code
    assert step_of(RFC_SECRET, code, seconds) == seconds // 30


def test_a_code_of_the_step_before_is_accepted_and_an_older_one_is_not() -> None:
    secret = new_secret()
    code = code_of(secret, 100)
    assert [step_of(secret, code, 30 * step) for step in (98, 99, 100, 101, 102)] == [None, 100, 100, 100, None]
    assert step_of(secret, "ⅻ", 3000) is None


def test_an_authenticator_reads_the_address() -> None:
    assert address_of("ABC", "read-only") == "otpauth://totp/Haru%3Aread-only?secret=ABC&issuer=Haru&digits=6&period=30"


async def test_a_password_and_its_code_open_their_role(tmp_path: Path) -> None:
    kept = Passwords(tmp_path)
    secret = kept.put(Role.OPERATOR, PASSWORD)
    reader = kept.put(Role.READER, "another long password")

    entered = await kept.enter(PASSWORD, code_of(secret, 100), 3000.0)
    assert entered is not None
    assert (entered.role, entered.step) == (Role.OPERATOR, 100)
    seen = await kept.enter("another long password", code_of(reader, 100), 3000.0)
    assert seen is not None
    assert seen.role is Role.READER
    assert await kept.enter(PASSWORD, code_of(reader, 100), 3000.0) is None, "the code of another role"
    assert await kept.enter("another long password", code_of(secret, 100), 3000.0) is None
    assert await kept.enter(PASSWORD, "000000", 3000.0) is None
    assert await kept.is_of(Role.OPERATOR, PASSWORD)
    assert not await kept.is_of(Role.OPERATOR, "another long password")


async def test_without_a_password_nothing_opens(tmp_path: Path) -> None:
    kept = Passwords(tmp_path)
    assert await kept.enter("", "", 3000.0) is None
    assert await kept.enter(PASSWORD, code_of(passwords._NONE.secret, 100), 3000.0) is None
    assert not await kept.is_of(Role.OPERATOR, "")
    assert kept.stamp_of(Role.OPERATOR) == ""


def test_the_file_is_private_has_no_password_and_a_damaged_one_says_so(tmp_path: Path) -> None:
    kept = Passwords(tmp_path)
    kept.put(Role.OPERATOR, PASSWORD)
    file = tmp_path / "web" / "passwords.json"

    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    assert json.loads(file.read_text())["operator"]["digest"].startswith("$argon2id$")
    file.write_text('{"owner": {}}')
    with pytest.raises(ValueError, match="damaged; remove it and set the passwords again"):
        kept.of(Role.OPERATOR)
    assert kept.stamp_of(Role.OPERATOR) == "", "no session outlives it"


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 201])
def test_a_weak_password_is_refused(tmp_path: Path, password: str) -> None:
    with pytest.raises(WeakPasswordError, match="12 to 200 characters"):
        Passwords(tmp_path).put(Role.OPERATOR, password)


def test_a_new_password_is_another_stamp_and_a_removed_one_is_none(tmp_path: Path) -> None:
    kept = Passwords(tmp_path)
    kept.put(Role.OPERATOR, PASSWORD)
    before = kept.stamp_of(Role.OPERATOR)
    kept.put(Role.OPERATOR, PASSWORD)

    assert kept.stamp_of(Role.OPERATOR) not in {"", before}
    assert kept.remove(Role.OPERATOR)
    assert not kept.remove(Role.OPERATOR)
    assert kept.stamp_of(Role.OPERATOR) == ""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_by_time_and_by_logout(tmp_path: Path) -> None:
    clock = Clock()
    kept = Sessions(1, now=clock)
    token, other = kept.begin(Role.OPERATOR, "10.0.0.1", "s"), kept.begin(Role.READER, "10.0.0.1", "s")

    clock.now += 3599
    first = kept.of(token)
    assert first is not None
    assert first.role is Role.OPERATOR
    kept.end(other)
    assert kept.of(other) is None
    clock.now += 2
    assert kept.of(token) is None
    assert kept.of("") is None


def test_sessions_outlive_a_restart_and_the_file_has_no_token(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "web" / "sessions.json"
    first = Sessions(1, file, clock)
    token, ended = first.begin(Role.READER, "10.0.0.1", "s"), first.begin(Role.READER, "10.0.0.1", "s")
    first.end(ended)
    assert first.takes("s", 7)

    second = Sessions(1, file, clock)
    assert second.of(token) == first.of(token)
    assert second.of(ended) is None
    assert not second.takes("s", 7), "a code counts once, also after a restart"
    assert second.takes("s", 8)
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", '{"sessions": {"a": {"role": "owner"}}, "steps": {}}', "[]"])
def test_a_damaged_file_of_sessions_lets_nobody_in_and_stops_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "web" / "sessions.json"
    file.parent.mkdir(mode=0o700)
    file.write_text(text)
    file.chmod(0o600)
    kept = Sessions(1, file)
    assert kept.of(kept.begin(Role.READER, "10.0.0.1", "s")) is not None


def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_MOST", 2)
    kept = Sessions(1, now=Clock())
    tokens = [kept.begin(Role.READER, "10.0.0.1", "s") for _ in range(3)]
    assert [kept.of(each) is None for each in tokens] == [True, False, False]


def test_an_address_has_five_tries_and_all_strangers_thirty() -> None:
    limits = LoginLimits()
    assert [limits.begins("10.0.0.1", 0.0) for _ in range(BY_ADDRESS)] == [0.0] * BY_ADDRESS
    assert limits.begins("10.0.0.1", 10.0) == WITHIN - 10
    others = [limits.begins(f"10.0.1.{number}", 20.0) for number in range(IN_TOTAL)]
    assert others == [0.0] * (IN_TOTAL - BY_ADDRESS) + [WITHIN - 20.0] * BY_ADDRESS
    assert limits.begins("10.0.0.1", WITHIN) == 0.0


def test_strangers_cannot_lock_an_address_out_that_has_entered_before() -> None:
    limits = LoginLimits()
    limits.begins("10.0.0.1", 0.0)
    limits.entered("10.0.0.1")
    for number in range(IN_TOTAL + 5):
        limits.begins(f"10.0.1.{number}", 1.0)

    assert limits.begins("10.0.2.1", 2.0) > 0
    assert [limits.begins("10.0.0.1", 2.0) for _ in range(BY_ADDRESS)] == [0.0] * BY_ADDRESS
    assert limits.begins("10.0.0.1", 2.0) > 0, "its own tries count"


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("not an address") == "unknown"
