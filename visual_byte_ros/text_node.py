# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Turns typed names into queries."""

from __future__ import annotations

import sys

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import String

from visual_byte.msg import Matches, Query
from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.errors import InvalidText
from visual_byte_core.rendering.text import render_text
from visual_byte_ros.answer_messages import NOBODY_LISTENS, rejected
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.parameters import AUTOSTART, BUNDLE, Parameter
from visual_byte_ros.paths import bundle_path
from visual_byte_ros.qos import RELIABLE
from visual_byte_ros.query_messages import new_query

PARAMETERS = (
    AUTOSTART,
    BUNDLE,
    Parameter("language", "", "Language typed, passed on in each query.", expected="BCP 47 tag (en, ko) or empty"),
)
TEXT = Topic("text", String, RELIABLE, "A name as it was typed, in any script.")
QUERY = Topic("query", Query, RELIABLE, "What was typed, rendered for the bundle.")
MATCHES = Topic("matches", Matches, RELIABLE, "The rejection of a text that cannot be a query, with the reason.")
INTERFACES = Interfaces(publishes=(QUERY, MATCHES), subscribes=(TEXT,))
MAX_ECHO_CHARACTERS = 80


class TextNode(ManagedNode):
    """Topic `text` in, `query` out; a text that cannot be a query is REJECTED on `matches`, with the reason."""

    def __init__(self, **options: object) -> None:
        super().__init__("text_node", PARAMETERS, **options)
        self._bundle: Bundle | None = None
        self._asked = self._refused = 0

    def open(self) -> None:
        self._bundle = load_bundle(bundle_path(self.parameters["bundle"]))
        self._language = self.parameters["language"]
        self._queries = self.publish_on(QUERY)
        self._matches = self.publish_on(MATCHES)
        self.subscribe_to(TEXT, self._take)

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        values = {
            "bundle": self._bundle.id,
            "listeners": self._queries.get_subscription_count(),
            "queries": self._asked,
            "refused texts": self._refused,
        }
        return DiagnosticStatus.OK, "", values

    def _take(self, message: String) -> None:
        if not self.active:
            return
        renderer = self._bundle.renderer
        query = new_query(self, self._bundle, Query.TEXT, message.data, self._language)
        try:
            query.image = to_message(render_text(message.data, renderer.size_of("text"), renderer.text))
        except InvalidText as error:
            query.text = message.data[:MAX_ECHO_CHARACTERS]
            self._refuse(query, str(error))
            return
        if self._queries.get_subscription_count() == 0:
            self._refuse(query, NOBODY_LISTENS)
            return
        self._asked += 1
        self._queries.publish(query)

    def _refuse(self, query: Query, reason: str) -> None:
        self._refused += 1
        self.get_logger().warning(f"refused {query.text!r}: {reason}")
        self._matches.publish(rejected(query, reason, bundle=self._bundle.id))


def main() -> None:
    sys.exit(run([TextNode]))


if __name__ == "__main__":
    main()
