"""``make demo``: play a trading day in two minutes, from an empty folder to a report checked against the broker."""

from runtime.installed import require_packages

if __name__ == "__main__":
    require_packages("demo.py")
    from cli.demo.playing import main
    from runtime.standard_error import guard_standard_error, leave

    guard_standard_error()
    leave(main())
