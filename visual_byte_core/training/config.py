# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The training configuration: one YAML file, every value of which is read and can be overridden by `--set a.b=c`."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visual_byte_core.configuration import build, load_configuration
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.rendering.settings import RendererSettings

PROJECTORS = ("mlp", "linear")


@dataclass(frozen=True)
class DataConfig:
    """Where the data lies and how much of it one epoch shows.

    root: folder with image/, image_eval/, audio/, audio_eval_tts/ and so on; names: CSV of names, or starter; cap:
    photos a class at the most; distractors: folder of words without photos, as audio/<slug>/<language>/*.wav, or empty;
    noise: folder of background sounds to mix in, or empty; languages: those spoken and written;
    language_weights: how often each is drawn; balance: 1 draws every class equally often, 0 in proportion to its
    photos; distinct_classes: no class twice in a batch, false only to see what that is worth; workers: processes that
    load.
    """

    root: str = "data"
    names: str = "starter"
    cap: int = 0
    distractors: str = ""
    noise: str = ""
    languages: tuple[str, ...] = ("en",)
    language_weights: tuple[float, ...] = (1.0,)
    balance: float = 1.0
    distinct_classes: bool = True
    workers: int = 1


@dataclass(frozen=True)
class ModelConfig:
    """The network.

    backbone: of timm; pretrained: its weights, `false`, `true` or a path; dimension: of the embedding; projector: to
    it, `mlp` or `linear`; drop_path: stochastic depth; layer_scale: where the scale of ConvNeXt's residual branches
    starts; start: checkpoint folder whose weights a new schedule begins with, or empty.
    """

    backbone: str = "convnext_tiny"
    pretrained: bool | str = False
    dimension: int = 512
    projector: str = "mlp"
    drop_path: float = 0.0
    layer_scale: float = 1e-6
    start: str = ""

    def __post_init__(self) -> None:
        if self.projector not in PROJECTORS:
            raise ConfigurationError(f"model.projector: one of {', '.join(PROJECTORS)}, got {self.projector!r}")


@dataclass(frozen=True)
class LossConfig:
    """Weight of every term, 0 to leave it out; `audio_lambda` scales both audio terms.

    audio_warmup: share of the training over which lambda rises from 0; audio_phases: ends of the first two of three
    phases as shares of the training, photos and words first, then sounds alone, then all, (0, 0) for one phase;
    label_smoothing: of the classification terms;
    regions: every cell of composed scenes names what it shows; scenes: how many of them a batch.
    """

    classify_image: float = 1.0
    classify_text: float = 1.0
    classify_audio: float = 0.0
    clip: float = 1.0
    audio: float = 1.0
    audio_text: float = 1.0
    audio_lambda: float = 1.0
    audio_warmup: float = 0.0
    audio_phases: tuple[float, float] = (0.0, 0.0)
    label_smoothing: float = 0.0
    regions: float = 0.0
    scenes: int = 8


