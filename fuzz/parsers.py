"""What each parser of ours has to do with any bytes: end in an `EsdError`, or give a right answer.

A target takes bytes and returns nothing. It passes errors of ours by, and says by `WrongAnswerError` what is wrong; any
other exception that leaves it is a finding too, as are a hang and memory above the bounds of `run.py`. Targets
import what they need themselves, so that each may be run without the extras of the others.
"""

import json
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from stactools_esd.errors import EsdError

Target = Callable[[bytes], None]


class WrongAnswerError(Exception):
    """A parser gave a wrong answer."""


def see(right: bool, said: str) -> None:
    """Say what is wrong where something is."""
    if not right:
        raise WrongAnswerError(said)


@cache
def folder() -> Path:
    """Return the folder of this process for files that must have a path; in memory where there is such a place."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="esd-fuzz-", dir=memory if memory.is_dir() else None))


def clean() -> None:
    """Remove what the targets of this process wrote."""
    if folder.cache_info().currsize:
        shutil.rmtree(folder(), ignore_errors=True)
        folder.cache_clear()


def written(name: str, data: bytes) -> Path:
    """Write bytes to a file of this process."""
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@contextmanager
def one_line() -> Iterator[None]:
    """Pass by errors of ours; the message must be one that can be shown in a line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except EsdError as error:
            see(bool(str(error).strip()), "an error without words")
            see(len(str(error)) < 20_000, f"an error of {len(str(error))} characters")


def names(data: bytes) -> None:
    """Names of files and of encoders: what is read from a name writes that name again."""
    from stactools_esd.names import area_tile, parse_name
    from stactools_esd.product import EncoderIdentity
    from stactools_esd.tags import check_tile_and_year

    text = data.decode("utf-8", errors="surrogateescape")
    with one_line():
        if (name := parse_name(text)) is not None:
            see(name.stem in text, f"{text!r} is read as {name.stem}")
            see(parse_name(f"folder/{name.stem}.tif") == name, f"{name.stem} is read as something else")
            with suppress(EsdError):
                check_tile_and_year(name.tile, name.year)
    with one_line():
        see(EncoderIdentity.parse(text).label == text, f"{text!r} is another encoder")
    with one_line():
        see(area_tile(text).isascii(), f"{text!r} is the name of an area")


def tags(data: bytes) -> None:
    """Tags of a codes COG, lines `KEY=value` put over a sound set: what is read is written as it was read."""
    from stactools_esd.tags import from_text, to_text

    texts = dict(_sound_tags())
    for line in data.decode("utf-8", errors="replace").split("\n"):
        key, sign, value = line.partition("=")
        texts.pop(key, None)
        if sign:
            texts[key] = value
    with one_line():
        if (read := from_text(texts)) is not None:
            see(from_text(to_text(read)) == read, "tags that are written otherwise than they were read")


@cache
def _sound_tags() -> Mapping[str, str]:
    from stactools_esd.names import CodesTags
    from stactools_esd.product import OFFICIAL_RECIPE, CodesIdentity, EncoderIdentity
    from stactools_esd.tags import to_text

    identity = CodesIdentity(encoder=EncoderIdentity.parse("esdnet-small-v1", "ab" * 32), recipe=OFFICIAL_RECIPE)
    return to_text(CodesTags(identity=identity, tile="xdemo", year=2020))


def item(data: bytes) -> None:
    """An item, or any document, as `esd-tasks` finds it and as `stac esd validate` judges it."""
    from esd_tasks.items import find_items

    path = written("item/item.json", data)
    with one_line():
        for found in find_items(path):
            see(isinstance(found.year, int) and bool(found.id) and bool(found.href), f"an item without facts: {found}")
            with suppress(EsdError):
                _ = found.identity.as_dict()
    validated(path)


def catalogue(data: bytes) -> None:
    """A catalogue or collection beside a sound item: walked, its index read, and judged."""
    from esd_tasks.items import find_items

    if not (folder() / "catalogue").is_dir():
        shutil.copytree(Path(__file__).parent / "beside" / "catalogue", folder() / "catalogue")
    path = written("catalogue/catalog.json", data)
    with one_line():
        see(len(find_items(path)) == 1, "more items than there are")
    validated(path)


