# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How a checkpoint reads the names of a classifier: which lie nearest to their own prototype among all of these.

    python studies/names_read.py checkpoints/names

Measured are the names as trained, with one slip each, the reserved synonyms, the names whose spellings training never
shows, and of broader names which share of the nearest five prototypes are kinds of theirs. No photo is needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from visual_byte_core.dataset.perturbation import perturb_text
from visual_byte_core.names import ClassName, overlaps
from visual_byte_core.pretrained.renderers import render_text, with_open_model
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.transfer.prototypes import synsets

NEAREST = 5


class Reader:
    """Words -> their cosines to the prototypes of the classifier's names, float32 (words, names)."""

    def __init__(self, checkpoint: Path) -> None:
        self.network, config, names = load_checkpoint(checkpoint)
        known = frozenset(synsets(config.transfer.classes))
        self.size, self.settings = config.renderer.size_of("text"), with_open_model(config.renderer.text)
        self.every, self.names = names, [name for name in names if name.synset in known]
        rows = [number for number, name in enumerate(names) if name.synset in known]
        self.prototypes = F.normalize(self.network.classifier.weight[rows], dim=1).detach().numpy()

    def cosines(self, words: list[str]) -> NDArray[np.float32]:
        pictures = torch.from_numpy(np.stack([render_text(one, self.size, self.settings) for one in words]))
        with torch.inference_mode():
            embedded = torch.cat([self.network(prepare_pixels(chunk)) for chunk in pictures.split(64)]).numpy()
        cosines: NDArray[np.float32] = embedded @ self.prototypes.T
        return cosines

    def row(self, title: str, asked: list[tuple[str, ClassName]]) -> str:
        """Words and the name that each of them means."""
        number = {name.slug: i for i, name in enumerate(self.names)}
        own = np.array([number[name.slug] for _, name in asked])
        cosines = self.cosines([words for words, _ in asked])
        ranks = (cosines > cosines[np.arange(len(own)), own][:, None]).sum(axis=1)
        return f"| {title} | {len(own)} | {(ranks < 1).mean():.3f} | {(ranks < NEAREST).mean():.3f} |"

    def kinds(self) -> str:
        related = overlaps(self.every)
        slugs = [name.slug for name in self.names]
        broader = [n for n in self.every if n not in self.names and len(related[n.slug] & set(slugs)) > 1]
        nearest = np.argsort(-self.cosines([name.en for name in broader]), axis=1)[:, :NEAREST]
        hits = [[slugs[i] in related[n.slug] for i in row] for n, row in zip(broader, nearest, strict=True)]
        first, all_five = np.mean([one[0] for one in hits]), np.mean(hits)
        return f"| broader names: kinds among the nearest | {len(broader)} | {first:.3f} | {all_five:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    reader = Reader(parser.parse_args().checkpoint)
    trained = [name for name in reader.names if name.trainable()]
    never = [name for name in reader.names if not name.trainable()]
    print("| typed | names | nearest | among the 5 nearest |\n| --- | --- | --- | --- |")
    print(reader.row("as trained", [(name.trainable()[0], name) for name in trained]))
    slips = [(perturb_text(name.trainable()[0], "typo", seed=i), name) for i, name in enumerate(trained)]
    print(reader.row("with one slip", slips))
    print(reader.row("reserved synonyms", [(word, name) for name in trained for word in name.reserved]))
    print(reader.row("names never trained", [(name.en, name) for name in never]))
    print(reader.kinds())


if __name__ == "__main__":
    main()
