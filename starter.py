"""The operator's command line: ``python starter.py --workers 5`` starts a fleet; verbs watch and command it."""

import gc

from runtime.installed import require_packages


def run() -> None:
    """Run the command line; also the console command ``haru-starter``."""
    gc.set_threshold(200_000)  # a short verb allocates fewer objects, and most of them for good
    require_packages("starter.py")
    from cli.main import main  # noqa: PLC0415 - only once its packages are known to be here
    from runtime.standard_error import leave  # noqa: PLC0415

    leave(main())


if __name__ == "__main__":
    run()
