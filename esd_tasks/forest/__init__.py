"""LightGBM models evaluated in level space: whole blocks of pixels walk through a tree at once, straight from codes."""

from esd_tasks.forest.columns import Columns
from esd_tasks.forest.predictor import Predictor

__all__ = ["Columns", "Predictor"]
