"""Writes tests/fixtures/preprocess.json: what the reference's image processors (Pillow's filters) make of seeded pictures.

Usage: python preprocess_goldens.py   (needs transformers, torch and pillow)
A case is a picture (width, height, seed, mode), a processor, the SHA-256 of the bytes after resizing and cropping, and some
of the numbers after normalizing.
"""
import hashlib
import json
import pathlib

import numpy as np
from PIL import Image
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from seeded import picture

IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
PROCESSORS = {
    "clip": CLIPImageProcessorPil(),
    "clip-336": CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}),
    "vit": ViTImageProcessorPil(),
    "siglip": SiglipImageProcessorPil(),
    "dinov2": BitImageProcessorPil(size={"shortest_edge": 256}, **IMAGENET),
    "mobilenet": MobileNetV2ImageProcessorPil(),
    "lanczos": ViTImageProcessorPil(resample=1, size={"height": 97, "width": 131}),
    "box": ViTImageProcessorPil(resample=4, size={"height": 60, "width": 80}),
    "crop-only": CLIPImageProcessorPil(do_resize=False, crop_size={"height": 100, "width": 120}),
    "upscaled-crop": CLIPImageProcessorPil(size={"shortest_edge": 30}, crop_size={"height": 45, "width": 50}),
}
SIZES = [(224, 224), (640, 480), (480, 641), (1, 1), (3, 2), (17, 301), (500, 375), (375, 500), (1000, 40), (97, 131), (2, 900), (1203, 801)]


def rgb(pixels, mode):
    if mode == "rgba":
        color, alpha = pixels[..., :3].astype(np.int64), pixels[..., 3:].astype(np.int64)
        return ((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.repeat(pixels, 3, axis=2) if mode == "gray" else pixels


def main():
    cases = []
    names = list(PROCESSORS)
    for at in range(60):
        (width, height), name = SIZES[at % len(SIZES)], names[(at * 7 + at // len(SIZES)) % len(names)]
        mode = ["rgb", "rgb", "rgba", "gray"][at % 4]
        pixels = rgb(picture(width, height, at, {"rgb": 3, "rgba": 4, "gray": 1}[mode]), mode)
        processor, image = PROCESSORS[name], Image.fromarray(pixels)
        raw = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
        raw = np.ascontiguousarray(raw.transpose(1, 2, 0))
        assert raw.dtype == np.uint8, raw.dtype
        full = processor(image, return_tensors="np")["pixel_values"][0].transpose(1, 2, 0).ravel()
        step = max(1, full.size // 12)
        cases.append({
            "width": width, "height": height, "seed": at, "mode": mode, "processor": name, "shape": list(raw.shape),
            "sha256": hashlib.sha256(raw.tobytes()).hexdigest(), "step": step, "numbers": [round(float(v), 6) for v in full[::step]],
        })
    processors = {name: json.loads(p.to_json_string()) for name, p in PROCESSORS.items()}
    out = pathlib.Path(__file__).parent.parent / "fixtures" / "preprocess.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    text = '{"processors": ' + json.dumps(processors, indent=1) + ',\n"cases": [\n' + lines + "\n]}\n"
    json.loads(text)
    out.write_text(text)
    print(len(cases), out.stat().st_size)


if __name__ == "__main__":
    main()
