"""`esd-tasks evaluate-encoder`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from esd_tasks.commands.frame import errors, messages


def evaluate_encoder(
    weights: Annotated[str, typer.Argument(help="Name of an encoder, or path of its .safetensors file.")],
    data: Annotated[Path, typer.Argument(help="Folder of the evaluation sets.")],
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="WEIGHTS", help="Another seed of the encoder; may be repeated."),
    ] = None,
    sets: Annotated[
        str, typer.Option(metavar="NAME,..", help="Sets to judge on. Default: all but test sets; with --test, those.")
    ] = "",
    test: Annotated[bool, typer.Option("--test", help="Score test sets: once, for a frozen recipe.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON list.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no tables.")] = False,
) -> None:
    """Judge an encoder on tasks: land cover, clearings, few labels, change and identity, codes beside raw.

    Tables go to stderr; stdout gets a line FIGURE {..} for each number, with its interval of 95 %.
    """
    with errors(), messages(verbose=False, quiet=quiet):
        from esd_tasks.encoder_tasks.inputs import load_encoders
        from esd_tasks.evaluate_encoder import choose_sets, evaluate
        from esd_tasks.progress import Bars

        chosen = choose_sets([name.strip() for name in sets.split(",") if name.strip()], test=test)
        encoders = load_encoders([weights, *(also or ())])
        figures = []
        with Bars(quiet=quiet) as bars:
            for section in evaluate(data, encoders, chosen, on_progress=bars):
                if not quiet:
                    typer.echo("\n".join(section.lines) + "\n", err=True)
                figures += [figure.as_dict() for figure in section.figures]
        if as_json:
            typer.echo(json.dumps(figures, indent=2))
        else:
            typer.echo("\n".join(f"FIGURE {json.dumps(figure)}" for figure in figures))
