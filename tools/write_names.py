# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Write config/names.csv: ImageNet's names in WordNet's words, the names of the other data sets, and broader names.

sudo apt-get install wordnet-base
python tools/write_names.py > config/names.csv

Sources: timm (Apache-2.0) says which 1,000 synsets ImageNet has, in the order of a classifier's outputs, and their
lemmas; WordNet 3.0 (WordNet licence, Debian's wordnet-base) which synsets are broader, and the other names' lemmas;
tools/names/own.csv holds the names of CIFAR-100, the Grocery Store data set, Caltech-101 and the clothing data set, and
broader names, with Korean; tools/names/imagenet.csv what is said of an ImageNet name by hand.

Reserved, so that names and synonyms that were never trained can be measured: of each ImageNet synset at a position
divisible by 3 the second lemma, of each at a position that leaves 7 when divided by 20 all lemmas. A lemma that is the
name of another thing stays that name, unless it is one of the latter. A spelling that several names claim as a synonym
is nobody's. What is left out is said on standard error.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from visual_byte_core.names import ClassName, slugify, write_names

HERE = Path(__file__).resolve().parent / "names"


@dataclass
class Draft:
    """A name as it comes together: its ways of being said, and WordNet's synsets of it, the first its own."""

    en: str
    slug: str
    ko: str = ""
    synsets: list[str] = field(default_factory=list)
    lemmas: list[str] = field(default_factory=list)
    broader: list[str] = field(default_factory=list)
    not_broader: list[str] = field(default_factory=list)
    reserved: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


class WordNet:
    """Nouns of WordNet's `data.noun` (format: wndb(5WN)): lemmas and hypernyms by id, such as n02084071."""

    def __init__(self, folder: Path) -> None:
        self.lemmas: dict[str, list[str]] = {}
        self._broader: dict[str, list[str]] = {}
        for line in (folder / "data.noun").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" "):  # the licence
                values = line.split("|")[0].split()
                words = int(values[3], 16)
                self.lemmas[f"n{values[0]}"] = [word.replace("_", " ") for word in values[4 : 4 + 2 * words : 2]]
                pointers = values[5 + 2 * words :]
                self._broader[f"n{values[0]}"] = [
                    f"n{pointers[i + 1]}" for i in range(0, len(pointers), 4) if pointers[i] in ("@", "@i")
                ]
        self.ancestors = lru_cache(maxsize=None)(self._ancestors)

    def _ancestors(self, synset: str) -> frozenset[str]:
        direct = self._broader[synset]
        return frozenset(direct).union(*(self.ancestors(one) for one in direct))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    wordnet = WordNet(parser.parse_args().wordnet)
    drafts = {draft.slug: draft for draft in _imagenet()}
    for own in _own(wordnet):
        _merge(drafts, own)
    _place(list(drafts.values()), wordnet)
    names = list(_settled(list(drafts.values())))
    sys.stdout.write(write_names(names))
    counts = Counter(source for name in names for source in name.sources)
    said = ", ".join(f"{source} {count}" for source, count in counts.items())
    trained = sum(bool(name.trainable()) for name in names)
    print(f"{len(names)} names ({said}), {trained} of them to be trained on", file=sys.stderr)


def _imagenet() -> Iterator[Draft]:
    spec = find_spec("timm")  # found, not imported: that would want torch
    if not spec or not spec.submodule_search_locations:
        sys.exit("timm is not installed; run: pip install '.[train]'")
    data = Path(spec.submodule_search_locations[0]) / "data" / "_info"
    table = (line.split("\t") for line in (data / "imagenet_synset_to_lemma.txt").read_text().splitlines())
    lemmas = {synset: [lemma.strip() for lemma in words.split(",")] for synset, words in table}
    hand = {row["synset"]: row for row in _rows(HERE / "imagenet.csv")}
    for position, synset in enumerate((data / "imagenet_synsets.txt").read_text().split()):
        words, row = lemmas[synset], hand.get(synset, {})
        name = row.get("en") or words[0]
        reserved = words if position % 20 == 7 else words[1:2] if position % 3 == 0 else []
        yield Draft(
            name,
            slugify(name),
            synsets=[synset],
            lemmas=words,
            broader=_listed(row.get("broader", "")),
            not_broader=_listed(row.get("not_broader", "")),
            reserved=list(reserved),
            sources=["imagenet"],
        )


