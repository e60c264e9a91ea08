"""Writes tests/fixtures/lstm.json: states of torch.nn.LSTM with seeded weights, on batches of sequences of several lengths.

Usage: python lstm_golden.py   (needs torch)
"""
import json
import pathlib

import numpy as np
import torch

from seeded import numbers

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "lstm.json"
CASES = [("one", 1, 1, [1]), ("odd", 5, 7, [3, 1, 9]), ("wide", 12, 33, [20, 6])]  # inputs, hidden, lengths


def main():
    cases = []
    for name, inputs, hidden, lens in CASES:
        scale = np.float32(1) / np.sqrt(np.float32(hidden))
        take = lambda what, shape, scale: torch.from_numpy((numbers(f"{name} {what}", int(np.prod(shape))) * np.float32(scale)).reshape(shape)).double()
        lstm = torch.nn.LSTM(inputs, hidden, batch_first=True).double()
        shapes = {"weight_ih": [4 * hidden, inputs], "weight_hh": [4 * hidden, hidden], "bias_ih": [4 * hidden], "bias_hh": [4 * hidden]}
        with torch.no_grad():
            for part, shape in shapes.items():
                getattr(lstm, f"{part}_l0").copy_(take(part, shape, scale))
            rows = take("x", [sum(lens), inputs], 3)
            states = torch.cat([lstm(item[None])[0][0] for item in rows.split(lens)])
        cases.append({"name": name, "inputs": inputs, "hidden": hidden, "lens": lens, "states": [round(float(v), 8) for v in states.flatten()]})
    OUT.write_text(json.dumps({"cases": cases}) + "\n")


main()
