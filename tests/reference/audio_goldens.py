"""Writes tests/fixtures/audio.json: what the reference's feature extractors make of seeded sounds.

Usage: python audio_goldens.py   (needs transformers, torch and scipy; torchaudio must not be there, so that AST's features are numpy's)
A case is an extractor, a sound (seconds, seed, quiet), the shape of its features, and some of their numbers. YAMNet's are written
out here after features.py of tensorflow/models, with numpy's transform: TensorFlow is not needed.
"""
import json
import pathlib

import numpy as np
from transformers import ASTFeatureExtractor, ClapFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from seeded import sound

EXTRACTORS = {
    "ast": ASTFeatureExtractor(),
    "ast-short": ASTFeatureExtractor(num_mel_bins=64, max_length=98, mean=-6.8, std=5.5),
    "ast-plain": ASTFeatureExtractor(max_length=200, do_normalize=False),
    "clap": ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad"),
    "clap-band": ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad", frequency_min=50, feature_size=32, max_length_s=3),
}
CASES = [
    ("ast", 3.0, 1, False), ("ast", 11.3, 2, False), ("ast", 10.2475, 3, True), ("ast-short", 0.6, 4, False), ("ast-short", 2.0, 5, False),
    ("ast-plain", 1.234, 6, False), ("clap", 10.0, 7, False), ("clap", 2.3, 8, False), ("clap", 6.1, 9, True), ("clap-band", 3.0, 10, False),
    ("clap-band", 0.2, 11, False), ("yamnet", 0.4, 12, False), ("yamnet", 0.975, 13, False), ("yamnet", 3.33, 14, False), ("yamnet", 1.5, 15, True),
]


def yamnet(samples):
    """[patches, 96, 64]: pad_waveform and waveform_to_log_mel_spectrogram_patches of features.py."""
    least, hop = 15600, 7680
    rest = max(len(samples), least) - least
    samples = np.pad(samples, (0, max(0, least - len(samples)) + (hop * -(-rest // hop) - rest)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 400)[::160] * window
    magnitude = np.abs(np.fft.rfft(frames, 512))
    weights = mel_filter_bank(257, 64, 125.0, 7500.0, 16000, norm=None, mel_scale="kaldi", triangularize_in_mel_space=True)
    log_mel = np.log(magnitude @ weights + 0.001)
    return np.stack([log_mel[at : at + 96] for at in range(0, len(log_mel) - 95, 48)])


def main():
    cases = []
    for name, seconds, seed, quiet in CASES:
        if name == "yamnet":
            rate, features = 16000, yamnet(sound(16000, seconds, seed, quiet))
        else:
            extractor = EXTRACTORS[name]
            rate = extractor.sampling_rate
            found = extractor(sound(rate, seconds, seed, quiet), sampling_rate=rate, return_tensors="np")
            features = np.asarray(found["input_values" if "ast" in name else "input_features"])
            features = features.reshape(1, *features.shape[-2:])
        flat = features.ravel()
        step = max(1, flat.size // 400)
        cases.append({"extractor": name, "rate": rate, "seconds": seconds, "seed": seed, "quiet": quiet, "shape": list(features.shape),
                      "step": step, "numbers": [round(float(v), 5) for v in flat[::step]]})
    extractors = {name: json.loads(e.to_json_string()) for name, e in EXTRACTORS.items()}
    out = pathlib.Path(__file__).parent.parent / "fixtures" / "audio.json"
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    text = '{"extractors": ' + json.dumps(extractors, indent=1) + ',\n"cases": [\n' + lines + "\n]}\n"
    json.loads(text)
    out.write_text(text)
    print(len(cases), out.stat().st_size)


if __name__ == "__main__":
    main()
