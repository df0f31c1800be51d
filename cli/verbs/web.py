"""``starter.py web``: the fleet in a browser; ``starter.py web-password``: who may enter beyond this machine."""

import argparse
import asyncio
import sys
from getpass import getpass
from io import StringIO
from typing import Final

import segno

from cli.plain_answers import answer
from fleet.errors import OperationError
from reporting.spoken import say
from runtime.settings import Settings, load_settings
from web.access.codes import address_of
from web.access.door import new_key
from web.access.exposure import Exposure, exposure_of
from web.access.passwords import Passwords, Role, WeakPasswordError
from web.server import Door, PageServer, listen_at

_KEEP: Final = "Open this link in a browser of this machine and keep it to yourself. Ctrl-C ends the page."
_ONLY_SEES: Final = "Read-only"
_SCAN: Final = "Scan this code with an authenticator, or enter its secret there. It is shown once."


async def web(asked: argparse.Namespace) -> int:
    """Serve the page until interrupted. The printed links contain its keys.

    Raises:
        OperationError: nothing runs, the port is taken, or the page would be open beyond this machine unprotected.
    """
    settings = load_settings()
    passwords = Passwords(settings.data_dir)
    exposure = exposure_of(settings.web, passwords)
    port = _port(asked, settings, exposure)
    try:
        listening = listen_at(exposure, port)
    except (OSError, OverflowError) as error:
        raise OperationError(
            f"port {port} of {exposure.host} cannot be used ({error}); choose another --port"
        ) from None
    with listening:
        page = PageServer(settings, Door(new_key(), exposure, passwords, not asked.read_only), listening)
        await page.connection.fleet()
        first, *others = page.links
        shown = [first, *(f"{say(_ONLY_SEES)}: {each}" for each in others)]
        answer(asked, {"address": first}, "\n".join([*shown, _KEEP] if exposure.is_local else shown))
        await page.serve()
    return 0


async def web_password(asked: argparse.Namespace) -> int:
    """Set a role's password and second factor, or remove them. Its sessions end.

    Raises:
        OperationError: the password is too short, was mistyped, or there is none to remove.
    """
    passwords, role = Passwords(load_settings().data_dir), Role.READER if asked.read_only else Role.OPERATOR
    if asked.remove:
        if not passwords.remove(role):
            raise OperationError(f"the role {role} has no password; nothing was changed")
        answer(asked, {"role": role.value, "removed": True}, f"The password of the role {role} is removed.")
        return 0
    try:
        secret = passwords.put(role, await asyncio.to_thread(_typed, role))
    except WeakPasswordError as error:
        raise OperationError(f"{error}. Nothing was changed") from None
    address = address_of(secret, role.value)
    answer(asked, {"role": role.value, "secret": secret, "address": address}, "")
    if not asked.json:
        sys.stdout.write(f"{say(_SCAN)}\n\n{_qr(address)}\n{secret}\n{address}\n")
    return 0


def _port(asked: argparse.Namespace, settings: Settings, exposure: Exposure) -> int:
    """Return the given port; by default any free one, and beyond loopback that of the settings."""
    if asked.port is not None:
        return int(asked.port)
    return 0 if exposure.is_local else settings.web.port


def _typed(role: Role) -> str:
    """Ask for a password twice on a terminal; otherwise read one line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass(say(f"Password for the role {role}") + ": ")
    if getpass(say("The same again") + ": ") != first:
        raise OperationError("the two passwords differ. Nothing was changed")
    return first


def _qr(address: str) -> str:
    drawn = StringIO()
    segno.make(address, error="m").terminal(out=drawn, compact=True)
    return drawn.getvalue()
