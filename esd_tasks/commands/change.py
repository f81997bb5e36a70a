"""`esd-tasks change`: the list of its commands."""

import typer

from esd_tasks.commands.change_assess import assess
from esd_tasks.commands.change_land_cover import land_cover
from esd_tasks.commands.change_pair import pair
from esd_tasks.commands.change_series import series
from esd_tasks.commands.change_train import train

app = typer.Typer(
    name="change",
    help="Change between years: of a pair, of a series, by a trained model, of land cover; and its accuracy.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(pair)
app.command()(series)
app.command()(train)
app.command("land-cover")(land_cover)
app.command()(assess)
