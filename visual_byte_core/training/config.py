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
    """Where the data lies and how much of it one epoch shows."""

    root: str = "data"
    """Folder that `visual-byte collect` wrote, with image/, image_eval/, audio/, audio_eval_tts/ and so on."""
    names: str = "starter"
    """CSV of names, or `starter` for those of the starter bundle."""
    cap: int = 0
    """Photos of a class at the most; 0 for all."""
    distractors: str = ""
    """Folder of words without photos, as audio/<slug>/<language>/*.wav; empty for none."""
    noise: str = ""
    """Folder of background sounds to mix in; empty for none."""
    languages: tuple[str, ...] = ("en",)
    """In which names are typed and spoken."""
    language_weights: tuple[float, ...] = (1.0,)
    """How often each of `languages` is drawn, in relation to the others."""
    balance: float = 1.0
    """1 draws every class equally often, 0 in proportion to its photos."""
    distinct_classes: bool = True
    """No class twice in a batch; false only to see what that is worth."""
    workers: int = 1
    """Processes that read and augment; 0 for the one that trains."""


@dataclass(frozen=True)
class ModelConfig:
    """The network."""

    backbone: str = "convnext_tiny"
    """Any of timm's, by its name."""
    pretrained: bool | str = False
    """Weights to begin with: false for none, true for timm's hub, or the path of a checkpoint."""
    dimension: int = 512
    """Values of the embedding."""
    projector: str = "mlp"
    """From the backbone to the embedding: `mlp` or `linear`."""
    drop_path: float = 0.0
    """Share of the residual branches left out at random, 0..1 (stochastic depth)."""
    layer_scale: float = 1e-6
    """Where the scale of ConvNeXt's residual branches starts; 1e-6 is for hundreds of epochs."""
    start: str = ""
    """Checkpoint folder whose weights a new schedule begins with; empty to begin from `pretrained`."""

    def __post_init__(self) -> None:
        if self.projector not in PROJECTORS:
            raise ConfigurationError(f"model.projector: one of {', '.join(PROJECTORS)}, got {self.projector!r}")


@dataclass(frozen=True)
class LossConfig:
    """Weight of every term, 0 to leave it out."""

    classify_image: float = 1.0
    """Of the class of a photo."""
    classify_text: float = 1.0
    """Of the class of a typed name."""
    classify_audio: float = 0.0
    """Of the class of a spoken name."""
    clip: float = 1.0
    """Of photo against text."""
    audio: float = 1.0
    """Of photo against speech."""
    audio_text: float = 1.0
    """Of speech against text."""
    audio_lambda: float = 1.0
    """Factor of `audio` and `audio_text`."""
    audio_warmup: float = 0.0
    """Share of the training, 0..1, over which `audio_lambda` rises from 0."""
    audio_phases: tuple[float, float] = (0.0, 0.0)
    """Ends of the first two of three phases, as shares of the training: photos and words, then sounds alone, then all;
    (0, 0) for all from the start."""
    label_smoothing: float = 0.0
    """Share of a class that is spread over the others, 0..1, in the terms of classification."""
    regions: float = 0.0
    """Of every cell of composed scenes naming what it shows."""
    scenes: int = 8
    """Composed scenes in a batch."""


@dataclass(frozen=True)
class AugmentConfig:
    """How likely each change is, 0..1; a robot sees blur and hears noise."""

    photo: float = 1.0
    """Crop, mirror and colour, without which none of the next."""
    crop: float = 0.35
    """Not a probability: least share of a large photo's area that is left, 0..1."""
    rotate: float = 0.0
    """Turn a large photo by some 12 degrees."""
    any: float = 0.0
    """One of RandAugment's changes."""
    blur: float = 0.0
    """Out of focus."""
    motion: float = 0.0
    """Smeared by motion."""
    low_light: float = 0.0
    """Dim and noisy."""
    reduce: float = 0.5
    """Scaled down to 32 to 64 pixels and up again."""
    jpeg: float = 0.0
    """Strongly compressed."""
    erase: float = 0.25
    """A grey patch."""
    mixup: float = 0.0
    """Share of blends of two photos, which are classified as well."""
    text: float = 0.3
    """Slip, plural, article or Korean particle."""
    request: float = 0.0
    """A whole sentence: find the ..., where is my ..."""
    synonym: float = 0.0
    """Any of the spellings of the name."""
    noise: float = 0.6
    """A background sound of `data.noise`."""
    snr: tuple[float, float] = (0.0, 30.0)
    """Not a probability: range of the speech over that noise, dB, drawn evenly."""
    reverb: float = 0.3
    """The echo of a room."""
    speed: float = 0.5
    """Faster or slower, and with it the pitch."""
    overdrive: float = 0.0
    """Too loud for the microphone."""
    band: float = 0.3
    """The narrow band of a cheap microphone."""
    warp: float = 0.0
    """Uneven tempo."""
    mask: float = 0.4
    """Strips of the spectrogram left out."""


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW or Muon with a cosine schedule."""

    name: str = "adamw"
    """`adamw` or `muon`, which lowers the loss in fewer, longer steps."""
    epochs: int = 30
    """An epoch shows as many photos as there are."""
    classes: int = 64
    """Distinct classes in a batch (`batch_size` of the method)."""
    photos: int = 1
    """Photos of each class in a batch."""
    distractors: int = 0
    """Words without photos in a batch."""
    learning_rate: float = 1e-3
    """The highest, after the warm-up; half a cosine takes it to 0."""
    weight_decay: float = 0.01
    """Of matrices and kernels alone."""
    warmup: float = 0.05
    """Share of the steps, 0..1, in which the rate rises from 0."""
    clip_norm: float = 1.0
    """Longest gradient; a longer one is shortened."""
    precision: str = "auto"
    """`float32`, `bfloat16`, or `auto`: mixed precision on a GPU, float32 on a CPU."""
    small_size: int = 64
    """Side of the pictures at the beginning, pixels."""
    small_share: float = 0.0
    """For which first share of the steps, 0..1, pictures have `small_size`; 0 to leave it out."""
    threads: int = 0
    """Of torch; 0 for as many as it takes."""
    projector_rate: float = 1.0
    """Learning rate of the projector, in that of the backbone."""
    classifier_rate: float = 1.0
    """Learning rate of the classifier, in that of the backbone."""
    layer_decay: float = 1.0
    """Factor of the rate from each of the backbone's stages to the one before."""
    ema: float = 0.0
    """Decay of the average of the weights that is measured and kept; 0 for the weights themselves."""
    accumulate: int = 1
    """Batches whose gradients make one step, each contrasted for itself."""
    chunk: int = 0
    """Images at a time, for large contrastive batches in little memory (GradCache); 0 for all at once."""
    compile: bool = False
    """By torch: minutes at the start, faster afterwards."""
    restarts: int = 0
    """How often a schedule that ended without a new best in `patience` epochs begins again."""
    patience: int = 3
    """Epochs without a new best after which a schedule that ended begins again."""
    save_every_s: float = 300.0
    """Seconds between states inside an epoch to resume from."""


