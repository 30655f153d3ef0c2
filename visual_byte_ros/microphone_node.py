# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Turns spoken names, live or recorded, into queries."""

from __future__ import annotations

import sys
import uuid

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Header

from visual_byte.msg import Matches, Query
from visual_byte_core.capture.listener import Listener
from visual_byte_core.capture.sounds import SOURCES, SoundSettings
from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY, SpeechLikeness
from visual_byte_core.capture.utterance import Utterance, UtteranceSettings
from visual_byte_core.deployment.bundle import Bundle, load_bundle
from visual_byte_core.errors import InvalidSound
from visual_byte_core.rendering.speech import render_speech
from visual_byte_ros.images import to_message
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.messages import NOBODY_LISTENS, RELIABLE, rejected
from visual_byte_ros.parameters import AUTOSTART, BUNDLE, Parameter
from visual_byte_ros.share import bundle_path

PARAMETERS = (
    AUTOSTART,
    BUNDLE,
    Parameter("source", "device", "Where sound comes from.", choices=SOURCES),
    Parameter(
        "device",
        "",
        "The microphone, for source device; empty is the system's default.",
        expected="index or part of the name of a microphone",
        number_too=True,
    ),
    Parameter("folder", "", "Recordings to play, for source folder; each is a question.", expected="path of a folder"),
    Parameter("speed", 1.0, "How many times faster than life recordings are played.", 0.1, 1000.0),
    Parameter("loop", False, "Begin again after the last recording."),
    Parameter("language", "", "Language spoken, passed on in each query.", expected="BCP 47 tag (en, ko) or empty"),
    Parameter(
        "threshold_dbfs",
        -60.0,
        "Level that speech must exceed, in decibels under full scale.",
        -100.0,
        0.0,
        unit="dBFS",
    ),
    Parameter(
        "above_noise_db", 10.0, "Decibels by which it must exceed the noise of the room, too.", 0.0, 60.0, unit="dB"
    ),
    Parameter("pre_roll", 0.15, "Seconds kept before and after an utterance, for soft consonants.", 0.0, 1.0, unit="s"),
    Parameter("hangover", 0.5, "Seconds of quiet that end an utterance.", 0.1, 2.0, unit="s"),
    Parameter("shortest", 0.1, "Seconds of sound under which it is a click and no utterance.", 0.02, 1.0, unit="s"),
    Parameter("longest", 4.0, "Seconds after which an utterance is cut.", 1.1, 10.0, unit="s"),
    Parameter(
        "speech_probability",
        DEFAULT_SPEECH_PROBABILITY,
        "How sure Silero VAD must be that an utterance is speech; 0 lets every sound ask.",
        0.0,
        0.99,
        live=True,
    ),
)
QUERY = Topic("query", Query, RELIABLE, "What was said, rendered for the bundle.")
MATCHES = Topic("matches", Matches, RELIABLE, "The rejection of a sound that cannot be a query, with the reason.")
INTERFACES = Interfaces(publishes=(QUERY, MATCHES))
CLIPPED_SHARE = 0.01


class MicrophoneNode(ManagedNode):
    """Topic `query` out; a sound that cannot be a query is REJECTED on `matches`, with the reason."""

    def __init__(self, **options: object) -> None:
        super().__init__("microphone_node", PARAMETERS, **options)
        self._bundle: Bundle | None = None
        self._listener: Listener | None = None
        self._speech: SpeechLikeness | None = None
        self._refused = 0

    def open(self) -> None:
        self._bundle = load_bundle(bundle_path(self.parameters["bundle"]))
        self._language = self.parameters["language"]
        self._speech = SpeechLikeness()
        self._queries = self.publish_on(QUERY)
        self._matches = self.publish_on(MATCHES)
        sound = SoundSettings(
            source=self.parameters["source"],
            device=self.parameters["device"],
            folder=self.parameters["folder"],
            speed=self.parameters["speed"],
            loop=self.parameters["loop"],
        )
        utterances = UtteranceSettings(
            threshold_dbfs=self.parameters["threshold_dbfs"],
            above_noise_db=self.parameters["above_noise_db"],
            pre_roll=self.parameters["pre_roll"],
            hangover=self.parameters["hangover"],
            shortest=self.parameters["shortest"],
            longest=self.parameters["longest"],
        )
        self._listener = Listener(
            sound, utterances, self._ask, self._refuse, self.get_logger(), wanted=self._is_subscribed
        )

    def start(self) -> None:
        self._listener.start()

    def stop(self) -> None:
        if self._listener:
            self._listener.stop()

    def close(self) -> None:
        if self._listener:
            self._listener.close()
            self._listener = None

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        listener = self._listener
        values = {
            "bundle": self._bundle.id,
            "source": listener.settings.folder or listener.settings.device or "the default microphone",
            "level dBFS": f"{listener.level_dbfs:.1f}",
            "noise dBFS": f"{listener.noise_dbfs:.1f}",
            "clipped share": f"{listener.clipped:.3f}",
            "utterances": listener.heard,
            "refused sounds": self._refused,
        }
        if listener.state.startswith("lost"):
            return DiagnosticStatus.ERROR, listener.state, values
        if listener.clipped > CLIPPED_SHARE:
            return DiagnosticStatus.WARN, "the microphone is too loud: lower its gain", values
        return DiagnosticStatus.OK, listener.state, values

    def _ask(self, name: str, utterance: Utterance) -> None:
        renderer = self._bundle.renderer
        try:
            self._speech.check(utterance.samples, utterance.rate, self.parameters["speech_probability"])
            image = render_speech(utterance.samples, utterance.rate, renderer.size, renderer.speech)
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
        return Query(
            header=Header(stamp=self.get_clock().now().to_msg()),
            id=str(uuid.uuid4()),
            modality=Query.AUDIO,
            language=self._language,
            text=name,
            renderer=self._bundle.renderer.digest(),
        )

    def _is_subscribed(self) -> bool:
        return self._queries.get_subscription_count() > 0


def main() -> None:
    sys.exit(run([MicrophoneNode]))


if __name__ == "__main__":
    main()
