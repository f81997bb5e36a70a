"""Addresses of the official archive, and how they are signed: when they are read, for who reads, and nowhere kept.

An item names a file of the archive by `https://<portal>/<object key>`, which answers to nobody. Whoever has an account
puts what the portal gave after login into the environment; `signed` asks the portal for an address that can be read.
Only the portal ever gets these credentials, never a host that an item names.
"""

import os
import time
from typing import Any, Final
from urllib.parse import quote, unquote

from stactools_esd.errors import CatalogError, UsageError
from stactools_esd.web import check_server, post_json, split_address

PORTAL: Final = "https://data-starcloud.pcl.ac.cn"
"""The portal of the official archive, as users' clients have it."""

PORTAL_VARIABLE: Final = "ESD_PORTAL_URL"
"""Environment variable that names another server of the same kind, such as a gateway."""

TOKEN, USER, USER_ID = "ESD_PORTAL_TOKEN", "ESD_PORTAL_USER", "ESD_PORTAL_USER_ID"

AUTHENTICATION_EXTENSION: Final = "https://stac-extensions.github.io/authentication/v1.1.0/schema.json"
"""Identifier of the extension that describes how assets are reached."""

SCHEME: Final = "iearth"
"""Name of the scheme in `auth:schemes` and `auth:refs`."""

KEPT_SECONDS: Final = 600.0
"""How long a signed address is used again within a process."""

_SIGN_PATH = "/starcloud/api/file/downloadResource"
_DATASET_FOLDER = "shared-dataset/SDC30_EBD"
_RESOURCE = {"resourceId": "64", "resourceType": "REMOTE_SENSING", "country": ""}
_kept: dict[tuple[str, str, str], tuple[float, str]] = {}


def archive_href(path: str, file: str) -> str:
    """Return what an item calls a file of the archive.

    Args:
        path: Folder such as `SDC30_EBD_V001/2020`.
        file: Name of the file.
    """
    return f"{PORTAL}/{quote(f'{_DATASET_FOLDER}/{path}/{file}')}"


def is_archived(href: str) -> bool:
    """Tell whether an address is that of a file of the archive, which has to be signed."""
    return href.startswith(f"{PORTAL}/{_DATASET_FOLDER}/")


def authentication() -> dict[str, Any]:
    """Return the scheme as `auth:schemes` has it: how anybody's client gets a signed address."""
    key = {"in": "body", "required": True, "description": "Path of the address", "schema": {"type": "string"}}
    flow = {
        "authorizationApi": f"{PORTAL}{_SIGN_PATH}",
        "method": "POST",
        "parameters": {"objectKey": key},
        "responseField": "signedUrl",
    }
    about = f"Signed for GET, for users of the portal. Tools of ESD read {TOKEN}, {USER} and {USER_ID}."
    return {SCHEME: {"type": "signedUrl", "description": about, "flows": {"authorizationCode": flow}}}


def signed(href: str) -> str:
    """Return the address to read: signed where the archive wants that, else the href as it is.

    A signed address answers GET, not HEAD. It is a secret: it is not to be written, logged or shown.

    Raises:
        UsageError: The environment lacks the credentials.
        CatalogError: The portal cannot be reached, or does not sign.
    """
    if not is_archived(href):
        return href
    server = check_server(os.environ.get(PORTAL_VARIABLE) or PORTAL)
    if missing := [name for name in (TOKEN, USER, USER_ID) if not os.environ.get(name)]:
        raise UsageError(
            f"got {href}, which the portal signs for its users, without {', '.join(missing)} in the environment; "
            "log in at the portal and set what it gave"
        )
    kept_as = (server, os.environ[USER_ID], href)
    when, address = _kept.get(kept_as, (-KEPT_SECONDS, ""))
    if not address or time.monotonic() - when > KEPT_SECONDS:
        address = _ask(server, unquote(split_address(href).path.removeprefix("/")))
        _kept[kept_as] = (time.monotonic(), address)
    return address


def _ask(server: str, key: str) -> str:
    body = _RESOURCE | {"objectKey": key, "userAccount": os.environ[USER], "userId": os.environ[USER_ID]}
    status, answer = post_json(f"{server}{_SIGN_PATH}", body, {"Authorization": f"Bearer {os.environ[TOKEN]}"})
    address = answer.get("signedUrl") if isinstance(answer, dict) else None
    if status in (401, 403):
        raise CatalogError(
            f"got status {status} from the portal for {key}, expected a signed address: {TOKEN} has expired, or is not "
            f"that of {USER}; log in again and set it"
        )
    if status != 200 or not isinstance(address, str):
        raise CatalogError(f"got status {status} and no signed address for {key} from the portal; try again later")
    if not address.startswith("https://"):
        parts = split_address(address)
        check_server(f"{parts.scheme}://{parts.netloc}")
    return address
