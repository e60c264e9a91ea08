"""Writes the goldens of the text encoder: 200 varied texts and what sentence-transformers says of them in fp32.

Usage: python minilm_goldens.py CHECKPOINT_FOLDER   (needs sentence-transformers; writes tests/fixtures/minilm/)
texts.json is a list of strings; embeddings.f32 is [200, 384] little-endian f32.
"""
import json
import pathlib
import random
import sys

import numpy as np
from sentence_transformers import SentenceTransformer

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "minilm"

WORDS = """warm waterproof boots for winter hiking red ceramic mug with a hand painted fox on the side quiet mechanical
keyboard aluminium body learn to bake sourdough bread at home without yeast an old lighthouse keeper finds a letter in a
bottle and sets out across the frozen sea documentary about the migration of whales jazz trio recorded live in a small
club near the river children's book of dinosaurs cordless drill two batteries charger included the detective has one
night to prove that her brother is innocent noise cancelling headphones linen shirt summer garden chair foldable oak
table seats eight people vegan curry recipe coconut milk chickpeas slow piano music for reading rain on a tin roof
science fiction novel first contact generation ship wool blanket grey stripes bicycle repair kit tyre levers patches
solar lantern camping stove titanium cup spice rack bamboo toothbrush running shoes trail marathon training plan
watercolour paper cold pressed brushes set acrylic ink fountain pen fine nib blue black""".split()

HAND = [
    "", " ", "\n\t  \r\n", "a", "Boots", "boots", "BOOTS!", "the", "cat", "Cats and dogs.", "?", "!!!", "...", "1", "42",
    "3.14159 26535 89793", "$19.99 (was $24.99)", "50% off", "https://example.org/shop?q=boots&size=42#top",
    "someone@example.org", "C++ / Rust / TypeScript", "snake_case camelCase kebab-case", "e=mc^2", "x" * 120, "ab" * 300,
    "😀", "🦊🍂", "I ❤️ pizza 🍕", "👩‍👩‍👧‍👦 family", "🇯🇵 flag", "👍🏽", "smile 😊 and cry 😭 at once",
    "你好,世界", "今天天气很好,我们去公园散步吧。", "日本語のテキストです。", "カタカナ ひらがな 漢字", "한국어 문장입니다.", "สวัสดีชาวโลก",
    "Привет, мир!", "Γειά σου Κόσμε", "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया", "Zażółć gęślą jaźń", "Übergrößenträger",
    "naïve café résumé", "naive cafe resume", "İstanbul", "ﬁne ligature", "ＦＵＬＬ ＷＩＤＴＨ", "e\u0301 combining", "zero\u200bwidth",
    "soft\u00adhyphen", "no\u00a0break", "\u0000null inside\u0000", "\u0001\u0002control\u001fchars\u007f", "tab\tseparated\tvalues",
    "line\nbreak\r\nwindows", "\ufeffbyte order mark", "\ufffd replacement", "\U0001f9ff\U0001faf6 new emoji", "[CLS] [SEP] [MASK] [PAD] [UNK]",
    "<b>bold</b> &amp; <script>alert(1)</script>", "{\"json\": [1, 2, 3]}", "SELECT * FROM items WHERE price < 10;", "'; DROP TABLE users; --",
    "The quick brown fox jumps over the lazy dog.", "the quick brown fox jumps over the lazy dog", "dog lazy the over jumps fox brown quick The",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.", "To be, or not to be, that is the question.", "a " * 300, "— – ‑ “quotes” ‘single’ …",
    "supercalifragilisticexpialidocious", "Donaudampfschifffahrtsgesellschaft", "antidisestablishmentarianism is long", "I", "no", "not good", "not bad", "good", "bad",
]


def texts():
    rng = random.Random(20260101)
    out = list(HAND)
    for words in [600, 500, 400, 300, 256, 255, 254, 253, 200, 190, 180, 150]:
        out.append(" ".join(rng.choice(WORDS) for _ in range(words)))
    while len(out) < 200:
        n = rng.choice([2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 56, 80])
        text = " ".join(rng.choice(WORDS) for _ in range(n))
        if rng.random() < 0.3:
            text = text.capitalize() + "."
        if rng.random() < 0.15:
            text += " " + rng.choice(["🧥", "🎷", "¡olé!", "中文", "№ 7", "½ price"])
        out.append(text)
    return out


def main():
    model = SentenceTransformer(sys.argv[1], device="cpu")
    all_texts = texts()
    vectors = model.encode(all_texts, batch_size=1, convert_to_numpy=True, normalize_embeddings=True).astype("<f4")
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "texts.json").write_text(json.dumps(all_texts, indent=0) + "\n")
    (OUT / "embeddings.f32").write_bytes(vectors.tobytes())
    print(vectors.shape, np.linalg.norm(vectors, axis=1).min())


if __name__ == "__main__":
    main()
