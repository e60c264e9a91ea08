"""Writes tests/fixtures/models/<name>.json: small models with seeded weights and what the reference library answers.

Usage: python model_goldens.py [NAME ...]   (needs transformers, torch, pillow; transformers' own processors and tokenizers)
A fixture holds the checkpoint's config.json and other files, [name, shape, scale, offset] of each tensor (seeded.py), the
inputs and the unit vectors in fp32.
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
import transformers as t
from PIL import Image

from preprocess_goldens import PROCESSORS
from seeded import fill, picture, sound

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "models"
PICTURES = [(45, 37, 1), (32, 32, 2), (90, 31, 3), (64, 20, 4)]
WORDS = "warm boots wool winter garden chair lamp blue oak tea light wood cup leaf".split()
TEXTS = ["", "warm boots", "A blue chair, and a lamp!", "wool " * 30, "Tee für zwei: 12 cups", "leaf\n\tlight  wood", "😀 oak"]
SMALL = dict(hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=3)
# The layer shapes of real checkpoints, two layers of them and few words.
BASE = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=2, num_attention_heads=12)
BASE_TEXTS = [TEXTS[2], "wool " * 9 + "oak"]


def processor(name, size, **more):
    p = PROCESSORS[name]
    kwargs = json.loads(p.to_json_string())
    if "crop_size" in kwargs:
        kwargs.update(size={"shortest_edge": size + size // 7}, crop_size={"height": size, "width": size})
    else:
        kwargs.update(size={"height": size, "width": size})
    return type(p)(**{k: v for k, v in kwargs.items() if k != "image_processor_type"} | more)


def images(model, config, p, forward, sizes=PICTURES, drop=()):
    model, tensors = fill(model, lambda name: not name.startswith(tuple(drop)) if drop else True)
    vectors = []
    for width, height, seed in sizes:
        pixels = p(Image.fromarray(picture(width, height, seed)), return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            vectors.append(forward(model, pixels)[0])
    return {"config": config, "files": {"preprocessor_config.json": json.loads(p.to_json_string())}, "tensors": tensors,
            "pictures": sizes, "vectors": unit(vectors)}


def unit(vectors):
    vectors = torch.stack(vectors).double()
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    return [[round(float(v), 8) for v in row] for row in vectors]


def texts(model, config, folder, forward, max_length, all_texts=TEXTS, padding=False, files=("tokenizer.json",), keep=lambda name: True):
    tokenizer = t.AutoTokenizer.from_pretrained(folder)
    model, tensors = fill(model, keep)
    vectors = []
    for text in all_texts:
        ids = tokenizer(text, truncation=True, max_length=max_length, padding=padding, return_tensors="pt")
        with torch.no_grad():
            vectors.append(forward(model, ids)[0])
    files = {name: json.loads((pathlib.Path(folder) / name).read_text()) for name in files}
    return {"config": config, "files": files, "tensors": tensors, "texts": all_texts, "vectors": unit(vectors)}


def vit():
    config = t.ViTConfig(image_size=32, patch_size=8, **SMALL)
    model = t.ViTModel(config, add_pooling_layer=False)
    return images(model, config.to_dict(), processor("vit", 32), lambda m, x: m(x).last_hidden_state[:, 0])


def vit_base():
    """The layer shapes of ViT-B/16, two layers of them."""
    config = t.ViTConfig(num_hidden_layers=2)
    model = t.ViTModel(config, add_pooling_layer=False)
    return images(model, config.to_dict(), processor("vit", 224), lambda m, x: m(x).last_hidden_state[:, 0], [(301, 257, 5)])


def dinov2():
    # Positions of 4 x 4 patches, pictures of 6 x 6: they are interpolated.
    config = t.Dinov2Config(image_size=28, patch_size=7, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, mlp_ratio=2)
    model = t.Dinov2Model(config)
    fixture = images(model, config.to_dict(), processor("dinov2", 42), lambda m, x: m(x).last_hidden_state[:, 0])
    return fixture


def dinov2_base():
    config = t.Dinov2Config(image_size=518, patch_size=14, num_hidden_layers=2)
    return images(t.Dinov2Model(config), config.to_dict(), processor("dinov2", 224), lambda m, x: m(x).last_hidden_state[:, 0], [(301, 257, 5)])


def clip_image():
    config = clip_config()
    model = t.CLIPModel(config)
    forward = lambda m, x: m.visual_projection(m.vision_model(pixel_values=x).pooler_output)
    return images(model, config.to_dict(), processor("clip", 32), forward)


def clip_config(shape=SMALL):
    text = dict(shape, vocab_size=len(clip_vocabulary()[0]), max_position_embeddings=16, projection_dim=40,
                bos_token_id=len(clip_vocabulary()[0]) - 2, eos_token_id=len(clip_vocabulary()[0]) - 1)
    vision = dict(SMALL, image_size=32, patch_size=8, projection_dim=40)
    return t.CLIPConfig(text_config=text, vision_config=vision, projection_dim=40)


def clip_base():
    """The layer shapes of CLIP ViT-B/32's pictures, two layers of them."""
    config = t.CLIPConfig(text_config=dict(num_hidden_layers=1), vision_config=dict(num_hidden_layers=2))
    model = t.CLIPModel(config)
    forward = lambda m, x: m.visual_projection(m.vision_model(pixel_values=x).pooler_output)
    return images(model, config.to_dict(), processor("clip", 224), forward, [(301, 257, 5)], drop=("text_model", "text_projection"))


