"""What the benchmarks compare computes the same thing.

Mutations, each seen to break a test here: a missing log K, z for z^2 in the prior, loc and log scale swapped, no path
through loc (all in one peer), a mean over K for the log-sum-exp, the products of the backward pass counted once, the
ratio of the medians for the median of the ratios.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

import reports
import step
import worker
from peers import common
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
                    check_gradient(weights, layer, gradient[layer], x, drawn)


def check_gradient(weights, layer, gradient, x, drawn):
    """Compares a gradient with central differences of the loss along ten random directions."""
    for seed in range(10):
        direction = np.random.default_rng(seed).standard_normal(common.LAYERS[layer])
        direction *= 1e-4 / np.linalg.norm(direction)
        kernel, bias = weights[layer]
        ahead, behind = (
            by_hand(weights | {layer: (kernel + sign * direction, bias)}, x, drawn) for sign in (1, -1)
        )
        scale = np.linalg.norm(gradient) * np.linalg.norm(direction) / np.sqrt(direction.size)
        assert np.sum(gradient * direction) == pytest.approx((ahead - behind) / 2, abs=1e-4 * scale), layer


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
