"""Becoming somebody else in a child of root, since PostgreSQL refuses to be root.

A data folder below a private one (root's home) stays closed to the new user. Rather than opening other people's
folders, the child then keeps one Linux capability that lets it pass them.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path
from typing import Final

DAC_OVERRIDE: Final = 1
DAC_READ_SEARCH: Final = 2
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522
_NOBODY: Final = 65534


def unprivileged_user() -> int:
    """Return the numeric id of `nobody`."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return _NOBODY


def capabilities_to_reach(program: Path, data: Path) -> list[int]:
    """Return capabilities, any one of which lets another user run the program on the data; none if paths are open."""
    if not _open_to_all(program):
        return [DAC_OVERRIDE]
    passages = [*program.parents, *data.parents]
    return [] if all(_open_to_all(folder) for folder in passages) else [DAC_READ_SEARCH, DAC_OVERRIDE]


def become(user: int, capabilities: list[int]) -> None:
    """Drop root for a user for good; keep the first of the capabilities that we may."""
    os.setgroups([])
    os.setgid(user)
    if not capabilities:
        os.setuid(user)
        return
    _prctl(_PR_SET_KEEPCAPS, 1)
    os.setuid(user)
    for capability in capabilities:
        if _keep(capability):
            return
    raise PermissionError("the data folder lies below a private folder, and this system lets nobody pass it")


def die_with_parent(stop_signal: int) -> None:
    """Ask Linux for a signal when the parent is gone; elsewhere do nothing."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, stop_signal)


def _open_to_all(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o001)


def _keep(capability: int) -> bool:
    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    # effective, permitted and inheritable: the low words, then the high ones
    sets = (ctypes.c_uint32 * 6)(*[1 << capability] * 3, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(Header(_CAPABILITY_VERSION_3, 0)), ctypes.byref(sets)) != 0:
        return False
    return bool(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