def clip_vocabulary():
    """Bytes, bytes at the end of words, and a few merges."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    vocabulary = {piece: at for at, piece in enumerate(letters + [letter + "</w>" for letter in letters])}
    merges = []
    for word in WORDS:
        pieces = list(word[:-1]) + [word[-1] + "</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
            vocabulary.setdefault(pieces[0] + pieces[1], len(vocabulary))
            pieces = [pieces[0] + pieces[1]] + pieces[2:]
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    return vocabulary, merges


def clip_text(shape=SMALL, all_texts=TEXTS):
    vocabulary, merges = clip_vocabulary()
    config = clip_config(shape)
    with tempfile.TemporaryDirectory() as folder:
        t.CLIPTokenizer(vocab=vocabulary, merges=merges).save_pretrained(folder)
        forward = lambda m, x: m.text_projection(m.text_model(input_ids=x["input_ids"], attention_mask=x["attention_mask"]).pooler_output)
        return texts(t.CLIPModel(config), config.to_dict(), folder, forward, 16, all_texts, keep=lambda name: not name.startswith("vis") or shape is SMALL)


def clip_text_base():
    return clip_text(dict(BASE, hidden_size=512, intermediate_size=2048, num_attention_heads=8), BASE_TEXTS)


def xlm_roberta(shape=SMALL, all_texts=TEXTS):
    letters = [f"▁{w}" for w in WORDS] + ["▁"] + sorted(set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ü:,.!"))
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + [(p, -2.0 - 0.01 * i) for i, p in enumerate(letters)] + [("<mask>", 0.0)]
    config = t.XLMRobertaConfig(vocab_size=len(pieces), max_position_embeddings=34, type_vocab_size=1, layer_norm_eps=1e-5, **shape)
    with tempfile.TemporaryDirectory() as folder:
        t.XLMRobertaTokenizer(vocab=pieces).save_pretrained(folder)
        return texts(t.XLMRobertaModel(config, add_pooling_layer=False), config.to_dict(), folder, mean_of_tokens, 32, all_texts)


def xlm_roberta_base():
    return xlm_roberta(BASE, BASE_TEXTS)


def mean_of_tokens(m, x):
    mask = x["attention_mask"].unsqueeze(-1).float()
    return (m(**x).last_hidden_state * mask).sum(1) / mask.sum(1)


def mpnet(shape=SMALL, all_texts=TEXTS):
    """Texts longer than the farthest distance that has a bias of its own, and one that is cut."""
    pieces = ["<s>", "<pad>", "</s>", "[UNK]"] + WORDS + sorted(set("abcdefghijklmnopqrstuvwxyz0123456789ü:,.!"))
    vocabulary = {piece: at for at, piece in enumerate(pieces + ["##" + letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789ü"] + ["<mask>"])}
    config = t.MPNetConfig(vocab_size=len(vocabulary), max_position_embeddings=202, **shape)
    with tempfile.TemporaryDirectory() as folder:
        t.MPNetTokenizer(vocab=vocabulary).save_pretrained(folder)
        long = [" ".join(WORDS[at * at % 14] for at in range(count)) for count in (20, 150, 260)]
        return texts(t.MPNetModel(config, add_pooling_layer=False), config.to_dict(), folder, mean_of_tokens, 200, all_texts + long)


def mpnet_base():
    return mpnet(BASE, BASE_TEXTS)


def siglip_text(shape=SMALL, all_texts=TEXTS):
    """Lower case without punctuation, filled up behind the end of the text; the number of the filling is the tokenizer's."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = ["▁" + word for word in WORDS] + ["▁"] + sorted("abcdefghijklmnopqrstuvwxyz0123456789ü")
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + [(piece, -2.0 - 0.01 * at) for at, piece in enumerate(letters)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
                                                 normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = t.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="</s>", unk_token="<unk>")
    return siglip_texts(fast, len(pieces), dict(shape, projection_size=40 if shape is SMALL else shape["hidden_size"]), all_texts)


