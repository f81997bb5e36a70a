"""YAML as values: nothing that makes objects, nothing that stands for more than is written."""

from typing import Any, Final

MOST_DEEP: Final = 20
"""Lists and mappings in one another; reading takes the square of their number."""


def parse_yaml(text: str) -> Any:
    """Return what a YAML text holds.

    Aliases are refused: a few lines of them stand for billions of values, and a message that shows one writes them out.

    Raises:
        ValueError: It is no YAML, is nested too deep, or has an alias; the message is one line.
        ImportError: PyYAML is not installed.
    """
    import yaml

    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("an alias, expected every value to be written out")
            if depth > MOST_DEEP:
                raise ValueError(f"values {depth} deep, expected {MOST_DEEP} at most")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from error
