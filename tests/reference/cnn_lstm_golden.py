"""Writes tests/fixtures/models/cnn_lstm.json: a small ear (convolutions, torch.nn.LSTM, projection) with seeded weights, and its answers.

Usage: python cnn_lstm_golden.py   (needs torch)
"""
import json
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

from seeded import numbers, range_of

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "models" / "cnn_lstm.json"
FRAMES, BINS, CHANNELS, HIDDEN, DIM, PATCHES = 21, 12, [5, 7], 9, 16, 3


def shapes():
    inputs, bins = 1, BINS
    for at, wide in enumerate(CHANNELS):
        yield f"conv.{at}.weight", [wide, 9 * inputs]
        yield f"conv.{at}.bias", [wide]
        inputs, bins = wide, -(-bins // 2)
    yield "lstm.input.weight", [4 * HIDDEN, bins * inputs]
    yield "lstm.input.bias", [4 * HIDDEN]
    yield "lstm.state.weight", [4 * HIDDEN, HIDDEN]
    yield "projection.weight", [DIM, HIDDEN]
    yield "projection.bias", [DIM]


def same(x, axis):
    """The zeros of TensorFlow's "SAME" along an axis, the odd one behind."""
    n = x.shape[axis]
    total = max((-(-n // 2) - 1) * 2 + 3 - n, 0)
    return total // 2, total - total // 2


def answer(p, patch, pooling):
    x = patch[None, None]
    for at in range(len(CHANNELS)):
        weight = p[f"conv.{at}.weight"]
        weight = weight.reshape(len(weight), 3, 3, -1).permute(0, 3, 1, 2)
        x = F.relu(F.conv2d(F.pad(x, [*same(x, 3), *same(x, 2)]), weight, p[f"conv.{at}.bias"], stride=2))
    steps = x[0].permute(1, 2, 0).flatten(1)
    lstm = torch.nn.LSTM(steps.shape[1], HIDDEN).double()
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(p["lstm.input.weight"])
        lstm.bias_ih_l0.copy_(p["lstm.input.bias"])
        lstm.weight_hh_l0.copy_(p["lstm.state.weight"])
        lstm.bias_hh_l0.zero_()
        states = lstm(steps)[0]
    pooled = states.mean(0) if pooling == "mean" else states[-1]
    return F.normalize(F.linear(pooled, p["projection.weight"], p["projection.bias"]), dim=0)


def main():
    tensors, p = [], {}
    for name, shape in shapes():
        scale, offset = range_of(name, shape)
        values = numbers(name, int(np.prod(shape))) * np.float32(scale) + np.float32(offset)
        p[name] = torch.from_numpy(values.reshape(shape)).double()
        tensors.append([name, shape, scale, offset])
    patches = [torch.from_numpy(2 * numbers(f"patch {at}", FRAMES * BINS).reshape(FRAMES, BINS)).double() for at in range(PATCHES)]
    vectors = {pooling: [[round(float(v), 8) for v in answer(p, patch, pooling)] for patch in patches] for pooling in ("mean", "last")}
    sizes = {"frames": FRAMES, "bins": BINS, "dim": DIM, "convolutions": len(CHANNELS)}
    OUT.write_text(json.dumps({"files": {}, "tensors": tensors, "sizes": sizes, "vectors": vectors}) + "\n")


main()
