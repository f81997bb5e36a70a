"""Overall accuracy of trees on codes and on raw reflectance with terrain, on sets of real series.

    landcover_sets.py DATA [--encoder NAME|WEIGHTS] [--also WEIGHTS] [--sets NAME,..] [--test]

Folds and trees are those of `esd-tasks evaluate-encoder`. Test sets are refused unless --test is said, once, for a
frozen recipe.
"""

import sys

from fewshot_sets import run

from esd_tasks.encoder_tasks import landcover
from esd_tasks.encoder_tasks.report import Figure
from esd_tasks.encoder_tasks.samples import LabelledYears


def report(years: LabelledYears) -> list[Figure]:
    """Print the line of a set and return its figures."""
    one = [landcover.judge(years)]
    found = {"raw": landcover.accuracy(one, raw=True), "codes": landcover.accuracy(one, raw=False)}
    gain = landcover.gain(one)
    print(f"{years.name:18} raw {found['raw']}  codes {found['codes']}  gain {gain}", file=sys.stderr)
    told = {"n": one[0].n, "split": years.role}
    return [
        Figure(key=f"tasks.oa.{years.name}.gain", estimate=gain, unit="codes minus raw, overall accuracy", **told),
        *(
            Figure(key=f"tasks.oa.{years.name}.{name}", estimate=value, unit="overall accuracy", **told)
            for name, value in found.items()
        ),
    ]


if __name__ == "__main__":
    run(report, __doc__)
