# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Image search against a local server that speaks Openverse's and Flickr's interfaces."""

from __future__ import annotations

import io
import json
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from visual_byte_core.dataset import http_client, image_search
from visual_byte_core.dataset.collect_config import WebSearch
from visual_byte_core.dataset.http_client import HttpError
from visual_byte_core.dataset.web_images import RECORD, search_photos
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.names import ClassName
from visual_byte_testing.paths import ROOT

PHOTOS = sorted((ROOT / "examples" / "photos").glob("*/*.jpg"))[::9]
LEMON = [ClassName("lemon", "lemon", "레몬", "")]


class Service(ThreadingHTTPServer):
    """Two pages of four results: photos, one of them twice in another size, one gone, one no picture, one busy once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.busy: Counter[str] = Counter()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(address.query).items()}
        self.server.asked.append(self.path)
        if address.path == "/v1/images/":
            self._json(self._openverse(int(query["page"])))
        elif address.path == "/rest/":
            self._json(self._flickr(query))
        elif address.path == "/photo/gone":
            self.send_error(404)
        elif address.path == "/photo/page":
            self._send(b"<html>", "text/html")
        elif address.path == "/photo/2" and not self.server.busy["2"]:
            self.server.busy["2"] += 1
            self.send_response(503)
            self.send_header("Retry-After", "0")
            self.end_headers()
        else:
            self._send(self._photo(address.path.rpartition("/")[2]), "image/jpeg")

    def _openverse(self, page: int) -> dict[str, object]:
        ids = (("0", "gone", "page", "1"), ("small0", "2", "3", "4"))[page - 1]
        results = [
            {
                "id": f"id/{name}", "url": f"{self.server.url}/photo/{name}", "foreign_landing_url": "https://example.org/p",
                "creator": "Ada", "license": "by", "license_version": "4.0",
                "license_url": "https://creativecommons.org/licenses/by/4.0/",
            }
            for name in ids
        ]  # fmt: skip
        return {"result_count": 8, "page_count": 2, "results": results}

    def _flickr(self, query: dict[str, str]) -> dict[str, object]:
        if query.get("api_key") != "secret":
            return {"stat": "fail", "code": 100, "message": "Invalid API Key"}
        if query["method"] == "flickr.photos.licenses.getInfo":
            url = "https://creativecommons.org/licenses/by/2.0/"
            return {"stat": "ok", "licenses": {"license": [{"id": 4, "url": url}, {"id": 0, "url": ""}]}}
        photo = {"id": "77", "owner": "9@N0", "license": "4", "ownername": "Eve", "url_c": f"{self.server.url}/photo/5"}
        return {"stat": "ok", "photos": {"page": 1, "pages": 1, "photo": [photo]}}

    def _photo(self, name: str) -> bytes:
        image = Image.open(PHOTOS[int(name[-1])])
        data = io.BytesIO()
        (image.resize((image.width // 2, image.height // 2)) if "small" in name else image).save(data, "JPEG")
        return data.getvalue()

    def _json(self, value: object) -> None:
        self._send(json.dumps(value).encode(), "application/json")

    def _send(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    server = Service()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("OPENVERSE_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("FLICKR_BASE_URL", f"{server.url}/rest/")
    for provider in (image_search.Openverse, image_search.Flickr):
        monkeypatch.setattr(provider, "pause", 0.0)
    yield server
    server.shutdown()
    server.server_close()


def test_photos_come_with_their_licence_and_without_doubles(service: Service, tmp_path: Path) -> None:
    counts = search_photos(WebSearch(photos=20, words={"lemon": "fruit"}), tmp_path, LEMON)
    assert counts == {"taken": 5, "gone": 1, "no picture": 1, "seen already": 1}
    rows = [json.loads(line) for line in (tmp_path / RECORD).read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 5 and all((tmp_path / row["file"]).is_file() for row in rows)
    assert {row["licence"] for row in rows} == {"by 4.0"} and {row["creator"] for row in rows} == {"Ada"}
    assert {row["provider"] for row in rows} == {"openverse"} and rows[0]["file"] == "lemon/openverse_id-0.jpg"
    assert "q=lemon+fruit" in service.asked[0] and "license=cc0%2Cpdm%2Cby%2Cby-sa" in service.asked[0]
    assert service.busy["2"] == 1 and service.asked.count("/photo/2") == 2


def test_a_search_goes_on_and_asks_nothing_twice(service: Service, tmp_path: Path) -> None:
    assert search_photos(WebSearch(photos=1), tmp_path, LEMON)["taken"] == 1
    asked = len(service.asked)
    assert search_photos(WebSearch(photos=20), tmp_path, LEMON)["taken"] == 4
    assert not any("page=1&" in path or path == "/photo/0" for path in service.asked[asked:])
    asked = len(service.asked)
    (tmp_path / "lemon" / "openverse_id-0.jpg").unlink()  # deleted by hand stays away
    assert search_photos(WebSearch(photos=20), tmp_path, LEMON) == {} and len(service.asked) == asked


def test_flickr_wants_a_key(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = WebSearch(providers=("flickr",), photos=3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLICKR_API_KEY", raising=False)
    with pytest.raises(DataError, match="FLICKR_API_KEY"):
        search_photos(search, tmp_path / "photos", LEMON)
    monkeypatch.setenv("FLICKR_API_KEY", "wrong")
    with pytest.raises(HttpError, match="Invalid API Key"):
        search_photos(search, tmp_path / "photos", LEMON)
    monkeypatch.setenv("FLICKR_API_KEY", "secret")
    assert search_photos(search, tmp_path / "photos", LEMON)["taken"] == 1
    row = json.loads((tmp_path / "photos" / RECORD).read_text(encoding="utf-8"))
    assert (row["licence"], row["creator"]) == ("by 2.0", "Eve") and row["page"].endswith("/9@N0/77")
    assert "secret" not in (tmp_path / "photos" / RECORD).read_text(encoding="utf-8")


def test_a_service_that_is_none_is_named(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setenv("OPENVERSE_BASE_URL", f"{service.url}/photo/page")
    with pytest.raises(HttpError, match="photo/page/images/"):
        search_photos(WebSearch(photos=3), tmp_path, LEMON)
    with pytest.raises(DataError, match="no such class in the names file: melon"):
        search_photos(WebSearch(words={"melon": "fruit"}), tmp_path, LEMON)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"providers": ("bing",)}, "providers are openverse, flickr"), ({"licences": ("all",)}, "licences are"),
     ({"photos": 0}, "1 or more"), ({"side": 8}, "64 pixels or more")],
)  # fmt: skip
def test_a_wrong_search_is_named(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        WebSearch(**change)
