"""Beyond this machine the page needs TLS, names, a password and a second factor; the refusal names what is missing."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fleet.errors import OperationError
from runtime.web_settings import WebSettings
from tests.support.tls_relay import certificate_files
from web.access.exposure import exposure_of, is_loopback_host
from web.access.passwords import Passwords, Role

CERTIFICATE, KEY = "HARU_WEB__TLS_CERTIFICATE", "HARU_WEB__TLS_KEY"
NAMES, PASSWORD = "HARU_WEB__NAMES", "python starter.py web-password"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return certificate_files(tmp_path)


@pytest.fixture
def passwords(tmp_path: Path) -> Passwords:
    kept = Passwords(tmp_path / "data")
    kept.put(Role.OPERATOR, "a long enough password")
    return kept


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_on_loopback_the_link_is_enough(tmp_path: Path, host: str) -> None:
    found = exposure_of(WebSettings(host=host), Passwords(tmp_path))
    assert (found.is_local, found.way.by_password, found.way.secure) == (True, False, False)
    assert found.hosts(8765) == {"localhost:8765", "127.0.0.1:8765", "[::1]:8765"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.5", "trader.example", "10.0.0.1"])
def test_beyond_loopback_everything_that_is_missing_is_named(tmp_path: Path, host: str) -> None:
    with pytest.raises(OperationError) as refusal:
        exposure_of(WebSettings(host=host), Passwords(tmp_path))

    text = str(refusal.value)
    assert f"HARU_WEB__HOST={host}: the page is not opened beyond this machine" in text
    assert all(each in text for each in (CERTIFICATE, KEY, PASSWORD))
    assert (NAMES in text) is (host in {"0.0.0.0", "::"})


def test_one_missing_part_is_enough_to_refuse(files: tuple[Path, Path], passwords: Passwords, tmp_path: Path) -> None:
    whole: dict[str, Any] = {
        "host": "0.0.0.0",
        "names": ("haru.example.com",),
        "tls_certificate": files[0],
        "tls_key": files[1],
    }
    assert exposure_of(WebSettings(**whole), passwords).way.by_password

    for absent, named in (("names", NAMES), ("tls_certificate", CERTIFICATE), ("tls_key", KEY)):
        rest = {name: value for name, value in whole.items() if name != absent}
        with pytest.raises(OperationError, match=named):
            exposure_of(WebSettings(**rest), passwords)
    with pytest.raises(OperationError, match=PASSWORD):
        exposure_of(WebSettings(**whole), Passwords(tmp_path / "none"))
    passwords.remove(Role.OPERATOR)
    passwords.put(Role.READER, "a long enough password")
    with pytest.raises(OperationError, match=PASSWORD):
        exposure_of(WebSettings(**whole), passwords)


def test_a_certificate_that_cannot_be_used_is_refused(files: tuple[Path, Path], passwords: Passwords) -> None:
    wrong = WebSettings(host="0.0.0.0", names=("a.example",), tls_certificate=files[0], tls_key=files[0])
    with pytest.raises(OperationError, match="cannot be used"):
        exposure_of(wrong, passwords)


def test_a_name_on_loopback_means_a_proxy_and_needs_a_password_too(tmp_path: Path, passwords: Passwords) -> None:
    settings = WebSettings.model_validate({"names": "haru.example.com, HARU.example.com:8443"})
    with pytest.raises(OperationError, match=PASSWORD):
        exposure_of(settings, Passwords(tmp_path / "none"))

    found = exposure_of(settings, passwords)
    assert (found.way.by_password, found.way.secure, found.way.is_behind_proxy) == (True, True, True)
    assert found.hosts(8765) == {"haru.example.com", "haru.example.com:443", "haru.example.com:8443"}
    assert found.address(8765) == "https://haru.example.com/"


def test_hosts_and_address_with_a_certificate(files: tuple[Path, Path], passwords: Passwords) -> None:
    about: dict[str, Any] = {"tls_certificate": files[0], "tls_key": files[1]}
    own = exposure_of(WebSettings(host="192.168.0.5", **about), passwords)
    assert (set(own.hosts(8765)), own.address(8765)) == ({"192.168.0.5:8765"}, "https://192.168.0.5:8765/")
    usual = exposure_of(WebSettings(host="0.0.0.0", names=("a.example",), port=443, **about), passwords)
    assert (set(usual.hosts(443)), usual.address(443)) == ({"a.example", "a.example:443"}, "https://a.example/")
    assert not own.way.is_behind_proxy


@pytest.mark.parametrize("name", ["a b", "https://a.example", "a.example/x", "a" * 300, "a\r\nb", "*"])
def test_an_odd_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        WebSettings.model_validate({"names": name})


def test_loopback_is_known() -> None:
    assert [is_loopback_host(each) for each in ("127.3.4.5", "::1", "localhost")] == [True] * 3
    assert [is_loopback_host(each) for each in ("0.0.0.0", "::", "10.0.0.1", "localhost.example")] == [False] * 4
