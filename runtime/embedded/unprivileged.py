"""Identities under which root can run PostgreSQL, which refuses to run as root.

The guard imports this module between fork and exec, so it stays small. `identity.py` selects an identity.
"""

import ctypes
import os
import pwd
import sys
from dataclasses import dataclass
from typing import Final

_DAC_OVERRIDE: Final = 1
_DAC_READ_SEARCH: Final = 2
_NAMES: Final = {_DAC_OVERRIDE: "CAP_DAC_OVERRIDE", _DAC_READ_SEARCH: "CAP_DAC_READ_SEARCH"}
_CLONE_NEWUSER: Final = 0x10000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECUREBITS: Final = 28
_SECBIT_NO_SETUID_FIXUP: Final = 4
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522
_USUAL_ID: Final = 65534


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of a child process of root."""

    user: int
    """Numeric id of the data's owner, as the host sees it."""
    namespace: bool = False
    """Keep this user, but under another id in a separate user namespace, without capabilities."""
    capability: int | None = None
    """The only Linux capability that is kept, to traverse private folders."""

    def __str__(self) -> str:
        if self.namespace:
            return "in a user namespace of its own"
        kept = "" if self.capability is None else f" with {_NAMES[self.capability]}"
        return f"as user {self.user}{kept}"


def unprivileged_user() -> int:
    """Return the numeric id of `nobody`."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return _USUAL_ID


def identities_for_root() -> list[Identity]:
    """Return the identities that root may use to run a server on its data, best first."""
    user = unprivileged_user()
    dropped = [Identity(user, capability=kept) for kept in (None, _DAC_READ_SEARCH, _DAC_OVERRIDE)]
    return [Identity(os.geteuid(), namespace=True), *dropped]


def become(identity: Identity) -> None:
    """Switch permanently to an identity.

    Raises:
        OSError: this system does not allow it.
    """
    if identity.namespace:
        _enter_namespace()
        return
    os.setgroups([])
    os.setgid(identity.user)
    if identity.capability is None:
        os.setuid(identity.user)
        return
    # access(2) ignores the capabilities of every user except root, unless this bit is set: initdb and postgres look up
    # their own programs with it (capabilities(7), "securebits").
    _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setuid(identity.user)
    _keep(identity.capability)


def die_with_parent(stop_signal: int) -> None:
    """Request a signal from Linux when the parent ends; do nothing on other systems."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, stop_signal)


def _enter_namespace() -> None:
    """Map user and group to non-root ids in a new user namespace; exec then drops its capabilities.

    The inner user has a name, because initdb looks it up.
    """
    inner, user, group = unprivileged_user(), os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux":
        raise OSError("this system has no user namespaces")
    _check(libc.unshare(_CLONE_NEWUSER), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inner} {user} 1"),
        ("gid_map", f"{inner} {group} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _keep(capability: int) -> None:
    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    # effective, permitted and inheritable: the low words, then the high words
    sets = (ctypes.c_uint32 * 6)(*[1 << capability] * 3, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.capset(ctypes.byref(Header(_CAPABILITY_VERSION_3, 0)), ctypes.byref(sets)), "capset")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, value: int, third: int = 0) -> None:
    _check(ctypes.CDLL(None, use_errno=True).prctl(option, value, third, 0, 0), "prctl")


def _check(outcome: int, call: str) -> None:
    if outcome != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
