"""The operator's command line: ``python starter.py --workers 5`` starts a fleet; verbs watch and command it."""

from cli.main import main
from runtime.standard_error import leave

if __name__ == "__main__":
    leave(main())
