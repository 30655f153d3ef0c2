# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Requests to services that are busy, limit their callers or break off: ask again, but politely."""

from __future__ import annotations

import email.utils
import http.client
import io
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import BinaryIO

from visual_byte_core import __version__
from visual_byte_core.errors import DataError

ATTEMPTS = 6
TIMEOUT_S = 60.0  # seconds without a byte
FIRST_PAUSE_S, MAX_PAUSE_S = 1.0, 120.0  # seconds; doubled each time, and never longer than the service asks for
BLOCK = 1 << 16
PASSING = (408, 409, 425, 429, 500, 502, 503, 504)  # answers that may be another in a while
PARTIAL, NOT_SATISFIABLE = 206, 416


class HttpError(DataError):
    """A service that answered with an error, or not at all (status 0)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def fetch(
    url: str,
    target: BinaryIO,
    *,
    headers: Mapping[str, str] | None = None,
    secret_headers: Mapping[str, str] | None = None,
    data: bytes | None = None,
    max_bytes: int,
    attempts: int = ATTEMPTS,
    resume: bool = False,
) -> http.client.HTTPMessage:
    """Write the body of the answer to `target` block by block, and return the answer's headers.

    Asks again after the answers in PASSING, a broken connection or a body that ends early, up to `attempts` times, each
    time twice as late or as `Retry-After` says. `secret_headers` do not follow a redirect. data: the body of a POST,
    None for a GET; max_bytes: bytes; resume: what `target` holds is the beginning, and only the rest is asked for
    (`Range`) if the service can do that; then only attempts that bring nothing new count.

    Raises:
        HttpError: no web address, another answer, the last of the attempts, a `Retry-After` of over 2 minutes, or too
            many bytes.
        DataError: `target` cannot be written.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise HttpError(f"{_place(url)}: expected an address that begins with http:// or https://")
    named = {"User-Agent": f"visual-byte/{__version__}", **(headers or {})}
    request = urllib.request.Request(url, data, named)  # noqa: S310 - no other scheme comes this far
    for name, value in (secret_headers or {}).items():
        request.add_unredirected_header(name, value)
    attempt = 0
    while True:
        start = target.seek(0, io.SEEK_END) if resume else 0
        asked = None
        try:
            return _stream(request, target, start, max_bytes)
        except urllib.error.HTTPError as error:
            with error:
                failure = HttpError(f"{_place(url)}: answered {error.code}: {_reason(error)}", error.code)
            if error.code == NOT_SATISFIABLE and start:  # what is there is not the beginning of what the service has
                target.truncate(0)
            elif error.code not in PASSING:
                raise failure from None
            asked = _retry_after(error.headers.get("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            failure = HttpError(f"{_place(url)}: no whole answer ({getattr(error, 'reason', '') or error!r})")
            attempt = -1 if resume and target.tell() > start else attempt
        attempt += 1
        pause = FIRST_PAUSE_S * 2 ** max(0, attempt - 1) * random.uniform(0.75, 1.25) if asked is None else asked
        if attempt >= attempts or pause > MAX_PAUSE_S:
            raise HttpError(f"{failure}; asked {attempt} times, try again later", failure.status)
        time.sleep(pause)


def _stream(request: urllib.request.Request, target: BinaryIO, start: int, max_bytes: int) -> http.client.HTTPMessage:
    """Write what comes from byte `start` on, or all of it if the service does not start there."""
    request.remove_header("Range")
    if start:
        request.add_header("Range", f"bytes={start}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - `fetch` checked it
        if answer.status != PARTIAL or not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0
        target.seek(start)
        target.truncate()
        received = 0
        while block := answer.read(BLOCK):
            received += len(block)
            if start + received > max_bytes:
                raise HttpError(f"{_place(request.full_url)}: sends more than {max_bytes / 1e6:g} MB; not taken")
            _keep(target, block)
        expected = answer.headers.get("Content-Length")
        if expected and received != int(expected):
            raise http.client.IncompleteRead(b"", int(expected) - received)
        given: http.client.HTTPMessage = answer.headers
        return given


def _keep(target: BinaryIO, block: bytes) -> None:
    try:
        target.write(block)
        target.flush()
    except OSError as error:  # not the service's fault: asking again would not help
        raise DataError(
            f"what is downloaded cannot be stored ({error.strerror}); make room and run it again"
        ) from error


def _place(url: str) -> str:
    """The address without what may be secret: user, password and query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _reason(error: urllib.error.HTTPError) -> str:
    """What the service says, in the forms that services use, in one short line."""
    text = error.read(BLOCK).decode(errors="replace")
    try:
        said = json.loads(text)
        said = said.get("error") or said.get("message") or said.get("detail") or text
        text = str(said.get("message", said) if isinstance(said, dict) else said)
    except (ValueError, AttributeError):
        text = text if "<" not in text else ""
    return " ".join(text.split())[:300] or str(error.reason)


def _retry_after(value: str | None) -> float | None:
    """Seconds, from seconds or a date; None for neither."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
