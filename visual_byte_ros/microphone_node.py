# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Turns spoken names, live or recorded, into queries.

    microphone_node [--list] [--ros-args ...]

--list prints the microphones of this machine and ends.
"""

from __future__ import annotations

import sys

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.timer import Timer
from rclpy.utilities import remove_ros_args
from std_msgs.msg import Bool, Float32

from visual_byte.msg import Matches, Query
from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.capture.microphone import microphones_table
from visual_byte_core.capture.sound_source import SoundSettings
from visual_byte_core.capture.source_state import SourceState
from visual_byte_core.capture.speech_likeness import SpeechLikeness
from visual_byte_core.capture.utterance_detector import Utterance, UtteranceSettings
from visual_byte_core.capture.utterance_listener import Listener
from visual_byte_core.errors import InvalidSound, VisualByteError
from visual_byte_core.rendering.speech import render_speech
from visual_byte_ros.answer_messages import NOBODY_LISTENS, rejected
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.microphone_parameters import PARAMETERS
from visual_byte_ros.paths import bundle_path
from visual_byte_ros.qos import RELIABLE
from visual_byte_ros.query_messages import new_query

QUERY = Topic("query", Query, RELIABLE, "What was said, rendered for the bundle.")
MATCHES = Topic("matches", Matches, RELIABLE, "The rejection of a sound that cannot be a query, with the reason.")
LEVEL = Topic("~/level", Float32, RELIABLE, "Level of the sound in dBFS, ten times a second while somebody subscribes.")
PUSH_TO_TALK = Topic(
    "~/push_to_talk",
    Bool,
    RELIABLE,
    "true begins an utterance at once, false ends it.",
    when="mode is push_to_talk or both",
)
INTERFACES = Interfaces(publishes=(QUERY, MATCHES, LEVEL), subscribes=(PUSH_TO_TALK,))
LEVEL_S = 0.1


class MicrophoneNode(ManagedNode):
    """Topic `query` out; a sound that cannot be a query is REJECTED on `matches`, with the reason."""

    def __init__(self, **options: object) -> None:
        super().__init__("microphone_node", PARAMETERS, **options)
        self._bundle: Bundle | None = None
        self._listener: Listener | None = None
        self._speech: SpeechLikeness | None = None
        self._meter_timer: Timer | None = None
        self._refused = 0

    def open(self) -> None:
        self._bundle = load_bundle(bundle_path(self.parameters["bundle"]))
        self._language = self.parameters["language"]
        self._speech = SpeechLikeness()
        self._queries = self.publish_on(QUERY)
        self._matches = self.publish_on(MATCHES)
        self._levels = self.publish_on(LEVEL)
        utterances = self.parameters.settings(UtteranceSettings)
        self._listener = Listener(
            self.parameters.settings(SoundSettings),
            utterances,
            self._ask,
            self._refuse,
            self.get_logger(),
            wanted=self._is_subscribed,
        )
        self.get_logger().info(f"hears {self._listener.device}")
        if utterances.mode != "voice":
            self.subscribe_to(PUSH_TO_TALK, self._press)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._meter_timer = self.create_timer(LEVEL_S, self._publish_level, clock=steady)

    def start(self) -> None:
        self._listener.start()

    def stop(self) -> None:
        if self._listener:
            self._listener.stop()

    def close(self) -> None:
        if self._meter_timer:
            self.destroy_timer(self._meter_timer)
            self._meter_timer = None
        if self._listener:
            self._listener.close()
            self._listener = None

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        listener, meter, status = self._listener, self._listener.meter, self._listener.status
        values = {
            "bundle": self._bundle.id,
            "source": listener.device,
            "level dBFS": f"{meter.level_dbfs:.1f}",
            "noise dBFS": f"{meter.noise_dbfs:.1f}",
            "clipped share": f"{meter.clipped:.3f}",
            "digital silence s": f"{meter.silent_s:.0f}",
            "listeners": self._queries.get_subscription_count(),
            "utterances": listener.heard,
            "refused sounds": self._refused,
            "times lost": status.losses,
        }
        if status.state is SourceState.LOST:
            return DiagnosticStatus.ERROR, status.in_words, values
        if status.state is not SourceState.PLAYING:
            return DiagnosticStatus.OK, status.in_words, values
        warning = meter.warning()
        return (DiagnosticStatus.WARN if warning else DiagnosticStatus.OK), warning or "listening", values

    def _press(self, message: Bool) -> None:
        if self.active:
            self._listener.press(message.data)

    def _publish_level(self) -> None:
        if self.active and self._levels.get_subscription_count() > 0:
            self._levels.publish(Float32(data=self._listener.meter.level_dbfs))

    def _ask(self, name: str, utterance: Utterance) -> None:
        renderer = self._bundle.renderer
        try:
            self._speech.check(utterance.samples, utterance.rate, self.parameters["speech_probability"])
            image = render_speech(utterance.samples, utterance.rate, renderer.size_of("audio"), renderer.speech)
        except InvalidSound as error:
            self._refuse(name, str(error))
            return
        if not self._is_subscribed():
            self._refuse(name, NOBODY_LISTENS)
            return
        query = self._query(name)
        query.image = to_message(image)
        self._queries.publish(query)

    def _refuse(self, name: str, reason: str) -> None:
        self._refused += 1
        self.get_logger().warning(f"refused {name or 'what was said'}: {reason}")
        self._matches.publish(rejected(self._query(name), reason, bundle=self._bundle.id))

    def _query(self, name: str) -> Query:
        return new_query(self, self._bundle, Query.AUDIO, name, self._language)

    def _is_subscribed(self) -> bool:
        return self._queries.get_subscription_count() > 0


def print_microphones() -> int:
    """Print a table of the microphones that PortAudio sees; returns the exit code."""
    try:
        print(microphones_table())
    except VisualByteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> None:
    if "--list" in remove_ros_args(sys.argv)[1:]:
        sys.exit(print_microphones())
    sys.exit(run([MicrophoneNode]))


if __name__ == "__main__":
    main()
