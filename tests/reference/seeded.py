"""Numbers, pictures and checkpoints that a seed decides: the same here and in tests/encode/seeded.rs.

A tensor's numbers come from SplitMix64 counted from a hash (FNV-1a) of its name, so that a golden of a whole model is its
configuration, the names and shapes of its tensors, and what the reference answers.
"""
import numpy as np

MASK = (1 << 64) - 1


def fnv(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def numbers(name, count):
    """`count` numbers in [-1, 1)."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / float(1 << 23) - 1.0).astype(np.float32)


def range_of(name, shape):
    """(scale, offset) of a tensor's numbers: every layer keeps its input's size, gains are near one."""
    short = name.rsplit(".", 1)[-1]
    if short == "running_var":
        return 0.5, 1.0
    if "lambda1" in short:
        return 0.4, 0.6
    if len(shape) == 1 and short == "weight":
        return 0.2, 1.0
    if len(shape) <= 1:
        return 0.2, 0.0
    if "embed" in name and "projection" not in name and len(shape) < 4 or "token" in short or "probe" in short:
        return 0.5, 0.0
    fan = int(np.prod(shape[1:]))
    return float(np.float32((3.0 / fan) ** 0.5)), 0.0


def fill(model, keep=lambda name: True):
    """A PyTorch model with its numbers, through a checkpoint, whose names of tensors are others than those in memory; and what a
    test needs to write that checkpoint: [name, shape, scale, offset]."""
    import tempfile

    import torch
    from safetensors.torch import load_file, save_file

    tensors = []
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        path = f"{folder}/model.safetensors"
        state = load_file(path)
        for name, tensor in sorted(state.items()):
            if not tensor.is_floating_point() or not keep(name):
                continue
            shape = list(tensor.shape)
            scale, offset = range_of(name, shape)
            values = numbers(name, tensor.numel()) * np.float32(scale) + np.float32(offset)
            state[name] = torch.from_numpy(values.reshape(shape))
            tensors.append([name, shape, scale, offset])
        save_file(state, path, metadata={"format": "pt"})
        model = type(model).from_pretrained(folder)
    return model.eval(), tensors


def picture(width, height, seed, channels=3):
    """Bytes [height, width, channels]: slopes, checks and noise."""
    noise = (numbers(f"picture {seed}", width * height * channels) * 24).astype(np.int64).reshape(height, width, channels)
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.int64)
    base = x * (3 + c) * 256 // max(width, 64) + y * (5 - c) * 128 // max(height, 64) + ((x // 7 + y // 5 + seed) % 3) * 40
    return np.clip((base + seed * 31) % 320 - 32 + noise, 0, 255).astype(np.uint8)


def sound(rate, seconds, seed, quiet=False):
    """Samples: a tone that glides, a second one that beats, noise that swells, and silence in the middle."""
    count = int(rate * seconds)
    t = np.arange(count, dtype=np.float64) / rate
    noise = numbers(f"sound {seed}", count).astype(np.float64)
    low, high = 110.0 * (1 + seed), 900.0 + 310.0 * seed
    wave = 0.4 * np.sin(2 * np.pi * (low * t + 40.0 * t * t)) + 0.2 * np.sin(2 * np.pi * high * t) * np.sin(2 * np.pi * 1.7 * t)
    wave += noise * 0.15 * (0.5 + 0.5 * np.sin(2 * np.pi * 0.6 * t + seed))
    wave[count * 2 // 5 : count // 2] = 0.0
    return (wave * (0.003 if quiet else 1.0)).astype(np.float32)
