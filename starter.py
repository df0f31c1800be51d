"""The operator's command line: ``python starter.py --workers 5`` starts a fleet; verbs watch and command it."""

from runtime.installed import require_packages

if __name__ == "__main__":
    require_packages("starter.py")
    from cli.main import main
    from runtime.standard_error import leave

    leave(main())
