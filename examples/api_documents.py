"""Write the collections and items of a static catalogue as pypgstac loads them, for a STAC API on PostgreSQL.

python examples/api_documents.py CATALOG URL FOLDER

CATALOG is the folder with catalog.json, URL where the same folder is served: hrefs of assets become absolute with it.
"""

import json
import sys
from pathlib import Path
from urllib.parse import quote, urljoin

KEPT_LINKS = {"license", "cite-as", "about", "emb:model"}
"""Relations that mean the same behind an API, which makes the structural links itself."""


def main() -> None:
    """Write collections.ndjson and items.ndjson, a document a line."""
    catalog, url, folder = Path(sys.argv[1]), sys.argv[2].rstrip("/") + "/", Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "collections.ndjson").open("w") as collections, (folder / "items.ndjson").open("w") as items:
        for path in sorted(catalog.rglob("*.json")):
            document = json.loads(path.read_text())
            place = urljoin(url, quote(path.relative_to(catalog).as_posix()))
            if document.get("type") == "Collection":
                collections.write(json.dumps(absolute(document, place)) + "\n")
            elif "embeddings" in document.get("assets", {}):  # codes: not models, which lie everywhere
                items.write(json.dumps(absolute(document, place)) + "\n")


def absolute(document: dict, place: str) -> dict:
    """Return a document without structural links, its hrefs counted from its place."""
    links = [link | {"href": urljoin(place, link["href"])} for link in document["links"] if link["rel"] in KEPT_LINKS]
    assets = {key: asset | {"href": urljoin(place, asset["href"])} for key, asset in document.get("assets", {}).items()}
    return document | {"links": links, "assets": assets}


if __name__ == "__main__":
    main()
