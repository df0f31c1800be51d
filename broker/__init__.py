"""The broker interface (``protocol``), and its KIS implementation (``kis``)."""
