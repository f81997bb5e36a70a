"""The STAC collection of an encoder, and what every item in it has."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from stactools_esd.collection_facts import SIMULATED, SUMMARISED, Facts, contents_of, require_one_encoder
from stactools_esd.product import (
    CODE_RULE,
    CODES_BANDS,
    DATA_LICENCE,
    FORMAT_VERSION,
    FSQ,
    NODATA_RULE,
    OFFICIAL_DOI,
    OFFICIAL_ENCODER,
    OFFICIAL_RECIPE,
    OFFICIAL_YEARS,
    PAPER,
    QUALITY_BAND,
    SOFTWARE,
    STEPS,
    EncoderIdentity,
)

if TYPE_CHECKING:
    import pystac

ESD_EXTENSION: Final = "https://stactools-esd.github.io/esd/v1.0.0/schema.json"
"""Identifier of our own extension; its schema is package data (`schemas/esd.json`)."""

RENDER_EXTENSION: Final = "https://stac-extensions.github.io/render/v2.0.0/schema.json"
SCIENTIFIC_EXTENSION: Final = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
VERSION_EXTENSION: Final = "https://stac-extensions.github.io/version/v1.2.0/schema.json"

WORLD: Final = (-180.0, -90.0, 180.0, 90.0)
"""Extent of a collection whose items are not known yet."""

_MAX_SUMMARY = 1000
_KEYWORDS = ("embeddings", "Landsat", "land cover", "time series", "annual", "30 m", "ESD")
_SIMULATION = {
    "all": "Simulated, not observed: nothing in this collection is an observation of the Earth. ",
    "some": f"Items whose `esd:input_recipe` has the source `{SIMULATED}` are no observations of the Earth. ",
    "none": "",
}
_LICENCE_PAGES = {DATA_LICENCE: "https://creativecommons.org/licenses/by/4.0/"}
_FIRST_LANDSAT_TM_YEAR = 1984


def asset_fields(key: str) -> dict[str, Any]:
    """Return what every asset of this key says: `embeddings`, `visual` or `thumbnail`, without its href."""
    import pystac

    cog = str(pystac.MediaType.COG)
    if key == "embeddings":
        return {
            "title": "ESD codes",
            "description": (
                "Twelve 16-bit codes a pixel, one for each temporal step of the year, and the count of clear "
                "observations. Codes are labels in mixed radix: never average or interpolate them."
            ),
            "type": cog,
            "roles": ["data"],
            "data_type": "uint16",
            "bands": _bands(),
            "esd:fsq": {
                "levels": list(FSQ.levels),
                "basis": list(FSQ.basis),
                "rule": CODE_RULE,
                "nodata_rule": NODATA_RULE,
            },
        }
    if key == "visual":
        return {
            "title": "False colour of codes",
            "description": "Codes as red, green and blue by one fixed formula: for looking, not for measuring.",
            "type": cog,
            "roles": ["visual"],
            "data_type": "uint8",
            "bands": [{"name": name} for name in ("red", "green", "blue")],
        }
    return {
        "title": "Thumbnail",
        "description": "Small picture of the false colour of codes.",
        "type": str(pystac.MediaType.PNG),
        "roles": ["thumbnail"],
    }


def _bands() -> list[dict[str, Any]]:
    steps = [
        {"name": name, "description": f"Code of temporal step {number} of {STEPS}, 0..{FSQ.codebook_size - 1}"}
        for number, name in enumerate(CODES_BANDS[:STEPS], start=1)
    ]
    return [*steps, {"name": QUALITY_BAND, "description": "Number of cloud-free observations: a count, not a code"}]


def create_collection(
    identity: EncoderIdentity | str, items: "Iterable[pystac.Item | Mapping[str, Any]]" = ()
) -> "pystac.Collection":
    """Create the collection of an encoder.

    Args:
        identity: The encoder, or its label such as `esdnet-small-v1`.
        items: Items of this encoder; extents and summaries come from them. Without items the extent is the world,
            and the official years for the official archive.

    Returns:
        A collection without links to its items or parent.

    Raises:
        ProductNameError: The label is not a name and a version.
        IncomparableError: The items were made with two sets of weights, which are two encoders.
    """
    return collection_of(identity, Facts.of(contents_of(items)))


def collection_of(identity: EncoderIdentity | str, facts: Facts) -> "pystac.Collection":
    """Create the collection of an encoder from what its items say together; see `create_collection`."""
    import pystac

    encoder = EncoderIdentity.parse(identity) if isinstance(identity, str) else identity
    require_one_encoder(encoder.label, facts.weights)
    official = encoder.label == OFFICIAL_ENCODER.label
    collection = pystac.Collection(
        id=encoder.collection_id,
        title=collection_title(encoder),
        description=_SIMULATION[facts.simulated] + _description(encoder, official),
        extent=_extent(facts, official),
        license=_licence(facts),
        keywords=[*_KEYWORDS, *([SIMULATED] if facts.simulated != "none" else [])],
        providers=_providers(official),
        summaries=pystac.Summaries(_summaries(encoder, facts, official), maxcount=_MAX_SUMMARY),
        stac_extensions=[RENDER_EXTENSION, SCIENTIFIC_EXTENSION, VERSION_EXTENSION, ESD_EXTENSION],
    )
    collection.clear_links()
    collection.extra_fields["version"] = encoder.version
    collection.extra_fields["item_assets"] = {key: asset_fields(key) for key in ("embeddings", "visual", "thumbnail")}
    collection.extra_fields["renders"] = {
        "false_colour": {"title": "False colour of codes", "assets": ["visual"], "rescale": [[0, 255]] * 3}
    }
    if collection.license in _LICENCE_PAGES:
        page = _LICENCE_PAGES[collection.license]
        collection.add_link(pystac.Link("license", page, media_type="text/html", title=collection.license))
    _cite(collection, encoder, official)
    return collection


def collection_title(encoder: EncoderIdentity) -> str:
    """Return the title of an encoder's collection."""
    if encoder.label == OFFICIAL_ENCODER.label:
        return "ESD official archive V001"
    return f"ESD codes by {encoder.name} {encoder.version}"


