"""What activities stand on: heartbeats, pacing, leases, bounds, gates."""
