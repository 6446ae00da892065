"""PyTorch, eager or compiled by `torch.compile`."""

from __future__ import annotations

import math
import os
import time

import numpy as np
import torch
from torch.nn import functional

from . import common


class Autoencoder(torch.nn.Module):
    """Importance-weighted autoencoder; loc and log scale are one linear layer."""

    def __init__(self, weights):
        super().__init__()
        joined = [
            np.concatenate(pair, axis=-1) for pair in zip(weights["loc"], weights["log_scale"], strict=True)
        ]
        values = {name: weights[name] for name in weights if name not in ("loc", "log_scale")}
        self.layers = torch.nn.ModuleDict()
        for name, (kernel, bias) in (values | {"posterior": joined}).items():
            layer = torch.nn.Linear(*kernel.shape)
            layer.weight.data = torch.from_numpy(kernel.T.copy())
            layer.bias.data = torch.from_numpy(bias.copy())
            self.layers[name] = layer

    def forward(self, x, noise):
        """Returns minus the mean bound for noise [K, B, LATENT]."""
        layers = self.layers
        hidden = torch.tanh(layers["encoder_1"](torch.tanh(layers["encoder_0"](x))))
        loc, log_scale = layers["posterior"](hidden).chunk(2, dim=-1)
        z = torch.addcmul(loc, log_scale.exp(), noise)
        hidden = torch.tanh(layers["decoder_1"](torch.tanh(layers["decoder_0"](z))))
        logits = layers["logits"](hidden)
        log_likelihood = -functional.binary_cross_entropy_with_logits(
            logits, x.expand_as(logits), reduction="none"
        ).sum(-1)
        # log p(z) - log q(z|x): the constants cancel, and (z - loc) / scale is the noise
        log_ratio = 0.5 * (noise.square() - z.square()).sum(-1) + log_scale.sum(-1)
        log_weights = log_likelihood + log_ratio
        return math.log(len(noise)) - torch.logsumexp(log_weights, dim=0).mean()


class Peer:
    """See `common`."""

    def __init__(self, weights, *, num_samples, compiled=False):
        torch.set_num_threads(os.cpu_count())
        torch.manual_seed(0)
        self.num_samples = num_samples
        self.model = Autoencoder(weights)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=common.LEARNING_RATE,
            betas=(common.BETA_1, common.BETA_2),
            eps=common.EPSILON,
            fused=True,
        )
        self.batches = torch.from_numpy(common.batches())
        self.step = torch.compile(self._step) if compiled else self._step
        self.done = 0

    def _step(self, x):
        noise = torch.randn(self.num_samples, common.BATCH, common.LATENT)
        return self.model(x, noise)

    def loss(self, x, noise):
        with torch.no_grad():
            return float(self.model(torch.from_numpy(x), torch.from_numpy(noise)))

    def gradient(self, x, noise):
        self.optimizer.zero_grad()
        self.model(torch.from_numpy(x), torch.from_numpy(noise)).backward()
        return {name: self.model.layers[name].weight.grad.numpy().T.copy() for name in common.CHECKED}

    def steps(self, count):
        self._run(1)
        began = time.perf_counter()
        self._run(count)
        return (time.perf_counter() - began) / count

    def _run(self, count):
        for _ in range(count):
            loss = self.step(self.batches[self.done % common.BATCHES])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.done += 1
