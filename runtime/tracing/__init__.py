"""Traces of trades: OpenTelemetry spans from the candidate to the settlement, only with an endpoint configured."""
