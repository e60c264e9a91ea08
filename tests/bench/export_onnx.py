#!/usr/bin/env python3
"""Writes the BERT checkpoint in a folder as ONNX, fp32 and dynamic int8, for the peer of the benchmark.

The graph is what `optimum` exports (inputs input_ids, attention_mask, token_type_ids; output last_hidden_state), and the
int8 model is made by the same call as the hub's `model_quantized.onnx`: onnxruntime's dynamic quantization, per tensor,
signed weights, MatMul only with a constant right side. It knows BERT and nothing of palate.

usage: export_onnx.py CHECKPOINT OUT   (needs onnx, onnxruntime, safetensors, numpy)
"""

import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file


def bert(config, weights):
    """The graph of a BERT encoder: [batch, sequence] ids to [batch, sequence, hidden]."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head = hidden // heads
    nodes, initializers, names = [], [], set()

    def constant(name, value):
        if name not in names:
            names.add(name)
            initializers.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def node(kind, inputs, **attributes):
        output = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def linear(x, name):
        weight = constant(f"{name}.weight.t", weights[f"{name}.weight"].T)
        return node("Add", [node("MatMul", [x, weight]), constant(f"{name}.bias", weights[f"{name}.bias"])])

    def norm(x, name):
        return node(
            "LayerNormalization",
            [x, constant(f"{name}.weight", weights[f"{name}.weight"]), constant(f"{name}.bias", weights[f"{name}.bias"])],
            axis=-1, epsilon=config["layer_norm_eps"],
        )

    ids = np.arange(config["max_position_embeddings"], dtype=np.int64)[None]
    length = node("Gather", [node("Shape", ["input_ids"]), constant("one", np.int64(1))], axis=0)
    positions = node("Slice", [
        constant("positions", ids), constant("start", np.array([0], np.int64)),
        node("Unsqueeze", [length, constant("axis0", np.array([0], np.int64))]), constant("axis1", np.array([1], np.int64)),
    ])

    def embed(name, indices):
        return node("Gather", [constant(f"embeddings.{name}.weight", weights[f"embeddings.{name}.weight"]), indices], axis=0)

    x = node("Add", [embed("word_embeddings", "input_ids"), embed("token_type_embeddings", "token_type_ids")])
    x = norm(node("Add", [x, embed("position_embeddings", positions)]), "embeddings.LayerNorm")

    mask = node("Cast", [node("Unsqueeze", ["attention_mask", constant("axes12", np.array([1, 2], np.int64))])], to=TensorProto.FLOAT)
    mask = node("Mul", [node("Sub", [constant("onef", np.float32(1)), mask]), constant("minf", np.float32(np.finfo(np.float32).min))])
    split, join = np.array([0, 0, heads, head], np.int64), np.array([0, 0, hidden], np.int64)

    for layer in range(config["num_hidden_layers"]):
        base = f"encoder.layer.{layer}"

        def project(name, perm):
            y = node("Reshape", [linear(x, f"{base}.attention.self.{name}"), constant("split", split)])
            return node("Transpose", [y], perm=perm)

        q, k, v = project("query", [0, 2, 1, 3]), project("key", [0, 2, 3, 1]), project("value", [0, 2, 1, 3])
        scores = node("Div", [node("MatMul", [q, k]), constant("scale", np.float32(math.sqrt(head)))])
        weights_ = node("Softmax", [node("Add", [scores, mask])], axis=-1)
        y = node("Transpose", [node("MatMul", [weights_, v])], perm=[0, 2, 1, 3])
        y = linear(node("Reshape", [y, constant("join", join)]), f"{base}.attention.output.dense")
        x = norm(node("Add", [y, x]), f"{base}.attention.output.LayerNorm")
        y = linear(x, f"{base}.intermediate.dense")
        erf = node("Erf", [node("Div", [y, constant("sqrt2", np.float32(math.sqrt(2)))])])
        y = node("Mul", [node("Mul", [y, node("Add", [erf, constant("onef", np.float32(1))])]), constant("half", np.float32(0.5))])
        x = norm(node("Add", [linear(y, f"{base}.output.dense"), x]), f"{base}.output.LayerNorm")

    nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    shape = ["batch", "sequence"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask", "token_type_ids")]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, hidden])
    graph = helper.make_graph(nodes, "bert", inputs, [output], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    config = json.loads((source / "config.json").read_text())
    if config.get("model_type") != "bert":
        sys.exit(f"{source}/config.json: model_type is {config.get('model_type')!r}; this exporter writes only 'bert'")
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (source / name).exists():
            shutil.copyfile(source / name, out / name)
    full = out / "onnx" / "model.onnx"
    onnx.save(bert(config, load_file(source / "model.safetensors")), full)
    quantize_dynamic(full, out / "onnx" / "model_quantized.onnx", weight_type=QuantType.QInt8, per_channel=False,
                     reduce_range=False, extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True})


if __name__ == "__main__":
    main()
