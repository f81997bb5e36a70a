"""Simulated pixel-years and landscapes, drawn from a seed: for training, for the demo and for the tests."""

from stactools_esd.simulation.classes import CLASS_NAMES
from stactools_esd.simulation.frozen_noise import FROZEN_NOISE_SHA256, add_frozen_noise
from stactools_esd.simulation.land_use import CHANGES
from stactools_esd.simulation.landscape import Landscape
from stactools_esd.simulation.observation import observe, observe_daily
from stactools_esd.simulation.phenology import PHENOLOGY
from stactools_esd.simulation.pixels import SimulatedPixels, simulate_pixels

__all__ = [
    "CHANGES",
    "CLASS_NAMES",
    "FROZEN_NOISE_SHA256",
    "PHENOLOGY",
    "Landscape",
    "SimulatedPixels",
    "add_frozen_noise",
    "observe",
    "observe_daily",
    "simulate_pixels",
]
