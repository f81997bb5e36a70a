"""Simulated pixel-years and landscapes, drawn from a seed: for training, for the demo and for the tests."""

from stactools_esd.simulation.classes import CLASS_NAMES
from stactools_esd.simulation.land_use import CHANGES
from stactools_esd.simulation.landscape import Landscape
from stactools_esd.simulation.observation import observe, observe_daily
from stactools_esd.simulation.phenology import PHENOLOGY
from stactools_esd.simulation.pixels import SimulatedPixels, simulate_pixels

__all__ = [
    "CHANGES",
    "CLASS_NAMES",
    "PHENOLOGY",
    "Landscape",
    "SimulatedPixels",
    "observe",
    "observe_daily",
    "simulate_pixels",
]
