# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which voice activity finds spoken names in a room: by energy or by Silero VAD.

    python studies/utterances.py --speech $VISUAL_BYTE_DATA/speech --noise $VISUAL_BYTE_DATA/noise

SPEECH and NOISE hold a manifest.csv with the columns file and word, file and kind. Clips are laid into the noise of a
room, 1 to 3 s apart, one stream a kind of room, and played to the detector in blocks of 50 ms as by a microphone.
Prints a row for each setting and signal-to-noise ratio:

- found: share of names that exactly one utterance covers, at least half of it and no part of another name;
- cut: share of names whose utterance begins 0 to 0.5 s before the name and ends 0 to 0.7 s after it (50 ms of grace);
- extra a minute: utterances that cover no name, in the pauses; false a minute: utterances in noise alone, of all kinds,
  and how many of these the later test of the whole utterance (`speech_probability`) lets pass;
- R@1: share of the names that the bundle knows whose utterance is nearest to that typed name among all the names, and
  the same for whole clips in silence, cut by nothing. A name that is not found counts as wrong;
- CPU: seconds of processor a second of sound.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from visual_byte_core.capture import utterance_detector, voice_activity
from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY, SpeechLikeness
from visual_byte_core.capture.utterance_detector import UtteranceDetector, UtteranceSettings
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import InvalidSound
from visual_byte_core.evaluation.embedded_data import embed_words
from visual_byte_core.rendering.speech import HOP, RATE, read_sound, render_speech
from visual_byte_core.seeding import seeded

BLOCK = RATE // 20
SPEECH_RMS = 0.05  # -26 dBFS: somebody at arm's length
ROOMS = ("running_tap", "doing_the_dishes", "exercise_bike", "rain", "fire_crackling", "clock_tick", "helicopter")
QUIET_ROOM_DB = 40.0
EARLY, LATE, GRACE = 0.5, 0.7, 0.05


@dataclass(frozen=True)
class Name:
    """A name in a stream: begin and end of what is audible of it, in samples."""

    words: str
    begin: int
    end: int


@dataclass(frozen=True)
class Stream:
    samples: np.ndarray
    names: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Heard:
    samples: np.ndarray
    begin: int
    end: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--noise", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=Path("models/starter"))
    parser.add_argument("--names", type=int, default=300, metavar="N", help="names a row (default: 300)")
    parser.add_argument("--gain", type=float, default=0.0, metavar="DB", help="make every stream so much louder")
    parser.add_argument("--snr", type=float, nargs="+", default=[QUIET_ROOM_DB, 10.0, 5.0], metavar="DB")
    parser.add_argument("--probability", type=float, nargs="+", default=[0.5], help="settings of Silero")
    parser.add_argument("--pre-roll-s", type=float, nargs="+", default=[UtteranceSettings().pre_roll_s])
    parser.add_argument("--never-forget", action="store_true", help="Silero keeps its state through long pauses")
    parser.add_argument("--no-cut", action="store_true", help="what does not stand out from the room is left on")
    parser.add_argument("--no-retrieval", action="store_true", help="only find and cut")
    arguments = parser.parse_args()
    if arguments.never_forget:
        voice_activity.FORGET_S = math.inf
    if arguments.no_cut:
        utterance_detector.OVER_ROOM_DB = -math.inf
    clips = read_clips(arguments.speech, arguments.bundle, arguments.names)
    noises = read_noises(arguments.noise)
    known = None if arguments.no_retrieval else Known(arguments.bundle)
    gain = 10 ** (arguments.gain / 20)
    settings = [
        replace(UtteranceSettings(voice_activity=kind, pre_roll_s=pre_roll_s), voice_probability=probability)
        for pre_roll_s in arguments.pre_roll_s
        for kind, probabilities in (("energy", [0.5]), ("silero", arguments.probability))
        for probability in probabilities
    ]
    quiet = [Stream(gain * noise) for kind in sorted(noises) for noise in noises[kind]]
    print_header()
    if known:
        whole = known.share_right([words for words, _ in clips], [samples for _, samples in clips])
        print(f"| whole clips, nothing cut | - | - | - | - | - | - | - | {whole:.3f} | - |")
    for one in settings:
        false = false_starts(quiet, one)
        for snr in arguments.snr:
            streams = [stream_of(clips, noises, room, snr, gain) for room in ROOMS]
            print_row(one, snr, streams, false, known)


