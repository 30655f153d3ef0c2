# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory that is asked, taught and made to forget: python examples/engine.py PHOTOS MEMORY banana lunch"""

import sys
from pathlib import Path

from visual_byte_core.bundle.starter import starter_bundle
from visual_byte_core.engine.engine import Engine
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.observation import Observation
from visual_byte_core.rendering.photo import read_photo

photos, memory, word, name = sys.argv[1:]
with Engine(starter_bundle(), memory) as engine:
    for path in sorted(Path(photos).rglob("*.jpg")):
        observation = Observation(captured_at=path.stat().st_mtime, source=path.name)
        engine.remember(read_photo(path), observation).result()
    print(f"{engine.count().result()} memories of {photos}")

    answer = engine.ask(word).result()
    print(f"{word}: {answer.status} {answer.reason}", *(match.source for match in answer.matches))

    engine.see(read_photo(path), observation).result()  # what the camera shows now, which has a name of yours
    engine.teach(name).result()
    answer = engine.ask(name).result()
    print(f"{name}: {answer.status} {answer.reason}", *(match.label for match in answer.matches))

    forgotten = engine.forget(where=Filter(label=name)).result()
    print(f"{forgotten} forgotten, {name}: {engine.ask(name).result().status}")