def validated(path: Path) -> None:
    """Judge a document: every problem is one line that can be printed."""
    from stactools_esd.validate import validate

    with one_line():
        report = validate(path)
        for problem in report.problems:
            see(problem.isprintable(), f"a problem that cannot be printed: {problem!r}")


def api(data: bytes) -> None:
    """A document of a server: its links, its items and where these may lead."""
    from esd_tasks.item_sources.api import _next, is_api
    from esd_tasks.item_sources.document import is_of_codes, item_of

    place = "https://host.example/catalog/page.json?sig=secret"
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return
    with one_line():
        is_api(content)
        for one in content if isinstance(content, list) else [content]:
            if is_of_codes(one):
                found = item_of(one, place)
                see(found.href.split(":")[0].lower() in ("https", "http", "s3", "gs"), f"leads to {found.href!r}")
            if isinstance(one, dict) and (further := _next(one, place, None)) is not None:
                see(further[0].lower().startswith(("http:", "https:")), f"leads to {further[0]!r}")


def listing_csv(data: bytes) -> None:
    """A listing as CSV."""
    _listing("listing.csv", data)


def listing_jsonl(data: bytes) -> None:
    """A listing as JSON lines."""
    _listing("listing.jsonl", data)


def listing_parquet(data: bytes) -> None:
    """A listing as Parquet."""
    _listing("listing.parquet", data)


def _listing(name: str, data: bytes) -> None:
    """Read a listing: each tile and year once, nothing outside the catalogue, and the same when written again."""
    from stactools_esd.listing import read_listing, write_listing

    path, root = written(f"listing/{name}", data), folder() / "listing"
    with one_line():
        entries = read_listing(path, root=root)
        see(len({(entry.tile, entry.year) for entry in entries}) == len(entries), "a tile of a year twice")
        for entry in entries:
            see("://" in entry.href or (root / entry.href).is_relative_to(root), f"leads to {entry.href!r}")
            see(entry.href.isprintable(), f"an address that cannot be shown: {entry.href!r}")
        write_listing(root / "again.csv", entries)
        see(read_listing(root / "again.csv", root=root) == entries, "a listing that is written otherwise")


def index_parquet(data: bytes) -> None:
    """An index of items as Parquet."""
    import shapely

    from esd_tasks.items import find_items

    path = written("index/index.parquet", data)
    for place, years in ((None, None), (shapely.box(-180, -90, 180, 90), [2020])):
        with one_line():
            for found in find_items(path, geometry=place, years=years):
                see(isinstance(found.year, int) and bool(found.href), f"an item without facts: {found}")
    _part(path)


def _part(path: Path) -> None:
    from stactools_esd.parquet_index import part_rows, part_statement

    with one_line():
        part_statement(path)
        part_rows(path, ["id", "links"])


def model_text(data: bytes) -> None:
    """The trees of a saved model: what the forest takes, it evaluates within its tables."""
    from esd_tasks.forest.columns import Columns
    from esd_tasks.forest.model_text import UnfitModelError, read_model_text
    from esd_tasks.forest.outputs import check_objective
    from esd_tasks.forest.tables import compile_forest

    text = data.decode("utf-8", errors="replace")
    try:
        model = read_model_text(text)
        for tree in model.trees:
            waiting, leaves = [0 if len(tree.left) else -1], []
            while waiting:
                node = waiting.pop()
                if node < 0:
                    leaves.append(-1 - node)
                else:
                    waiting += [int(tree.left[node]), int(tree.right[node])]
                see(len(waiting) <= len(tree.value), "a tree that does not end")
            see(sorted(leaves) == list(range(len(tree.value))), "leaves that are not each reached once")
        check_objective(model.objective)
        compile_forest(model, Columns(beside=2))
    except UnfitModelError:
        return


def model_json(data: bytes) -> None:
    """The facts beside a saved model of every kind."""
    from esd_tasks.classifier import Classifier
    from esd_tasks.cluster_model import Clusters
    from esd_tasks.few_shot_model import FewShotModel
    from esd_tasks.model_facts import legend_of_model
    from esd_tasks.regression import Regression

    path = written("model/model.json", data)
    if not path.with_name("model.txt").is_file():
        shutil.copy(Path(__file__).parent / "corpus" / "model_text" / "one-class.txt", path.with_name("model.txt"))
    for kind in (Classifier, FewShotModel, Clusters, Regression):
        with one_line():
            _, facts = kind.load(path.parent)
            legend_of_model(facts)


