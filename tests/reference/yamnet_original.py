"""Writes tests/fixtures/yamnet.json: the class that the original TFLite file gives its reference clip and some made sounds.

Usage: python yamnet_original.py FOLDER   (with yamnet_spectra_in.tflite and the reference clip; needs ai-edge-litert and numpy)
The fixture holds, for each sound, the class and its score; nothing of the clip itself.
"""
import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from audio_goldens import yamnet
from seeded import numbers


def main():
    folder = pathlib.Path(sys.argv[1])
    model = Interpreter(str(folder / "yamnet_spectra_in.tflite"))
    model.allocate_tensors()
    place, out = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
    t = np.arange(15600) / 16000
    patches = {
        "clip": yamnet(np.fromfile(folder / "yamnet_test_audio.bin", "<i2").astype(np.float64) / 32768)[0],
        "clip's own spectra": np.fromfile(folder / "yamnet_test_spectra.bin", "<f4").reshape(96, 64),
        "tone": yamnet(0.5 * np.sin(2 * np.pi * 440 * t))[0],
        "high tone": yamnet(0.5 * np.sin(2 * np.pi * 3000 * t))[0],
        "noise": yamnet(numbers("white noise", 15600) * 0.5)[0],
    }
    found = {}
    for name, patch in patches.items():
        model.set_tensor(place, patch[None].astype(np.float32))
        model.invoke()
        scores = model.get_tensor(out)[0]
        best = int(scores.argmax())
        found[name] = {"class": best, "score": round(float(scores[best]), 4)}
    print(found)
    path = pathlib.Path(__file__).parent.parent / "fixtures" / "yamnet.json"
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
