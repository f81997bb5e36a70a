"""JSON schemas that travel with packages: STAC's with pystac, those of esd and MLM with this one; none is fetched."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource

from stactools_esd.collection import ESD_EXTENSION
from stactools_esd.model_item import MLM_EXTENSION

KINDS = {"Feature": "item", "Collection": "collection", "Catalog": "catalog"}
"""What the `type` of a document makes it."""

_MESSAGE_LENGTH = 240


def schema_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Check a document against the core schema of its type, the esd and MLM schemas where it declares or uses them.

    Args:
        document: Item, collection or catalogue, as read from JSON.

    Yields:
        One line a problem.
    """
    kind = KINDS.get(str(document.get("type")))
    if kind is None:
        yield f"got type {document.get('type')!r}, expected one of {', '.join(KINDS)}"
        return
    yield from _problems(_core(kind), document)
    if is_model(document):
        yield from _problems(_own("mlm"), document)
    if ESD_EXTENSION in json.dumps(document.get("stac_extensions")):
        yield from esd_problems(document)
    elif any(key.startswith("esd:") for part in (document, document.get("properties")) for key in _keys(part)):
        yield f"got fields of the esd extension, expected it among stac_extensions: {ESD_EXTENSION}"


def is_model(document: Mapping[str, Any]) -> bool:
    """Tell whether a document is the item of an encoder."""
    declared = document.get("stac_extensions")
    return document.get("type") == "Feature" and isinstance(declared, list) and MLM_EXTENSION in declared


def esd_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Check a document against the schema of the esd extension alone, a tenth of the work of `schema_problems`."""
    yield from _problems(_own("esd"), document)


def _keys(part: Any) -> list[str]:
    return list(part) if isinstance(part, Mapping) else []


def _problems(validator: Draft7Validator, document: Mapping[str, Any]) -> Iterator[str]:
    seen = set()
    for error in validator.iter_errors(document):
        line = _line(best_match([error]) or error)
        if line not in seen:
            seen.add(line)
            yield line


def _line(error: ValidationError) -> str:
    message = " ".join(error.message.split())
    if len(message) > _MESSAGE_LENGTH:
        message = f"{message[: _MESSAGE_LENGTH // 2]} ... {message[-_MESSAGE_LENGTH // 2 :]}"
    place = "/".join(map(str, error.absolute_path))
    return f"at {place}: {message}" if place else message


@cache
def _core(kind: str) -> Draft7Validator:
    schemas = get_local_schema_cache()
    registry: Registry[Any] = Registry().with_resources(
        (uri, Resource.from_contents(schema)) for uri, schema in schemas.items()
    )
    (schema,) = (schema for uri, schema in schemas.items() if uri.endswith(f"/{kind}-spec/json-schema/{kind}.json"))
    return Draft7Validator(schema, registry=registry)


@cache
def _own(name: str) -> Draft7Validator:
    text = files("stactools_esd").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    return Draft7Validator(json.loads(text))