def config(data: bytes) -> None:
    """A configuration of a training run."""
    from stactools_esd.encoder.config import read_config

    with one_line():
        read_config(written("config/config.yaml", data)).as_dict()


def card(data: bytes) -> None:
    """A card of weights."""
    from stactools_esd.encoder.cards import read_card

    with one_line():
        read = read_card(written("card/esdnet-small-v1.json", data))
        read.check(written("card/esdnet-small-v1.safetensors", b""))


def weights(data: bytes) -> None:
    """A file of weights whose card has its hash."""
    import hashlib

    from stactools_esd.encoder.inference import load_encoder

    facts = dict(_card_facts())
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    written("weights/esdnet-small-v1.json", json.dumps(facts).encode())
    with one_line():
        load_encoder(written("weights/esdnet-small-v1.safetensors", data))


@cache
def _card_facts() -> Mapping[str, Any]:
    from stactools_esd.encoder.cards import SHIPPED

    facts = json.loads((SHIPPED / "esdnet-small-v1.json").read_text(encoding="utf-8"))
    slim = {"training": {}, "data": [], "figures": {}, "denoising": {}}
    return {**facts, **slim, "architecture": {"width": 1, "step_width": 1, "dilations": [1]}}


def labels(data: bytes) -> None:
    """Labels as GeoPackage, GeoJSON or CSV, by how the bytes begin."""
    import numpy as np
    import shapely

    from esd_tasks.labels import read_labels

    ending = "gpkg" if data.startswith(b"SQLite") else "geojson" if data.lstrip().startswith(b"{") else "csv"
    with one_line():
        read = read_labels(written(f"labels/labels.{ending}", data), class_field="class")
        see(bool(shapely.is_valid(read.geometry).all()), "a place that is not valid")
        bounds = shapely.bounds(read.geometry)
        see(bool((np.abs(bounds) <= [180, 90, 180, 90]).all()), "a place off the Earth")
        see(set(read.class_id.tolist()) <= set(read.names), "a class without a name")


def legend(data: bytes) -> None:
    """A legend as CSV."""
    from esd_tasks.legend import read_legend

    with one_line():
        read = read_legend(written("legend/legend.csv", data))
        see(len(set(read.names)) == len(read.names), "a name twice")


def series(data: bytes) -> None:
    """The series of migrated labels: what is read explains its changes, and is written as it was read."""
    import numpy as np

    from esd_tasks.explain.changes import find_changes
    from esd_tasks.explain.normal_year import normal_years
    from esd_tasks.explain.run import class_names
    from esd_tasks.migrate.series_file import read_series, write_series

    path = written("series/samples_series.npz", data)
    again, last = path.with_name("again.npz"), path.with_name("last.npz")
    with one_line():
        read = read_series(path)
        changes, named = find_changes(read), class_names(read)
        see(set(changes.normal.tolist()) <= named.keys(), "a class without a name")
        means, covariances = normal_years(read, changes)
        see(bool(np.isfinite(means).all()), "a mean that is no number")
        see(bool((np.linalg.eigvalsh(covariances) > 0).all()), "no covariance")
        write_series(again, read)
        write_series(last, read_series(again))
        see(again.read_bytes() == last.read_bytes(), "a series that is written otherwise than it was read")


def training_pixels(data: bytes) -> None:
    """The pixels that trained a model: places on the Earth, and as many when written again."""
    import numpy as np

    from esd_tasks.training_pixels import FILE, TrainingPixels

    path = written(f"pixels/{FILE}", data)
    with one_line():
        read = TrainingPixels.load(path.parent)
        see(read is not None, "no pixels where there is a file")
        if read is not None:
            see(bool(((np.abs(read.lon) <= 180) & (np.abs(read.lat) <= 90)).all()), "a place off the Earth")
            read.save(folder() / "pixels_again")
            again = TrainingPixels.load(folder() / "pixels_again")
            see(again is not None and bool((again.lon == read.lon).all()), "pixels that are written otherwise")


TARGETS: Mapping[str, Target] = {
    target.__name__: target
    for target in (
        names,
        tags,
        item,
        catalogue,
        api,
        listing_csv,
        listing_jsonl,
        listing_parquet,
        index_parquet,
        model_text,
        model_json,
        legend,
        labels,
        config,
        card,
        weights,
        series,
        training_pixels,
    )
}
"""Every parser by its name."""