@dataclass(frozen=True)
class DistillConfig:
    """What a student takes from a teacher; every weight may be 0."""

    teacher: str = ""
    """Checkpoint or bundle; empty to learn without."""
    embedding: float = 6.0
    """Weight of the cosine to the teacher's embedding."""
    similarity: float = 1.0
    """Weight of the similarities within a batch."""
    logits: float = 0.0
    """Weight of the class logits; needs a checkpoint of the same names."""
    sharpness: float = 10.0
    """Factor of the cosines whose distribution is copied."""
    temperature: float = 4.0
    """Of the logits."""
    photo_teacher: str = ""
    """A network of timm for photos alone; empty to learn without."""
    photo_weights: bool | str = True
    """Its weights: true for timm's hub, or the path of a file."""
    photo_size: int = 192
    """Side of the photos that it sees, pixels."""
    photos: float = 1.0
    """Weight of what it makes of them."""


@dataclass(frozen=True)
class TransferConfig:
    """Names learned from a pretrained classifier, `model.backbone`, whose blocks from `cut` on learn."""

    classifier: str = ""
    """Weights of the classifier, a path; empty to train the whole network on photos alone."""
    classes: str = ""
    """File of the WordNet ids of its classes, one a line; empty for ImageNet's 1,000."""
    cut: int = 5
    """Blocks that stay frozen, as do the statistics of all batch norms."""
    kept: str = "data/kept"
    """Folder of the features that the frozen blocks make, computed once."""
    steps: int = 5000
    """Of the schedule."""
    texts: int = 128
    """Typed names in a batch."""
    sounds: int = 128
    """Spoken names in a batch."""
    photos: int = 48
    """Photos in a batch."""
    text_views: int = 24
    """Pictures kept of each spelling."""
    sound_views: int = 2
    """Pictures kept of each clip."""
    photo_views: int = 6
    """Pictures kept of each photo, at most."""
    measure_every: int = 250
    """Steps between measurements."""
    scale: float = 20.0
    """Factor of the cosines to the prototypes of all names, which are classified by them."""
    text_class: float = 1.0
    """Weight of this classification of typed names; 0 leaves a term out."""
    text_near: float = 4.0
    """Weight of the cosine of a typed name to its own prototype."""
    sound_class: float = 1.0
    """Weight of the classification of spoken names."""
    sound_near: float = 2.0
    """Weight of the cosine of a spoken name to its own prototype."""
    photo_class: float = 0.5
    """Weight of the classification of photos."""
    photo_hold: float = 10.0
    """Weight of the cosine to what the classifier's own network makes of the photo."""
    speech_teacher: float = 1.0
    """Weight of the cosine to what a Whisper's encoder makes of the clip."""
    speech_features: str = "data/speech_features"
    """Folder that keeps what the encoder made of the clips."""
    whisper: str = ""
    """Its folder; empty for the package with tiny.en."""


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run."""

    out: str = "runs/visual_byte"
    """Folder of the run: checkpoints, state to resume from, log."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    seed: int = 0
    """Of everything random; one seed, one result on one machine."""
    renderer: RendererSettings = field(default_factory=RendererSettings)
    """What words and sounds look like."""
    data: DataConfig = field(default_factory=DataConfig)
    """See `DataConfig`."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """See `ModelConfig`."""
    loss: LossConfig = field(default_factory=LossConfig)
    """See `LossConfig`."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """See `AugmentConfig`."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """See `OptimizerConfig`."""
    distill: DistillConfig = field(default_factory=DistillConfig)
    """See `DistillConfig`."""
    transfer: TransferConfig = field(default_factory=TransferConfig)
    """See `TransferConfig`."""

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
