"""Writes tests/fixtures/models/video_text.json: a small video-text Transformer in PyTorch with seeded weights, and its answers.

Usage: python video_text_golden.py   (needs torch)
"""
import json
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

from seeded import numbers, range_of

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "models" / "video_text.json"
CONFIG = dict(frame=20, word=12, width=24, dim=10, heads=3, layers=2, wide=40, places=8)
CLIPS = [(5, 3), (8, 0), (0, 4), (1, 1), (9, 2)]  # frames, words; the last has a frame too many


def shapes(c):
    w = c["width"]
    yield "rows.weight", [w, c["frame"] + c["word"]]
    yield "rows.bias", [w]
    yield "places", [2 * c["places"], w]
    yield "kinds", [2, w]
    for layer in range(c["layers"]):
        for norm in ("norm1", "norm2"):
            yield f"layers.{layer}.{norm}.weight", [w]
            yield f"layers.{layer}.{norm}.bias", [w]
        for name, out, into in [("queries", w, w), ("keys", w, w), ("values", w, w), ("attended", w, w), ("wide", c["wide"], w), ("narrow", w, c["wide"])]:
            yield f"layers.{layer}.{name}.weight", [out, into]
            yield f"layers.{layer}.{name}.bias", [out]
    yield "norm.weight", [w]
    yield "norm.bias", [w]
    yield "answer.weight", [c["dim"], w]
    yield "answer.bias", [c["dim"]]


def answer(c, p, frames, words):
    frames, words = frames[: c["places"]], words[: c["places"]]
    linear = lambda x, name: F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])
    norm = lambda x, name: F.layer_norm(x, [c["width"]], p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)
    z = torch.zeros(len(frames) + len(words), c["frame"] + c["word"], dtype=torch.float64)
    z[: len(frames), : c["frame"]] = frames
    z[len(frames) :, c["frame"] :] = words
    kinds = torch.tensor([0] * len(frames) + [1] * len(words))
    places = torch.tensor(list(range(len(frames))) + [c["places"] + at for at in range(len(words))])
    x = linear(z, "rows") + p["places"][places] + p["kinds"][kinds]
    for layer in range(c["layers"]):
        at = f"layers.{layer}."
        n = norm(x, at + "norm1")
        q, k, v = (linear(n, at + part).view(len(x), c["heads"], -1).transpose(0, 1) for part in ("queries", "keys", "values"))
        x = x + linear(F.scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(len(x), -1), at + "attended")
        x = x + linear(F.gelu(linear(norm(x, at + "norm2"), at + "wide")), at + "narrow")
    return F.normalize(linear(norm(x, "norm").mean(0), "answer"), dim=0)


def main():
    tensors, p = [], {}
    for name, shape in shapes(CONFIG):
        scale, offset = range_of(name, shape)
        values = numbers(name, int(np.prod(shape))) * np.float32(scale) + np.float32(offset)
        p[name] = torch.from_numpy(values.reshape(shape)).double()
        tensors.append([name, shape, scale, offset])
    vectors = []
    for clip, (frames, words) in enumerate(CLIPS):
        rows = lambda what, count, dim: torch.from_numpy(numbers(f"{what} {clip}", count * dim).reshape(count, dim)).double()
        vectors.append(answer(CONFIG, p, rows("frames", frames, CONFIG["frame"]), rows("words", words, CONFIG["word"])))
    fixture = {"config": CONFIG, "files": {}, "tensors": tensors, "clips": CLIPS, "vectors": [[round(float(v), 8) for v in row] for row in vectors]}
    OUT.write_text(json.dumps(fixture) + "\n")


main()
