# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Every query beside its best three memories: right ones framed green, wrong ones red."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from demo_graph import DemoAnswer

TILE, FRAME, CAPTION, GAP, COLUMNS = 96, 4, 34, 12, 4
GREEN, RED, GREY, INK = (40, 160, 40), (40, 40, 210), (150, 150, 150), (30, 30, 30)  # BGR
SHOWN = 3


def draw_picture(
    path: Path,
    names: dict[str, str],
    typed: dict[str, DemoAnswer],
    spoken: dict[str, DemoAnswer],
    class_of: Callable[[str], str],
) -> None:
    """Write the picture as PNG: one cell a query, `COLUMNS` to a row."""
    cells = [
        _cell(words, how, right, asked, class_of)
        for words, right in names.items()
        for how, asked in (("typed", typed[words]), ("spoken", spoken[words]))
    ]
    while len(cells) % COLUMNS:
        cells.append(np.full_like(cells[0], 255))
    rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    if not cv2.imwrite(str(path), np.vstack(rows)):
        raise OSError(f"{path}: cannot be written")


def _cell(words: str, how: str, right: str, asked: DemoAnswer, class_of: Callable[[str], str]) -> np.ndarray:
    tiles = [_framed(asked.image[:, :, ::-1], GREY)]
    for match in asked.matches.nearest[:SHOWN]:
        thumbnail = cv2.imdecode(np.frombuffer(match.thumbnail.data, np.uint8), cv2.IMREAD_COLOR)
        tiles.append(_framed(thumbnail, GREEN if class_of(match.id) == right else RED))
    absent = right in ("known_absent", "never_trained")
    verdict = f"FOUND {asked.matches.nearest[0].score:.2f}" if asked.found else "NOT FOUND"
    picture = np.hstack(tiles)
    caption = np.full((CAPTION, picture.shape[1], 3), 255, np.uint8)
    note = {"known_absent": ", not shown", "never_trained": ", never trained"}.get(right, "")
    _write(caption, f"{words} ({how}{note})", 14, INK)
    _write(caption, verdict, 29, GREEN if asked.found != absent else RED)
    return cv2.copyMakeBorder(np.vstack([caption, picture]), GAP, 0, GAP, GAP, cv2.BORDER_CONSTANT, value=(255,) * 3)


def _framed(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    height, width = image.shape[:2]
    scale = TILE / max(height, width)
    fitted = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    square = np.full((TILE, TILE, 3), 255, np.uint8)
    top, left = (TILE - fitted.shape[0]) // 2, (TILE - fitted.shape[1]) // 2
    square[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return cv2.copyMakeBorder(square, FRAME, FRAME, FRAME, FRAME, cv2.BORDER_CONSTANT, value=colour)


def _write(image: np.ndarray, text: str, baseline: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, (2, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
