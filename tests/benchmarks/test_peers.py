"""What the benchmarks compare computes the same thing.

Mutations, each seen to break a test here: a missing log K, z for z^2 in the prior, loc and log scale swapped, no path
through loc (all in one peer), a mean over K for the log-sum-exp, the products of the backward pass counted once, the
ratio of the medians for the median of the ratios. DCGAN: padding of 2 before and 1 after, a factor 1/2 left out, the
slope of the leaky ReLU, statistics of examples and samples together, images left in [0, 1], the samples of the
discriminator given to the generator (each in one peer).
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

import dcgan_step
import reports
import step
import worker
from peers import common, dcgan
from processes import Worker


def noise(num_samples, batch):
    return np.random.default_rng(2).standard_normal((num_samples, batch, common.LATENT)).astype(np.float32)


def by_hand(weights, x, noise):
    """Minus the mean bound, in float64."""
    parts = {name: [np.float64(part) for part in pair] for name, pair in weights.items()}

    def linear(name, inputs):
        return inputs @ parts[name][0] + parts[name][1]

    hidden = np.tanh(linear("encoder_1", np.tanh(linear("encoder_0", x))))
    loc, log_scale = linear("loc", hidden), linear("log_scale", hidden)
    z = loc + np.exp(log_scale) * noise
    logits = linear("logits", np.tanh(linear("decoder_1", np.tanh(linear("decoder_0", z)))))
    log_weights = np.sum(x * logits - np.logaddexp(0, logits), axis=-1)
    log_weights += np.sum(-0.5 * z**2 + 0.5 * noise**2 + log_scale, axis=-1)
    return -np.mean(np.logaddexp.reduce(log_weights, axis=0) - np.log(len(noise)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in worker.PEERS if "compiled" not in name])
def test_all_compute_the_same_loss_and_gradient(name, tmp_path):
    if not worker.installed(name):
        pytest.skip(f"{worker.PEERS[name][1]} is not installed: pip install tfvae[bench]")
    weights, x = common.weights(), common.images(7, seed=1)
    with Worker(name) as process:
        for num_samples in (1, 5):
            drawn = noise(num_samples, len(x))
            given, found = tmp_path / "given.npz", tmp_path / "found.npz"
            np.savez(given, x=x, noise=drawn)
            loss = process.ask(check=str(given), gradients=str(found))
            assert loss == pytest.approx(by_hand(weights, x, drawn), rel=1e-5)
            with np.load(found) as gradient:
                assert set(gradient) == set(common.CHECKED)
                for layer in common.CHECKED:
                    kernel, bias = weights[layer]

                    def loss_of(kernel, layer=layer, bias=bias, drawn=drawn):
                        return by_hand(weights | {layer: (kernel, bias)}, x, drawn)

                    check_gradient(loss_of, kernel, gradient[layer])


def check_gradient(loss_of, kernel, gradient, directions=10, length=1e-4):
    """Compares a gradient with central differences of the loss along random directions."""
    for seed in range(directions):
        direction = np.random.default_rng(seed).standard_normal(kernel.shape)
        direction *= length / np.linalg.norm(direction)
        ahead, behind = (loss_of(kernel + sign * direction) for sign in (1, -1))
        scale = np.linalg.norm(gradient) * np.linalg.norm(direction) / np.sqrt(direction.size)
        assert np.sum(gradient * direction) == pytest.approx((ahead - behind) / 2, abs=1e-4 * scale)


class GameByHand:
    """Both costs of DCGAN in float64."""

    def __init__(self, weights):
        self.weights = {name: np.float64(value) for name, value in weights.items()}

    def normalize(self, name, maps):
        mean, variance = maps.mean((0, 1, 2)), maps.var((0, 1, 2))
        gain, shift = self.weights[f"{name} gamma"], self.weights[f"{name} beta"]
        return (maps - mean) / np.sqrt(variance + dcgan.EPSILON) * gain + shift

    def downwards(self, name, maps):
        """Convolution of stride 2, padded by 1 before and 2 after."""
        size, padded = maps.shape[1], np.pad(maps, ((0, 0), (1, 2), (1, 2), (0, 0)))
        taps = np.ndindex(dcgan.KERNEL, dcgan.KERNEL)
        return sum(padded[:, i : i + size : 2, j : j + size : 2] @ self.weights[name][i, j] for i, j in taps)

    def upwards(self, name, maps):
        """Transpose of `downwards`."""
        size = 2 * maps.shape[1]
        whole = np.zeros((len(maps), size + 3, size + 3, self.weights[name].shape[2]))
        for i, j in np.ndindex(dcgan.KERNEL, dcgan.KERNEL):
            whole[:, i : i + size : 2, j : j + size : 2] += maps @ self.weights[name][i, j].T
        return whole[:, 1 : 1 + size, 1 : 1 + size]

    def generate(self, noise):
        maps = (noise @ self.weights["projection"]).reshape(-1, *dcgan.START)
        maps = self.upwards("generator_0", np.maximum(self.normalize("generator_norm_0", maps), 0))
        maps = self.upwards("generator_1", np.maximum(self.normalize("generator_norm_1", maps), 0))
        return 0.5 * (1 + np.tanh(maps + self.weights["generator_1 bias"]))

    def logits(self, images):
        def leaky(maps):
            return np.where(maps > 0, maps, dcgan.LEAK * maps)

        maps = leaky(self.downwards("critic_0", 2 * images - 1) + self.weights["critic_0 bias"])
        maps = leaky(self.normalize("critic_norm", self.downwards("critic_1", maps)))
        return maps.reshape(len(images), -1) @ self.weights["logit"][:, 0] + self.weights["logit bias"]

    def costs(self, x, noise):
        first, second = (self.generate(np.float64(each)) for each in noise)
        critic = np.logaddexp(0, -self.logits(x)).mean() + np.logaddexp(0, self.logits(first)).mean()
        return 0.5 * critic, 0.5 * np.logaddexp(0, -self.logits(second)).mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in worker.GAMES if "compiled" not in name])
def test_all_games_compute_the_same_costs_and_gradients(name, tmp_path):
    if not worker.installed(name):
        pytest.skip(f"{worker.GAMES[name][1]} is not installed: pip install tfvae[bench]")
    weights, x = dcgan.weights(), dcgan.images(6, seed=1)
    drawn = np.random.default_rng(2).standard_normal((2, 6, dcgan.LATENT)).astype(np.float32)
    given, found = tmp_path / "given.npz", tmp_path / "found.npz"
    np.savez(given, x=x, noise=drawn)
    with Worker(name) as process:
        loss = process.ask(check=str(given), gradients=str(found))
    assert loss == pytest.approx(sum(GameByHand(weights).costs(x, drawn)), rel=1e-5)
    with np.load(found) as gradients:
        for player, layer in enumerate(dcgan.CHECKED):

            def cost_of(kernel, layer=layer, player=player):
                return GameByHand(weights | {layer: kernel}).costs(x, drawn)[player]

            check_gradient(cost_of, weights[layer], gradients[layer], directions=5, length=1e-6)  # kinks


def test_games_are_compared_within_a_round():
    times = {dcgan_step.OURS: [1.0, 2.0, 4.0], "JAX, DCGAN": [4.0, 2.0, 4.0]}
    assert dcgan_step.rows(times) == [
        ["tfvae", "2000.0", "1000.0", "1.00"],
        ["JAX", "4000.0", "2000.0", "1.00"],
    ]


def test_floating_point_operations_are_those_of_the_layers():
    decoder = 50 * 200 + 200 * 200 + 200 * 784
    encoder = 200 * 200 + 2 * 200 * 50
    first = 784 * 200
    for samples in (1, 50):
        assert common.flops(samples) == 2 * 100 * (3 * samples * decoder + 3 * encoder + 2 * first)
    assert common.flops(50, 1) == 2 * 100 * (52 * decoder + 3 * encoder + 2 * first)
    assert common.flops(50) == pytest.approx(6.2e9, rel=0.02)


def test_the_report_pairs_what_was_measured_in_one_round():
    times = {
        ("tfvae", 50): [1.0, 2.0, 4.0],
        ("JAX", 50): [4.0, 2.0, 4.0],
        ("PyTorch eager", 50): [9.0, 9.0, 9.0],
        (step.BACKWARD, 50): [0.5, 0.5, 0.5],
    }
    rates = {"decoder": [6.0, 12.0, 6.0], "square": [9.0, 9.0, 9.0]}
    rows = {row["implementation"]: row for row in step.report(times, rates)}
    assert rows["JAX"]["tfvae is faster by"] == 1.0  # not the ratio of the medians, 2
    assert rows["PyTorch eager"]["tfvae is faster by"] == 4.5
    assert rows["tfvae"]["against"] == "JAX" and rows["tfvae"]["tfvae is faster by"] == 1.0
    assert rows[step.BACKWARD]["against"] == "JAX" and rows[step.BACKWARD]["tfvae is faster by"] == 8.0
    assert rows["tfvae"]["of the floor"] == pytest.approx(common.flops(50) / 24e9)
    assert "3 rounds" in step.table(list(rows.values()), rates)
    json.dumps(list(rows.values()))


def test_a_table_is_written_between_its_markers(tmp_path):
    file = tmp_path / "speed.md"
    file.write_text("a\n<!-- step -->\nold\n<!-- /step -->\nb\n")
    for _ in range(2):
        reports.write_between_markers(file, "step", reports.markdown(["x", "yy"], [["1", "2"]]))
    lines = file.read_text().splitlines()
    assert lines[0] == "a" and lines[-1] == "b" and "old" not in lines
    assert lines[3:6] == ["| x | yy |", "| - | -- |", "| 1 | 2  |"]
    with pytest.raises(ValueError, match="scaling"):
        reports.write_between_markers(file, "scaling", "")
