"""Options of readers as a person gives them: a YAML file, YAML in braces, or a mapping; unknown keys refused."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from stactools_esd.errors import MissingExtraError, UsageError
from stactools_esd.yaml_text import parse_yaml

Given = Mapping[str, Any] | str | Path | None
"""Options as they are given: a mapping, the path of a YAML file, or the YAML itself in braces."""


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("a word")
    return str(value)


def _quality(value: Any) -> str:
    return "none" if value is False else _text(value)  # `no` in YAML


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a number")
    try:
        return float(value)  # YAML takes 1e-4 for a word
    except ValueError as error:
        raise ValueError("a number") from error


def _whole(value: Any) -> int:
    if not isinstance(value, int):  # True is 1, as in booleans
        raise ValueError("whole numbers")
    return int(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _crs(value: Any) -> str | int:
    return value if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _bands(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("a label for each band, such as {blue: B02, green: B03, ..}")
    return {_text(band): _text(label) for band, label in value.items()}


def _bits(value: Any) -> tuple[int, ...]:
    bits = tuple(_whole(bit) for bit in _listed(value))
    if not all(0 <= bit < 63 for bit in bits):
        raise ValueError("bits from 0")
    return bits


def _classes(value: Any) -> tuple[int | str, ...]:
    return tuple(each if isinstance(each, str) else _whole(each) for each in _listed(value))


def _words(value: Any) -> tuple[str, ...]:
    return tuple(_text(each) for each in _listed(value))


_COARSE: Final = {"observed_days": _flag}

READER_OPTIONS: Final[Mapping[str, Mapping[str, Callable[[Any], Any]]]] = {
    "folder": {},
    "sdc30": {},
    "landsat": {"unusable": _words},
    "modis": _COARSE,
    "viirs": _COARSE,
    "cube": {
        "variable": _text,
        "bands": _bands,
        "scale": _number,
        "offset": _number,
        "nodata": _number,
        "crs": _crs,
        "time": _text,
        "x": _text,
        "y": _text,
        "quality": _quality,
        "quality_kind": _text,
        "clear": _classes,
        "hidden_bits": _bits,
    },
}
"""Kind of source to the keys that it takes and what makes a value of each: arguments of its opener, for a cube the
fields of `cube_options.CubeOptions`."""


def reader_options(given: Given, kind: str) -> dict[str, Any]:
    """Read and check options of a reader.

    Args:
        given: A mapping, the path of a YAML file, or the YAML itself in braces; None for none.
        kind: Kind of source.

    Returns:
        Options by key, each of the type that the opener takes; empty where none are given.

    Raises:
        UsageError: The file cannot be read, a key is unknown or there twice, or a value is of the wrong kind.
        MissingExtraError: PyYAML is not installed.
    """
    content, where = _content(given)
    known = READER_OPTIONS[kind]
    options: dict[str, Any] = {}
    for key, value in content.items():
        if key not in known:
            expected = f"some of {', '.join(known)}" if known else "none"
            raise UsageError(
                f"got the source option {key!r} in {where} for a source of type {kind}, expected {expected}; "
                "correct or remove it"
            )
        try:
            options[key] = known[key](value)
        except ValueError as error:
            raise UsageError(
                f"got {value!r} for the source option {key} in {where}, expected {error}; correct it"
            ) from error
    return options


def in_words(options: Mapping[str, Any]) -> str:
    """Say options in words, for the item: `scale 0.0001, bands blue B02 green B03`."""
    return ", ".join(f"{key} {_plain(value)}" for key, value in options.items())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key} {label}" for key, label in value.items())
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _content(given: Given) -> tuple[Mapping[str, Any], str]:
    """Return options as given, and where they stand, for messages."""
    if given is None or isinstance(given, Mapping):
        return given or {}, "the options"
    text, where = str(given), str(given)
    if text.lstrip().startswith("{"):
        where = "--source-options"
    else:
        try:
            text = Path(given).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise UsageError(
                f"cannot read {given} ({reason}), expected a YAML file of source options, or the YAML itself in braces "
                "such as '{scale: 0.0001}'; check the path"
            ) from error
    content = _parsed(text, where)
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise UsageError(
            f"got {type(content).__name__} in {where}, expected source options, a key and a value a line such as "
            "'scale: 0.0001'; correct it"
        )
    return content, where


def _parsed(text: str, where: str) -> Any:
    """Read YAML, keys given twice refused."""
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError(
            "got source options, expected PyYAML to be installed; run: pip install 'stactools-esd[encoder]'"
        ) from error
    try:
        content, node = parse_yaml(text), yaml.compose(text, Loader=yaml.SafeLoader)
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            if twice := [key for key in keys if keys.count(key) > 1]:
                raise UsageError(f"got the source option {twice[0]} twice in {where}, expected it once; remove one")
        return content
    except ValueError as error:
        reason = " ".join(str(error).split())[:120]
        raise UsageError(f"got no valid YAML in {where} ({reason}); correct it") from error
