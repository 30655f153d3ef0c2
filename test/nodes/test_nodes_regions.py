# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A real embedding_node with `regions: true`: the region comes with the answer, and each answer has its picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sensor_msgs.msg import Image

from visual_byte.msg import Query
from visual_byte.srv import Find, Remember
from visual_byte_ros.image_messages import to_message, to_rgb
from visual_byte_testing.graph import Graph, open_graph
from visual_byte_testing.sample_bundle import write_sample_bundle


def pattern(seed: int) -> np.ndarray:
    """uint8 (128, 128, 3), blocks of colour that no other seed has."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return blocks.repeat(32, axis=0).repeat(32, axis=1)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    folder = tmp_path_factory.mktemp("regions")
    with open_graph(folder) as graph:
        bundle = write_sample_bundle(folder / "bundle")
        graph.start(
            "embedding_node",
            bundle=str(bundle.path),
            memory_folder=str(folder / "memory"),
            regions=True,
            region_size=0.5,
        )
        yield graph


def test_the_answer_says_which_region_of_which_frame(graph: Graph) -> None:
    scene = np.vstack([np.hstack([pattern(1), pattern(2)]), np.hstack([pattern(3), pattern(4)])])
    frame = graph.call(Remember, "embedding_node/remember", image=to_message(scene)).id
    nearest = graph.call(Find, "embedding_node/find", image=to_message(pattern(3)), k=5).matches.nearest
    assert len(nearest) == 1 and nearest[0].parent_id == frame
    region = nearest[0].region_of_interest
    assert (region.x_offset, region.y_offset, region.width, region.height) == (0, 128, 128, 128)
    whole = graph.call(Find, "embedding_node/find", image=to_message(scene), k=5).matches
    assert [match.id for match in whole.matches] == [frame] and whole.matches[0].parent_id == ""


def test_answers_and_rejections_have_their_pictures(graph: Graph) -> None:
    pictures = graph.collect(Image, "embedding_node/debug_image", 1)
    queries = graph.publisher(Query, "query")
    for modality, badge in (("image", (250, 190, 70)), ("smell", (240, 105, 95))):
        query = Query(id=modality, modality=modality, text="사과", image=to_message(pattern(9)))
        query.header.frame_id = modality

        def drawn(modality: str = modality) -> list[Image]:
            return [picture for picture in list(pictures) if picture.header.frame_id == modality]

        graph.repeat(lambda query=query: queries.publish(query), lambda: bool(drawn()), f"a picture of {modality}")
        picture = to_rgb(drawn()[0])
        assert picture.shape == (600, 640, 3) and tuple(picture[12, 24]) == badge
