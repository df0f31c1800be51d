"""Asks a KIS server, the simulator or the real paper one, whether what we believe about KIS is true."""