def read_clips(folder: Path, bundle: Path, count: int) -> list[tuple[str, np.ndarray]]:
    """Words and samples at one loudness; those the bundle knows come first."""
    known = {name.en.casefold() for name in Embedder(bundle, threads=1).bundle.class_names}
    rows = manifest(folder)
    order = seeded("clips").permutation(len(rows))
    chosen = sorted((rows[i] for i in order), key=lambda row: row["word"].casefold() not in known)[:count]
    clips = []
    for row in chosen:
        samples, rate = read_sound(folder / row["file"])
        assert rate == RATE, f"{row['file']}: expected {RATE} Hz"
        begin, end = audible(samples)
        clips.append((row["word"], samples * (SPEECH_RMS / np.sqrt(np.mean(samples[begin:end] ** 2)))))
    return clips


def read_noises(folder: Path) -> dict[str, list[np.ndarray]]:
    """Noises by kind, each at the loudness of speech."""
    noises: dict[str, list[np.ndarray]] = {}
    for row in manifest(folder):
        samples, _ = read_sound(folder / row["file"])
        if (rms := float(np.sqrt(np.mean(samples**2)))) > 1e-5:
            noises.setdefault(row["kind"], []).append(samples * (SPEECH_RMS / rms))
    return noises


def manifest(folder: Path) -> list[dict[str, str]]:
    with open(folder / "manifest.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def audible(samples: np.ndarray, under_db: float = 30.0) -> tuple[int, int]:
    """Where a clip is less than `under_db` under its loudest 25 ms."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 400)[::HOP]
    power = np.einsum("ij,ij->i", frames, frames)
    loud = np.flatnonzero(power > power.max() * 10 ** (-under_db / 10))
    return int(loud[0]) * HOP, int(loud[-1]) * HOP + 400


def stream_of(
    clips: list[tuple[str, np.ndarray]], noises: dict[str, list[np.ndarray]], room: str, snr: float, gain: float
) -> Stream:
    """The clips that fall to this room, in random order and 1 to 3 s apart, in its noise."""
    generator = seeded("stream", room)
    parts, names, at = [np.zeros(5 * RATE)], [], 5 * RATE
    for index in generator.permutation(range(ROOMS.index(room), len(clips), len(ROOMS))):
        words, samples = clips[index]
        begin, end = audible(samples)
        names.append(Name(words, at + begin, at + end))
        pause = np.zeros(int(generator.uniform(1, 3) * RATE))
        parts += [samples, pause]
        at += len(samples) + len(pause)
    speech = np.concatenate(parts)
    noise = np.resize(np.concatenate(noises[room]), len(speech))
    return Stream((gain * np.clip(speech + noise * 10 ** (-snr / 20), -1, 1)).astype(np.float32), tuple(names))


def listen(stream: Stream, detector: UtteranceDetector) -> list[Heard]:
    """The utterances and where they lie; the detector gives no position, so it is looked up by the samples."""
    detector.restart(after_silence=False)
    heard, at, samples = [], 0, stream.samples.astype(np.float32)
    for start in range(0, len(samples), BLOCK):
        for one in detector.push(samples[start : start + BLOCK]):
            begin = position(samples, one.samples, at)
            at = begin + len(one.samples)
            heard.append(Heard(one.samples, begin, at))
    return heard


def position(samples: np.ndarray, piece: np.ndarray, start: int) -> int:
    """Where the piece lies; windows begin at multiples of 32 samples, which divides all steps."""
    lowest = start // 32 * 32
    for begin in range(max(0, lowest - 10 * BLOCK // 32 * 32), len(samples) - len(piece) + 1, 32):
        if samples[begin] == piece[0] and np.array_equal(samples[begin : begin + len(piece)], piece):
            return begin
    raise AssertionError("an utterance that is not in its stream")


def match(stream: Stream, heard: list[Heard]) -> tuple[list[Heard | None], int]:
    """For each name the one utterance that covers it and no other name, and how many utterances cover no name."""
    covered = [[n for n in stream.names if min(n.end, h.end) - max(n.begin, h.begin) > 0.02 * RATE] for h in heard]
    found: list[Heard | None] = []
    for name in stream.names:
        over = [(h, names) for h, names in zip(heard, covered, strict=True) if name in names]
        alone = len(over) == 1 and len(over[0][1]) == 1
        share = (
            (min(name.end, over[0][0].end) - max(name.begin, over[0][0].begin)) / (name.end - name.begin)
            if alone
            else 0
        )
        found.append(over[0][0] if share >= 0.5 else None)
    return found, sum(not names for names in covered)


def well_cut(name: Name, heard: Heard | None) -> bool:
    if heard is None:
        return False
    before, after = (name.begin - heard.begin) / RATE, (heard.end - name.end) / RATE
    return -GRACE <= before <= EARLY + GRACE and -GRACE <= after <= LATE + GRACE


def false_starts(streams: list[Stream], settings: UtteranceSettings) -> tuple[float, float]:
    """Utterances a minute of noise: all, and those that pass as speech."""
    detector, likeness = UtteranceDetector(settings, after_silence=False), SpeechLikeness()
    heard = [
        one for stream in tqdm(streams, desc="noise", unit="clip", leave=False) for one in listen(stream, detector)
    ]
    passed = sum(likeness.probability(one.samples, RATE) >= DEFAULT_SPEECH_PROBABILITY for one in heard)
    minutes = sum(len(stream.samples) for stream in streams) / RATE / 60
    return len(heard) / minutes, passed / minutes


class Known:
    """The typed names of a bundle, to find a spoken one among."""

    def __init__(self, bundle: Path) -> None:
        self._embedder = Embedder(bundle, threads=1)
        self._words = [name.en for name in self._embedder.bundle.class_names]
        self._vectors = embed_words(self._embedder, self._words)[0]

    def share_right(self, words: list[str], sounds: list[np.ndarray | None]) -> float:
        known = {word.casefold() for word in self._words}
        asked = [(w, s) for w, s in zip(words, sounds, strict=True) if w.casefold() in known]
        return float(np.mean([self._is_right(w, s) for w, s in tqdm(asked, desc="names", unit="name", leave=False)]))

    def _is_right(self, words: str, samples: np.ndarray | None) -> bool:
        if samples is None:
            return False
        renderer = self._embedder.bundle.renderer
        try:
            image = render_speech(samples, RATE, renderer.size_of("audio"), renderer.speech)
        except InvalidSound:
            return False
        best = int(np.argmax(self._vectors @ self._embedder.embed(image[None])[0]))
        return self._words[best].casefold() == words.casefold()


def print_header() -> None:
    columns = ["voice activity", "probability", "pre-roll s", "SNR dB", "found", "cut", "extra a minute"]
    columns += ["false a minute (pass as speech)", "R@1", "CPU"]
    print("| " + " | ".join(columns) + " |\n" + "| --- " * len(columns) + "|")


def print_row(
    settings: UtteranceSettings, snr: float, streams: list[Stream], false: tuple[float, float], known: Known | None
) -> None:
    detector = UtteranceDetector(settings, after_silence=False)
    started, found, extra = time.process_time(), [], 0
    for stream in streams:
        detector.restart(after_silence=False)
        for start in range(0, len(stream.samples), BLOCK):
            detector.push(stream.samples[start : start + BLOCK])
    cpu = time.process_time() - started
    for stream in streams:
        matched, more = match(stream, listen(stream, detector))
        found += list(zip(stream.names, matched, strict=True))
        extra += more
    seconds = sum(len(stream.samples) for stream in streams) / RATE
    right = known.share_right([n.words for n, _ in found], [h and h.samples for _, h in found]) if known else None
    cells = [
        settings.voice_activity,
        f"{settings.voice_probability:g}" if settings.voice_activity == "silero" else "-",
        f"{settings.pre_roll_s:g}",
        f"{snr:g}",
        f"{np.mean([h is not None for _, h in found]):.3f}",
        f"{np.mean([well_cut(n, h) for n, h in found]):.3f}",
        f"{extra / seconds * 60:.1f}",
        f"{false[0]:.1f} ({false[1]:.1f})",
        "-" if right is None else f"{right:.3f}",
        f"{cpu / seconds:.4f}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
