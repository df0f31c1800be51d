"""Command line: receive traces on loopback, and write a picture of each settled trade."""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

from security.private_files import close_to_others, private_folder, write_private
from tools.tracing.picture import picture_of
from tools.tracing.receiver import receiving
from tools.tracing.trades import Trades

_COMPLETE_AFTER: Final = 8.0
"""Seconds in which the last spans of a settled trade arrive from all hosts."""
_PORT: Final = 4318
"""The usual one of OTLP over HTTP."""


def main() -> int:
    """Receive until interrupted, or until enough trades are drawn."""
    close_to_others()
    asked = _parser().parse_args()
    folder, trades, drawn = private_folder(asked.out), Trades(), set[str]()
    with receiving(trades.take, asked.port) as address:
        print(f"Receives traces; start each host with HARU_TELEMETRY__TRACES_ENDPOINT={address}", flush=True)
        try:
            while not asked.count or len(drawn) < asked.count:
                time.sleep(1)
                new = trades.settled().keys() - drawn
                if new:
                    time.sleep(_COMPLETE_AFTER)
                for trace_id in sorted(new):
                    path = folder / f"{trace_id}.svg"
                    write_private(path, picture_of(trades.all()[trace_id]))
                    drawn.add(trace_id)
                    print(path, flush=True)
        except KeyboardInterrupt:
            return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.tracing", description="Receive traces of running hosts, and draw each settled trade."
    )
    parser.add_argument("--port", type=int, default=_PORT, help="port on loopback (default %(default)s; 0: a free one)")
    parser.add_argument("--out", type=Path, default=Path(".haru/traces"), help="folder (default %(default)s)")
    parser.add_argument("--count", type=int, default=0, help="end after so many trades (default: until interrupted)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
