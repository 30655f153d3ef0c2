# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The picture that explains an answer: what it says, in any script, in every case, and that nothing runs over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.answer import Answer
from visual_byte_core.engine.finder import Finder
from visual_byte_core.errors import BundleError
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_core.rendering.query import RenderedQuery
from visual_byte_core.rendering.thumbnail import thumbnail
from visual_byte_core.views.debug_picture import (
    AMBER,
    GREEN,
    RED,
    WHITE,
    age,
    draw_explanation,
    place_in_words,
    ticks,
)
from visual_byte_core.views.explanation import Explanation, FrameLocation, explain
from visual_byte_core.views.lettering import Lettering
from visual_byte_testing.pixel_bundle import write_pixel_bundle
from visual_byte_testing.sample_bundle import CALIBRATION, write_sample_bundle

NOW = 1_700_000_000.0
LETTERING = Lettering("")
QUERY = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
FRAME = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def match(number: int, score: float, **values: object) -> Match:
    return Match(
        **{
            "id": f"00000000-0000-4000-8000-{number:012d}", "score": score, "label": "", "first_seen": NOW - 200,
            "last_seen": NOW - 180, "times": 1, "frame_id": "camera", "pose": None, "map_id": "", "region": None,
            "thumbnail": thumbnail(FRAME), "source": "", **values,
        }
    )  # fmt: skip


def answer(*scores: float, threshold: float = 0.4) -> Answer:
    nearest = [match(number, score) for number, score in enumerate(scores)]
    found = [one for one in nearest if one.score >= threshold]
    reason = "" if found else "memory is empty"
    return Answer("FOUND" if found else "NOT_FOUND", reason, found, nearest, threshold, [0.5] * len(nearest))


def explanation(given: Answer, **values: object) -> Explanation:
    return replace(
        Explanation(QUERY, "text", "mug", given.status, given.reason, NOW, answer=given),
        **values,
    )


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=2).any())


