"""From the environment to running parts: settings, wiring, telemetry, hosting, embedded servers."""
