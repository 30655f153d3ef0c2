# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a message, a request or an imported file can make the robot keep or do is bounded: docs/security.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import Image

from visual_byte.msg import Matches, Query
from visual_byte_core.bundle.bundle import load_bundle
from visual_byte_core.engine.forgetting import MAX_IDS, forget
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import MAX_MATCHES
from visual_byte_core.engine.teaching import teach
from visual_byte_core.errors import ConfigurationError, InvalidImage, InvalidMemory, InvalidText
from visual_byte_core.memory.archive import export_memory, import_memory
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import MAX_SOURCE_CHARACTERS, Observation
from visual_byte_core.memory.taught_names import MAX_NAMES, Prototype
from visual_byte_core.messages.images import check
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_core.names import MAX_TEXT_CHARACTERS
from visual_byte_core.rendering.photo import MAX_PIXELS
from visual_byte_core.rendering.text import render_text
from visual_byte_core.rendering.thumbnail import thumbnail
from visual_byte_ros.answer_messages import rejected, time_message
from visual_byte_ros.requests import question_of
from visual_byte_testing.paths import ROOT

BUNDLE = load_bundle(ROOT / "models" / "starter-small")
VECTOR = np.eye(512, dtype=np.float32)[0]
LONG = "x" * (MAX_TEXT_CHARACTERS + 1)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory", "b@1") as memory:
        yield memory


@pytest.mark.parametrize("field", ["label", "map_id", "frame_id", "pose_frame"])
def test_texts_of_a_sighting_are_short(memory: Memory, field: str) -> None:
    with pytest.raises(InvalidMemory, match=f"{field}: 201 characters, at most 200"):
        memory.remember(VECTOR, Observation(1.0, **{field: LONG}))
    assert memory.count() == 0
    memory.remember(VECTOR, Observation(1.0, **{field: LONG[1:]}))


def test_its_source_is_no_longer_than_a_path(memory: Memory) -> None:
    with pytest.raises(InvalidMemory, match="source: 4097 characters"):
        memory.remember(VECTOR, Observation(1.0, source="x" * (MAX_SOURCE_CHARACTERS + 1)))


@pytest.mark.parametrize("field", ["id", "text"])
def test_texts_of_a_query_are_short(field: str) -> None:
    query = Query(**{"modality": Query.TEXT, field: LONG})
    with pytest.raises(ConfigurationError, match=f"its {field} has 201 characters; at most 200"):
        question_of(query, BUNDLE, 3)
    answer = rejected(query, "too long")
    assert answer.status == Matches.REJECTED and len(getattr(answer, field)) == MAX_TEXT_CHARACTERS


def test_what_is_quoted_from_a_query_is_short() -> None:
    for query in (Query(modality="m" * 10_000), Query(modality=Query.TEXT, renderer="r" * 10_000)):
        with pytest.raises(Exception, match="query: ") as refused:
            question_of(query, BUNDLE, 3)
        assert len(str(refused.value)) < 300
    with pytest.raises(InvalidImage) as of_image:
        check(Image(encoding="e" * 10_000))
    assert len(str(of_image.value)) < 500


@pytest.mark.parametrize("k", [0, MAX_MATCHES + 1, 2**32 - 1])
def test_a_query_asks_for_at_most_a_hundred_matches(k: int) -> None:
    with pytest.raises(ConfigurationError, match=f"k is {k}; expected 1 to 100"):
        question_of(Query(modality=Query.TEXT), BUNDLE, k)


def test_a_name_has_at_most_two_hundred_characters() -> None:
    with pytest.raises(InvalidText, match="201 characters"):
        render_text(LONG, 32)


def test_an_image_has_at_most_a_hundred_million_pixels() -> None:
    assert MAX_PIXELS == 100_000_000
    with pytest.raises(InvalidImage, match="at most 100000000 pixels"):
        check(Image(width=MAX_PIXELS + 1, height=1, encoding="mono8"))


@pytest.mark.parametrize("size", [0, 1001, 2**32 - 1])
def test_a_page_of_the_list_has_at_most_a_thousand_memories(memory: Memory, size: int) -> None:
    with pytest.raises(InvalidMemory, match="1 to 1000 memories a page"):
        memory.page(None, size)


def test_a_request_forgets_at_most_ten_thousand_ids(memory: Memory) -> None:
    with pytest.raises(ConfigurationError, match="10001 ids; at most 10000"):
        forget(memory, ["x"] * (MAX_IDS + 1), None, everything=False)
    with pytest.raises(InvalidMemory) as refused:
        forget(memory, ["y" * 10_000], None, everything=False)
    assert len(str(refused.value)) < 200


def test_a_thousand_names_can_be_taught(memory: Memory) -> None:
    prototypes = [Prototype("text", VECTOR, "word")]
    memory.taught._prototypes = {f"name {number}": tuple(prototypes) for number in range(MAX_NAMES)}
    memory.taught.teach("name 7", prototypes)
    with pytest.raises(InvalidMemory, match="1000 names are taught"):
        memory.taught.teach("one more", prototypes)


def test_nothing_is_remembered_for_a_name_that_does_not_fit(memory: Memory) -> None:
    class Embedder:
        def embed_text(self, words: str) -> np.ndarray:
            return VECTOR

    memory.taught._prototypes = {f"name {number}": () for number in range(MAX_NAMES)}
    observed = ObservedFrame(np.zeros((8, 8, 3), np.uint8), Observation(1.0))
    with pytest.raises(InvalidMemory, match="1000 names are taught"):
        teach(Embedder(), memory, "one more", None, [observed])  # type: ignore[arg-type]
    assert memory.count(Filter(label="one more")) == 0


@pytest.mark.parametrize("shape", [(1, 4000, 3), (4000, 1, 3), (1, 1, 3), (3000, 4000, 3)])
def test_a_thumbnail_is_small_whatever_the_picture(shape: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert len(thumbnail(noise)) < 40_000


@pytest.mark.parametrize("seconds", [-1e18, -1.0, 0.0, 2.0**31 - 1, 2.0**31 + 2**32, 1e18])
def test_any_time_makes_a_stamp(seconds: float) -> None:
    assert 0 <= seconds_of(time_message(seconds)) <= 2**31


def test_an_imported_thumbnail_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    jpeg = bytearray(thumbnail(np.zeros((8, 8, 3), np.uint8)))
    sides = jpeg.index(b"\xff\xc0") + 5
    jpeg[sides : sides + 4] = (16_000).to_bytes(2, "big") * 2
    exported = tmp_path / "memory.zip"
    with Memory(tmp_path / "theirs", "b@1", merge=MergeSettings(enabled=False)) as memory:
        memory.remember(VECTOR, Observation(1.0, thumbnail=bytes(jpeg)))
        export_memory(memory, "b@1", 512, exported)
    with (
        Memory(tmp_path / "ours", "b@1") as memory,
        pytest.raises(InvalidMemory, match="thumbnail of memory .* is over 1000000 pixels"),
    ):
        import_memory(memory, "b@1", 512, exported)
