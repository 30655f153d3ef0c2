# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Whoever asks is answered within `answer_timeout_s`: under 30 frames a second, and when the memory hangs."""

from __future__ import annotations

from pathlib import Path

from visual_byte.msg import Matches, Query
from visual_byte.srv import Find
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.rendering.text import render_text
from visual_byte_ros.image_messages import to_message
from visual_byte_testing.busy import busy_loops
from visual_byte_testing.graph import ROOT, Graph, Process, open_graph
from visual_byte_testing.sample_bundle import write_sample_bundle

ANSWERS = {Matches.FOUND, Matches.NOT_FOUND, Matches.REJECTED}
TIMEOUT = 1.0  # the default of answer_timeout_s


def query(bundle: Bundle, number: int) -> Query:
    image = to_message(render_text(f"mug {number}", bundle.size_of("text"), bundle.renderer.text))
    return Query(id=str(number), modality=Query.TEXT, text="mug", renderer=bundle.renderer.digest(), image=image)


def ask(graph: Graph, bundle: Bundle, questions: int) -> list[Matches]:
    """The answers to questions on the topic, one after the other, each waited for."""
    answers = graph.collect(Matches, "matches")
    publisher = graph.publisher(Query, "query")
    graph.repeat(lambda: publisher.publish(query(bundle, 0)), lambda: bool(answers), "the first answer")
    for number in range(1, questions + 1):
        publisher.publish(query(bundle, number))
        graph.wait_for(answers, lambda answer, number=number: answer.id == str(number), f"an answer to {number}")
    return [answer for answer in answers if answer.id != "0"]


def test_under_thirty_frames_a_second_and_a_busy_machine(tmp_path: Path) -> None:
    bundle = write_sample_bundle(tmp_path / "bundle")
    with busy_loops(1), open_graph(tmp_path) as graph:
        graph.start("embedding_node", bundle=str(bundle.path), memory_folder=str(tmp_path / "memory"))
        graph.start("camera_node", source="folder", path=str(ROOT / "examples" / "photos"), rate=30.0, loop=True)
        graph.diagnosis("embedding_node", lambda values: int(values.get("memories", 0)) > 0)
        answers = ask(graph, bundle, 20)
        found = [graph.call(Find, "embedding_node/find", text=f"mug {n}").matches for n in range(10)]
        values = graph.diagnosis("embedding_node", lambda values: int(values["answered queries"]) > 0)
        assert int(values["remembered frames"]) + int(values["dropped frames"]) > 30
    for answer in [*answers, *found]:
        assert answer.status in ANSWERS and answer.seconds <= TIMEOUT
        assert answer.reason or answer.status == Matches.FOUND


def test_when_the_memory_hangs_the_question_is_rejected_in_time(tmp_path: Path) -> None:
    bundle = write_sample_bundle(tmp_path / "bundle")
    with open_graph(tmp_path) as graph:
        arguments = ["-r", f"__ns:={graph.namespace}", "-p", f"bundle:={bundle.path}"]
        arguments += ["-p", f"memory_folder:={tmp_path / 'memory'}"]
        log = tmp_path / "slow.log"
        graph.processes.append(Process("visual_byte_testing.slow_memory_node", log, arguments, {}))
        answers = ask(graph, bundle, 5)
        late = [answer for answer in answers if answer.status == Matches.REJECTED]
        assert late and all("no answer within 1 s" in answer.reason for answer in late)
        assert any(answer.status == Matches.NOT_FOUND for answer in answers), "it goes on when the memory is back"
        assert all(answer.seconds <= TIMEOUT for answer in answers)
        responses = [graph.call(Find, "embedding_node/find", text=f"mug {n}") for n in range(5)]
        codes = {response.code for response in responses}
        assert codes == {"", "TIMEOUT"}, codes
        for response in responses:
            assert response.matches.seconds <= TIMEOUT
            assert (response.matches.status == Matches.REJECTED) == (response.code == "TIMEOUT")
        values = graph.diagnosis("embedding_node", lambda values: int(values["late queries"]) >= len(late))
        assert int(values["answered queries"]) > 0
