# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How often the name nearest to a synonym is the right one: by letters, by a sentence model, and by both.

python studies/meaning_of_synonyms.py data/words

Only spellings that may be trained on are looked at. No network takes part: it is the ceiling of what the text renderer
hands to one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from visual_byte_core.names import read_names
from visual_byte_core.rendering.sentence_encoder import open_encoder
from visual_byte_core.rendering.sentence_texture import meaning_weights
from visual_byte_core.rendering.settings import TextSettings
from visual_byte_core.rendering.smooth_texture import wave_weights
from visual_byte_core.rendering.text import canonical_words

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--names", type=Path, default=ROOT / "config" / "names.csv")
    parser.add_argument("--share", type=float, default=0.5)
    arguments = parser.parse_args()
    encoder, settings = open_encoder(arguments.table), TextSettings()
    named = [name for name in read_names(arguments.names) if name.en in name.trainable()]
    asked = [(canonical_words(word), i) for i, name in enumerate(named) for word in name.trainable()[1:]]
    texts = [[word for word, _ in asked], [canonical_words(name.en) for name in named]]
    right = np.array([i for _, i in asked])
    letters, meaning, waves = (
        [np.stack([of(text) for text in part]) for part in texts]
        for of in (
            lambda text: wave_weights(text, settings.waves, settings.ngrams),
            encoder.embed,
            lambda text: meaning_weights(encoder.embed(text), settings.waves),
        )
    )
    alike = {
        "letters": letters[0] @ letters[1].T,
        "meaning": meaning[0] @ meaning[1].T,
        "both": (1 - arguments.share) * letters[0] @ letters[1].T + arguments.share * waves[0] @ waves[1].T,
    }
    unknown = np.mean(~meaning[0].any(axis=1))
    print(f"{encoder.name}: {len(asked)} synonyms, {len(named)} names; {unknown:.3f} of the synonyms mean nothing")
    for by, scores in alike.items():
        own = scores[np.arange(len(right)), right]
        rank = (scores >= own[:, None]).sum(axis=1) - 1  # a tie is no answer
        print(f"{by:8} R@1 {np.mean(rank < 1):.3f}  R@5 {np.mean(rank < 5):.3f}")


if __name__ == "__main__":
    main()
