"""Who runs this process, as the kernel knows them: no variable of the environment can say otherwise."""

import os
import pwd
import socket

from domain.audit_log import Client


def os_user() -> str:
    """Return the name of the process's user; the number of one that has no name."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def os_client(program: str) -> Client:
    """Return who runs a program, where, and as which process."""
    return Client(os.getuid(), os_user(), socket.gethostname(), program, os.getpid())
