# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos from image search, kept in a folder of their own with where each came from and under which licence.

    <slug>/<provider>_<id>.jpg   the photos, upright, scaled down
    photos.jsonl                 a line for each photo: file, url, page, creator, licence, licence_url, provider,
                                 retrieved, phash
    search.json                  how far each search came, and the photos it found that were not looked at yet

A photo that is deleted by hand stays away, and so does whatever looks like it.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visual_byte_core import __version__
from visual_byte_core.data_files import PHOTO_SUFFIXES, is_hidden
from visual_byte_core.dataset.collect_config import WebSearch
from visual_byte_core.dataset.duplicates import SeenPhotos, hash_of_file, perceptual_hash
from visual_byte_core.dataset.http_client import HttpError, fetch
from visual_byte_core.dataset.image_search import PROVIDERS, Found, Provider
from visual_byte_core.errors import DataError, InvalidImage
from visual_byte_core.files import write_atomically, write_whole
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.photo import MAX_PIXELS

RECORD, STATE = "photos.jsonl", "search.json"
MAX_FILE_BYTES = 30_000_000  # bytes
MIN_SIDE = 64  # pixels
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 92  # of the JPEGs that are kept
AT_ONCE = 4  # downloads
ATTEMPTS = 3  # a photo that cannot be had now is left for good, there are others


@dataclass(frozen=True)
class _Fetched:
    """A photo that came: the JPEG to keep and its perceptual hash; or why it is not taken."""

    jpeg: bytes = b""
    phash: int = 0
    refused: str = ""


@dataclass
class _Search:
    """How far the search of a provider for a class came: its words, the last page asked for, what is still to see."""

    query: str
    page: int = 0
    ended: bool = False
    pending: list[dict[str, str]] = field(default_factory=list)


def search_photos(
    search: WebSearch,
    folder: Path,
    names: Iterable[ClassName],
    others: Callable[[str], Iterable[Path]] = lambda slug: (),
) -> Counter[str]:
    """Fill `folder` with photos of each name until there are as many as wanted, or no provider has more.

    others: by slug, photos that are there elsewhere and are not wanted again.

    Returns:
        How many were `taken`, and of the others how many for which reason.

    Raises:
        HttpError: a provider does not answer, or no more today; what came stays, and the next call resumes.
        DataError: a key is missing, words are given for an unknown class, or the disk is full.
    """
    known = list(names)
    strangers = sorted(set(search.words) - {name.slug for name in known})
    if strangers:
        raise DataError(f"photos.search.words: no such class in the names file: {', '.join(strangers)}")
    agent = f"visual-byte/{__version__}" + (f" ({search.contact})" if search.contact else "")
    providers = [PROVIDERS[name](search.licences, agent) for name in search.providers]
    album = _Album(folder, search.side, agent)
    wanted = {name: max(0, search.photos - len(album.photos(name.slug))) for name in known}
    with tqdm(
        total=sum(wanted.values()), desc=f"searching {', '.join(search.providers)}", unit="photo", disable=None
    ) as bar:
        for name, count in wanted.items():
            if count:
                album.see(name.slug, others(name.slug))
                query = " ".join([name.en, *search.words.get(name.slug, "").split()])
                album.fill(name.slug, query, providers, search.photos, bar)
    return album.counts


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES and not is_hidden(path.name)


