# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Find things in a folder of photos by typed names, spoken names or example photos, offline.

The folder is indexed once; later calls embed only what is new or changed. Something that is not there is answered with
NOT_FOUND. Without a name, on a terminal, it asks for names until an empty line.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visual_byte_core.bundle.false_accept_rate import DEFAULT_FALSE_ACCEPT_RATE
from visual_byte_core.bundle.starter import starter_bundle
from visual_byte_core.commands.common import add_bundle, positive, print_json, rate
from visual_byte_core.errors import InvalidSound, InvalidText, TooLong, printable

if TYPE_CHECKING:
    from visual_byte_core.capture.speech_likeness import SpeechLikeness
    from visual_byte_core.engine.answer import Answer
    from visual_byte_core.rendering.query import Asked
    from visual_byte_core.rendering.settings import RendererSettings

HELP = "find things in a folder of photos"
EXTRA = "robot"
PROMPT = "name> "

log = logging.getLogger("visual_byte")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bundle(parser, required=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="typed name")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="photos, at any depth")
    parser.add_argument(
        "--speech",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="spoken name, or a longer recording of several with pauses between them; may be repeated",
    )
    parser.add_argument(
        "--photo", type=Path, action="append", default=[], metavar="FILE", help="example; may be repeated"
    )
    parser.add_argument("--k", type=positive, default=1, metavar="N", help="matches a query (default: 1)")
    parser.add_argument(
        "--index", type=Path, metavar="DIR", help="where indexes are kept (default: ~/.cache/visual_byte/index)"
    )
    parser.add_argument(
        "--false-accept-rate", type=rate, default=DEFAULT_FALSE_ACCEPT_RATE, metavar="RATE",
        help="share of absent things that may be answered with a photo (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")


def run(arguments: argparse.Namespace) -> int:
    asked = bool(arguments.names or arguments.speech or arguments.photo)
    if not asked and (arguments.json or not sys.stdin.isatty()):
        arguments.parser.error("give a NAME, --speech FILE or --photo FILE")
    from visual_byte_core.bundle.bundle import load_bundle
    from visual_byte_core.engine.photo_index import PhotoIndex
    from visual_byte_core.engine.settings import EngineSettings
    from visual_byte_core.memory.merging import MergeSettings

    bundle = load_bundle(arguments.bundle or starter_bundle())
    queries = list(_queries(bundle.renderer, arguments))  # a wrong one is reported before a long indexing, not after it
    settings = EngineSettings(
        threads=arguments.threads,
        merging=MergeSettings(enabled=False),
        false_accept_rate=arguments.false_accept_rate,
        answer_within_s=None,
    )
    index = PhotoIndex(arguments.images, bundle, settings, arguments.index)
    try:
        unreadable = index.update()

        def answered(query: str, kind: str, asked: Asked) -> dict[str, Any]:
            answer = index.engine.ask(asked, k=arguments.k).result()
            return _described(query, kind, answer, arguments.images)

        answers = [answered(*query) for query in queries]
        if arguments.json:
            print_json(
                {
                    "bundle": bundle.id,
                    "photos": index.engine.memories,
                    "unreadable": unreadable,
                    "answers": answers,
                }
            )
        else:
            _print_table(answers)
        if not asked:
            for name in _typed_names():
                try:
                    _print_table([answered(name, "text", name)])
                except InvalidText as error:
                    print(error)
    finally:
        index.close()
    return 0


def _queries(renderer: RendererSettings, arguments: argparse.Namespace) -> Iterator[tuple[str, str, Asked]]:
    from visual_byte_core.rendering.photo import read_photo
    from visual_byte_core.rendering.query import Example, render_query

    for name in arguments.names:
        yield name, "text", render_query(name, renderer)
    for path in arguments.speech:
        yield from _spoken(renderer, path)
    for path in arguments.photo:
        yield str(path), "image", render_query(Example(read_photo(path)), renderer)


