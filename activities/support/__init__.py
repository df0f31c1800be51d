"""Building blocks of activities: heartbeats, pacing, leases, time limits, gates."""
