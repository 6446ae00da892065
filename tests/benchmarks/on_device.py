"""Images per second of OnDevice.sample beside the same decoder in ONNX Runtime and PyTorch, where they are installed.

    python tests/benchmarks/on_device.py MODEL.keras [--threads 2] [--seconds 3]

All take turns in one process, round by round, so that a slow moment of the machine slows them all. The others get their
latents from NumPy; OnDevice draws its own from a seed. Decoders are dense layers (`tfvae.networks.MLP`) with a
Bernoulli likelihood.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from pathlib import Path

import numpy as np


def layers_of(model):
    """Returns [(kernel, bias, activation)] of the decoder and the likelihood."""
    rows = [
        (*(np.asarray(weight) for weight in dense.weights), dense.activation.__name__)
        for dense in model.decoder.dense
    ]
    last = model.likelihood_head.logits_layer.linear
    return [*rows, (*(np.asarray(weight) for weight in last.weights), "sigmoid")]


def in_onnx_runtime(layers, threads):
    """Returns a function from latents to images."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, name = [], [], "z"
    for number, (kernel, bias, activation) in enumerate(layers):
        constants += [
            numpy_helper.from_array(kernel, f"w{number}"),
            numpy_helper.from_array(bias, f"b{number}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{number}", f"b{number}"], [f"h{number}"]))
        operation = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}[activation]
        nodes.append(helper.make_node(operation, [f"h{number}"], [f"a{number}"]))
        name = f"a{number}"
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "decoder",
        [value("z", TensorProto.FLOAT, ["batch", layers[0][0].shape[0]])],
        [value(name, TensorProto.FLOAT, ["batch", layers[-1][0].shape[1]])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda z: session.run(None, {"z": z})[0]


def in_torch(layers, threads):
    """Returns a function from latents to images."""
    import torch

    torch.set_num_threads(threads)
    parts = [
        (torch.tensor(kernel.T.copy()), torch.tensor(bias), getattr(torch, name))
        for kernel, bias, name in layers
    ]

    def run(z):
        with torch.inference_mode():
            x = torch.from_numpy(z)
            for kernel, bias, activation in parts:
                x = activation(torch.nn.functional.linear(x, kernel, bias))
            return x.numpy()

    return run


def main():
    """Prints a row for each batch size and runtime."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()

    import keras

    import tfvae  # noqa: F401
    from tfvae.export import OnDevice, save_tflite

    model = keras.saving.load_model(options.model)
    layers = layers_of(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        save_tflite(model, path)
        device = OnDevice(path, num_threads=options.threads)
    rng = np.random.default_rng(0)
    seeds = iter(range(2**31))
    others = {"onnxruntime": in_onnx_runtime, "torch": in_torch}
    installed = {name: make for name, make in others.items() if importlib.util.find_spec(name)}
    print("not installed:", ", ".join(sorted(set(others) - set(installed))) or "none")
    decoders = {name: make(layers, options.threads) for name, make in installed.items()}
    z = rng.standard_normal((4, model.latent_size)).astype(np.float32)
    for name, decode in decoders.items():
        gap = np.abs(decode(z) - np.reshape(model.decode(z), [4, -1])).max()
        assert gap < 1e-5, f"{name} computes something else: {gap}"
    for batch in (1, 64):
        runs = {"OnDevice.sample": lambda batch=batch: device.sample(batch, next(seeds))}
        for name, decode in decoders.items():
            runs[name] = lambda decode=decode, batch=batch: decode(
                rng.standard_normal((batch, model.latent_size)).astype(np.float32)
            )
        report(runs, batch, options.seconds)


def report(runs, batch, seconds, rounds=6):
    """Times the runs in alternating rounds and prints images per second, ratio and latency."""
    times = {name: [] for name in runs}
    for run in runs.values():
        for _ in range(20):
            run()
    for _ in range(rounds):
        for name, run in runs.items():
            end = time.perf_counter() + seconds / rounds
            while (start := time.perf_counter()) < end:
                run()
                times[name].append(time.perf_counter() - start)
    rates = {name: batch / np.median(values) for name, values in times.items()}
    for name, values in times.items():
        p50, p99 = np.percentile(values, [50, 99]) * 1e3
        ratio = rates["OnDevice.sample"] / rates[name]
        print(
            f"batch {batch:3}  {name:16} {rates[name]:9.0f} images/s  OnDevice is {ratio:5.2f} times as fast"
            f"  p50 {p50:.3f} ms  p99 {p99:.3f} ms"
        )


if __name__ == "__main__":
    main()
