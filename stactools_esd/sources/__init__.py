"""Readers of satellite images, each of which ends in `Observations`."""
