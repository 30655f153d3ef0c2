# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`~/debug_image`: a picture that explains each answer, made only while somebody looks."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import numpy as np
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.lifecycle import LifecyclePublisher
from std_msgs.msg import Header

from visual_byte.msg import Query
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.answer import Answer
from visual_byte_core.engine.engine import Engine
from visual_byte_core.memory.memory import Memory
from visual_byte_core.rendering.query import RenderedQuery
from visual_byte_core.views.debug_picture import draw_explanation
from visual_byte_core.views.explanation import Explanation, explain
from visual_byte_core.views.lettering import Lettering
from visual_byte_ros.image_messages import to_message


class DebugImages:
    """Makes the pictures in the engine's thread, when no query waits; of queries that come thick, of the last."""

    def __init__(self, publisher: LifecyclePublisher, engine: Engine, log: RcutilsLogger) -> None:
        self._publisher, self._engine, self._log = publisher, engine, log
        self._lettering = Lettering()
        self._drawing = threading.Lock()

    def explain(self, query: Query, asked: RenderedQuery, answer: Answer, now: float, map_id: str) -> None:
        """now: seconds since 1970. map_id: the map that the robot is in."""
        if not self._publisher.get_subscription_count():
            return

        def explained(embedder: Embedder, memory: Memory) -> Explanation:
            return explain(embedder, memory, asked, query.text, answer, now, map_id)

        self._engine.do_aside(explained).add_done_callback(lambda future: self._publish(query.header, future))

    def explain_rejection(self, query: Query, picture: np.ndarray | None, reason: str, now: float) -> None:
        """Draw a query that was rejected, and why.

        Args:
            picture: what the query holds, uint8 (height, width, 3) RGB, None if it cannot be read.
            now: seconds since 1970.
        """
        if not self._publisher.get_subscription_count():
            return
        rejection = Explanation(picture, query.modality, query.text, "REJECTED", reason, now)
        self._draw(query.header, rejection)

    def _publish(self, header: Header, explained: Future[Explanation]) -> None:
        if explained.cancelled():
            return
        if error := explained.exception():
            self._log.warning(f"no debug image: {error}", throttle_duration_sec=5.0)
            return
        self._draw(header, explained.result())

    def _draw(self, header: Header, explanation: Explanation) -> None:
        with self._drawing:  # a query may be rejected in another thread; a font is for one at a time
            picture = to_message(draw_explanation(explanation, self._lettering))
        picture.header = header
        self._publisher.publish(picture)
