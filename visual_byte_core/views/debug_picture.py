# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""An explanation as one picture for people, to be read at its own size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from visual_byte_core.engine.answer import Answer
from visual_byte_core.errors import InvalidImage
from visual_byte_core.memory.match import Match
from visual_byte_core.rendering.photo import decode_photo
from visual_byte_core.views.explanation import Explanation, FrameLocation
from visual_byte_core.views.lettering import Colour, Lettering

WIDTH, HEIGHT, MARGIN = 640, 600, 12
PICTURE_TOP, PICTURE = 106, 184  # pixels: of the query, and the height of the frame beside it
TILES_TOP, TILE, TILE_WIDTH, TILES = 324, 100, 154, 4
AXIS_TOP = 528
BIG, NORMAL, SMALL = 20, 14, 13
HEAT_SHARE = 0.5
BACKGROUND: Colour = (24, 26, 30)
TILE_BACKGROUND: Colour = (40, 43, 49)
WHITE: Colour = (240, 240, 240)
GRAY: Colour = (165, 170, 178)
GREEN: Colour = (96, 208, 110)
RED: Colour = (240, 105, 95)
AMBER: Colour = (250, 190, 70)
STATUS_COLOUR = {"FOUND": GREEN, "NOT_FOUND": AMBER, "REJECTED": RED}
ASKED = {"text": "typed", "audio": "spoken", "image": "a photo"}


def draw_explanation(explanation: Explanation, lettering: Lettering) -> NDArray[np.uint8]:
    """uint8 (600, 640, 3) RGB; matches in green are over the threshold, others in red."""
    canvas = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
    board = _Board(canvas, lettering)
    _head(board, explanation)
    _query(board, explanation)
    _frame(board, explanation.location)
    if explanation.answer is None or not explanation.answer.nearest:
        board.text(MARGIN, TILES_TOP - 20, "no memories to show", SMALL, GRAY, WIDTH - 2 * MARGIN)
    else:
        _tiles(board, explanation, explanation.answer)
        _axis(board, explanation.answer)
    return np.array(canvas)


