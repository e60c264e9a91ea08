#!/usr/bin/env python3
"""Seeded checkpoints of CLIP ViT-B/32 and MobileNetV2 and the same weights as ONNX, fp32 and q8, for tests/bench/media.mjs.

No trained weights: speed does not depend on them. The ONNX files are PyTorch's own export, and q8 is onnxruntime's dynamic
quantization as the peer's own converter calls it (unsigned weights where there are convolutions, per tensor). Token ids of the
texts come from the checkpoint's tokenizer, so that both sides read the same ones.

usage: media_peer.py TEXTS.json OUT   (needs torch, transformers, onnx, onnxruntime)
"""
import json
import sys
from pathlib import Path

import torch
import transformers as t
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers.pre_tokenizers import ByteLevel


class Picture(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def forward(self, pixels):
        return self.clip.visual_projection(self.clip.vision_model(pixel_values=pixels).pooler_output)


class Text(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def forward(self, ids):
        return self.clip.text_projection(self.clip.text_model(input_ids=ids).pooler_output)


class Features(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model(pixels).pooler_output


def words_tokenizer(texts, folder):
    """A tokenizer of CLIP's kind that has every word of the texts as one token: as many tokens as words."""
    letters = sorted(ByteLevel.alphabet())
    vocabulary = {piece: at for at, piece in enumerate(letters + [letter + "</w>" for letter in letters])}
    merges = []
    for word in sorted({word for text in texts for word in "".join(c if c.isalnum() else " " for c in text.lower()).split() if word.isascii()}):
        pieces = list(word[:-1]) + [word[-1] + "</w>"]
        while len(pieces) > 1:
            if (pieces[0], pieces[1]) not in merges:
                merges.append((pieces[0], pieces[1]))
            vocabulary.setdefault(pieces[0] + pieces[1], len(vocabulary))
            pieces = [pieces[0] + pieces[1]] + pieces[2:]
    vocabulary |= {"<|startoftext|>": 49406, "<|endoftext|>": 49407}
    t.CLIPTokenizer(vocab=vocabulary, merges=merges).save_pretrained(folder)
    return t.AutoTokenizer.from_pretrained(folder)


def export(model, example, name, axes, out, weights):
    full = out / f"{name}.onnx"
    torch.onnx.export(model, (example,), str(full), input_names=["x"], output_names=["y"], dynamic_axes={"x": axes, "y": {0: "batch"}}, opset_version=17, dynamo=False)
    quantize_dynamic(full, out / f"{name}_q8.onnx", weight_type=weights, per_channel=False, reduce_range=False, extra_options={"EnableSubgraph": True})


def processor(folder, mean, std):
    """What the library's processors write, which want more packages than the models do."""
    side = {"height": 224, "width": 224}
    settings = {"do_resize": True, "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": True, "crop_size": side, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": mean, "image_std": std}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    texts, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.manual_seed(1)
    clip, mobilenet = t.CLIPModel(t.CLIPConfig()).eval(), t.MobileNetV2Model(t.MobileNetV2Config()).eval()
    for name, model in (("clip", clip), ("mobilenet_v2", mobilenet)):
        model.save_pretrained(out / name)
    # The pages' pictures have the model's size already: what is compared is the model, not the resizing.
    processor(out / "clip", [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    processor(out / "mobilenet_v2", [0.5] * 3, [0.5] * 3)
    tokenizer = words_tokenizer(texts["batch"] + [texts["one"]], out / "clip")
    ids = lambda batch: tokenizer(batch, padding=True, truncation=True, max_length=77)["input_ids"]
    (out / "ids.json").write_text(json.dumps({"batch": ids(texts["batch"]), "one": ids([texts["one"]])}))
    with torch.no_grad():
        pixels = torch.zeros(1, 3, 224, 224)
        export(Picture(clip), pixels, "clip_image", {0: "batch"}, out, QuantType.QUInt8)
        export(Text(clip), torch.tensor(ids([texts["one"]])), "clip_text", {0: "batch", 1: "tokens"}, out, QuantType.QInt8)
        export(Features(mobilenet), pixels, "mobilenet_v2", {0: "batch"}, out, QuantType.QUInt8)


if __name__ == "__main__":
    main()
