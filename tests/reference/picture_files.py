"""Writes tests/fixtures/pictures: small files of kinds that the `image` crate reads and does not write.

Usage: python picture_files.py   (needs pillow)
A drawing in CMYK as a JPEG (Adobe's, inverted), and the same drawing as the first of three frames of a GIF, a WebP and an APNG whose others are
its negative and a blank; `first.png` is the drawing itself.
"""
import pathlib

from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "pictures"


def drawing():
    image = Image.new("RGB", (32, 24))
    for x in range(32):
        for y in range(24):
            image.putpixel((x, y), (240, 30, 40) if x < 14 else (20, 60, 220) if y < 10 else (250, 220, 30))
    return image


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    first = drawing()
    first.save(OUT / "first.png", optimize=True)
    first.convert("CMYK").save(OUT / "cmyk.jpg", quality=95, subsampling=0)
    more = [ImageOps.invert(first), Image.new("RGB", first.size, (0, 255, 0))]
    for name, kwargs in [("moving.gif", {}), ("moving.webp", {"lossless": True}), ("moving.png", {})]:
        first.save(OUT / name, save_all=True, append_images=more, duration=100, loop=0, **kwargs)
    for path in sorted(OUT.iterdir()):
        image = Image.open(path)
        print(path.name, path.stat().st_size, image.mode, getattr(image, "n_frames", 1))


if __name__ == "__main__":
    main()