def _spoken(renderer: RendererSettings, path: Path) -> Iterator[tuple[str, str, Asked]]:
    """A spoken name; or, of a recording that is too long for one, each utterance in it."""
    from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY, SpeechLikeness
    from visual_byte_core.rendering.query import SpokenName, render_query
    from visual_byte_core.rendering.sound_file import MAX_S, read_sound, sound_header

    gate = SpeechLikeness()
    try:
        seconds = sound_header(path).seconds
        if seconds <= MAX_S:  # silence around one name is cut off
            samples, rate = read_sound(path)
            try:
                rendered = render_query(SpokenName(samples, rate), renderer)
            except TooLong as error:
                log.info("%s: %s; the utterances in it are asked for", path, error)
            else:
                gate.check(samples, rate, DEFAULT_SPEECH_PROBABILITY)
                yield str(path), "audio", rendered
                return
        yield from _utterances(renderer, gate, path, seconds)
    except InvalidSound as error:
        raise error if printable(path) in str(error) else InvalidSound(f"{path}: {error}") from error


def _utterances(
    renderer: RendererSettings, gate: SpeechLikeness, path: Path, seconds: float
) -> Iterator[tuple[str, str, Asked]]:
    from tqdm import tqdm

    from visual_byte_core.capture.sound_files import utterances_of
    from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY
    from visual_byte_core.rendering.query import SpokenName, render_query

    asked, reasons = 0, list[str]()
    with tqdm(total=round(seconds), desc=f"listening to {path.name}", unit="s", disable=None, leave=False) as bar:
        for begin, utterance in utterances_of(path):
            bar.update(round(begin) - bar.n)
            try:
                rendered = render_query(SpokenName(utterance.samples, utterance.rate), renderer)
                gate.check(utterance.samples, utterance.rate, DEFAULT_SPEECH_PROBABILITY)
            except InvalidSound as error:
                reasons.append(f"at {begin:.1f} s: {error}")
                continue
            asked += 1
            yield f"{path} at {begin:.1f} s", "audio", rendered
    if not asked:
        heard = f"none of {len(reasons)} utterances in it is a name; the first {reasons[0]}" if reasons else (
            "no utterance in it: nothing is as loud as a voice and sounds like one"
        )  # fmt: skip
        raise InvalidSound(
            f"{path}: {seconds:.0f} s long, and {heard}; --speech takes a spoken name, or a longer recording in which"
            " names are said with pauses of half a second between them"
        )
    if reasons:
        log.warning("%s: %d of %d utterances are no names: %s", path, len(reasons), asked + len(reasons), reasons[0])


def _typed_names() -> Iterator[str]:
    try:
        while name := input(PROMPT).strip():
            yield name
    except EOFError:
        print()


def _described(query: str, kind: str, answer: Answer, images: Path) -> dict[str, Any]:
    nearest = [
        {"file": str(images / match.source), "score": round(match.score, 4), "probability": round(probability, 4)}
        for match, probability in zip(answer.nearest, answer.probability, strict=True)
    ]
    return {
        "query": query,
        "kind": kind,
        "status": answer.status,
        "reason": answer.reason,
        "threshold": round(answer.threshold, 4),
        "matches": nearest[: len(answer.matches)],
        "nearest": nearest,
    }


def _print_table(answers: Iterable[dict[str, Any]]) -> None:
    rows = [("asked for", "found", "score", "probability", "")]
    for answer in answers:
        if answer["status"] != "FOUND":
            nearest = "".join(f"nearest: {best['file']}, {best['score']:.2f}" for best in answer["nearest"][:1])
            rows.append((answer["query"], "NOT_FOUND", "-", "-", nearest or answer["reason"]))
        for i, match in enumerate(answer["matches"]):
            query = "" if i else answer["query"]
            rows.append((query, match["file"], f"{match['score']:.2f}", f"{match['probability']:.2f}", ""))
    if len(rows) > 1:
        widths = [max(len(printable(row[column])) for row in rows) for column in range(4)]
        for row in rows:
            print(
                "  ".join(
                    [
                        *(printable(cell).ljust(width) for cell, width in zip(row, widths, strict=False)),
                        printable(row[4]),
                    ]
                ).rstrip()
            )
