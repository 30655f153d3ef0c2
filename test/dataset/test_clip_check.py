# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Clips that Whisper tiny.en itself cannot place leave a data set and do not come back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from visual_byte_core.dataset.clip_check import UNPLACED, take_out_unplaced, unplaced_clips
from visual_byte_core.dataset.collect_config import CollectConfig, PhotoSource
from visual_byte_core.dataset.collection import collect
from visual_byte_core.dataset.voice_sources import VoiceSource
from visual_byte_core.errors import DataError
from visual_byte_testing.paths import ROOT

WORDS = ("banana", "hammer", "sea_lion", "oxcart", "shark", "violin", "teapot")


@pytest.fixture
def config(tmp_path: Path) -> CollectConfig:
    names = "".join(f"{word.replace('_', ' ')}\n" for word in WORDS)
    (tmp_path / "names.csv").write_text(f"en\n{names}", encoding="utf-8")
    voices = (VoiceSource("hibari", training=("heart", "heart@0.8", "heart@1.2")),)
    photos = (PhotoSource(str(ROOT / "examples" / "photos")),)
    out, clips = str(tmp_path / "out"), str(tmp_path / "clips")
    return CollectConfig(out, str(tmp_path / "names.csv"), photos, voices, clips=clips, check_clips=True)


def test_a_clip_of_other_words_is_taken_out_and_not_spoken_again(config: CollectConfig) -> None:
    out = Path(config.out)
    assert collect(config).unplaced == ()
    wrong = out / "audio" / "hammer" / "en" / "hibari_heart_1.wav"
    shutil.copy(out / "audio" / "shark" / "en" / "hibari_heart_1.wav", wrong)
    # Among seven words, almost every one is among the nearest five.
    assert take_out_unplaced(out, nearest=1) == ("audio/hammer/en/hibari_heart_1.wav",) and not wrong.exists()
    again = collect(config)
    assert again.spoken == 0 and again.unplaced == () and not wrong.exists()
    assert unplaced_clips(out) == {"audio/hammer/en/hibari_heart_1.wav"}


def test_clips_of_which_most_cannot_be_placed_are_an_error(config: CollectConfig) -> None:
    collect(config)
    out = Path(config.out)
    for turn, voice in enumerate(("hibari_heart_0.8.wav", "hibari_heart_1.2.wav"), start=1):
        clips = [out / "audio" / word / "en" / voice for word in WORDS]
        contents = [clip.read_bytes() for clip in clips]
        for clip, content in zip(clips, contents[turn:] + contents[:turn], strict=True):  # they say another word
            clip.write_bytes(content)
    with pytest.raises(DataError, match="Whisper cannot place .* of 21 clips, over 25%, such as audio/"):
        take_out_unplaced(out, nearest=1)
    assert not (out / UNPLACED).exists() and len([*out.glob("audio/*/en/*.wav")]) == 21
