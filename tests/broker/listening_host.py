"""A host that answers GET and prints each complete POST: ``python -m tests.broker.listening_host [CERT KEY]``.

It never answers a POST: it only shows when one arrives, and which client sent it.
"""

import json
import socket
import ssl
import sys
import threading
import time

_ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[1:])
    with socket.create_server(("0.0.0.0", 0)) as listening:
        _say(port=listening.getsockname()[1])
        while True:
            taken, _ = listening.accept()
            threading.Thread(target=_serve, args=(taken, context), daemon=True).start()


def _serve(taken: socket.socket, context: ssl.SSLContext | None) -> None:
    connection = context.wrap_socket(taken, server_side=True) if context else taken
    try:
        with connection, connection.makefile("rb") as reader:
            while first := reader.readline():
                length = 0
                while (line := reader.readline().strip()) != b"":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                body = reader.read(length)
                if first.startswith(b"POST ") and len(body) == length:
                    _say(post=json.loads(body)["ORD_QTY"], at=time.monotonic())
                else:
                    connection.sendall(_ANSWER)
    except OSError:
        pass


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
