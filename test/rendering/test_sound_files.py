# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sound as drivers and recorders give it: shifted, cancelled, muted, unfinished, hours long, of any format."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from visual_byte_core.capture.sound_files import utterances_of
from visual_byte_core.capture.speech_likeness import SpeechLikeness
from visual_byte_core.capture.utterance_detector import UtteranceDetector, UtteranceSettings
from visual_byte_core.data_files import SOUND_SUFFIXES
from visual_byte_core.errors import InvalidSound
from visual_byte_core.rendering.sound_file import mono_blocks, read_sound, sound_header
from visual_byte_core.rendering.sound_signal import RATE, one_channel
from visual_byte_core.rendering.speech import render_speech
from visual_byte_testing.paths import BANANA

OFFSETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.69, -0.4)


@pytest.fixture(scope="module")
def word() -> np.ndarray:
    """A word between two pauses, with a peak of 0.3."""
    samples, _ = soundfile.read(BANANA)
    return np.concatenate([np.zeros(RATE // 2), samples / abs(samples).max(), np.zeros(RATE // 2)]) * 0.3


@pytest.mark.parametrize("rate", [RATE, 48_000, 8_000])
@pytest.mark.parametrize("offset", OFFSETS)
def test_an_offset_changes_neither_picture_nor_gate(word: np.ndarray, rate: int, offset: float) -> None:
    samples = soxr.resample(word, RATE, rate)
    plain, shifted = (render_speech(sound, rate, 96).astype(int) for sound in (samples, samples + offset))
    assert np.abs(plain - shifted).max() <= 1
    gate = SpeechLikeness()
    assert gate.probability(samples + offset, rate) == pytest.approx(gate.probability(samples, rate), abs=1e-3)


def heard(samples: np.ndarray, settings: UtteranceSettings) -> list[np.ndarray]:
    detector = UtteranceDetector(settings, after_silence=True)
    blocks = [samples[i : i + 800].astype(np.float32) for i in range(0, len(samples), 800)]
    found = [utterance for block in blocks for utterance in detector.push(block)]
    return [one.samples for one in found + [last for last in [detector.finish()] if last]]


@pytest.mark.parametrize("activity", ["silero", "energy"])
@pytest.mark.parametrize("offset", OFFSETS)
def test_an_offset_changes_nothing_of_what_is_heard(word: np.ndarray, activity: str, offset: float) -> None:
    settings = UtteranceSettings(voice_activity=activity)
    (plain,), (shifted,) = heard(word, settings), heard(word + offset, settings)
    assert len(plain) == len(shifted) and np.abs(shifted - offset - plain).max() < 1e-6


def test_an_offset_that_drifts_changes_nothing_either(word: np.ndarray) -> None:
    drift = np.linspace(0.3, 0.32, len(word))
    (utterance,) = heard(word + drift, UtteranceSettings())
    assert SpeechLikeness().probability(utterance, RATE) > 0.9


def test_the_preparation_takes_out_the_mean_before_it_changes_the_rate(word: np.ndarray) -> None:
    samples = soxr.resample(word, RATE, 44_100)
    plain, shifted = one_channel(samples, 44_100), one_channel(samples + 0.5, 44_100)
    assert np.abs(plain - shifted).max() < 1e-6 and abs(shifted.mean()) < 1e-9


def test_each_kind_of_silence_has_its_own_words(word: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(size=RATE)
    for samples, says in (
        (np.zeros(RATE), "silent, every sample is 0: the microphone is muted"),
        (np.full(RATE, 0.25), "silent, every sample is 0.25: the microphone is muted"),
        (noise * 1e-7, r"silent, its peak of -12\d dBFS is under one 16-bit step: raise the gain"),
        (np.stack([word, -word], axis=1), "its channels cancel one another"),
        (np.stack([word, -word], axis=1) + 0.1, "its channels cancel one another"),
    ):
        with pytest.raises(InvalidSound, match=f"^sound: {says}"):
            render_speech(samples, RATE, 96)
    render_speech(np.stack([word, np.zeros_like(word)], axis=1), RATE, 96)  # one channel is not connected


def with_sizes(source: Path, target: Path, size: bytes) -> Path:
    """The WAV with this size in its two headers, as a recorder that was killed leaves them."""
    content = source.read_bytes()
    at = content.index(b"data") + 4
    target.write_bytes(content[:4] + size + content[8:at] + size + content[at + 4 :])
    return target


def test_a_header_that_was_not_finished(word: np.ndarray, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.wav", word, RATE)
    unfinished = with_sizes(tmp_path / "whole.wav", tmp_path / "zero.wav", bytes(4))
    for read in (
        read_sound,
        sound_header,
        lambda path: list(mono_blocks(path)),
        lambda path: list(utterances_of(path)),
    ):
        with pytest.raises(InvalidSound, match=r"zero.wav: its header says that it holds 0 samples, but \d+ bytes are"):
            read(unfinished)
    endless = with_sizes(tmp_path / "whole.wav", tmp_path / "endless.wav", b"\xff" * 4)
    assert np.array_equal(read_sound(endless)[0], read_sound(tmp_path / "whole.wav")[0])
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    with pytest.raises(InvalidSound, match="empty.wav: holds no samples"):
        read_sound(tmp_path / "empty.wav")


@pytest.fixture(scope="module")
def long_recording(word: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes, 48 kHz, stereo, 115 MB once it is read; two names in it."""
    path = tmp_path_factory.mktemp("long") / "left_on.flac"
    said, quiet = soxr.resample(word, RATE, 48_000), np.zeros((48_000 * 30, 2), np.float32)
    with soundfile.SoundFile(path, "w", 48_000, 2) as file:
        for minute in range(20):
            file.write(quiet)
            if minute in (3, 11):
                file.write(np.stack([said, said], axis=1))
    return path


def test_a_long_recording_takes_no_more_memory_than_a_block(long_recording: Path) -> None:
    tracemalloc.start()
    with pytest.raises(InvalidSound, match=r"left_on.flac: 60\d s long, at most 60 s are read at once"):
        read_sound(long_recording)
    seconds = sum(len(block) for block, _ in mono_blocks(long_recording)) / RATE
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds == pytest.approx(sound_header(long_recording).seconds, abs=0.1) and peak < 8_000_000


def test_the_utterances_in_a_long_recording(long_recording: Path, word: np.ndarray) -> None:
    found = list(utterances_of(long_recording))
    assert [round(begin) for begin, _ in found] == pytest.approx([120, 362], abs=2)
    assert all(0.2 < utterance.seconds < 1.5 for _, utterance in found)


@pytest.mark.parametrize("rate", [RATE, 48_000, 44_100])
def test_block_by_block_is_the_same_as_at_once(word: np.ndarray, tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([soxr.resample(word, RATE, rate)] * 2, 1), rate, subtype="FLOAT")
    blocks = np.concatenate([block for block, _ in mono_blocks(tmp_path / "a.wav", 0.05)])
    samples, _ = read_sound(tmp_path / "a.wav")
    whole = samples.mean(axis=1) if rate == RATE else soxr.resample(samples.mean(axis=1), rate, RATE)
    assert len(blocks) == len(whole) and np.abs(blocks - whole).max() < 1e-5


def test_every_suffix_of_the_list_can_be_read(word: np.ndarray, tmp_path: Path) -> None:
    kinds = {".aif": "AIFF", ".aifc": "AIFF", ".wave": "WAV", ".oga": "OGG", ".opus": "OGG"}
    for suffix in SOUND_SUFFIXES:
        path = tmp_path / f"sound{suffix}"
        subtype = {"subtype": "OPUS"} if suffix == ".opus" else {}
        soundfile.write(path, word, RATE, format=kinds.get(suffix, suffix[1:].upper()), **subtype)
        assert read_sound(path)[1] >= RATE, suffix


def test_a_name_that_is_no_utf8_is_read_and_shown(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), "바나나".encode("cp949"))
    shutil.copyfile(BANANA, name + b".flac")
    path = Path(os.fsdecode(name + b".flac"))
    assert len(read_sound(path)[0]) == len(soundfile.read(BANANA)[0])
    with open(name + b".wav", "wb") as file:
        file.write(b"RIFF nothing")
    with pytest.raises(InvalidSound, match=r"\\xb9.*\.wav: cannot be read as sound"):
        read_sound(path.with_suffix(".wav"))


@pytest.mark.parametrize(
    ("name", "kind", "subtype"),
    [("a.wav", "WAV", "PCM_16"), ("b.aiff", "AIFF", "PCM_16"), ("c.mp3", "MP3", None), ("d.flac", "FLAC", None),
     ("e.ogg", "OGG", "VORBIS"), ("f.opus", "OGG", "OPUS")],
)  # fmt: skip
def test_a_sound_that_breaks_off_is_no_shorter_sound(
    word: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, kind: str, subtype: str | None
) -> None:
    soundfile.write(tmp_path / name, np.tile(word, 4), RATE, format=kind, subtype=subtype)
    content = (tmp_path / name).read_bytes()
    read_sound(tmp_path / name)
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    if name == "f.opus":  # it does not say how long it is, only where it ends
        read_sound(tmp_path / name)
        assert "f.opus: the OGG file has no end mark" in caplog.text
        return
    assert "end mark" not in caplog.text
    for read in (read_sound, lambda path: list(mono_blocks(path))):
        with pytest.raises(InvalidSound, match=f"{name}: (breaks off|cannot be read|its header says that it holds 0)"):
            read(tmp_path / name)
