"""Series of migrated labels and training pixels: damaged or wrong, they are one line, never a traceback."""

import random
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import migrated
import numpy as np
import pytest

from esd_tasks.migrate.series_file import NODATA, MigratedSeries, read_series, write_series
from esd_tasks.training_pixels import FILE, TrainingPixels
from stactools_esd.errors import OutputError, UsageError

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))

from mutations import written_npz

SERIES = migrated.migrated(2)
PIXELS = TrainingPixels.of([3.25, -180.0], [50.5, 90.0], [2019, 2020], [2018, 0])
READERS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]] = {
    "series": (lambda folder: write_series(folder / "a.npz", SERIES), lambda folder: read_series(folder / "a.npz")),
    "pixels": (PIXELS.save, TrainingPixels.load),
}


def equal(one: Any, other: Any) -> bool:
    """Tell whether two contents are the same, field by field."""
    return all(
        equal(getattr(one, field.name), getattr(other, field.name))
        if field.name == "normal"
        else np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in fields(one)
    )


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_damage_is_one_line(tmp_path: Path, kind: str, damage: str) -> None:
    """Wherever a file is cut, whichever bit is flipped: an error of one line, or what was written."""
    write, read = READERS[kind]
    write(tmp_path)
    (path,) = tmp_path.iterdir()
    sound, content, rng = path.read_bytes(), read(tmp_path), random.Random(damage)
    told: list[str] = []
    for _ in range(200):
        damaged = bytearray(sound)
        place = rng.randrange(len(sound))
        if damage == "cut":
            del damaged[place:]
        else:
            damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            found = read(tmp_path)
        except OutputError as error:
            told.append(str(error))
        else:
            assert equal(found, content)
    assert len(told) >= 100
    assert all(one.isprintable() and "expected" in one for one in told)


def put(name: str, place: Any, value: Any) -> MigratedSeries:
    """Return the series with other values somewhere."""
    model = name.startswith("normal_")
    holder: Any = SERIES.normal if model else SERIES
    values = np.array(getattr(holder, name.removeprefix("normal_")))
    values[place] = value
    changed = replace(holder, **{name.removeprefix("normal_"): values})
    return replace(SERIES, normal=changed) if model else changed


def model_of(**arrays: Any) -> MigratedSeries:
    """Return the series with another normal model."""
    return replace(SERIES, normal=replace(SERIES.normal, **arrays))