def siglip_text_base():
    return siglip_text(BASE, BASE_TEXTS)


def siglip2_text():
    """Gemma's tokenizer, filled up before the text, with a number that is not the configuration's."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"] + [f"<0x{byte:02X}>" for byte in range(256)] + ["▁"] + sorted("abcdefghijklmnopqrstuvwxyzüTA,")
    merges = []
    for word in WORDS:
        whole = "▁"
        for letter in word:
            if (whole, letter) not in merges:
                merges.append((whole, letter))
            whole += letter
            if whole not in pieces:
                pieces.append(whole)
    tokenizer = t.Siglip2Tokenizer(vocab={piece: at for at, piece in enumerate(pieces)}, merges=merges)
    return siglip_texts(tokenizer, len(pieces), SMALL)


def siglip_texts(tokenizer, entries, shape, all_texts=TEXTS):
    text = dict(shape, vocab_size=entries, max_position_embeddings=16)
    config = t.SiglipConfig(text_config=text, vision_config=dict(SMALL, image_size=32, patch_size=8))
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        # Nobody tells the reference's pipelines which tokens fill up: attention sees them all.
        forward = lambda m, x: m.text_model(input_ids=x["input_ids"]).pooler_output
        return texts(t.SiglipModel(config), config.to_dict(), folder, forward, 16, all_texts, padding="max_length",
                     files=("tokenizer.json", "tokenizer_config.json"), keep=lambda name: name.startswith("text_"))


def siglip():
    text = dict(SMALL, vocab_size=100, max_position_embeddings=16)
    config = t.SiglipConfig(text_config=text, vision_config=dict(SMALL, image_size=32, patch_size=8))
    model = t.SiglipModel(config)
    forward = lambda m, x: m.vision_model(pixel_values=x).pooler_output
    return images(model, config.to_dict(), processor("siglip", 32), forward, drop=("text_model",))


def siglip_base():
    config = t.SiglipConfig(text_config=dict(SMALL, vocab_size=100, max_position_embeddings=16), vision_config=dict(BASE, image_size=224, patch_size=16))
    forward = lambda m, x: m.vision_model(pixel_values=x).pooler_output
    return images(t.SiglipModel(config), config.to_dict(), processor("siglip", 224), forward, [(301, 257, 5)], drop=("text_model",))


def mobilenet_v2():
    config = t.MobileNetV2Config(depth_multiplier=0.35, image_size=64)
    return images(t.MobileNetV2Model(config), config.to_dict(), processor("mobilenet", 64), lambda m, x: m(x).pooler_output)


def mobilenet_v2_odd():
    """Sizes that leave a rest at every step, and PyTorch's padding."""
    config = t.MobileNetV2Config(depth_multiplier=0.35, image_size=75, tf_padding=False)
    return images(t.MobileNetV2Model(config), config.to_dict(), processor("mobilenet", 75), lambda m, x: m(x).pooler_output)


def mobilenet_v2_full():
    config = t.MobileNetV2Config()
    return images(t.MobileNetV2Model(config), config.to_dict(), processor("mobilenet", 224), lambda m, x: m(x).pooler_output, [(301, 257, 5)])


def sounds(model, config, extractor, forward, lengths):
    """(seconds, seed) of sounds; nothing that is folded away or belongs to a classifier is kept."""
    model, tensors = fill(model)
    vectors = []
    for seconds, seed in lengths:
        wave = sound(extractor.sampling_rate, seconds, seed)
        features = extractor(wave, sampling_rate=extractor.sampling_rate, return_tensors="pt")
        with torch.no_grad():
            vectors.append(forward(model, features)[0])
    return {"config": config, "files": {"preprocessor_config.json": json.loads(extractor.to_json_string())}, "tensors": tensors,
            "sounds": lengths, "vectors": unit(vectors)}


def ast():
    config = t.ASTConfig(num_mel_bins=64, max_length=98, **SMALL)
    extractor = t.ASTFeatureExtractor(num_mel_bins=64, max_length=98)
    return sounds(t.ASTModel(config), config.to_dict(), extractor, lambda m, x: m(**x).pooler_output, [(0.6, 1), (1.2, 2), (0.3, 3), (0.99, 4)])