def _description(encoder: EncoderIdentity, official: bool) -> str:
    origin = (
        "The official archive of Embedded Seamless Data: its encoder's weights and decoder are not public, so codes "
        "turn into vectors but not back into reflectance."
        if official
        else f"Embedded Seamless Data made by the encoder {encoder.name}, version {encoder.version}."
    )
    return (
        f"{origin} Each item is one place and one year at 30 m: twelve 16-bit codes a pixel stand for a year of daily "
        "six-band reflectance. The decode rule is in `esd:fsq` of the `embeddings` asset. Codes of two items are "
        "comparable only where encoder, weights, format version and `esd:input_recipe` agree."
    )


def _licence(facts: Facts) -> str:
    licences = facts.sorted_values("license") or [DATA_LICENCE]
    return str(licences[0]) if len(licences) == 1 else "other"


def _providers(official: bool) -> "list[pystac.Provider]":
    import pystac

    software = pystac.Provider(
        name=SOFTWARE,
        description="Software that described the data" if official else "Software that encoded and described the data",
        roles=[pystac.ProviderRole.PROCESSOR],
    )
    if not official:
        return [software]
    producer = pystac.Provider(
        name="iEarth",
        description="Producer of the official archive",
        roles=[pystac.ProviderRole.PRODUCER, pystac.ProviderRole.LICENSOR],
        url=f"https://doi.org/{OFFICIAL_DOI}",
    )
    return [producer, software]


def _cite(collection: "pystac.Collection", encoder: EncoderIdentity, official: bool) -> None:
    """Add the paper, and the archive's DOI to the archive alone: other codes are other data."""
    import pystac

    arxiv = PAPER.split(":")[-1]
    if official:
        collection.extra_fields["sci:doi"] = OFFICIAL_DOI
        citation = f"Embedded Seamless Data (ESD), official archive V001. iEarth. https://doi.org/{OFFICIAL_DOI}"
        collection.add_link(pystac.Link("cite-as", f"https://doi.org/{OFFICIAL_DOI}", title="DOI of the data"))
    else:
        citation = f"Embedded Seamless Data (ESD) by the encoder {encoder.label}, made with {SOFTWARE}."
    collection.extra_fields["sci:citation"] = citation
    collection.extra_fields["sci:publications"] = [{"doi": f"10.48550/arXiv.{arxiv}", "citation": PAPER}]


def _summaries(encoder: EncoderIdentity, facts: Facts, official: bool) -> dict[str, Any]:
    summaries: dict[str, Any] = {"esd:encoder": [encoder.label], "esd:format_version": [FORMAT_VERSION]}
    if official and facts.first is None:
        summaries["esd:input_recipe"] = [OFFICIAL_RECIPE.as_dict()]
    return summaries | {key: values for key in SUMMARISED if (values := facts.sorted_values(key))}


def _extent(facts: Facts, official: bool) -> "pystac.Extent":
    import pystac
    from pystac.utils import str_to_datetime

    if facts.first is not None and facts.last is not None:
        box = list(union_bbox(sorted(facts.boxes)))
        first = str_to_datetime(facts.first)
        last: datetime | None = str_to_datetime(facts.last)
    elif official:
        box = list(WORLD)
        first = datetime(OFFICIAL_YEARS.start, 1, 1, tzinfo=UTC)
        last = datetime(OFFICIAL_YEARS.stop - 1, 12, 31, 23, 59, 59, tzinfo=UTC)
    else:
        box, first, last = list(WORLD), datetime(_FIRST_LANDSAT_TM_YEAR, 1, 1, tzinfo=UTC), None
    return pystac.Extent(pystac.SpatialExtent([box]), pystac.TemporalExtent([[first, last]]))


def union_bbox(boxes: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    """Return the smallest box around boxes; any of them may cross the antimeridian (west > east), and so may it.

    The widest stretch of longitudes without a box stays outside; if that stretch crosses the antimeridian, or as wide
    a one does, the result does not.

    Args:
        boxes: [west, south, east, north] in degrees; at least one.
    """
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    arcs: list[list[float]] = []
    pieces = [
        piece
        for west, _, east, _ in boxes
        for piece in ([(west, east)] if west <= east else [(west, 180.0), (-180.0, east)])
    ]
    for west, east in sorted(pieces):
        if arcs and west <= arcs[-1][1]:
            arcs[-1][1] = max(arcs[-1][1], east)
        else:
            arcs.append([west, east])
    outer = arcs[0][0] + 360.0 - arcs[-1][1]
    gaps = [(after[0] - before[1], before[1], after[0]) for before, after in pairwise(arcs)]
    width, gap_west, gap_east = max(gaps, default=(0.0, 0.0, 0.0))
    if width > outer:
        return (gap_east, south, gap_west, north)
    return (arcs[0][0], south, arcs[-1][1], north)