WRONG = {
    "too few rows of labels": (replace(SERIES, label=SERIES.label[:1]), "label is i8"),
    "fewer years": (replace(SERIES, years=SERIES.years[:-1]), "codes is u2"),
    "fewer years of the model": (model_of(drift=SERIES.normal.drift[:, 1:]), "normal_drift is f8"),
    "labels as floats": (replace(SERIES, label=SERIES.label.astype(float)), "label is f8"),
    "labels as texts": (replace(SERIES, class_id=np.array(["forest", "crop"])), "class_id is U6"),
    "years as texts": (replace(SERIES, years=SERIES.years.astype("U4")), "years is U4"),
    "codes of 11 steps": (replace(SERIES, codes=SERIES.codes[:, :, :11]), "codes is u2"),
    "codes of a pixel": (replace(SERIES, codes=SERIES.codes[:, 0]), "codes is u2"),
    "wider codes": (replace(SERIES, codes=SERIES.codes.astype(np.int64)), "codes is i8"),
    "nobody": (
        replace(SERIES, **{field: getattr(SERIES, field)[:0] for field in (
            "sample_id", "lon", "lat", "codes", "valid", "class_id", "label_year", "label", "probability", "anomaly",
            "status", "change_year",
        )}),
        "sample_id that do not ascend",
    ),
    "an unknown class": (put("class_id", 0, 7), "class_id 7"),
    "an unknown class found": (put("label", (0, 3), -1), "label -1"),
    "a class beyond bounds": (put("class_ids", 1, 10**15), "class_ids that do not ascend within 1..65535"),
    "classes in another order": (put("class_ids", slice(None), [2, 1]), "class_ids that do not ascend"),
    "years in another order": (put("years", 0, 2001), "years that do not ascend"),
    "a model of other years": (put("normal_years", 0, 1999), "a normal model of other years"),
    "a model of other classes": (put("normal_class_ids", 1, 3), "a normal model of other class_ids"),
    "a year of no label": (put("label_year", 0, 1999), "label_year 1999"),
    "a year of no change": (put("change_year", (0, 0), 1), "change_year 1,"),
    "a status of none": (put("status", (0, 0), 4), "a status that does not fit"),
    "no data where there are": (put("status", (0, 0), NODATA), "a status that does not fit"),
    "a number that is no code": (put("codes", (0, 0, 0), 64_000), "code 64000"),
    "off the Earth": (put("lon", 0, 181), "lon beyond -180..180"),
    "nowhere": (put("lat", 0, np.nan), "lat beyond -90..90"),
    "no chance": (put("probability", (0, 0), np.nan), "probability beyond 0..1"),
    "more than certain": (put("probability", (0, 0), 1.5), "probability beyond 0..1"),
    "less than normal": (put("anomaly", (0, 0), -1), "anomaly beyond 0"),
    "endlessly unlike": (put("anomaly", (0, 0), np.inf), "anomaly beyond 0"),
    "a class without a name": (put("class_names", 0, " "), "cannot be printed"),
    "a name for a terminal": (put("class_names", 0, "\x1b[2J"), "cannot be printed"),
    "a mean that is none": (put("normal_mean", (0, 0), np.nan), "mean is no number"),
    "a drift off all levels": (put("normal_drift", (0, 0, 0), 1e200), "drift is no number"),
    "a covariance that is none": (put("normal_within", (0, 0, 0), np.nan), "within is no number"),
    "a covariance of one side": (put("normal_between", (0, 0, 1), 0.1), "between is not symmetric"),
    "a variance below zero": (put("normal_within", (1, 5, 5), -1), "within is no covariance"),
    "no variance": (put("normal_within", 1, 0), "within is no covariance"),
    "places less than alike": (put("normal_between", (1, 5, 5), -1), "between is no covariance"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_content_is_one_line(tmp_path: Path, case: str) -> None:
    """Sound files that no migration writes are refused by what is wrong with them."""
    series, said = WRONG[case]
    write_series(tmp_path / "a.npz", series)
    with pytest.raises(OutputError) as caught:
        read_series(tmp_path / "a.npz")
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert str(caught.value).endswith("expected the series that esd-tasks migrate-labels wrote; run it again")


def test_sound_series_come_back(tmp_path: Path) -> None:
    """What was written is read, years without data among it."""
    there = np.array(SERIES.valid)
    there[0, 4] = False
    gone = np.where(there, SERIES.anomaly, np.nan)
    status = np.where(there, SERIES.status, NODATA).astype(np.uint8)
    label, codes = np.where(there, SERIES.label, 0), SERIES.codes * there[..., None]
    series = replace(
        SERIES, valid=there, anomaly=gone, probability=gone * 0 + 0.5, status=status, label=label, codes=codes
    )
    write_series(tmp_path / "a.npz", series)
    found = read_series(tmp_path / "a.npz")
    assert equal(found.normal, series.normal)
    for field in fields(series):
        if field.name != "normal":
            np.testing.assert_array_equal(getattr(found, field.name), getattr(series, field.name))


def test_other_layouts_are_told_by_their_number(tmp_path: Path) -> None:
    """A later layout is refused as one; a file that is not there is a mistake of usage."""
    (tmp_path / "a.npz").write_bytes(written_npz({"schema_version": np.array("2")}))
    with pytest.raises(OutputError, match="of layout '2', expected 1; run esd-tasks migrate-labels again"):
        read_series(tmp_path / "a.npz")
    with pytest.raises(UsageError, match="got no file"):
        read_series(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lon": np.zeros(3, np.int32)}, "lat is i4"),
        ({"year": np.array([2019.0, 2020.0])}, "year is f8"),
        ({"year": np.array(["a", "b"])}, "year is U1"),
        ({"lat": np.array([0, 900_000_001])}, "lat beyond -90..90"),
        ({"lon": np.array([0, -1_800_000_001])}, "lon beyond -180..180"),
        ({"year": np.array([0, 2020])}, "year beyond 1..9999"),
        ({"before": np.array([-1, 2020])}, "before beyond 0..9999"),
    ],
)
def test_wrong_pixels_are_one_line(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    """Columns of other lengths, kinds or ranges are refused by name."""
    sound = {name: np.ones(2, np.int32) for name in ("lon", "lat", "year", "before")}
    (tmp_path / FILE).write_bytes(written_npz(sound | changed))
    with pytest.raises(OutputError, match=said) as caught:
        TrainingPixels.load(tmp_path)
    assert str(caught.value).isprintable()
