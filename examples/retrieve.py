# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The nearest photo to a name, a sound file or a photo: python examples/retrieve.py PHOTOS banana spoken.wav cup.jpg"""

import sys
from pathlib import Path

import numpy as np

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.speech import read_sound

embedder = Embedder(Path(__file__).parents[1] / "models/starter")
photos = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix in (".jpg", ".png"))
memory = np.stack([embedder.embed_photo(read_photo(path)) for path in photos])
for query in sys.argv[2:]:
    if query.endswith((".wav", ".flac", ".ogg")):
        embedding = embedder.embed_speech(*read_sound(query))
    elif query.endswith((".jpg", ".png")):
        embedding = embedder.embed_photo(read_photo(query))
    else:
        embedding = embedder.embed_text(query)
    scores = memory @ embedding
    print(f"{query}: {photos[scores.argmax()]}, cosine {scores.max():.2f}")
