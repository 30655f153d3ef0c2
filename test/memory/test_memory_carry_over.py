# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory that an earlier version wrote with Qdrant Edge opens with all that is in it."""

from __future__ import annotations

import base64
import json
import logging
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
import qdrant_edge as qdrant

from visual_byte_core.errors import MemoryFolderError
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.taught_names import Prototype, taught_json
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, thumbnail_of

POSE = [1.0, 2.0, 3.0, 0.0, 0.0, 0.6, 0.8]


@pytest.fixture(params=[1, 2])
def earlier(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Fifty memories as the versions before wrote them; format 1 had neither places nor parts."""
    folder = tmp_path / "memory"
    (folder / "store").mkdir(parents=True)
    vectors = qdrant.EdgeVectorParams(
        size=DIMENSION, distance=qdrant.Distance.Cosine, datatype=qdrant.VectorStorageDatatype.Float16
    )
    store = qdrant.EdgeShard.create(str(folder / "store"), qdrant.EdgeConfig(vectors=vectors))
    points = []
    for number in range(50):
        payload = {
            "label": "mug" if number < 3 else "", "map_id": "kitchen", "frame_id": "camera", "first_seen": 1.0 * number,
            "last_seen": 2.0 * number, "times": 2, "source": str(number), "pose": POSE, "region": [1, 2, 3, 4],
            "thumbnail": base64.b64encode(thumbnail_of(number)).decode(),
        }  # fmt: skip
        if request.param == 2:
            payload |= {"places": [{"pose": POSE, "first_seen": 1.0, "last_seen": 2.0}], "part_of": ""}
        points.append(qdrant.Point(str(uuid.UUID(int=number)), embedding_of(number).tolist(), payload))
    store.update(qdrant.UpdateOperation.upsert_points(points))
    store.flush()
    store.close()
    manifest = {"format": request.param, "bundle": BUNDLE, "dimension": DIMENSION, "memories_at_least": 50}
    (folder / "memory.json").write_text(json.dumps(manifest))
    vector = embedding_of(1) / np.linalg.norm(embedding_of(1))
    (folder / "taught.json").write_bytes(taught_json({"mug": [Prototype("text", vector, "mug")]}))
    return folder


def test_everything_is_carried_over_once(earlier: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), Memory(earlier, BUNDLE, dimension=DIMENSION) as memory:
        assert "50 memories of an earlier format carried over" in caplog.text
        assert memory.count() == 50 and memory.taught.names == ["mug"]
        assert memory.count(Filter(label="mug", map_id="kitchen", seen_before=1.0)) == 2
        for number in (0, 7, 49):
            match = memory.search(embedding_of(number), 1)[0]
            assert match.id == str(uuid.UUID(int=number)) and match.score == pytest.approx(1, abs=1e-3)
            assert match.thumbnail == thumbnail_of(number) and match.source == str(number) and match.times == 2
            assert list(match.pose or ()) == list(match.places[-1].pose) == POSE and match.region == (1, 2, 3, 4)
    assert json.loads((earlier / "memory.json").read_text())["format"] == 3
    assert sorted(path.name for path in earlier.iterdir()) == ["memory.json", "store-1", "taught-1.json"]
    caplog.clear()
    with caplog.at_level(logging.INFO), Memory(earlier, BUNDLE, dimension=DIMENSION) as memory:
        assert memory.count() == 50 and "carried over" not in caplog.text


def test_without_the_engine_it_is_refused_with_the_command(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "qdrant_edge", None)
        with pytest.raises(MemoryFolderError, match="earlier format.* pip install qdrant-edge-py==0.9.0"):
            Memory(earlier, BUNDLE, dimension=DIMENSION)
    with Memory(earlier, BUNDLE, dimension=DIMENSION) as memory:
        assert memory.count() == 50


def test_a_damaged_one_is_refused_and_stays(earlier: Path) -> None:
    next(earlier.glob("store/segments/*/segment.json")).write_text("{")
    with pytest.raises(MemoryFolderError, match=r"damaged \(.*nothing was deleted"):
        Memory(earlier, BUNDLE, dimension=DIMENSION)
    assert json.loads((earlier / "memory.json").read_text())["format"] in (1, 2)
    assert (earlier / "store").is_dir()
