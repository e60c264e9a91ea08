"""A MobileNetV2 or YAMNet classifier in a TFLite file to a Hugging Face style checkpoint folder, with Python alone.

Usage: python tflite_checkpoint.py MODEL.tflite FOLDER
Writes config.json, preprocessor_config.json and model.safetensors with the names of MobileNetV2ForImageClassification, or those of
src/models/yamnet.rs. Weights are dequantized; batch norms are folded in TFLite already, so that convolutions have biases and no
normalization. YAMNet's first kernel, of one channel, is a matrix [out, 9] already: its shape would be that of a depthwise one.
Offsets and field numbers are those of tensorflow/lite/schema/schema.fbs.
"""
import array
import json
import pathlib
import struct
import sys

CONV, DEPTHWISE, DENSE = 3, 4, 9
TYPES = {2: "i", 3: "B", 9: "b"}  # int32, uint8, int8


class Table:
    """A table of a flatbuffer: fields by number."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.virtual = at - struct.unpack_from("<i", data, at)[0]
        self.size = struct.unpack_from("<H", data, self.virtual)[0]

    def place(self, field):
        entry = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, self.virtual + entry)[0] if entry < self.size else 0
        return self.at + offset if offset else None

    def number(self, field, form, default=0):
        place = self.place(field)
        return default if place is None else struct.unpack_from("<" + form, self.data, place)[0]

    def follow(self, place):
        return place + struct.unpack_from("<I", self.data, place)[0]

    def table(self, field):
        place = self.place(field)
        return None if place is None else Table(self.data, self.follow(place))

    def vector(self, field, form):
        place = self.place(field)
        if place is None:
            return []
        start = self.follow(place)
        count = struct.unpack_from("<I", self.data, start)[0]
        return list(struct.unpack_from(f"<{count}{form}", self.data, start + 4))

    def tables(self, field):
        place = self.place(field)
        if place is None:
            return []
        start = self.follow(place)
        count = struct.unpack_from("<I", self.data, start)[0]
        return [Table(self.data, self.follow(start + 4 + 4 * i)) for i in range(count)]


def dequantized(tensor, buffers):
    """(shape, numbers) of a constant: scale * (q - zero), with one scale or one along a dimension."""
    shape, kind = tensor.vector(0, "i"), tensor.number(1, "b")
    numbers = array.array(TYPES[kind])
    numbers.frombytes(bytes(buffers[tensor.number(2, "I")].vector(0, "B")))
    quantization = tensor.table(4)
    scales, zeros, along = quantization.vector(2, "f"), quantization.vector(3, "q"), quantization.number(6, "i")
    if len(scales) == 1:
        scale, zero = scales[0], zeros[0]
        return shape, [scale * (q - zero) for q in numbers]
    inner = 1
    for n in shape[along + 1 :]:
        inner *= n
    count = shape[along]
    return shape, [scales[at // inner % count] * (q - zeros[at // inner % count]) for at, q in enumerate(numbers)]


def transposed(shape, values, order):
    """The numbers with their dimensions in another order."""
    strides = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * shape[i + 1]
    places = [0]
    for axis in order:
        places = [p + i * strides[axis] for p in places for i in range(shape[axis])]
    return [shape[axis] for axis in order], [values[p] for p in places]


def yamnet_names():
    yield "stem"
    for layer in range(13):
        for part in ("depthwise", "pointwise"):
            yield f"layer.{layer}.{part}"


def names():
    yield "conv_stem.first_conv"
    yield "conv_stem.conv_3x3"
    yield "conv_stem.reduce_1x1"
    for layer in range(16):
        for part in ("expand_1x1", "conv_3x3", "reduce_1x1"):
            yield f"layer.{layer}.{part}"
    yield "conv_1x1"


def main():
    data = pathlib.Path(sys.argv[1]).read_bytes()
    folder = pathlib.Path(sys.argv[2])
    if data[4:8] != b"TFL3":
        sys.exit(f"{sys.argv[1]} is no TFLite file.")
    model = Table(data, struct.unpack_from("<I", data, 0)[0])
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)
    codes = [max(code.number(0, "b"), code.number(3, "i")) for code in model.tables(1)]
    listens = len(tensors[graph.vector(1, "i")[0]].vector(0, "i")) == 3
    found, name = {}, yamnet_names() if listens else names()
    activations = set()
    for operator in graph.tables(3):
        code = codes[operator.number(0, "I")]
        if code not in (CONV, DEPTHWISE, DENSE):
            continue
        inputs = operator.vector(1, "i")
        if code != DENSE:
            activations.add(operator.table(4).number(3 if code == CONV else 4, "b"))
        shape, values = dequantized(tensors[inputs[1]], buffers)
        to = next(name, None)
        if to is None:
            found["classifier.weight"] = ([shape[0], shape[-1]], values)
            found["classifier.bias"] = dequantized(tensors[inputs[2]], buffers)
            continue
        # TFLite keeps [out, height, width, in], and [1, height, width, channels] of depthwise ones.
        order = [3, 0, 1, 2] if code == DEPTHWISE else [0, 3, 1, 2]
        prefix = to if listens else f"mobilenet_v2.{to}.convolution"
        found[f"{prefix}.weight"] = ([shape[0], 9], values) if to == "stem" else transposed(shape, values, order)
        found[f"{prefix}.bias"] = dequantized(tensors[inputs[2]], buffers)
    missing = [left for left in name]
    if missing or "classifier.weight" not in found:
        sys.exit(f"{sys.argv[1]} is no {'YAMNet' if listens else 'MobileNetV2'}: {len(found) // 2} products, the next would be {missing[:1]}.")
    folder.mkdir(parents=True, exist_ok=True)
    if listens:
        frames, bins = tensors[graph.vector(1, "i")[0]].vector(0, "i")[1:]
        # ActivationFunctionType: 1 RELU, 3 RELU6.
        config = {"model_type": "yamnet", "hidden_act": {1: "relu", 3: "relu6"}[activations.pop()]}
        preprocessor = {"feature_extractor_type": "YamnetFeatureExtractor", "sampling_rate": 16000, "max_length": frames, "num_mel_bins": bins}
        write(folder, config, preprocessor, found)
        return
    image = tensors[graph.vector(1, "i")[0]]
    side, quantization = image.vector(0, "i")[1], image.table(4)
    # The picture's bytes are the file's own numbers, or those less 128 where it takes signed ones.
    signed = image.number(1, "b") == 9
    scale, zero = quantization.vector(2, "f")[0], quantization.vector(3, "q")[0] + (128 if signed else 0)
    config = {"model_type": "mobilenet_v2", "image_size": side, "tf_padding": True, "depth_multiplier": 1.0, "hidden_act": "relu6"}
    preprocessor = {
        "do_resize": True, "size": {"shortest_edge": side * 8 // 7}, "resample": 2, "do_center_crop": True,
        "crop_size": {"height": side, "width": side}, "do_rescale": True, "rescale_factor": scale, "do_normalize": True,
        "image_mean": [zero * scale] * 3, "image_std": [1.0] * 3,
    }
    write(folder, config, preprocessor, found)


def write(folder, config, preprocessor, found):
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1))
    header, blobs, at = {}, [], 0
    for key, (shape, values) in found.items():
        blob = array.array("f", values)
        if sys.byteorder == "big":
            blob.byteswap()
        blobs.append(blob.tobytes())
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(blobs[-1])]}
        at += len(blobs[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(json.dumps({"tensors": len(found), "bytes": at, "classes": len(found["classifier.bias"][1])}))


if __name__ == "__main__":
    main()
