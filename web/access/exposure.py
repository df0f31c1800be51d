"""Where the page listens and what that demands: beyond this machine TLS, names, a password and a second factor."""

import ipaddress
import ssl
from dataclasses import dataclass
from typing import Final

from fleet.errors import OperationError
from runtime.web_settings import WebSettings
from web.access.door import Way
from web.access.passwords import Passwords, Role

_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")
SET_PASSWORD: Final = "python starter.py web-password"  # noqa: S105 - the command's name


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where the page is reachable: its address, its names in browsers, and how these reach it."""

    host: str
    names: tuple[str, ...]
    way: Way
    certificate: str = ""
    key: str = ""

    @property
    def is_local(self) -> bool:
        """Return whether only browsers of this machine reach it, by the link."""
        return not self.way.by_password

    def hosts(self, port: int) -> frozenset[str]:
        """Return the values of a request's Host header that name this page."""
        if self.is_local:
            return frozenset(f"{name}:{port}" for name in _LOCAL)
        ports = ["443"] if self.way.is_behind_proxy else [str(port), *(["443"] if port == 443 else [])]
        plain = [name for name in self.names if not _has_port(name)]
        usual = plain if self.way.is_behind_proxy or port == 443 else []
        given = [name for name in self.names if _has_port(name)]
        return frozenset((*given, *usual, *(f"{name}:{each}" for name in plain for each in ports)))

    def address(self, port: int) -> str:
        """Return the address to open in a browser."""
        if self.is_local:
            return f"http://{_in_brackets(self.host)}:{port}/"
        name = self.names[0]
        needs_port = not (_has_port(name) or self.way.is_behind_proxy or port == 443)
        return f"https://{name}:{port}/" if needs_port else f"https://{name}/"


def exposure_of(settings: WebSettings, passwords: Passwords) -> Exposure:
    """Return where the page is reachable.

    Raises:
        OperationError: it would be reachable beyond this machine without all that this needs; the text names it.
    """
    is_loopback = is_loopback_host(settings.host)
    has_certificate = settings.tls_certificate is not None or settings.tls_key is not None
    if is_loopback and not settings.names and not has_certificate:
        return Exposure(settings.host, (), Way())
    is_proxied = is_loopback and not has_certificate
    names = settings.names or _own_name(settings.host)
    missing = [*_missing_certificate(settings, is_needed=not is_proxied), *_missing_password(passwords)]
    if not names:
        missing.append("HARU_WEB__NAMES: the host names under which browsers reach the page")
    if missing:
        where = f"HARU_WEB__HOST={settings.host}" if not is_loopback else "HARU_WEB__NAMES or a certificate is set"
        listed = "".join(f"\n  {each}" for each in missing)
        raise OperationError(f"{where}: the page is not opened beyond this machine; missing or wrong:{listed}")
    way = Way(by_password=True, secure=True, is_behind_proxy=is_proxied)
    return Exposure(settings.host, names, way, str(settings.tls_certificate or ""), str(settings.tls_key or ""))


def is_loopback_host(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _missing_certificate(settings: WebSettings, *, is_needed: bool) -> list[str]:
    if not is_needed:
        return []
    named = {"HARU_WEB__TLS_CERTIFICATE": settings.tls_certificate, "HARU_WEB__TLS_KEY": settings.tls_key}
    absent = [f"{name}: a PEM file" for name, file in named.items() if file is None]
    if absent or settings.tls_certificate is None or settings.tls_key is None:
        return absent
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key, "")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        return [f"{' and '.join(named)}: they cannot be used ({error})"]
    return []


def _missing_password(passwords: Passwords) -> list[str]:
    try:
        found = passwords.of(Role.OPERATOR)
    except (OSError, ValueError) as error:
        return [f"the passwords cannot be read: {error}"]
    return [] if found else [f"a password and a second factor: {SET_PASSWORD}"]


def _own_name(host: str) -> tuple[str, ...]:
    """Return the name of a page that listens at one address or name; every address has none."""
    try:
        is_any = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        is_any = False
    return () if is_any else (_in_brackets(host).lower(),)


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _has_port(name: str) -> bool:
    return name.rpartition("]")[2].count(":") == 1
