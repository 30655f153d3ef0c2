# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How people type a name: slips, plurals, articles, and whole requests, in English and Korean.

Case needs nothing: the renderer folds it.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from visual_byte_core.dataset.perturbation import perturb_text

Generator = np.random.Generator

REQUESTS = ("find the {}", "where is my {}", "where is the {}", "show me the {}", "bring me the {}", "look for the {}")
KOREAN_REQUESTS = (
    "{} 찾아줘",
    "{을} 찾아줘",
    "{} 어디 있어",
    "{이} 어디 있어",
    "{을} 보여줘",
    "{을} 가져다줘",
    "내 {}",
)
# Particles of subject, object and topic: after a consonant, after a vowel.
PARTICLES = {"이": ("이", "가"), "을": ("을", "를"), "은": ("은", "는")}
# Jamo of one syllable block, as NFD writes them: first consonants, vowels, last consonants.
_JAMO = (range(0x1100, 0x1113), range(0x1161, 0x1176), range(0x11A8, 0x11C3))


def vary_words(words: str, generator: Generator) -> str:
    """A slip, a plural or an article; of Korean a slip or a particle."""
    kind = generator.integers(5)
    if not words.isascii():
        return slip_of_jamo(words, generator) if kind < 3 else with_particle(words, generator)
    if kind < 2:
        return perturb_text(words, "typo", seed=int(generator.integers(1 << 30)))
    if kind == 2:
        return perturb_text(words, "plural")
    return f"{('a', 'the')[kind - 3]} {words}"


def as_request(words: str, generator: Generator) -> str:
    """Ask for it in a sentence."""
    if words.isascii():
        return REQUESTS[int(generator.integers(len(REQUESTS)))].format(words)
    request = KOREAN_REQUESTS[int(generator.integers(len(KOREAN_REQUESTS)))]
    return request.format(words, **{name: _with_particle(words, name) for name in PARTICLES})


def slip_of_jamo(words: str, generator: Generator) -> str:
    """One letter of one Hangul syllable becomes another of its place; words without Hangul stay."""
    letters = list(unicodedata.normalize("NFD", words))
    places = [(i, kind) for i, letter in enumerate(letters) for kind in _JAMO if ord(letter) in kind]
    if not places:
        return words
    place, kind = places[int(generator.integers(len(places)))]
    others = [code for code in kind if code != ord(letters[place])]
    letters[place] = chr(others[int(generator.integers(len(others)))])
    return unicodedata.normalize("NFC", "".join(letters))


def with_particle(words: str, generator: Generator) -> str:
    """With a particle of subject, object or topic, in the form that its last syllable wants."""
    return _with_particle(words, list(PARTICLES)[int(generator.integers(len(PARTICLES)))])


def _with_particle(words: str, name: str) -> str:
    ends_in_consonant = ord(unicodedata.normalize("NFD", words)[-1]) in _JAMO[2]
    return words + PARTICLES[name][0 if ends_in_consonant else 1]
