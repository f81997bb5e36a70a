"""Clusters: the same on every machine, found where they are, in colours that follow likeness."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tiny_map
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.cluster import ClusterRequest, make_plan, run_plan
from esd_tasks.cluster_colours import lab_to_rgb, similar_colours
from esd_tasks.cluster_model import Clusters, fit_clusters
from esd_tasks.map_run import MapResult
from stactools_esd import fsq
from stactools_esd.errors import EsdError, NothingFoundError, OutputError, UsageError
from stactools_esd.schema import schema_problems


def box() -> str:
    """Return a box around the whole place."""
    lon, lat = tiny_map.lonlat(np.array([72.0, 0]), np.array([0.0, 96]))
    return f"{lon[0]},{lat[0]},{lon[1]},{lat[1]}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year."""
    folder = tmp_path_factory.mktemp("clusters")
    tiny_map.write_place(folder / "codes")
    return folder


def run(place: Path, name: str, **options: Any) -> MapResult:
    """Cluster the whole place."""
    given = {"catalog": str(place / "codes"), "bbox": box(), "n_clusters": 4, "output": place / name}
    return run_plan(make_plan(ClusterRequest(**given | options)))


@pytest.fixture(scope="module")
def done(place: Path) -> MapResult:
    """A map of four clusters."""
    return run(place, "first")


def groups(n: int = 600, k: int = 3) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Return codes of k clear groups."""
    generator = np.random.default_rng(0)
    typical = generator.integers(0, 5, (k, 12, 6))
    member = np.arange(n) % k
    levels = np.clip(
        typical[member] + generator.integers(-1, 2, (n, 12, 6)) * (generator.random((n, 12, 6)) < 0.1), 0, 4
    )
    return fsq.level_indices_to_codes(levels), member


def test_clear_groups_are_found() -> None:
    """Each group is one cluster, nearly all of the variance is explained, and margins are clear."""
    codes, member = groups()
    clusters = fit_clusters(codes, 3, seed=0)
    found, margin = clusters.predict(codes)
    assert len({(a, b) for a, b in zip(member.tolist(), found.tolist(), strict=True)}) == 3
    assert clusters.explained > 0.8
    assert margin.min() > 0.3


def test_the_map_is_complete_and_the_item_valid(done: MapResult) -> None:
    """All usable pixels have a cluster; the folder holds what `run.json` names; the item says these are no classes."""
    with rasterio.open(done.paths["map"]) as dataset:
        classes = dataset.read(1)
        table = dataset.colormap(1)
    assert set(np.unique(classes).tolist()) == {0, 1, 2, 3, 4}
    figures = done.record["result"]
    assert [entry["mapped_pixels"] for entry in figures["clusters"]] == np.bincount(classes.ravel())[1:].tolist()
    assert "#{:02x}{:02x}{:02x}".format(*table[2][:3]) == figures["clusters"][1]["colour"]
    assert 0 < figures["explained_variance"] < 1
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(done.record["outputs"].values())
    item = json.loads(done.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    assert "not classes" in item["properties"]["description"]


def test_a_second_run_gives_the_same_bytes_and_another_seed_may_not(place: Path, done: MapResult) -> None:
    """Equal options give equal files elsewhere; the seed is part of the run."""
    again = run(place, "again/first")
    for kind in ("map", "quality", "model", "preview", "item"):
        assert again.paths[kind].read_bytes() == done.paths[kind].read_bytes(), kind
    assert run(place, "other", seed=1).record["run_key"] != done.record["run_key"]


def test_saved_centres_give_the_map_again(done: MapResult, tmp_path: Path) -> None:
    """`model.json` is enough; another layout is refused."""
    clusters, facts = Clusters.load(done.folder)
    with rasterio.open(done.paths["map"]) as dataset:
        classes, transform = dataset.read(1), dataset.transform
    column, row = (round(value) for value in ~tiny_map.AREA_TRANSFORM * (transform.c, transform.f))
    codes = tiny_map.codes_of(tiny_map.class_map(), 2020)[:, row + 30, column + 5 : column + 60]
    assert np.array_equal(clusters.predict(codes.T)[0], classes[30, 5:60])
    assert facts["encoder"] == "esdnet-small-v1"
    (tmp_path / "model.json").write_text('{"schema_version": "1", "kind": "few-shot"}')
    with pytest.raises(OutputError, match="expected a model of esd-tasks"):
        Clusters.load(tmp_path)


def test_alike_centres_get_alike_colours() -> None:
    """Of four centres, two pairs: colours within a pair are nearer than between pairs."""
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 72))
    centres = np.stack([one, one + 0.1 * generator.normal(size=72), other, other + 0.1 * generator.normal(size=72)])
    colours = [
        np.array(list(bytes.fromhex(colour[1:])), dtype=float) for colour in similar_colours(centres, np.ones(4))
    ]
    within = max(np.linalg.norm(colours[0] - colours[1]), np.linalg.norm(colours[2] - colours[3]))
    assert 2 * within < np.linalg.norm(colours[0] - colours[2])


def test_lab_is_that_of_the_standard() -> None:
    """White, black, middle grey and pure red are where CIE and sRGB have them."""
    for lab, rgb in (
        ((100, 0, 0), (1, 1, 1)),
        ((0, 0, 0), (0, 0, 0)),
        ((53.585, 0, 0), (0.5, 0.5, 0.5)),
        ((53.2408, 80.0925, 67.2032), (1, 0, 0)),
    ):
        np.testing.assert_allclose(lab_to_rgb(np.array(lab, dtype=float)), rgb, atol=2e-3)


@given(st.integers(1, 12), st.integers(0, 99))
def test_every_centre_has_a_colour(k: int, seed: int) -> None:
    """One centre, equal centres and any others: as many colours, all of which a screen can show."""
    centres = np.random.default_rng(seed).integers(-1, 2, (k, 5)).astype(float)
    colours = similar_colours(centres, np.ones(k))
    assert len(colours) == k
    assert all(len(bytes.fromhex(colour[1:])) == 3 for colour in colours)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"bbox": None}, UsageError, "no area"),
        ({"n_clusters": 1}, UsageError, "2..255"),
        ({"n_clusters": 200, "bbox": "3.001,50.54,3.002,50.541"}, UsageError, "different pixels"),
        ({"min_clear": 99}, NothingFoundError, "no pixel"),
    ],
)
def test_what_cannot_be_says_so(place: Path, options: dict[str, Any], error: type[EsdError], said: str) -> None:
    """Faults are one line that says what was expected, and leave no folder."""
    with pytest.raises(error, match=said):
        run(place, "refused", **options)
    assert not (place / "refused").exists()


def test_the_command_says_what_clusters_are_not(place: Path) -> None:
    """Explained variance, the caveat, paths and the next step; --dry-run writes nothing."""
    words = ["cluster", "--bbox", box(), "--n-clusters", "3", "--catalog", str(place / "codes"), "-o"]
    planned = CliRunner().invoke(cli.app, [*words, str(place / "planned"), "--dry-run"])
    assert "pixels" in planned.stdout
    assert not (place / "planned").exists()
    result = CliRunner().invoke(cli.app, [*words, str(place / "command")])
    assert result.exit_code == 0, result.output
    assert "3 clusters explain" in result.stdout
    assert "not classes" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("next: ")
