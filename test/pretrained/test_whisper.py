# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Speech method 1, with a real Whisper that is tiny and has random weights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from visual_byte_core import cli
from visual_byte_core.dataset.image_cache import cached_speech, precompute, render_images
from visual_byte_core.errors import DataError, InvalidSound, ModelError
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.renderers import render_speech
from visual_byte_core.pretrained.torch_companions import import_companions
from visual_byte_core.rendering import speech
from visual_byte_core.rendering.settings import RendererSettings, SpeechSettings
from visual_byte_core.rendering.speech import RATE, read_sound
from visual_byte_testing.paths import BANANA, ROOT

import_companions()
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel  # noqa: E402


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_whisper(tmp_path_factory.mktemp("whisper"), seed=0)


def make_whisper(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    sizes = {f"{part}_{what}": n for part in ("encoder", "decoder") for what, n in [("layers", 1), ("ffn_dim", 32)]}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    tokens = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    WhisperModel(WhisperConfig(d_model=48, **sizes, **heads, **tokens)).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def method_1(whisper: Path) -> SpeechSettings:
    return SpeechSettings(method=1, whisper=str(whisper))


@pytest.fixture(scope="module")
def banana() -> np.ndarray:
    return read_sound(BANANA)[0]


def test_the_encoder_s_last_hidden_state_is_drawn(whisper: Path, method_1: SpeechSettings, banana: np.ndarray) -> None:
    image = render_speech(banana, RATE, 48, method_1)
    assert image.shape == (48, 48, 3) and image.dtype == np.uint8
    assert (image == image[:, :, :1]).all() and (image == render_speech(banana, RATE, 48, method_1)).all()
    # The same by transformers alone, for the part of the sound that is not silent.
    from visual_byte_core.rendering.speech import prepare

    samples = prepare(banana, RATE, method_1) * (0.1 / method_1.rms)
    features = WhisperFeatureExtractor.from_pretrained(whisper)(samples, sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        state = WhisperModel.from_pretrained(whisper).encoder(features.input_features).last_hidden_state[0].numpy()
    state = state[: int(np.ceil(len(samples) / 320))].T
    assert state.shape[0] == 48 > state.shape[1]  # so only the time axis grows
    grey = cv2.resize(255 * (state - state.min()) / (state.max() - state.min()), (48, 48))
    assert np.abs(image[:, :, 0] - grey).max() < 2


def test_a_quiet_microphone_gives_the_same_image(method_1: SpeechSettings, banana: np.ndarray) -> None:
    loud, quiet = (render_speech(banana * gain, RATE, 48, method_1).astype(int) for gain in (1.0, 0.01))
    assert np.abs(loud - quiet).max() <= 1


def test_silence_is_refused_as_by_method_2(method_1: SpeechSettings) -> None:
    with pytest.raises(InvalidSound, match="silent"):
        render_speech(np.zeros(RATE), RATE, 48, method_1)


def test_caches_of_method_1_are_rendered_in_batches_to_the_same_bytes(
    tmp_path: Path, method_1: SpeechSettings, banana: np.ndarray
) -> None:
    renderer = RendererSettings(48, speech=method_1)
    for number in range(18):
        sound = tmp_path / "audio" / "banana" / "en" / f"{number}.flac"
        sound.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(BANANA, sound)
    report = precompute(tmp_path, [ClassName("banana", "banana")], renderer, texts=[], methods=[1, 2])
    assert report.written == {"audio_img_train_1": 18, "audio_img_train_2": 18}
    image = cv2.imread(str(tmp_path / "audio_img_train_1/banana/en/17.png"))[:, :, ::-1]
    alone = render_speech(banana, RATE, 48, method_1)
    assert np.abs(image.astype(int) - alone).max() <= 1  # a batch may round another way
    assert (cached_speech(sound, tmp_path, renderer) == image).all()
    assert (cached_speech(sound, tmp_path, replace(renderer, speech=SpeechSettings())) != image).any()
    (tmp_path / "audio_img_train_1/banana/en/3.png").unlink()
    assert render_images([tmp_path / "audio/banana/en/3.flac"], tmp_path, renderer).written == {
        "audio_img_train_1": 1, "audio_img_train_2": 0,
    }  # fmt: skip


def test_a_cache_of_other_weights_is_refused(tmp_path: Path) -> None:
    sound = tmp_path / "data" / "audio" / "banana" / "en" / "a.flac"
    sound.parent.mkdir(parents=True)
    shutil.copyfile(BANANA, sound)
    settings = [SpeechSettings(method=1, whisper=str(make_whisper(tmp_path / str(s), s))) for s in (1, 2)]
    renderers = [RendererSettings(48, speech=s) for s in settings]
    precompute(tmp_path / "data", [], renderers[0], texts=[])
    with pytest.raises(DataError, match="other renderer settings"):
        precompute(tmp_path / "data", [], renderers[1], texts=[])


def test_a_missing_whisper_is_an_error_and_never_a_log_mel(tmp_path: Path, banana: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"speech.whisper: no folder .*/none; expected a model's folder or a hub name"):
        render_speech(banana, RATE, 48, SpeechSettings(method=1, whisper=str(tmp_path / "none")))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds no weights"):
        render_speech(banana, RATE, 48, SpeechSettings(method=1, whisper=str(tmp_path)))


def test_weights_that_are_no_whisper_are_refused(tmp_path: Path, whisper: Path, banana: np.ndarray) -> None:
    shutil.copytree(whisper, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read as a Whisper"):
        render_speech(banana, RATE, 48, SpeechSettings(method=1, whisper=str(tmp_path)))


def test_a_model_that_is_no_whisper_is_refused_and_not_filled_with_random_weights(
    tmp_path: Path, whisper: Path, banana: np.ndarray
) -> None:
    shutil.copytree(whisper, tmp_path, dirs_exist_ok=True)
    save_file({"encoder.other.weight": torch.zeros(2, 2)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights of a Whisper's encoder, such as encoder"):
        render_speech(banana, RATE, 48, SpeechSettings(method=1, whisper=str(tmp_path)))


def test_the_command_says_what_to_do_without_the_hub(tmp_path: Path) -> None:
    sound = tmp_path / "audio" / "banana" / "en" / "a.flac"
    sound.parent.mkdir(parents=True)
    shutil.copyfile(BANANA, sound)
    (tmp_path / "names.csv").write_text("en\nbanana\n")
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump({"data": {"root": str(tmp_path), "names": str(tmp_path / "names.csv")}}))
    program = "import sys; from visual_byte_core.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "precompute", "--config", str(config), "--text", "--speech", "1"],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1
    assert "hf download openai/whisper-tiny" in done.stderr
    assert not list(tmp_path.rglob("audio_img*"))


def test_a_method_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    config = str(ROOT / "config" / "train_starter.yaml")
    assert cli.main(["precompute", "--config", config, "--set", "renderer.speech.method=3"]) == 2
    assert "speech.method must be 1 or 2" in capsys.readouterr().err


def test_the_renderer_of_a_robot_refuses_method_1(method_1: SpeechSettings, banana: np.ndarray) -> None:
    with pytest.raises(ModelError, match="needs a Whisper, which a robot does not run"):
        speech.render_speech(banana, RATE, 48, method_1)
