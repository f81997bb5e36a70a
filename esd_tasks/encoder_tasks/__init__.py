"""The protocol that judges an encoder on tasks, fixed beforehand: codes beside raw reflectance, pair by pair.

`inputs` reads sets and encodes them, and alone knows the encoder; each task is a module that sees arrays only.
"""
