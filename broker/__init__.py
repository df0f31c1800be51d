"""The broker as we ask for it (``protocol``), and KIS behind it (``kis``)."""