def ast_base():
    """The layer shapes of MIT/ast-finetuned-audioset-10-10-0.4593, two layers of them."""
    config = t.ASTConfig(num_hidden_layers=2)
    return sounds(t.ASTModel(config), config.to_dict(), t.ASTFeatureExtractor(), lambda m, x: m(**x).pooler_output, [(4.0, 5)])


def clap_audio():
    """Spectrograms of 201 frames, stretched to 256 and folded to 64 by 64; two stages, windows that are shifted and one that is whole."""
    audio = dict(depths=[2, 2, 1], num_attention_heads=[2, 4, 4], patch_embeds_hidden_size=16, hidden_size=64, spec_size=64, num_mel_bins=16,
                 window_size=4)
    extractor = t.ClapFeatureExtractor(feature_size=16, sampling_rate=16000, hop_length=160, max_length_s=2, fft_window_size=512,
                                       frequency_max=8000, truncation="rand_trunc", padding="repeatpad")
    text = dict(SMALL, vocab_size=100, max_position_embeddings=42)
    return clap_sounds(t.ClapConfig(text_config=text, audio_config=audio, projection_dim=40), extractor, [(2.0, 1), (0.7, 2), (1.4, 3), (0.2, 4)])


def clap_audio_base():
    """The layer shapes of laion/clap-htsat-unfused, two layers of each."""
    extractor = t.ClapFeatureExtractor(frequency_min=50, frequency_max=14000, truncation="rand_trunc", padding="repeatpad")
    text = dict(SMALL, vocab_size=100, max_position_embeddings=42)
    return clap_sounds(t.ClapConfig(text_config=text, audio_config=dict(depths=[2, 2, 2, 2])), extractor, [(6.1, 5)])


def clap_sounds(config, extractor, lengths):
    forward = lambda m, x: m.audio_projection(m.audio_model(**x).pooler_output)
    made = sounds(t.ClapModel(config), config.to_dict(), extractor, forward, lengths)
    made["tensors"] = [tensor for tensor in made["tensors"] if tensor[0].startswith("audio_")]
    return made


def clap_text(shape=SMALL, all_texts=TEXTS, projection=40):
    """A byte-level RoBERTa tokenizer without merges."""
    from tokenizers.pre_tokenizers import ByteLevel

    vocabulary = {piece: at for at, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>"] + sorted(ByteLevel.alphabet()) + ["<mask>"])}
    text = dict(shape, vocab_size=len(vocabulary), max_position_embeddings=42)
    audio = dict(depths=[1, 1], num_attention_heads=[2, 4], patch_embeds_hidden_size=16, hidden_size=32)
    config = t.ClapConfig(text_config=text, audio_config=audio, projection_dim=projection)
    with tempfile.TemporaryDirectory() as folder:
        t.RobertaTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
        forward = lambda m, x: m.text_projection(m.text_model(**x).pooler_output)
        made = texts(t.ClapModel(config), config.to_dict(), folder, forward, 40, all_texts)
    made["tensors"] = [tensor for tensor in made["tensors"] if tensor[0].startswith("text_")]
    return made


def clap_text_base():
    return clap_text(BASE, BASE_TEXTS, 512)


ALL = [vit, vit_base, dinov2, dinov2_base, clip_image, clip_base, clip_text, clip_text_base, xlm_roberta, xlm_roberta_base, mpnet, mpnet_base, siglip, siglip_base,
       siglip_text, siglip_text_base, siglip2_text, mobilenet_v2, mobilenet_v2_odd, mobilenet_v2_full, ast, ast_base, clap_text, clap_text_base, clap_audio,
       clap_audio_base]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for make in ALL:
        if sys.argv[1:] and make.__name__ not in sys.argv[1:]:
            continue
        fixture = make()
        fixture["config"] = {k: v for k, v in fixture["config"].items() if v is not None and k not in ("id2label", "label2id", "_name_or_path", "transformers_version")}
        text = json.dumps(fixture, ensure_ascii=False, separators=(",", ":")).replace('"tensors":', '\n"tensors":').replace('"vectors":', '\n"vectors":')
        (OUT / f"{make.__name__}.json").write_text(text + "\n")
        norms = np.array(fixture["vectors"])
        print(make.__name__, norms.shape, len(text), "cosine of the first two:", float(norms[0] @ norms[-1]))


if __name__ == "__main__":
    main()
