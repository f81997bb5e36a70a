"""Write the seeds of the fuzzer: small sound inputs of every parser. Equal software gives equal seeds.

The seeds are kept in the repository; run this where a parser takes a new form of input, and read the difference.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

import geopandas  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import shapely  # noqa: E402
import synthetic  # noqa: E402

CORPUS = HERE / "corpus"


def put(target: str, name: str, content: bytes | str) -> None:
    """Write a seed."""
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def names_and_tags() -> None:
    """Names official and ours; tags with every part that may be there or not."""
    for place, name in enumerate(
        ("SDC30_EBD_V001_50TMK_2020.tif", "SDC30_EBD_V001CHN_50TMK_2020", "ESD_esdnet-small-v1_xdemo_2020.tif?a=b")
    ):
        put("names", f"{place}.txt", name)
    put("names", "encoder.txt", "esdnet-small-v1")
    put("names", "area.txt", "demo_two")
    put("tags", "year.txt", "ESD_YEAR=2019\nESD_TILE=50TMK\nESD_SKIPPED_IMAGES=3\nESD_WINDOW_START=2019-07-01")
    put("tags", "recipe.txt", 'ESD_INPUT_RECIPE={"source":"a","fusion":"b","harmonisation":"c","dem":"d"}')
    put("tags", "sources.txt", 'ESD_SOURCES=["a","b"]\nESD_ENCODER=official-v001\nESD_WEIGHTS_SHA256')


def documents() -> None:
    """An item, its catalogue, a collection with an index, and a page of an API."""
    from stactools_esd.catalog import create_catalog
    from stactools_esd.cog import write_codes

    made = HERE.parent / "build" / "fuzz" / "seeds"
    made.mkdir(parents=True, exist_ok=True)
    codes = synthetic.patchy_codes(1, 8, 8)
    path = made / "ESD_esdnet-small-v1_xdemo_2020.tif"
    place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
    write_codes(path, codes, synthetic.counts(1, 8, 8), **place, tags=synthetic.tags())
    root = create_catalog([path], made / "catalog", replace=True)
    (item_path,) = (one for one in root.parent.rglob("*.json") if one.name not in ("catalog.json", "collection.json"))
    item = json.loads(item_path.read_text())
    item["assets"]["embeddings"]["href"] = "./ESD_esdnet-small-v1_xdemo_2020.tif"
    bare = item | {"links": []}
    bare.pop("collection", None)
    put("item", "item.json", json.dumps(bare))
    slim = {key: value for key, value in item["assets"]["embeddings"].items() if key in ("href", "roles", "type")}
    put("item", "slim.json", json.dumps(bare | {"assets": {"embeddings": slim}}))
    put("api", "item.json", json.dumps(bare | {"assets": {"embeddings": slim}}))
    page = {"type": "FeatureCollection", "features": [], "links": [{"rel": "next", "href": "?token=a", "merge": True}]}
    put("api", "page.json", json.dumps(page))
    beside = HERE / "beside" / "catalogue"
    beside.mkdir(parents=True, exist_ok=True)
    (beside / "item.json").write_text(json.dumps(bare))
    catalog = {"type": "Catalog", "id": "root", "stac_version": "1.1.0", "description": "Two lines.", "links": []}
    links = [{"rel": "item", "href": "./item.json"}, {"rel": "root", "href": "./catalog.json"}]
    put("catalogue", "catalog.json", json.dumps(catalog | {"links": links}))
    collection = json.loads(next(root.parent.glob("esd-*/collection.json")).read_text())
    put("catalogue", "collection.json", json.dumps(collection | {"links": links}))
    (index,) = root.parent.glob("esd-*/index/*/*.parquet")
    put("index_parquet", "index.parquet", index.read_bytes())


def listings() -> None:
    """Listings of two tiles."""
    rows = [
        {"tile": "50TMK", "year": 2020, "href": "https://host.example/SDC30_EBD_V001_50TMK_2020.tif", "size": 9},
        {"tile": "31UDS", "year": 2001, "href": "codes/SDC30_EBD_V001_31UDS_2001.tif", "size": None},
    ]
    put("listing_jsonl", "two.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    path = CORPUS / "listing_csv" / "two.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    path = CORPUS / "listing_parquet" / "two.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, compression="none")


def models() -> None:
    """Trees of few leaves, the facts beside them, a card, weights of the smallest network and a configuration."""
    import lightgbm
    import yaml
    from safetensors.torch import save
    from torch import Tensor

    from stactools_esd.encoder.cards import SHIPPED
    from stactools_esd.encoder.model import Architecture, ESDNet

    generator = np.random.default_rng(0)
    features = generator.integers(0, 8, (200, 74)).astype(float)
    names = [f"f{place}" for place in range(74)]
    silent = {"verbose": -1, "num_leaves": 3, "min_data_in_leaf": 20, "deterministic": True, "num_threads": 1}
    for name, kind in (("one-class", "regression"), ("classes", "multiclass")):
        wanted = silent | {"objective": kind} | ({"num_class": 3} if name == "classes" else {})
        data = lightgbm.Dataset(features, features[:, 0] // 3, feature_name=names)
        text = lightgbm.train(wanted, data, 2).model_to_string()
        put("model_text", f"{name}.txt", text.partition("\nparameters:")[0])
    identity = {"encoder": "esdnet-small-v1", "weights_sha256": None, "format_version": "1", "input_recipe": {}}
    common = {"schema_version": "1", **identity, "legend": [{"class_id": 1, "class_name": "a", "colour": "#000000"}]}
    trees = {"kind": "classify", "parameters": {}, "classes": [{"class_id": 1, "class_name": "a"}], "features": {}}
    put("model_json", "classify.json", json.dumps(common | trees))
    zeros = [0.0] * 72
    few = {
        "kind": "few-shot",
        "head": "prototypes",
        "scale": {"mean": [0.0], "deviation": [1.0]},
        "labels": {"vectors": [zeros], "class_id": [1]},
    }
    put("model_json", "few-shot.json", json.dumps(common | few))
    clusters = {"kind": "clusters", "centres": [zeros], "explained_variance": 0.5, "n_fitted": 9}
    put("model_json", "clusters.json", json.dumps(common | clusters))
    values = {"kind": "regression", "models": {"mean": "model.txt"}, "offset": 0.0}
    put("model_json", "regression.json", json.dumps(common | values))
    card = json.loads((SHIPPED / "esdnet-small-v1.json").read_text())
    slim = {"training": {}, "data": [], "figures": {}, "denoising": {}}
    put("card", "card.json", json.dumps(card | slim))
    network = ESDNet(Architecture(width=1, step_width=1, dilations=(1,)))
    tensors: dict[str, Tensor] = {name: tensor.zero_() for name, tensor in network.state_dict().items()}
    put("weights", "smallest.safetensors", save(tensors, {"weights_format_version": "2"}))
    config = {"encoder": "esdnet-small-v1", "seed": 1, "steps": 2, "simulated_years": 3, "autocast": True}
    put("config", "small.yaml", yaml.safe_dump(config | {"architecture": {"width": 4, "dilations": [1, 2]}}))


def places() -> None:
    """A legend, and labels of three kinds of places."""
    put("legend", "three.csv", "class_id,class_name,colour,parent\n1,water,#0000ff,\n2,forest,,green\n3,crop,,green\n")
    square = shapely.box(4.1, 50.1, 4.2, 50.2)
    geometry = [shapely.Point(4.0, 50.0), square, shapely.MultiPoint([(4.3, 50.3), (4.4, 50.4)])]
    path = CORPUS / "labels" / "three.gpkg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    frame = geopandas.GeoDataFrame({"class": ["water", "forest", "crop"]}, geometry=geometry, crs=4326)
    frame.to_file(path, layer_options={"SPATIAL_INDEX": "NO"})
    features = json.loads(frame.to_json())
    put("labels", "three.geojson", json.dumps(features))
    put("labels", "three.csv", "lon,lat,class\n4.0,50.0,water\n4.1,50.1,forest\n")


def arrays() -> None:
    """A series of two samples of which one changed, with the simplest normal model, and training pixels."""
    from esd_tasks.migrate.normal import NormalModel
    from esd_tasks.migrate.series_file import MigratedSeries, write_series
    from esd_tasks.training_pixels import FILE, TrainingPixels

    years, class_ids, unit = np.array([2019, 2020, 2021]), np.array([1, 2]), np.eye(72)
    normal = NormalModel(
        years=years,
        class_ids=class_ids,
        mean=np.full((2, 72), 0.5),
        drift=np.zeros((2, 3, 72)),
        between=np.stack([unit / 16] * 2),
        within=np.stack([unit / 8] * 2),
    )
    valid, label = np.array([[True, True, True], [True, False, True]]), np.array([[1, 2, 2], [1, 0, 1]])
    series = MigratedSeries(
        years=years,
        sample_id=np.array([1, 2]),
        lon=np.array([4.0, 4.1]),
        lat=np.array([50.0, 50.1]),
        codes=np.full((2, 3, 12), 32_100, np.uint16) * valid[..., None].astype(np.uint16),
        valid=valid,
        class_id=np.array([1, 1]),
        label_year=np.array([2019, 2019]),
        label=label,
        probability=np.where(valid, 0.9, np.nan).astype(np.float32),
        anomaly=np.where(valid, 0.5, np.nan).astype(np.float32),
        status=np.array([[0, 1, 1], [0, 3, 0]], np.uint8),
        change_year=np.where(label == 2, 2020, 0),
        class_ids=class_ids,
        class_names=np.array(["forest", "crop"]),
        normal=normal,
    )
    for target in ("series", "training_pixels"):
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
    write_series(CORPUS / "series" / "two.npz", series)
    TrainingPixels.of([4.0, 4.1], [50.0, 50.1], [2019, 2020], [0, 2018]).save(CORPUS / "training_pixels")
    (CORPUS / "training_pixels" / FILE).rename(CORPUS / "training_pixels" / "two.npz")


if __name__ == "__main__":
    for write in (names_and_tags, documents, listings, models, places, arrays):
        write()
