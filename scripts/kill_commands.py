"""How many kills the long commands survive: each is killed again and again, and must end as if nothing had been.

    kill_commands.py [--kills 50] [--seed 0] [NAME ...]

Half of the kills of a command come at a moment, half right before a change to its folder, spread over the run; see
`tests/faults/kill.py`. Leaves with 1 where a run did not end with every byte of an undisturbed one.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "faults")]

from kill import Forker, Reference, survive  # noqa: E402
from long_commands import NAMES, command, make_inputs  # noqa: E402


def main() -> None:
    """Kill what is named, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if none is named")
    parser.add_argument("--kills", type=int, default=50, help="of each command")
    parser.add_argument("--seed", type=int, default=0, help="decides moments and changes")
    options = parser.parse_args()
    kills, survived, faults = 0, 0, list[str]()
    with tempfile.TemporaryDirectory() as folder, Forker() as forker:
        root = Path(folder)
        given = make_inputs(forker, root / "given")
        for name in options.names or NAMES:
            asked = command(name, given)
            reference = Reference.of(forker, asked, root / "undisturbed")
            tally = survive(forker, asked, reference, root / name, kills=options.kills, seed=options.seed)
            print(
                f"{name:15} {tally.kills} kills: {tally.before} before the first change, {tally.during} at work, "
                f"{tally.after} after the end; {tally.lost} not survived",
                flush=True,
            )
            kills, survived = kills + tally.during, survived + tally.during - tally.lost
            for fault in tally.faults:
                print(f"{name} {fault}", flush=True)
            faults += tally.faults
    figure = {"key": "trust.kills_survived", "value": survived, "unit": f"of {kills}", "n": kills, "spread": None}
    print("FIGURE", json.dumps(figure | {"split": "simulated"}))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
