# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Services that search photos under open licences: Openverse, which needs no key, and Flickr, which does."""

from __future__ import annotations

import functools
import io
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from visual_byte_core.dataset.credentials import key, setting
from visual_byte_core.dataset.http_client import HttpError, fetch

LICENCES = ("cc0", "pdm", "by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")
MAX_ANSWER_BYTES = 10_000_000  # bytes
CREATIVE_COMMONS = re.compile(r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/([\d.]+)")


@dataclass(frozen=True)
class Found:
    """A photo that a service offers.

    Attributes:
        id: unique in the service.
        url: of the file.
        page: to credit.
        licence: such as `by 2.0`.
    """

    id: str
    url: str
    page: str
    creator: str
    licence: str
    licence_url: str


class Provider(Protocol):
    """A search service, asked for photos under any of `licences`; agent: who asks.

    Attributes:
        pause: seconds between two questions.
        deepest: the last page that it gives.
    """

    name: ClassVar[str]
    pause: ClassVar[float]
    deepest: ClassVar[int]

    def search(self, query: str, page: int) -> tuple[list[Found], bool]:
        """Page 1 and on: its photos, and whether it is the last. Raises HttpError, or DataError without a key."""


@dataclass(frozen=True)
class Openverse:
    """Openverse's REST API, version 1, without a key: 20 photos a page, 20 questions a minute and 200 a day.

    https://api.openverse.org/v1/
    """

    licences: tuple[str, ...]
    agent: str

    name: ClassVar[str] = "openverse"
    pause: ClassVar[float] = 3.0
    deepest: ClassVar[int] = 12

    def search(self, query: str, page: int) -> tuple[list[Found], bool]:
        url = f"{setting('OPENVERSE_BASE_URL', 'https://api.openverse.org/v1').rstrip('/')}/images/"
        values = {
            "q": query[:200],
            "license": ",".join(self.licences),
            "category": "photograph",
            "page": page,
            "page_size": 20,
        }
        answer = _ask(url, values, self.agent)
        photos = [_of_openverse(result) for result in _list(answer, "results", url)]
        taken = [photo for photo in photos if photo and photo.licence.split(" ")[0] in self.licences]
        return taken, page >= int(answer.get("page_count") or 0)


@dataclass(frozen=True)
class Flickr:
    """Flickr's REST API with a key of one's own in FLICKR_API_KEY: 100 photos a page, 3,600 questions an hour.

    https://www.flickr.com/services/api/flickr.photos.search.html
    """

    licences: tuple[str, ...]
    agent: str

    name: ClassVar[str] = "flickr"
    pause: ClassVar[float] = 1.0
    deepest: ClassVar[int] = 40  # a search shows its first 4,000 photos

    def search(self, query: str, page: int) -> tuple[list[Found], bool]:
        values = {
            "text": query,
            "license": ",".join(self._licences),
            "sort": "relevance",
            "safe_search": 1,
            "media": "photos",
            "content_types": 0,
            "extras": "license,owner_name,url_l,url_c,url_z",
            "per_page": 100,
            "page": page,
        }
        photos = self._call("flickr.photos.search", values).get("photos", {})
        found = [_of_flickr(photo, self._licences) for photo in _list(photos, "photo", "flickr.photos.search")]
        return [photo for photo in found if photo], page >= int(photos.get("pages") or 0)

    @functools.cached_property
    def _licences(self) -> dict[str, tuple[str, str]]:
        """Of those wanted: Flickr's number -> licence, address. The service says which number is which."""
        answer = self._call("flickr.photos.licenses.getInfo", {}).get("licenses", {})
        known = {str(each["id"]): str(each.get("url", "")) for each in _list(answer, "license", "getInfo")}
        named = {number: (licence_of(url), url) for number, url in known.items()}
        return {number: licence for number, licence in named.items() if licence[0].split(" ")[0] in self.licences}

    def _call(self, method: str, values: Mapping[str, Any]) -> dict[str, Any]:
        url = setting("FLICKR_BASE_URL", "https://api.flickr.com/services/rest/")
        secret = {"api_key": key("FLICKR_API_KEY", "Flickr")}
        fixed = {"method": method, "format": "json", "nojsoncallback": 1}
        answer = _ask(url, {**fixed, **values, **secret}, self.agent)
        if answer.get("stat") != "ok":  # errors come with status 200
            raise HttpError(f"{url}: {method} answered {answer.get('code')}: {answer.get('message')}", 200)
        return answer


PROVIDERS: dict[str, type[Openverse] | type[Flickr]] = {each.name: each for each in (Openverse, Flickr)}


def licence_of(url: str) -> str:
    """`by-sa 2.0`, `cc0 1.0` or `pdm 1.0` of an address at creativecommons.org; empty for any other."""
    match = CREATIVE_COMMONS.match(url)
    if not match:
        return ""
    kind, name, version = match.groups()
    name = {"zero": "cc0", "mark": "pdm"}.get(name, name) if kind == "publicdomain" else name
    return f"{name} {version}"


def _of_openverse(result: Mapping[str, Any]) -> Found | None:
    if not result.get("url"):
        return None
    licence = f"{result.get('license', '')} {result.get('license_version') or ''}".strip()
    page = result.get("foreign_landing_url") or result["url"]
    return Found(
        _safe(result["id"]), result["url"], page, result.get("creator") or "", licence, result.get("license_url") or ""
    )


def _of_flickr(photo: Mapping[str, Any], licences: Mapping[str, tuple[str, str]]) -> Found | None:
    # The smallest of 640 pixels or more: c is 800 pixels on its longer side, z 640, l 1024.
    url = next((photo[name] for name in ("url_c", "url_z", "url_l") if photo.get(name)), "")
    if not url or str(photo.get("license")) not in licences:
        return None
    licence, licence_url = licences[str(photo["license"])]
    page = f"https://www.flickr.com/photos/{photo['owner']}/{photo['id']}"
    return Found(_safe(photo["id"]), url, page, photo.get("ownername") or "", licence, licence_url)


def _safe(number: object) -> str:
    """Fit for a file name, whatever a service sends."""
    return re.sub(r"[^A-Za-z0-9-]", "-", str(number))[:64]


def _ask(url: str, values: Mapping[str, Any], agent: str) -> dict[str, Any]:
    body = io.BytesIO()
    fetch(f"{url}?{urllib.parse.urlencode(values)}", body, headers={"User-Agent": agent}, max_bytes=MAX_ANSWER_BYTES)
    try:
        answer = json.loads(body.getvalue())
    except ValueError as error:
        raise HttpError(f"{url}: answered with no JSON, is this the right address?") from error
    if not isinstance(answer, dict):
        raise HttpError(f"{url}: answered with {type(answer).__name__}, expected a JSON object")
    return answer


def _list(answer: Mapping[str, Any], name: str, place: str) -> list[dict[str, Any]]:
    value = answer.get(name)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise HttpError(f"{place}: the answer has no list {name!r}; is this the right address?")
    return value
