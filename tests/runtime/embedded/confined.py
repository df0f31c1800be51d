"""Restrictions of containers and small machines for one child process, applied before it starts its program."""

import ctypes
import os
import platform
import struct
from collections.abc import Callable
from pathlib import Path

Confinement = Callable[[], None]
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_DROP = 24
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_UNSHARE_CALL = {"x86_64": 272, "aarch64": 97}
_CLONE_NEWNS = 0x20000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000


def forbid_namespaces() -> None:
    """Let every unshare fail with EPERM, as Docker's seccomp profile does."""
    number = _UNSHARE_CALL[platform.machine()]
    instructions = [
        (0x20, 0, 0, 0),  # load the syscall number
        (0x15, 0, 1, number),  # unshare?
        (0x06, 0, 0, 0x00050001),  # then EPERM
        (0x06, 0, 0, 0x7FFF0000),  # else allow
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in instructions))
    filter_program = struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code))
    _require(_libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_program, 0, 0))


def forbid_passing() -> None:
    """Drop the capabilities that let root enter other users' private folders, as `--cap-drop` does."""
    for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        _require(_libc().prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0))


def on_a_small_disk(folder: Path, size: str) -> Confinement:
    """Mount an empty disk of a size (such as `20m`) at the folder, for the child alone."""

    def mount() -> None:
        libc = _libc()
        _require(libc.unshare(_CLONE_NEWNS))
        _require(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
        _require(libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={size},mode=0755".encode()))

    return mount


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _require(outcome: int) -> None:
    if outcome != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
