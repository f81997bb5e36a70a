"""Options that several commands of `esd-tasks change` have."""

from typing import Annotated

import typer

ExpectedRate = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Share of pixels expected to have changed, such as 0.02."),
]
MinPatch = Annotated[int, typer.Option(metavar="PIXELS", help="Smallest patch of change that is kept.")]
FullClear = Annotated[
    float | None,
    typer.Option(metavar="N", help="Clear observations with which a year counts fully. Default: the tiles' median."),
]
BlockSize = Annotated[
    str, typer.Option(metavar="auto|METRES", help="Side of the blocks of the spatial cross-validation.")
]
