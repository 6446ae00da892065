"""DCGAN in PyTorch, eager or compiled by `torch.compile`."""

from __future__ import annotations

import os
import time

import torch
from torch.nn import functional

from . import dcgan


class Network(torch.nn.Module):
    """Weights by their names, and batch normalisation whose running statistics follow a pass where asked to."""

    def __init__(self, weights, norms):
        super().__init__()
        self.weights = torch.nn.ParameterDict({name: torch.from_numpy(weights[name]) for name in weights})
        for name in norms:
            self.register_buffer(f"{name}_mean", torch.zeros(dcgan.NORMALIZED[name]))
            self.register_buffer(f"{name}_variance", torch.ones(dcgan.NORMALIZED[name]))

    def normalize(self, name, maps, moves):
        running = [getattr(self, f"{name}_{part}") if moves else None for part in ("mean", "variance")]
        gains = (self.weights[f"{name} gamma"], self.weights[f"{name} beta"])
        return functional.batch_norm(maps, *running, *gains, True, 1 - dcgan.KEPT, dcgan.EPSILON)


class Generator(Network):
    def forward(self, noise, moves):
        """Returns images [B, 1, SIZE, SIZE]."""
        weights = self.weights
        maps = (noise @ weights["projection"]).view(-1, *dcgan.START).permute(0, 3, 1, 2)
        maps = functional.relu(self.normalize("generator_norm_0", maps, moves))
        maps = functional.relu(self.normalize("generator_norm_1", self.upwards("generator_0", maps), moves))
        maps = self.upwards("generator_1", maps) + weights["generator_1 bias"].view(-1, 1, 1)
        return 0.5 * (1 + torch.tanh(maps))

    def upwards(self, name, maps):
        """A transposed convolution of stride 2 that undoes one padded by 1 before and 2 after."""
        size = 2 * maps.shape[-1]
        kernel = self.weights[name].permute(3, 2, 0, 1)
        return functional.conv_transpose2d(maps, kernel, stride=2)[:, :, 1 : 1 + size, 1 : 1 + size]


class Critic(Network):
    def forward(self, images, moves):
        """Returns logits [B]."""
        weights = self.weights
        maps = self.downwards("critic_0", 2 * images - 1) + weights["critic_0 bias"].view(-1, 1, 1)
        maps = self.downwards("critic_1", functional.leaky_relu(maps, dcgan.LEAK))
        maps = functional.leaky_relu(self.normalize("critic_norm", maps, moves), dcgan.LEAK)
        flat = maps.permute(0, 2, 3, 1).reshape(len(images), -1)
        return (flat @ weights["logit"] + weights["logit bias"])[:, 0]

    def downwards(self, name, maps):
        padded = functional.pad(maps, (1, 2, 1, 2))
        return functional.conv2d(padded, self.weights[name].permute(3, 2, 0, 1), stride=2)


class Peer:
    """See `dcgan`."""

    def __init__(self, weights, *, compiled=False):
        torch.set_num_threads(os.cpu_count())
        torch.manual_seed(0)
        critic = {name: value for name, value in weights.items() if name.startswith(("critic", "logit"))}
        generator = {name: value for name, value in weights.items() if name not in critic}
        self.generator = Generator(generator, ("generator_norm_0", "generator_norm_1"))
        self.critic = Critic(critic, ("critic_norm",))
        self.optimizers = [
            torch.optim.Adam(
                network.parameters(),
                lr=dcgan.LEARNING_RATE,
                betas=(dcgan.BETA_1, dcgan.BETA_2),
                eps=dcgan.ADAM_EPSILON,
                fused=True,
            )
            for network in (self.critic, self.generator)
        ]
        self.batches = [self.tensor(batch) for batch in dcgan.batches()]
        costs = (self.critic_cost, self.generator_cost)
        self.costs = [torch.compile(cost) for cost in costs] if compiled else costs
        self.done = 0

    @staticmethod
    def tensor(images):
        """Returns images [B, SIZE, SIZE, 1] as PyTorch has them."""
        return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    def critic_cost(self, x, noise):
        with torch.no_grad():
            samples = self.generator(noise, moves=False)
        real, fake = self.critic(x, moves=True), self.critic(samples, moves=True)
        return 0.5 * functional.softplus(-real).mean() + 0.5 * functional.softplus(fake).mean()

    def generator_cost(self, x, noise):
        return 0.5 * functional.softplus(-self.critic(self.generator(noise, moves=True), moves=False)).mean()

    def loss(self, x, noise):
        return float(
            sum(
                cost(self.tensor(x), torch.from_numpy(each))
                for cost, each in zip(self.costs, noise, strict=True)
            )
        )

    def gradient(self, x, noise):
        found = {}
        for cost, each, name in zip(self.costs, noise, dcgan.CHECKED, strict=True):
            self.critic.zero_grad()
            self.generator.zero_grad()
            cost(self.tensor(x), torch.from_numpy(each)).backward()
            kernel = {**self.critic.weights, **self.generator.weights}[name]
            found[name] = kernel.grad.numpy().copy()
        return found

    def steps(self, count):
        self._run(1)
        began = time.perf_counter()
        self._run(count)
        return (time.perf_counter() - began) / count

    def _run(self, count):
        for _ in range(count):
            x = self.batches[self.done % dcgan.BATCHES]
            for cost, optimizer, network in zip(
                self.costs, self.optimizers, (self.critic, self.generator), strict=True
            ):
                optimizer.zero_grad(set_to_none=True)
                loss = cost(x, torch.randn(dcgan.BATCH, dcgan.LATENT))
                loss.backward(inputs=list(network.parameters()))
                optimizer.step()
            self.done += 1