@dataclass(frozen=True)
class AugmentConfig:
    """How likely each change is, 0..1; a robot sees blur and hears noise.

    photo: crop, flip and colour, without which none of the next; crop: not a probability, the least share of a large
    photo's area; rotate: turn a large photo; any: one of RandAugment's changes; blur, motion: out of focus, smeared;
    low_light: dim and noisy; reduce: scaled down to 32-64 px and up again; jpeg: strongly compressed; erase: a grey
    patch; mixup: share of blends of two photos that are classified as well. text: slip, plural, article or particle;
    request: a whole sentence; synonym: any of the name's spellings. noise, reverb, speed, overdrive, band: of the
    sound; snr: not a probability, range of the speech over the noise in dB; warp, mask: time warped, and strips of the
    spectrogram.
    """

    photo: float = 1.0
    crop: float = 0.35
    rotate: float = 0.0
    any: float = 0.0
    blur: float = 0.0
    motion: float = 0.0
    low_light: float = 0.0
    reduce: float = 0.5
    jpeg: float = 0.0
    erase: float = 0.25
    mixup: float = 0.0
    text: float = 0.3
    request: float = 0.0
    synonym: float = 0.0
    noise: float = 0.6
    snr: tuple[float, float] = (0.0, 30.0)
    reverb: float = 0.3
    speed: float = 0.5
    overdrive: float = 0.0
    band: float = 0.3
    warp: float = 0.0
    mask: float = 0.4


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW or Muon with a cosine schedule.

    name: `adamw` or `muon` (lowers the loss in fewer, longer steps); classes: distinct classes
    in a batch (`batch_size` of the method); photos: photos of each; distractors: words without photos in a batch;
    warmup: share of the steps; precision: `float32`, `bfloat16` or `auto`
    (mixed precision on a GPU, float32 on a CPU); small_size, small_share: side of the pictures, and for which
    first share of the steps, 0 to leave it out.

    projector_rate, classifier_rate: learning rates of these parts in those of the backbone; layer_decay: factor of the
    rate from each of the backbone's stages to the one before; ema: decay of the average of the weights that is kept,
    0 for the weights themselves; accumulate: batches whose gradients make one step, each contrasted for itself; chunk:
    images at a time, 0 for all, for large contrastive batches in little memory (GradCache); compile: by torch;
    restarts: how often a schedule that ended without a new best in `patience` epochs begins again; save_every_s:
    between states inside an epoch to resume from.
    """

    name: str = "adamw"
    epochs: int = 30
    classes: int = 64
    photos: int = 1
    distractors: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip_norm: float = 1.0
    precision: str = "auto"
    small_size: int = 64
    small_share: float = 0.0
    threads: int = 0
    projector_rate: float = 1.0
    classifier_rate: float = 1.0
    layer_decay: float = 1.0
    ema: float = 0.0
    accumulate: int = 1
    chunk: int = 0
    compile: bool = False
    restarts: int = 0
    patience: int = 3
    save_every_s: float = 300.0


@dataclass(frozen=True)
class DistillConfig:
    """What a student takes from a teacher; every weight may be 0.

    teacher: checkpoint or bundle, or empty to learn without; embedding, similarity, logits: weights of the three
    terms; sharpness: factor of the cosines whose distribution is copied; temperature: of the logits.

    photo_teacher: a network of timm for photos alone, or empty; photo_weights: its weights, `true` or a path;
    photo_size: side of the photos that it sees, pixels; photos: weight of what it makes of them.
    """

    teacher: str = ""
    embedding: float = 6.0
    similarity: float = 1.0
    logits: float = 0.0
    sharpness: float = 10.0
    temperature: float = 4.0
    photo_teacher: str = ""
    photo_weights: bool | str = True
    photo_size: int = 192
    photos: float = 1.0


@dataclass(frozen=True)
class TransferConfig:
    """Names learned from a pretrained classifier: `model.backbone` with its weights, whose blocks from `cut` on learn.

    classifier: its weights, a path, or empty to train the whole network on photos alone; classes: file of the WordNet
    ids of its classes, one a line, or empty for ImageNet's 1,000; cut: blocks that stay frozen, as do the statistics of
    all batch norms; kept: folder of the features that these make, computed once.

    steps: of the schedule; texts, sounds, photos: in a batch; text_views, sound_views, photo_views: pictures that are
    kept of each spelling, each clip, and at most of each photo; measure_every: steps between measurements.

    scale: factor of the cosines to the prototypes of all names, which are classified by them. Weights of the terms, 0
    to leave one out: text_class, sound_class, photo_class: this classification; text_near, sound_near: the cosine to the
    own prototype; photo_hold: the cosine to what the classifier's network makes of the photo; speech_teacher: what a
    Whisper's encoder makes of the clip; kept in the folder `speech_features`; whisper: its folder, or empty for the
    package with tiny.en.
    """

    classifier: str = ""
    classes: str = ""
    cut: int = 5
    kept: str = "data/kept"
    steps: int = 5000
    texts: int = 128
    sounds: int = 128
    photos: int = 48
    text_views: int = 24
    sound_views: int = 2
    photo_views: int = 6
    measure_every: int = 250
    scale: float = 20.0
    text_class: float = 1.0
    text_near: float = 4.0
    sound_class: float = 1.0
    sound_near: float = 2.0
    photo_class: float = 0.5
    photo_hold: float = 10.0
    speech_teacher: float = 1.0
    speech_features: str = "data/speech_features"
    whisper: str = ""


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run; `out` is its folder, `device` is `auto`, `cpu` or `cuda`."""

    out: str = "runs/visual_byte"
    device: str = "auto"
    seed: int = 0
    renderer: RendererSettings = field(default_factory=RendererSettings)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for YAML."""
        return typing.cast(dict[str, Any], _plain(dataclasses.asdict(self)))


def load_config(path: str | Path, overrides: list[str] | None = None) -> TrainingConfig:
    """Read a YAML configuration and apply overrides such as `optimizer.epochs=2`. Errors: see `load_configuration`."""
    return load_configuration(TrainingConfig, path, overrides)


def config_from_dict(values: dict[str, Any]) -> TrainingConfig:
    """The inverse of `TrainingConfig.to_dict`; errors as `load_config`."""
    return build(TrainingConfig, values)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value
