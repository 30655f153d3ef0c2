# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Write what a bundle's tests compare it with:

    python tools/write_golden_embeddings.py models/starter --checkpoint checkpoints/starter

The checkpoint is exported in float32, and its embeddings of the photos in examples/photos, the bundle's names and the
sounds of test/data go to test/golden/references_NAME.npz. To be run for a new bundle, or a renderer changed on purpose.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import DataError, VisualByteError
from visual_byte_core.export.bundle_export import export_onnx
from visual_byte_core.export.references import agreement, reference_inputs, write_references
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.training.checkpoint import load_checkpoint

ROOT = Path(__file__).resolve().parent.parent
MIN_MEAN_COSINE = 0.98  # a checkpoint of another bundle is far below


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path, help="bundle folder")
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder that the bundle was exported from")
    arguments = parser.parse_args()
    try:
        write(arguments.bundle, arguments.checkpoint)
    except VisualByteError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def write(bundle_folder: Path, checkpoint: Path) -> None:
    embedder = Embedder(bundle_folder, threads=1)
    bundle = embedder.bundle
    network, config, _ = load_checkpoint(checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        path = export_onnx(network, [config.renderer.size], Path(folder) / "float32.onnx")
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def exact(images: np.ndarray) -> np.ndarray:
        return session.run(["embedding"], {"pixels": normalize(images)})[0]

    inputs = list(
        reference_inputs(
            ROOT / "examples" / "photos", ROOT / "test" / "data" / "banana.flac", bundle.class_names, bundle.renderer
        )
    )
    references = write_references(iter(inputs), exact, embedder.embed)
    if references.cosines.mean() < MIN_MEAN_COSINE:
        raise DataError(
            f"{checkpoint}: not the checkpoint of {bundle.id}: mean cosine {references.cosines.mean():.3f}, expected"
            f" {MIN_MEAN_COSINE} or more; give the one that it was exported from"
        )
    out = ROOT / "test" / "golden" / f"references_{bundle.name}.npz"
    references.save(out)
    print(f"{out.relative_to(ROOT)}: {len(inputs)} inputs, {out.stat().st_size} bytes")
    print(agreement(references, iter(inputs), embedder.embed))


if __name__ == "__main__":
    sys.exit(main())
