# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of microphone_node."""

from __future__ import annotations

from visual_byte_core.capture.sound_source import MAX_CHANNELS, SOURCES
from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY
from visual_byte_core.capture.utterance_detector import MODES
from visual_byte_core.capture.voice_activity import VOICE_ACTIVITIES
from visual_byte_ros.parameters import AUTOSTART, BUNDLE, Parameter

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
    Parameter("channel", 0, "Channel of the microphone that is heard, from 1; 0 is the mean of all.", 0, MAX_CHANNELS),
    Parameter("folder", "", "Recordings to play, for source folder; each is a question.", expected="path of a folder"),
    Parameter("speed", 1.0, "How many times faster than life recordings are played.", 0.1, 1000.0),
    Parameter("loop", False, "Begin again after the last recording."),
    Parameter("language", "", "Language spoken, passed on in each query.", expected="BCP 47 tag (en, ko) or empty"),
    Parameter("mode", "both", "What begins an utterance: a voice, the topic ~/push_to_talk, or either.", choices=MODES),
    Parameter(
        "voice_activity",
        "silero",
        "How a voice is told from other sound: by Silero VAD, or by its level over the noise of the room.",
        choices=VOICE_ACTIVITIES,
    ),
    Parameter(
        "voice_probability",
        0.5,
        "How sure Silero VAD must be that somebody speaks, for an utterance to begin; for voice_activity silero.",
        0.2,
        0.95,
    ),
    Parameter(
        "threshold_dbfs",
        -60.0,
        "Level that a voice must exceed, in decibels under full scale.",
        -100.0,
        0.0,
        unit="dBFS",
    ),
    Parameter(
        "above_noise_db",
        10.0,
        "Decibels by which it must exceed the noise of the room, too; for voice_activity energy.",
        0.0,
        60.0,
        unit="dB",
    ),
    Parameter(
        "pre_roll_s",
        0.25,
        "Seconds kept before and after an utterance, as far as they stand out from the noise, for soft consonants.",
        0.0,
        1.0,
        unit="s",
    ),
    Parameter("hangover_s", 0.5, "Seconds without a voice that end an utterance.", 0.1, 2.0, unit="s"),
    Parameter(
        "min_utterance_s", 0.1, "Seconds of voice under which it is a click and no utterance.", 0.02, 1.0, unit="s"
    ),
    Parameter("max_utterance_s", 4.0, "Seconds after which an utterance is cut.", 1.1, 10.0, unit="s"),
    Parameter(
        "speech_probability",
        DEFAULT_SPEECH_PROBABILITY,
        "How sure Silero VAD must be that an utterance is speech; 0 lets every sound ask.",
        0.0,
        0.99,
        live=True,
    ),
)
