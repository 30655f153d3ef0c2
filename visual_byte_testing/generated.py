# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Generated messages, valid and not, for every subscription and every service of running nodes."""

from __future__ import annotations

import array
import importlib
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import cv2
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy._rclpy_pybind11 import RCLError
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from visual_byte_core.messages.images import ENCODINGS
from visual_byte_testing.graph import RELIABLE, Graph

ANSWER_S = 15.0
WORDS = ("", "mug", "사과", "apple", "text", "audio", "image", "map", "home", "camera", "k", "remember_frames",
         "threads", "../../../etc/passwd", "/", "\u202eevil", "a\nb", "%s%n", "{0}", "'; drop", "x" * 300,
         "ß" * 10_000)  # fmt: skip
IDS = tuple(f"{number:08d}-0000-4000-8000-000000000000" for number in range(3))
BAD_WORDS = ("Traceback", "unexpected error", "please report")
# A node that is told to shut down does so, and is then no longer there to be asked.
SHUTDOWNS = {Transition.TRANSITION_DESTROY, *range(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN, 8)}


@dataclass(frozen=True)
class Endpoint:
    """A subscription or a service of a node. name: fully resolved; kind: of the messages, or of the service."""

    node: str
    name: str
    kind: Any
    is_service: bool

    @property
    def ours(self) -> bool:
        """Not one that rclpy gives every node."""
        return not self.is_service or self.kind.__module__.startswith("visual_byte.")


@dataclass
class Sent:
    """messages: sent; answers: responses of a service by their `code`, "" for done."""

    messages: int
    answers: dict[str, int]


def endpoints(graph: Graph, nodes: Iterable[str]) -> list[Endpoint]:
    """All that the nodes, which are active, listen to, in a fixed order."""
    found = set()
    for node in nodes:
        subscribed = graph.node.get_subscriber_names_and_types_by_node(node, graph.namespace)
        served = graph.node.get_service_names_and_types_by_node(node, graph.namespace)
        for names_and_types, is_service in ((subscribed, False), (served, True)):
            found |= {Endpoint(node, name, interface(types[0]), is_service) for name, types in names_and_types}
    return sorted(found, key=lambda one: (one.node, one.is_service, one.name))


def interface(name: str) -> Any:
    """The class of a type such as `std_msgs/msg/String` or `std_msgs/String`."""
    parts = name.split("/")
    module = importlib.import_module(f"{parts[0]}.{parts[1] if len(parts) == 3 else 'msg'}")
    return getattr(module, parts[-1])


