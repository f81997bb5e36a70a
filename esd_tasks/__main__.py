"""The console script `esd-tasks`; it answers in one line where the extra is not installed."""

import sys
from importlib.util import find_spec

from stactools_esd.usage_line import INTERRUPTED

_NEEDED = ("typer", "geopandas", "lightgbm", "matplotlib", "pyogrio", "sklearn")


def main() -> None:
    """Run the command line, or say what to install; Ctrl-C ends it in one line even while modules are imported."""
    try:
        _run()
    except KeyboardInterrupt as error:
        print("Error: interrupted; run the same command again", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from error


def _run() -> None:
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        names = ", ".join("scikit-learn" if name == "sklearn" else name for name in missing)
        print(
            f"Error: esd-tasks needs {names}, which this installation lacks; run: pip install 'stactools-esd[tasks]'",
            file=sys.stderr,
        )
        raise SystemExit(1)
    from esd_tasks.cli import app

    app(prog_name="esd-tasks")


if __name__ == "__main__":
    main()