class _Album:
    """The folder: its photos, where they came from and what was searched."""

    def __init__(self, folder: Path, side: int, agent: str) -> None:
        self._folder, self._side, self._agent = folder, side, agent
        self._record = _read_record(folder / RECORD)
        self._urls = {row["url"] for row in self._record}
        self._searches = _read_state(folder / STATE)
        self._seen = SeenPhotos()
        self._asked: dict[str, float] = {}  # by provider when, on the steady clock
        self.counts: Counter[str] = Counter()
        for row in self._record:
            self._seen.add(int(row["phash"], 16), row["file"])
        recorded = {row["file"] for row in self._record}
        added = (path for path in sorted(folder.glob("*/*")) if _is_photo(path))
        self._see(path for path in added if path.relative_to(folder).as_posix() not in recorded)

    def photos(self, slug: str) -> list[Path]:
        return [path for path in (self._folder / slug).glob("*") if _is_photo(path)]

    def see(self, slug: str, others: Iterable[Path]) -> None:
        """Photos of a class from elsewhere, which may be photos from here."""
        here = {path.name for path in self.photos(slug)}
        self._see(path for path in others if path.name not in here)

    def _see(self, photos: Iterable[Path]) -> None:
        for path in photos:
            self._seen.add(hash_of_file(path), path.name)

    def fill(self, slug: str, query: str, providers: Iterable[Provider], wanted: int, bar: tqdm[Any]) -> None:
        missing = wanted - len(self.photos(slug))
        with ThreadPoolExecutor(AT_ONCE) as executor:
            for provider in providers:
                search = self._search(provider, slug, query)
                while missing > 0 and self._ask_if_empty(search, provider):
                    batch = [Found(**found) for found in search.pending[: min(missing, 2 * AT_ONCE)]]
                    new = [found for found in batch if found.url not in self._urls]
                    for found, fetched in zip(new, executor.map(self._fetch, new), strict=True):
                        taken = self._take(slug, provider, found, fetched)
                        missing -= taken
                        bar.update(taken)
                    del search.pending[: len(batch)]
                    self._write_state()

    def _search(self, provider: Provider, slug: str, query: str) -> _Search:
        searches = self._searches.setdefault(provider.name, {})
        if slug not in searches or searches[slug].query != query:
            searches[slug] = _Search(query)
        return searches[slug]

    def _ask_if_empty(self, search: _Search, provider: Provider) -> bool:
        """Whether there are photos to look at, after asking for more pages if there are none."""
        while not search.pending and not search.ended:
            earliest = self._asked.get(provider.name, -provider.pause) + provider.pause
            time.sleep(max(0.0, earliest - time.monotonic()))
            found, last = provider.search(search.query, search.page + 1)
            self._asked[provider.name] = time.monotonic()
            search.page += 1
            search.ended = last or search.page >= provider.deepest
            search.pending += [asdict(each) for each in found]
            self._write_state()
        return bool(search.pending)

    def _fetch(self, found: Found) -> _Fetched:
        body = io.BytesIO()
        try:
            headers = fetch(
                found.url, body, headers={"User-Agent": self._agent}, max_bytes=MAX_FILE_BYTES, attempts=ATTEMPTS
            )
            if not headers.get_content_type().startswith(("image/", "application/octet-stream", "binary/")):
                return _Fetched(refused="no picture")
            return _prepare(body.getvalue(), found.url, self._side)
        except HttpError as error:
            return _Fetched(refused="gone" if error.status in (403, 404, 410) else "not delivered")
        except InvalidImage:
            return _Fetched(refused="no picture")

    def _take(self, slug: str, provider: Provider, found: Found, fetched: _Fetched) -> bool:
        refused = fetched.refused or ("seen already" if self._seen.near(fetched.phash) else "")
        self.counts[refused or "taken"] += 1
        if refused:
            return False
        file = f"{slug}/{provider.name}_{found.id}.jpg"
        row = {"file": file, **asdict(found), "provider": provider.name, "retrieved": _now()}
        del row["id"]
        row["phash"] = f"{fetched.phash:016x}"
        # The line first: a photo without its licence must not be, a line without its photo may.
        _append(self._folder / RECORD, row)
        write_whole(self._folder / file, fetched.jpeg)
        self._urls.add(found.url)
        self._seen.add(fetched.phash, file)
        return True

    def _write_state(self) -> None:
        state = {name: {slug: asdict(s) for slug, s in of.items()} for name, of in self._searches.items()}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / STATE, json.dumps(state, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise _full(self._folder / STATE, error) from error


def _prepare(data: bytes, name: str, side: int) -> _Fetched:
    """Check and decode a picture, turn it upright and scale it down. Raises InvalidImage."""
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return _Fetched(refused="too large")
            if min(image.size) < MIN_SIDE:
                return _Fetched(refused="too small")
            upright = PIL.ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise InvalidImage(f"{name}: no whole picture ({error})") from error
    upright.thumbnail((side, side))
    jpeg = io.BytesIO()
    upright.save(jpeg, "JPEG", quality=QUALITY)
    return _Fetched(jpeg.getvalue(), perceptual_hash(upright))


def _read_record(path: Path) -> list[dict[str, str]]:
    """The lines; a last one that a power cut left unfinished is dropped from the file."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    try:
        rows = [json.loads(line) for line in whole.decode().split("\n") if line]
        [(row["file"], row["url"], int(row["phash"], 16)) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: damaged ({error}); it holds the photos' licences, restore it") from error
    if len(whole) != len(data):
        write_atomically(path, whole)
    return rows


def _append(path: Path, row: Mapping[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as file:
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _full(path, error) from error


def _read_state(path: Path) -> dict[str, dict[str, _Search]]:
    if not path.exists():
        return {}
    try:
        state = json.loads(path.read_bytes())
        return {name: {slug: _Search(**values) for slug, values in of.items()} for name, of in state.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: damaged ({error}); delete it, and the searches begin again") from error


def _full(path: Path, error: OSError) -> DataError:
    return DataError(f"{path}: cannot be written ({error.strerror}); make room and run it again")


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
