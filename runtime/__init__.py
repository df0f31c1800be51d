"""Turn the environment into running parts: settings, wiring, telemetry, hosting, embedded servers."""
