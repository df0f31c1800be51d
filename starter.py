"""The operator's command line: ``python starter.py --workers 5`` starts a fleet; verbs watch and command it."""

from cli.main import main
from runtime.telemetry import guard_standard_error, leave

if __name__ == "__main__":
    guard_standard_error()
    leave(main())