def age(seconds: float) -> str:
    """How long ago, in words."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if abs(seconds) >= 2 * length or (unit == "min" and abs(seconds) >= length):
            count = f"{abs(seconds) / length:.0f} {unit}"
            break
    else:
        count = f"{abs(seconds):.0f} s"
    if seconds <= -1:
        return f"{count} ahead of the clock"
    return "just now" if seconds < 1 else f"{count} ago"


def place_in_words(match: Match, map_id: str) -> str:
    """Where a memory was last seen."""
    if match.pose is None:
        return "place not known"
    x, y = match.pose[:2]
    other = "" if match.map_id == map_id else f" in another map, {match.map_id or 'unnamed'}"
    return f"at x {x:.1f} y {y:.1f} m{other}"


class _Board:
    """A canvas and what writes on it."""

    def __init__(self, canvas: Image.Image, lettering: Lettering) -> None:
        self.canvas = canvas
        self.draw = ImageDraw.Draw(canvas)
        self.lettering = lettering

    def text(self, x: int, y: int, text: str, size: int, colour: Colour, width: int) -> None:
        self.lettering.write(self.draw, (x, y), self.lettering.line(text, size, width), size, colour)

    def picture(
        self, x: int, y: int, picture: NDArray[np.uint8], width: int, height: int, *, centred: bool = False
    ) -> tuple[int, int]:
        """As large as fits; returns width and height."""
        scale = min(width / picture.shape[1], height / picture.shape[0])
        size = tuple(max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0]))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        x += (width - size[0]) // 2 if centred else 0
        self.canvas.paste(Image.fromarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=way)), (x, y))
        return size


def _head(board: _Board, explanation: Explanation) -> None:
    colour = STATUS_COLOUR[explanation.status]
    status = explanation.status.replace("_", " ")
    right = MARGIN + 16 + board.lettering.width(status, BIG)
    board.draw.rounded_rectangle((MARGIN, 10, right, 40), 6, fill=colour)
    board.text(MARGIN + 8, 13, status, BIG, BACKGROUND, WIDTH)
    how = ASKED.get(explanation.modality, explanation.modality)
    asked = f"{how}: {explanation.text}" if explanation.text else how
    board.text(right + 12, 13, asked, BIG, WHITE, WIDTH - MARGIN - right - 12)
    for number, line in enumerate(board.lettering.lines(_reason(explanation), NORMAL, WIDTH - 2 * MARGIN, 2)):
        board.text(MARGIN, 47 + 18 * number, line, NORMAL, GRAY, WIDTH - 2 * MARGIN)


def _reason(explanation: Explanation) -> str:
    answer = explanation.answer
    if explanation.reason or answer is None or not answer.matches:
        return explanation.reason
    score, threshold = answer.matches[0].score, answer.threshold
    if score < threshold:
        return f"asks for a name that was taught; photos count from {threshold:.3f}"
    return f"the best match scores {score:.3f}, the threshold is {threshold:.3f}"


def _query(board: _Board, explanation: Explanation) -> None:
    board.text(MARGIN, PICTURE_TOP - 19, "the query as the network sees it", SMALL, GRAY, PICTURE + 10)
    board.draw.rectangle(_around(MARGIN, PICTURE_TOP, PICTURE, PICTURE), outline=TILE_BACKGROUND)
    if explanation.query is None:
        board.text(MARGIN + 10, PICTURE_TOP + 80, "could not be read", NORMAL, RED, PICTURE - 20)
    else:
        board.picture(MARGIN, PICTURE_TOP, explanation.query, PICTURE, PICTURE)


def _frame(board: _Board, location: FrameLocation | None) -> None:
    """The frame of the nearest memory, and beside it the same as a heat map."""
    left = 2 * MARGIN + PICTURE + 8
    width = (WIDTH - MARGIN - left) // 2
    if location is None:
        board.text(left, PICTURE_TOP - 19, "no frame to look for it in", SMALL, GRAY, width)
        return
    board.text(left, PICTURE_TOP - 19, "frame of memory 1", SMALL, GRAY, width)
    _framed(board, left, location.frame, location, width - 6)
    if location.heat is None:
        board.text(left + width, PICTURE_TOP - 19, "no map in this bundle", SMALL, GRAY, width)
        return
    caption = f"cosine {location.heat.min():.2f} (blue) to {location.heat.max():.2f} (red)"
    board.text(left + width, PICTURE_TOP - 19, caption, SMALL, GRAY, width)
    _framed(board, left + width, _heated(location), location, width - 6)


def _framed(board: _Board, left: int, picture: NDArray[np.uint8], location: FrameLocation, width: int) -> None:
    """With the region that matched, if it is one."""
    shown_width, shown_height = board.picture(left, PICTURE_TOP, picture, width, PICTURE)
    if location.box is None:
        return
    x0, y0, x1, y1 = location.box
    corners = [left + x0 * shown_width, PICTURE_TOP + y0 * shown_height]
    corners += [left + x1 * shown_width - 1, PICTURE_TOP + y1 * shown_height - 1]
    board.draw.rectangle(corners, outline=(0, 0, 0), width=4)
    board.draw.rectangle(corners, outline=WHITE, width=2)


def _heated(location: FrameLocation) -> NDArray[np.uint8]:
    assert location.heat is not None
    height, width = location.frame.shape[:2]
    spread = float(np.ptp(location.heat))
    levels = (location.heat - location.heat.min()) / spread if spread > 0 else np.zeros_like(location.heat)
    smooth = np.clip(cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = cv2.applyColorMap((255 * smooth).astype(np.uint8), cv2.COLORMAP_JET)[:, :, ::-1]
    gray = location.frame.mean(axis=2, keepdims=True)  # colours of the frame would be taken for heat
    mixed: np.ndarray = ((1 - HEAT_SHARE) * (0.5 * location.frame + 0.5 * gray) + HEAT_SHARE * colours).astype(np.uint8)
    return mixed


def _tiles(board: _Board, explanation: Explanation, answer: Answer) -> None:
    more = len(answer.nearest) - TILES
    caption = "nearest memories: score (probability)" + (f"; {more} more on the axis" if more > 0 else "")
    board.text(MARGIN, TILES_TOP - 20, caption, SMALL, GRAY, WIDTH - 2 * MARGIN)
    found = {match.id for match in answer.matches}
    for number, (match, chance) in enumerate(zip(answer.nearest[:TILES], answer.probability, strict=False)):
        colour = GREEN if match.id in found else RED
        x, width = MARGIN + number * TILE_WIDTH, TILE_WIDTH - 6
        board.draw.rectangle(_around(x, TILES_TOP, width, 190), fill=TILE_BACKGROUND)
        board.draw.rectangle(_around(x, TILES_TOP, width, 3), fill=colour)
        _thumbnail(board, x + 4, TILES_TOP + 7, match, width - 8)
        board.text(x + 5, TILES_TOP + 109, f"{number + 1}: {match.score:.3f} ({_percent(chance)})", NORMAL, colour, 140)
        seen = age(explanation.now - match.last_seen) + (f", {match.times} times" if match.times > 1 else "")
        rows = [match.label or ("part of a frame" if match.parent_id else "no label"), seen]
        rows += board.lettering.lines(place_in_words(match, explanation.map_id), SMALL, 140, 2)
        for row, words in enumerate(rows):
            colour = WHITE if row == 0 and match.label else GRAY
            board.text(x + 5, TILES_TOP + 128 + 15 * row, words, SMALL, colour, 140)


def _thumbnail(board: _Board, x: int, y: int, match: Match, width: int) -> None:
    try:
        picture = decode_photo(match.thumbnail, f"thumbnail of memory {match.id}")
    except InvalidImage:
        board.text(x + 4, y + 40, "no picture", SMALL, GRAY, width)
    else:
        board.picture(x, y, picture, width, TILE - 2, centred=True)


def _axis(board: _Board, answer: Answer) -> None:
    scores = [match.score for match in answer.nearest]
    low, high = min(*scores, answer.threshold) - 0.05, max(*scores, answer.threshold) + 0.05
    left, right, y = MARGIN + 8, WIDTH - MARGIN - 8, AXIS_TOP + 18

    def at(score: float) -> int:
        return round(left + (score - low) / (high - low) * (right - left))

    board.draw.line((left, y, right, y), fill=GRAY)
    for tick in ticks(low, high):
        board.draw.line((at(tick), y - 3, at(tick), y + 3), fill=GRAY)
        board.text(at(tick) - 12, y + 9, f"{tick:.2f}", SMALL, GRAY, 60)
    limit = at(answer.threshold)
    board.draw.line((limit, y - 14, limit, y + 8), fill=AMBER, width=2)
    words = f"threshold {answer.threshold:.3f}"
    wide = board.lettering.width(words, SMALL)
    board.text(min(max(limit - wide // 2, left), right - wide), y + 22, words, SMALL, AMBER, wide + 4)
    found = {match.id for match in answer.matches}
    for number, match in reversed(list(enumerate(answer.nearest))):
        x, colour = at(match.score), GREEN if match.id in found else RED
        board.draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour, outline=BACKGROUND)
        if number == 0 or abs(x - at(answer.nearest[number - 1].score)) > 12:
            board.text(x - 4, y - 22, str(number + 1), SMALL, colour, 30)


def ticks(low: float, high: float) -> list[float]:
    """Round values of an axis between two scores, ten at the most."""
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / step <= 10)
    return [float(tick) + 0.0 for tick in np.arange(np.ceil(low / step), high / step) * step]  # -0.0 + 0.0 is 0.0


def _percent(chance: float) -> str:
    return f"{100 * chance:.0f} %" if chance >= 0.01 else "< 1 %"


def _around(x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
    return (x, y, x + width - 1, y + height - 1)
