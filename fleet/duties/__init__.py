"""Duties that every hosting process runs beside hosting, one file each."""