def attack(graph: Graph, endpoint: Endpoint, messages: int, words: tuple[str, ...] = (), seed: int = 0) -> Sent:
    """Send that many generated messages, each when the node has dealt with the one before.

    words: texts that the node knows, beside any others. Fails if a response does not come or tells of a bug.
    """
    kind = endpoint.kind.Request if endpoint.is_service else endpoint.kind
    send = _caller(graph, endpoint) if endpoint.is_service else _publisher(graph, endpoint)
    sent = Sent(0, {})

    @seeded(seed)
    @settings(
        max_examples=messages,
        phases=[Phase.generate],  # a node cannot be led back to where it was, so nothing can be made smaller
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(messages_of(kind, (*WORDS, *words)))
    def one(message: Any) -> None:
        if kind is ChangeState.Request and message.transition.id in SHUTDOWNS:
            return
        code = send(message)
        sent.messages += 1
        sent.answers[code] = sent.answers.get(code, 0) + 1

    one()
    return sent


def attack_with_torn_messages(graph: Graph, endpoint: Endpoint, messages: int, seed: int = 0) -> Sent:
    """The same with valid messages of which bytes were changed, cut off or added on the way."""
    send = _publisher(graph, endpoint)
    sent = Sent(0, {})

    @seeded(seed)
    @settings(
        max_examples=messages,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(messages_of(endpoint.kind, WORDS), st.data())
    def one(message: Any, data: st.DataObject) -> None:
        whole = bytearray(serialize_message(message))
        for _ in range(data.draw(st.integers(0, 4))):
            whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.sampled_from((0, 1, 127, 128, 255)))
        end = data.draw(st.integers(4, len(whole) + 8))
        try:
            send(bytes(whole[:end]).ljust(end, b"\xff"))
        except RCLError:
            assert end > len(whole)  # what has no text and no list in it cannot be sent longer than it is
            return
        sent.messages += 1

    one()
    return sent


def bring_back(graph: Graph, node: str) -> None:
    """Activate a node that was told to be something else."""
    ways = {State.PRIMARY_STATE_UNCONFIGURED: Transition.TRANSITION_CONFIGURE}
    ways[State.PRIMARY_STATE_INACTIVE] = Transition.TRANSITION_ACTIVATE
    for _ in range(3):
        state = graph.call(GetState, f"{node}/get_state").current_state.id
        if state in ways:
            graph.call(ChangeState, f"{node}/change_state", transition=Transition(id=ways[state]))
    assert graph.call(GetState, f"{node}/get_state").current_state.id == State.PRIMARY_STATE_ACTIVE


def messages_of(kind: Any, words: tuple[str, ...]) -> st.SearchStrategy:
    """Messages of a type: any values in its fields, and often such as mean something."""
    if kind is Image:
        return _images(words)
    if kind is CompressedImage:
        return _compressed_images(words)
    fields = {name: _values(of, words) for name, of in kind.get_fields_and_field_types().items()}
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def _images(words: tuple[str, ...]) -> st.SearchStrategy:
    """Pictures that are whole, and such of which one field contradicts the others."""
    side = st.sampled_from((0, 1, 2, 3, 8, 31, 32, 33))

    def build(width: int, height: int, encoding: str, wrong: dict[str, Any], padding: int, header: Any) -> Image:
        known = ENCODINGS.get(encoding)
        step = width * (known.channels * known.depth if known else 3) + padding
        data = array.array("B", bytes(range(256)) * (step * height // 256 + 1))[: step * height]
        return Image(**{"header": header, "width": width, "height": height, "encoding": encoding, "step": step,
                        "data": data, **wrong})  # fmt: skip

    wrong = st.fixed_dictionaries(
        {},
        optional={
            "width": _values("uint32", words),
            "height": _values("uint32", words),
            "step": _values("uint32", words),
            "is_bigendian": _values("uint8", words),
            "data": st.binary(max_size=200).map(lambda data: array.array("B", data)),
        },
    )
    whole: st.SearchStrategy[dict[str, Any]] = st.just({})
    encodings = st.sampled_from(tuple(ENCODINGS)) | st.sampled_from(("32FC1", "jpeg", "", "rgb8 ", "x" * 1000))
    header = messages_of(interface("std_msgs/msg/Header"), words)
    return st.builds(build, side, side, encodings, whole | wrong, st.sampled_from((0, 0, 1, 7)), header)


def _compressed_images(words: tuple[str, ...]) -> st.SearchStrategy:
    """JPEG and PNG, whole, cut off, or with bytes changed: sides of 65535 pixels among them."""
    picture = np.arange(3 * 16 * 24, dtype=np.uint8).reshape(16, 24, 3)
    files = [cv2.imencode(suffix, picture)[1].tobytes() for suffix in (".jpg", ".png", ".bmp")]

    def build(file: bytes, changes: list[tuple[int, int]], end: int, form: str, header: Any) -> CompressedImage:
        data = bytearray(file)
        for place, value in changes:
            data[place % len(data)] = value
        return CompressedImage(header=header, format=form, data=array.array("B", data[: len(data) - end]))

    changes = st.lists(st.tuples(st.integers(0, 400), st.sampled_from((0, 1, 127, 255))), max_size=4)
    header = messages_of(interface("std_msgs/msg/Header"), words)
    ends = st.sampled_from((0, 0, 0, 1, 20, 200))
    return st.builds(build, st.sampled_from(files), changes, ends, st.sampled_from(("jpeg", *words)), header)


def _values(of: str, words: tuple[str, ...]) -> st.SearchStrategy:
    """Values of a field by the name of its type."""
    if listed := re.fullmatch(r"sequence<(.+?)(?:, \d+)?>", of):
        most = 2 if "/" in listed[1] else 8  # messages in messages in messages take long to make
        return st.lists(_values(listed[1], words), max_size=most).map(_typed(listed[1]))
    if fixed := re.fullmatch(r"(.+)\[(\d+)\]", of):
        size = int(fixed[2])
        values = st.lists(_values(fixed[1], words), min_size=size, max_size=size)
        return st.just([0.0] * size) | values if fixed[1] == "double" else values
    if "/" in of:
        return messages_of(interface(of), words)
    return _value(of, words)


def _value(of: str, words: tuple[str, ...]) -> st.SearchStrategy:
    if of.startswith("string"):
        characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
        return st.sampled_from((*words, *IDS)) | st.text(characters, max_size=40)
    if of == "boolean":
        return st.booleans()
    if of == "octet":
        return st.binary(min_size=1, max_size=1)
    if of in ("double", "float"):
        # No subnormal ones: training, tested in the same process, has the processor take them for zero.
        return st.floats(width=64 if of == "double" else 32, allow_subnormal=False) | st.sampled_from((0.0, 1.0, -1.0))
    signed, bits = re.fullmatch(r"(u?)int(\d+)", of).groups()
    lowest, highest = (0, 2 ** int(bits) - 1) if signed else (-(2 ** (int(bits) - 1)), 2 ** (int(bits) - 1) - 1)
    return st.integers(lowest, highest) | st.sampled_from((0, 1, 2, 3, 10, highest))


def _typed(of: str) -> Callable[[list], Any]:
    """What rclpy takes for a sequence without a look at every value."""
    return (lambda values: array.array("B", values)) if of == "uint8" else lambda values: values


def _caller(graph: Graph, endpoint: Endpoint) -> Callable[[Any], str]:
    local = endpoint.name.removeprefix(f"{graph.namespace}/")
    client = graph.client(endpoint.kind, local)

    def call(request: Any) -> str:
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(ANSWER_S):
            said = [process.output()[-2000:] for process in graph.processes if endpoint.node in process.log.name]
            raise AssertionError(f"{endpoint.name} never answered {str(request)[:2000]}\n{said}")
        response = future.result()
        message = str(getattr(response, "message", ""))
        assert not any(word in message for word in BAD_WORDS), f"{message}\nto {str(request)[:2000]}"
        return str(getattr(response, "code", ""))

    return call


def _publisher(graph: Graph, endpoint: Endpoint) -> Callable[[Any], str]:
    """The node has dealt with the messages when it answers what was asked after them."""
    publisher = graph.publisher(endpoint.kind, endpoint.name, RELIABLE)
    wait = _caller(graph, Endpoint(endpoint.node, f"{endpoint.node}/get_state", GetState, True))

    numbers = count()

    def publish(message: Any) -> str:
        publisher.publish(message)
        if endpoint.kind is Image or next(numbers) % 5 == 0:  # of images it keeps only the newest, of others ten
            wait(GetState.Request())
        return ""

    return publish