@pytest.fixture
def two_letters(tmp_path: Path) -> str:
    """A font with a and the syllable of "apple" only, and a box for all others."""

    def box(width: int, height: int):
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for corner in ((0, height), (width, height), (width, 0)):
            pen.lineTo(corner)
        pen.closePath()
        return pen.glyph()

    font = FontBuilder(1000, isTTF=True)
    names = [".notdef", "space", "a", "sa"]
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(" "): "space", ord("a"): "a", ord("사"): "sa"})
    boxes = [box(500, 700), TTGlyphPen(None).glyph(), box(300, 400), box(900, 900)]
    font.setupGlyf(dict(zip(names, boxes, strict=True)))
    font.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    font.setupHorizontalHeader(ascent=900, descent=-100)
    font.setupNameTable({"familyName": "Two", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "two.ttf")
    return str(tmp_path / "two.ttf")


def test_hangul_is_written_where_a_font_has_it(two_letters: str) -> None:
    assert Lettering(two_letters).line("사 a", 20, 600) == "사 a"
    assert Lettering(two_letters).line("사과", 20, 6000).startswith("사 ")


def test_without_such_a_font_code_points_are_said() -> None:
    assert LETTERING.line("the mug 사과", 20, 600) == "the mug U+C0AC U+ACFC"
    decomposed = "\u1109\u1161\u1100\u116a"
    assert LETTERING.line(decomposed, 20, 600) == "U+C0AC U+ACFC"


def test_controls_and_newlines_are_blanks() -> None:
    assert LETTERING.line("a\nb\t\x00\u202ec", 20, 600) == "a b c"


@pytest.mark.parametrize("text", ["mug " * 100, "m" * 10_000, "사과" * 500])
def test_a_long_line_ends_in_dots_and_fits(text: str) -> None:
    line = LETTERING.line(text, 14, 200)
    assert line.endswith("...") and 100 < LETTERING.width(line, 14) <= 200
    lines = LETTERING.lines(text, 14, 200, 2)
    assert len(lines) <= 2 and all(LETTERING.width(one, 14) <= 200 for one in lines) and lines[-1].endswith("...")


def test_a_text_is_broken_between_words() -> None:
    lines = LETTERING.lines("the nearest memory scores 0.3, under the threshold 0.4", 14, 200, 5)
    assert " ".join(lines) == "the nearest memory scores 0.3, under the threshold 0.4" and len(lines) > 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "just now"), (12, "12 s ago"), (61, "1 min ago"), (180, "3 min ago"), (7300, "2 h ago"),
     (3 * 86400, "3 days ago"), (-5, "5 s ahead of the clock")],
)  # fmt: skip
def test_age_in_words(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_place_in_words() -> None:
    assert place_in_words(match(1, 0.5), "flat") == "place not known"
    here = match(1, 0.5, pose=(1.25, -3.5, 0.0, 0.0, 0.0, 0.0, 1.0), map_id="flat")
    assert place_in_words(here, "flat") == "at x 1.2 y -3.5 m"
    assert place_in_words(here, "garage") == "at x 1.2 y -3.5 m in another map, flat"


def test_what_is_found_is_green_and_the_threshold_is_drawn() -> None:
    found = draw_explanation(explanation(answer(0.6, 0.3)), LETTERING)
    assert found.shape == (600, 640, 3) and found.dtype == np.uint8
    assert has(found, GREEN) and has(found, RED) and has(found, AMBER)
    refused = draw_explanation(explanation(answer(0.3, 0.2)), LETTERING)
    assert not has(refused, GREEN) and has(refused, RED)


def axis_columns(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.flatnonzero((picture[540:552] == colour).all(axis=2).any(axis=0))


def test_the_axis_puts_scores_on_their_side_of_the_threshold() -> None:
    picture = draw_explanation(explanation(answer(0.6, 0.2)), LETTERING)
    threshold = axis_columns(picture, AMBER)
    assert axis_columns(picture, RED).max() < threshold.min() and threshold.max() < axis_columns(picture, GREEN).min()


@pytest.mark.parametrize("scores", [(), (0.4,), (0.4,) * 3, tuple(np.linspace(1, -1, 100)), (-1.0,)])
@pytest.mark.parametrize("text", ["", "사과 " * 60, "\U0001f600"])
def test_any_number_of_matches_and_any_text_can_be_drawn(scores: tuple[float, ...], text: str) -> None:
    given = answer(*scores, threshold=0.4)
    picture = draw_explanation(explanation(given, text=text, map_id=text, reason=text * 3), LETTERING)
    assert picture.shape == (600, 640, 3)
    assert (picture[:, -6:] == picture[0, 0]).all(), "something runs over the right edge"
    assert (picture[-4:] == picture[0, 0]).all(), "something runs over the lower edge"


def test_a_rejection_is_drawn_without_an_image() -> None:
    picture = draw_explanation(Explanation(None, "smell", "mug", "REJECTED", "query: " * 80, NOW), LETTERING)
    assert has(picture, RED) and not has(picture, GREEN)


def test_a_broken_thumbnail_is_said() -> None:
    given = answer(0.6)
    broken = replace(given, nearest=[replace(given.nearest[0], thumbnail=b"no JPEG")])
    assert draw_explanation(explanation(broken), LETTERING).shape == (600, 640, 3)


def test_heat_and_the_region_are_drawn_where_they_are() -> None:
    frame = np.full((60, 60, 3), 128, np.uint8)
    heat = np.array([[0.0, 0.4], [0.0, 0.0]], np.float32)
    location = FrameLocation(frame, heat, (0.5, 0.0, 1.0, 0.5))
    picture = draw_explanation(explanation(answer(0.6), location=location), LETTERING).astype(int)
    left = 12 + 12 + 184 + 8 + 206  # of the heat map
    panel = picture[106:290, left : left + 184]
    assert panel[20, 160, 0] > panel[20, 160, 2] and panel[160, 20, 2] > panel[160, 20, 0], "red where hot, blue else"
    assert (panel[92, 120:160] == WHITE).all(axis=1).any() or (panel[90:94, 120:160] == WHITE).all(axis=2).any()
    assert not (panel[110:, :] == WHITE).all(axis=2).any(), "the box lies in the upper right"


@pytest.mark.parametrize("shape", [(1, 160), (160, 1), (1, 1)])
def test_frames_of_extreme_shape_are_drawn(shape: tuple[int, int]) -> None:
    location = FrameLocation(np.full((*shape, 3), 90, np.uint8), np.zeros((4, 24), np.float32), None)
    assert draw_explanation(explanation(answer(0.6), location=location), LETTERING).shape == (600, 640, 3)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder(write_sample_bundle(tmp_path_factory.mktemp("bundles") / "pixels"), threads=1)


def test_a_region_is_explained_in_its_frame(embedder: Embedder, tmp_path: Path) -> None:
    part = cv2.resize(FRAME, (32, 32))
    with Memory(tmp_path / "memory", embedder.bundle.id) as memory:
        finder = Finder(memory, CALIBRATION)
        question = RenderedQuery(part, "image", embedder.bundle.renderer.digest())
        query = embedder.embed(part[None])[0]
        empty = explain(embedder, memory, question, "", finder.find(query, "image"), NOW)
        assert empty.location is None and empty.reason == "memory is empty"
        whole = Observation(captured_at=1.0, thumbnail=thumbnail(FRAME), region=(0, 0, 640, 480))
        frame = memory.remember(-query, whole)
        memory.remember(
            query, Observation(1.0, thumbnail=thumbnail(part), region=(320, 0, 160, 240), parent_id=frame.id)
        )
        given = finder.find(query, "image")
        explained = explain(embedder, memory, question, "", given, NOW)
        assert explained.location.box == (0.5, 0.0, 0.75, 0.5)
        assert explained.location.frame.shape == FRAME.shape, "the frame, not the part"
        memory.forget([frame.id])
        assert explain(embedder, memory, question, "", finder.find(query, "image"), NOW).location is None
        orphan = explain(embedder, memory, question, "", given, NOW)
        assert explained.location.heat is None, "this network takes one side only"
        assert orphan.location.box is None and orphan.location.frame.shape == (32, 32, 3), "its own picture is left"


def test_a_bundle_without_a_map_has_no_heat_map(tmp_path: Path) -> None:
    import onnx

    bundle = write_pixel_bundle(tmp_path / "pixels", [])
    network = onnx.load(bundle.onnx_path)
    del network.graph.output[1]
    onnx.save(network, bundle.onnx_path)
    from visual_byte_core.bundle.bundle import write_bundle

    without = write_bundle(
        tmp_path / "without", name="without", backbone="none", renderer=bundle.renderer, class_names=[],
        onnx_path=bundle.onnx_path, quantization={},
    )  # fmt: skip
    embedder = Embedder(without, threads=1)
    assert not embedder.has_map
    with pytest.raises(BundleError, match="has no embedding_map; export its checkpoint again"):
        embedder.embed_map(np.zeros((1, 32, 32, 3), np.uint8))
    with Memory(tmp_path / "memory", without.id) as memory:
        memory.remember(embedder.embed(QUERY[None])[0], Observation(captured_at=1.0, thumbnail=thumbnail(FRAME)))
        given = Finder(memory, CALIBRATION).find(embedder.embed(QUERY[None])[0], "image")
        explained = explain(embedder, memory, RenderedQuery(QUERY, "image", without.renderer.digest()), "", given, NOW)
    assert explained.location.heat is None
    assert draw_explanation(explained, LETTERING).shape == (600, 640, 3)


def test_the_axis_of_scores_has_no_negative_zero() -> None:
    assert [f"{tick:.2f}" for tick in ticks(-0.04, 0.24)] == ["0.00", "0.05", "0.10", "0.15", "0.20"]
