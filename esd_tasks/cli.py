"""`esd-tasks`: the list of its commands. Heavy modules are imported inside them."""

from typing import Annotated

import typer

from esd_tasks.commands.assess import assess
from esd_tasks.commands.change import app as change
from esd_tasks.commands.classify import classify
from esd_tasks.commands.cluster import cluster
from esd_tasks.commands.design import design
from esd_tasks.commands.evaluate_encoder import evaluate_encoder
from esd_tasks.commands.explain_labels import explain_labels
from esd_tasks.commands.few_shot import few_shot
from esd_tasks.commands.learning_curve import learning_curve
from esd_tasks.commands.migrate_labels import migrate_labels
from esd_tasks.commands.predict import predict
from esd_tasks.commands.pull import pull
from esd_tasks.commands.regress import regress
from esd_tasks.commands.root import RootGroup
from esd_tasks.commands.similar import similar

app = typer.Typer(
    name="esd-tasks",
    cls=RootGroup,
    help="Land-cover maps from Embedded Seamless Data.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"esd-tasks {version('stactools-esd')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Land-cover maps from Embedded Seamless Data."""


app.command()(pull)
app.command()(classify)
app.command()(predict)
app.command("few-shot")(few_shot)
app.command("learning-curve")(learning_curve)
app.command()(similar)
app.command()(regress)
app.command()(cluster)
app.command()(design)
app.command()(assess)
app.command("migrate-labels")(migrate_labels)
app.command("explain-labels")(explain_labels)
app.command()(evaluate_encoder)
app.add_typer(change, name="change")
