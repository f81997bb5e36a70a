"""The encoder: pixel-years to codes and back. The only place of this project where torch is imported.

>>> from stactools_esd.encoder import load_encoder
>>> encoder = load_encoder("esdnet-small")  # doctest: +SKIP
"""

from stactools_esd.encoder.inference import Encoder, load_encoder

__all__ = ["Encoder", "load_encoder"]
