"""The user of this process according to the kernel. Environment variables cannot change it."""

import os
import pwd
import socket

from domain.audit_log import Client


def os_user() -> str:
    """Return the name of the process's user, or its number if it has no name."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def os_client(program: str) -> Client:
    """Return the user, host and process of a program."""
    return Client(os.getuid(), os_user(), socket.gethostname(), program, os.getpid())
