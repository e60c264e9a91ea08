"""The same small weights as PyTorch and safetensors write them, for tests/publish/weights.rs.

    pip install torch safetensors && python tests/reference/checkpoint_fixture.py
"""
import json
import pathlib

import torch
from safetensors.torch import save_file

folder = pathlib.Path(__file__).parents[1] / "fixtures" / "checkpoint"
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(1)
weights = {
    "embeddings.weight": torch.randn(5, 4),
    "layer.half": torch.randn(3, 2).half(),
    "layer.brain": torch.randn(2, 3).bfloat16(),
    "layer.transposed": torch.randn(4, 2).t(),
    "position_ids": torch.arange(5).reshape(1, 5),
}
torch.save(weights, folder / "pytorch_model.bin")
weights = {name: tensor.contiguous() for name, tensor in weights.items()}
save_file(weights, folder / "model.safetensors")
names = list(weights)
shards = {"model-00001-of-00002.safetensors": names[:2], "model-00002-of-00002.safetensors": names[2:]}
for file, part in shards.items():
    save_file({name: weights[name] for name in part}, folder / file)
index = {"metadata": {"total_size": 1}, "weight_map": {name: file for file, part in shards.items() for name in part}}
(folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
