# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Embedding photos, typed names and spoken names with the network of a bundle, in ONNX Runtime."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import OrderedDict

import numpy as np
import onnxruntime

from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.embedding.processor import Processor, this_processor
from visual_byte_core.errors import BundleError, InvalidImage
from visual_byte_core.log import Log
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.rendering.photo import render_photo, with_middles
from visual_byte_core.rendering.settings import MODALITIES
from visual_byte_core.rendering.speech import render_speech
from visual_byte_core.rendering.text import render_text

BATCH = 16  # larger batches are no faster on a CPU and only cost memory
QUERIES_KEPT = 256  # half a megabyte of embeddings
NOWHERE = "external-data-is-not-read"


class Embedder:
    """The network of a bundle, ready to run. One instance may be used from one thread at a time.

    threads: threads that compute one image. provider: an ONNX Runtime execution provider; one that is not installed or
    does not start is refused, never replaced by the CPU. log: is told once what this machine
    costs in time or numbers; Python's own if None.
    Raises BundleError if the bundle, its network or the provider cannot be used.
    """

    def __init__(
        self,
        bundle: Bundle | str | os.PathLike[str],
        *,
        threads: int = 2,
        provider: str = "CPUExecutionProvider",
        log: Log | None = None,
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
        processor = this_processor()
        self._session = _open_session(self.bundle, min(threads, processor.cores), provider)
        self._queries: OrderedDict[bytes, np.ndarray] = OrderedDict()
        _check_signature(self.bundle, self._session)
        self._check_network()
        if provider == "CPUExecutionProvider":
            for remark in self._remarks(threads, processor):
                (log or logging.getLogger("visual_byte")).warning(remark)

    @property
    def provider(self) -> str:
        """The execution provider that computes, as ONNX Runtime says it."""
        provider: str = self._session.get_providers()[0]
        return provider

    @property
    def size(self) -> int:
        """Side of a photo's square picture in pixels."""
        return self.bundle.size

    def size_of(self, modality: str) -> int:
        """Side in pixels of the pictures of a modality, `text`, `audio` or `image`."""
        return self.bundle.size_of(modality)

    @property
    def has_map(self) -> bool:
        """Whether `embed_map` takes pictures of any sides; networks exported long ago have no map, or of one side."""
        return self._outputs_map and not self._fixed_sides

    @property
    def _outputs_map(self) -> bool:
        return any(output.name == "embedding_map" for output in self._session.get_outputs())

    @property
    def _fixed_sides(self) -> list[int]:
        return [side for side in self._session.get_inputs()[0].shape[2:] if isinstance(side, int)]

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embed rendered images, uint8 (n, s, s, 3) RGB, s the size of a modality -> float32 (n, 512), unit length.

        Raises InvalidImage.
        """
        sizes = sorted({self.size_of(modality) for modality in MODALITIES})
        expected = [(size, size, 3) for size in sizes]
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] not in expected:
            found = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
            wanted = " or ".join(f"(n, {size}, {size}, 3)" for size in sizes)
            raise InvalidImage(f"rendered images: expected uint8 {wanted}, got {found}")
        if len(images) == 0:
            return np.empty((0, self.bundle.dimension), np.float32)
        return np.concatenate(
            [self.run(normalize(images[start : start + BATCH])) for start in range(0, len(images), BATCH)]
        )

    def embed_photos(self, images: np.ndarray) -> np.ndarray:
        """Embed rendered photos, each with its middle if the bundle says so.

        Args:
            images: uint8 (n, size, size, 3), RGB.

        Returns:
            float32 (n, 512), unit length.

        Raises:
            InvalidImage: images of another shape or type.
        """
        middle = self.bundle.renderer.photo.middle
        if not middle or len(images) == 0:
            return self.embed(images)
        both = self.embed(with_middles(images, middle))
        return _mean(both[: len(images)], both[len(images) :])

    def add_middles(self, images: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        """What `embed_photos` gives for images of which `embed` gave the embeddings, both of length n."""
        middle = self.bundle.renderer.photo.middle
        if not middle or len(images) == 0:
            return embeddings
        return _mean(embeddings, self.embed(with_middles(images, middle)[len(images) :]))

    def embed_query(self, image: np.ndarray, modality: str) -> np.ndarray:
        """Embed a rendered query; the last 256 queries are not computed again.

        Args:
            image: uint8 (s, s, 3), RGB, s the size of its modality.
            modality: what was rendered, `text`, `audio` or `image`.

        Returns:
            float32 (512,), unit length, read-only.

        Raises:
            InvalidImage: an image of another shape or type.
        """
        key = modality.encode() + hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
        embedding = self._queries.get(key)
        if embedding is None:
            embedding = (self.embed_photos if modality == "image" else self.embed)(image[None])[0]
            embedding.flags.writeable = False
            self._queries[key] = embedding
            if len(self._queries) > QUERIES_KEPT:
                self._queries.popitem(last=False)
        self._queries.move_to_end(key)
        return embedding

    def embed_map(self, images: np.ndarray) -> np.ndarray:
        """One embedding for each region of 32 x 32 pixels.

        Args:
            images: uint8 (n, h, w, 3), RGB; the sides are multiples of 32 pixels, larger than `size` for a finer map.

        Returns:
            float32 (n, 512, h / 32, w / 32), each of unit length.

        Raises:
            InvalidImage: other images, or sides that the bundle's network was not exported for.
            BundleError: its network has no map.
        """
        if not self._outputs_map:
            raise BundleError(f"bundle {self.bundle.id}: its network has no embedding_map; export its checkpoint again")
        shape = images.shape
        if images.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or shape[1] % 32 or shape[2] % 32:
            raise InvalidImage(f"map of regions: expected uint8 (n, 32 h, 32 w, 3), got {images.dtype} {shape}")
        fixed = self._fixed_sides
        if fixed and list(images.shape[1:3]) != fixed:
            raise InvalidImage(
                f"bundle {self.bundle.id}: its network takes {fixed[0]} x {fixed[1]} pixels only, got"
                f" {images.shape[1]} x {images.shape[2]}; export its checkpoint again"
            )
        batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
        return np.concatenate(
            [self._session.run(["embedding_map"], {"pixels": normalize(batch)})[0] for batch in batches]
        )

    def embed_photo(self, image: np.ndarray, channel_order: str = "rgb") -> np.ndarray:
        """Embed one photo, an array that `render_photo` takes -> float32 (512,), unit length. Raises InvalidImage."""
        rendered = render_photo(image, self.size, self.bundle.renderer.photo, channel_order=channel_order)
        embedding: np.ndarray = self.embed_photos(rendered[None])[0]
        return embedding

    def embed_text(self, words: str) -> np.ndarray:
        """Embed a typed name -> float32 (512,), unit length. Raises InvalidText."""
        return self.embed_query(render_text(words, self.size_of("text"), self.bundle.renderer.text), "text")

    def embed_speech(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """Embed a spoken name, samples as `render_speech` takes them at `rate` Hz -> float32 (512,), unit length.

        Raises InvalidSound.
        """
        image = render_speech(samples, rate, self.size_of("audio"), self.bundle.renderer.speech)
        embedding: np.ndarray = self.embed(image[None])[0]
        return embedding

    def run(self, pixels: np.ndarray) -> np.ndarray:
        """The network alone: normalized float32 (n, 3, s, s) -> float32 (n, 512), unit length."""
        embeddings: np.ndarray = self._session.run(["embedding"], {"pixels": pixels})[0]
        return embeddings

    def _check_network(self) -> None:
        """Run once: a network that does not do what the bundle says fails here and not in front of the user."""
        for size in {self.size_of(modality) for modality in MODALITIES}:
            self._check_size(size)

    def _check_size(self, size: int) -> None:
        try:
            embedding = self.run(normalize(np.full((1, size, size, 3), 128, np.uint8)))
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise BundleError(
                f"{self.bundle.onnx_path}: does not run on images of {size} pixels "
                f"({' '.join(str(error).split())}); export the bundle again"
            ) from error
        length = float(np.linalg.norm(embedding))
        if embedding.shape != (1, self.bundle.dimension) or not abs(length - 1) < 1e-3:  # `not <` catches NaN too
            raise BundleError(
                f"{self.bundle.onnx_path}: expected one embedding of {self.bundle.dimension} values and unit length, "
                f"got shape {embedding.shape} and length {length:g}; export the bundle again"
            )

    def _remarks(self, threads: int, processor: Processor) -> list[str]:
        remarks = []
        if threads > processor.cores:
            remarks.append(
                f"threads: {threads} asked for, this process may use {processor.cores} of the machine's cores"
            )
        if processor.lacks_avx2:
            remarks.append("this processor has no AVX2: embedding takes a multiple of the times in the documentation")
        probe = self.bundle.quantization.get("probe")
        if probe and processor.saturates:
            here = float(np.dot(self.embed_text(probe["text"]), np.array(probe["embedding"], np.float32)))
            remarks.append(
                f"bundle {self.bundle.id}: quantized for {self.bundle.quantization['processors']}, which this "
                f"processor is not: the cosine of {probe['text']!r} to the float32 network is {here:.4f} here, "
                f"{probe['cosine']:.4f} there; `visual-byte export --reduce-range on` makes one for every processor"
            )
        return remarks


def _mean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    sums = one + other
    means: np.ndarray = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return means


def _check_signature(bundle: Bundle, session: onnxruntime.InferenceSession) -> None:
    """Other networks may run as well and give numbers that mean nothing."""
    inputs = [f"{one.name} {one.type} {one.shape}" for one in session.get_inputs()]
    outputs = [f"{one.name} {one.type} {one.shape}" for one in session.get_outputs()]
    first = session.get_inputs()[0]
    fits = len(inputs) == 1 and (first.name, first.type) == ("pixels", "tensor(float)") and len(first.shape) == 4
    widths = [one.shape[-1:] for one in session.get_outputs() if one.name == "embedding" and one.type == first.type]
    if not fits or first.shape[1] != 3 or widths != [[bundle.dimension]]:
        raise BundleError(
            f"{bundle.onnx_path}: not a network of Visual Byte: expected input pixels tensor(float) ['n', 3, 'h', 'w'] "
            f"and output embedding tensor(float) ['n', {bundle.dimension}], got input {', '.join(inputs)} and output "
            f"{', '.join(outputs)}; make the bundle with `visual-byte export`"
        )


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """How a robot runs a network: that many threads, which sleep while there is nothing to do."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait for the next frame by spinning would burn a core (32 ms of it a frame at 30 a second, not 4) for
    # half a millisecond.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # GELU by tanh: a little quicker, and a change of cosine that INT8 drowns (docs/performance.md).
    options.add_session_config_entry("optimization.enable_gelu_approximation", "1")
    options.log_severity_level = 3
    return options


def _open_session(bundle: Bundle, threads: int, provider: str) -> onnxruntime.InferenceSession:
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise BundleError(
            f"execution provider {provider!r}: not in this onnxruntime, which has {', '.join(available)}; "
            "choose one of these or install the onnxruntime build that has it"
        )
    options = session_options(threads)
    # The bundle's digest covers this file alone: a network with weights in others is refused, wherever they lie.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NOWHERE)
    try:
        session = onnxruntime.InferenceSession(bundle.onnx_path.read_bytes(), options, providers=[provider])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise BundleError(
            f"{bundle.onnx_path}: ONNX Runtime {onnxruntime.__version__} cannot load it "
            f"({' '.join(str(error).split())}); update onnxruntime or export the bundle again"
        ) from error
    if session.get_providers()[0] != provider:  # a provider whose libraries are missing falls back without an error
        raise BundleError(
            f"execution provider {provider!r}: did not start, ONNX Runtime fell back to {session.get_providers()[0]}; "
            "install the libraries it needs or choose another provider"
        )
    return session
