# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""GradCache (Gao et al., 2021): the gradient of a whole contrastive batch in the memory of a part of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from visual_byte_core.training.state import random_state, set_random_state


class GradCache:
    """Embeds a batch chunk by chunk, twice: first without activations, then with the gradient of the batch's loss."""

    def __init__(self, embed: Callable[[Tensor], Tensor], images: Tensor, chunk: int) -> None:
        """embed: images (n, ...) -> embeddings (n, d); chunk: images at a time."""
        self.embed_chunk, self.chunks, self.device = embed, images.split(chunk), images.device

    def embed(self) -> Tensor:
        """All embeddings (n, d), a leaf: what is computed of them sends its gradient back no further."""
        # Both generators, or on a GPU, where it could not be tried yet, the second pass would drop out other values.
        self.random, embeddings = [], []
        with torch.no_grad():
            for images in self.chunks:
                self.random.append(random_state(self.device))
                embeddings.append(self.embed_chunk(images))
        self.embeddings = torch.cat(embeddings).requires_grad_()
        return self.embeddings

    def backward(self) -> None:
        """After the loss went back to the embeddings: add the gradient of every weight, chunk by chunk."""
        if self.embeddings.grad is None:
            return
        after = random_state(self.device)
        gradients = self.embeddings.grad.split([len(images) for images in self.chunks])
        for images, gradient, state in zip(self.chunks, gradients, self.random, strict=True):
            set_random_state(state, self.device)  # what drops out must be what dropped out before
            self.embed_chunk(images).backward(gradient)
        set_random_state(after, self.device)