def _own(wordnet: WordNet) -> Iterator[Draft]:
    for row in _rows(HERE / "own.csv"):
        synsets = row["synset"].split()
        yield Draft(
            row["en"],
            row["slug"] or slugify(row["en"]),
            row["ko"],
            synsets,
            [lemma for synset in synsets[:1] for lemma in wordnet.lemmas[synset]],
            _listed(row["broader"]),
            _listed(row["not_broader"]),
            sources=[row["source"]],
        )


def _merge(drafts: dict[str, Draft], own: Draft) -> None:
    """Add a name; one that an earlier source spells alike is one name."""
    same = [draft for draft in drafts.values() if slugify(draft.en) == slugify(own.en)]
    if not same:
        drafts[own.slug] = own
        return
    [first] = same
    del drafts[first.slug]
    first.en, first.slug, first.ko = own.en, own.slug, first.ko or own.ko
    for kept, more in ((first.synsets, own.synsets), (first.broader, own.broader), (first.sources, own.sources)):
        kept += [value for value in more if value not in kept]
    first.lemmas += own.lemmas
    first.not_broader += own.not_broader
    drafts[first.slug] = first


def _place(drafts: list[Draft], wordnet: WordNet) -> None:
    """Give every name its nearest broader names, as slugs."""
    by_synset = {synset: draft.slug for draft in drafts for synset in draft.synsets}
    by_name = {slugify(draft.en): draft.slug for draft in drafts}
    for draft in drafts:
        cut = {by_name[slugify(name)] for name in draft.not_broader}
        found = {
            ancestor
            for synset in draft.synsets
            for ancestor in wordnet.ancestors(synset)
            if ancestor in by_synset and by_synset[ancestor] not in {draft.slug, *cut}
        }
        nearest = found - {above for one in found for above in wordnet.ancestors(one)}
        slugs = [by_name[slugify(name)] for name in draft.broader] + sorted({by_synset[one] for one in nearest})
        draft.broader = list(dict.fromkeys(slugs))


def _settled(drafts: list[Draft]) -> Iterator[ClassName]:
    """The names, with each spelling given to one of them."""
    wholly = {slugify(word) for draft in drafts for word in draft.reserved if _is_wholly(draft)}
    owner = {slugify(draft.en): draft.slug for draft in drafts}
    claims = Counter(slug for draft in drafts for slug in {slugify(lemma) for lemma in draft.lemmas})
    reserved: dict[str, str] = {}
    for draft in drafts:
        own = slugify(draft.en)
        kept = [word for word in draft.reserved if owner.get(slugify(word), draft.slug) == draft.slug]
        kept = [word for word in kept if reserved.setdefault(slugify(word), draft.slug) == draft.slug]
        _say(draft, "reserved, but another name", set(draft.reserved) - set(kept))
        draft.reserved = _distinct([draft.en, *kept] if own in wholly else kept)
    for draft in drafts:
        mine = [word for word in draft.lemmas if slugify(word) != slugify(draft.en)]
        others = [word for word in mine if slugify(word) in owner or slugify(word) in reserved]
        shared = [word for word in mine if claims[slugify(word)] > 1 and word not in others]
        _say(draft, "a synonym that several names claim", set(shared))
        synonyms = _distinct(word for word in mine if word not in others and word not in shared)
        synset = draft.synsets[0] if draft.synsets else ""
        sources = tuple(draft.sources)
        texts = tuple(draft.broader), tuple(synonyms), tuple(draft.reserved)
        yield ClassName(draft.slug, draft.en, draft.ko, *texts, sources, synset)


def _is_wholly(draft: Draft) -> bool:
    return bool(draft.reserved) and draft.reserved[0] == draft.lemmas[0]


def _say(draft: Draft, why: str, spellings: Iterable[str]) -> None:
    for spelling in sorted(spellings):
        print(f"{draft.slug}: {spelling!r} is left out ({why})", file=sys.stderr)


def _distinct(words: Iterable[str]) -> list[str]:
    return list({slugify(word): word for word in reversed(list(words))}.values())[::-1]


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _listed(cell: str) -> list[str]:
    return [value.strip() for value in cell.split(";") if value.strip()]


if __name__ == "__main__":
    main()
