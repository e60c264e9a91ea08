//! Gets the benchmark's peer: transformers.js from npm, and our checkpoint as the ONNX files it reads.
//!
//! The hub's ONNX files are not used, so that both sides run the same weights: `export_onnx.py` writes them.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache } from '../../www/build/root.mjs';
import { step } from '../../www/build/report.mjs';
import { inputHash, once } from '../../www/build/stamp.mjs';
import { peerPackages } from '../../www/build/npm.mjs';
import { environment } from '../../www/build/python.mjs';
import { textModel } from '../../www/build/model.mjs';
import { run } from '../../www/build/run.mjs';

const MODEL = 'all-MiniLM-L6-v2';

/** The mounts `/peer/lib/`, `/peer/ort/` and `/peer/models/`. */
export async function peerMounts() {
  const modules = await peerPackages();
  const models = cache('peer', 'models');
  const files = ['model.onnx', 'model_quantized.onnx'].map((name) => join(models, MODEL, 'onnx', name));
  const hash = inputHash(['tests/bench/export_onnx.py', 'models/minilm/model.json']);
  const checkpoint = await textModel();
  await once('peer-model', hash, files, async () => {
    const python = await environment('onnx', ['numpy', 'onnx==1.23.2', 'onnxruntime==1.32.0', 'safetensors']);
    await step("the peer's model, fp32 and int8", () =>
      run(python, [fileURLToPath(new URL('./export_onnx.py', import.meta.url)), checkpoint, join(models, MODEL)]));
  });
  return [
    ['/peer/lib/', join(modules, '@huggingface', 'transformers', 'dist')],
    ['/peer/ort/', join(modules, 'onnxruntime-web', 'dist')],
    ['/peer/models/', models],
  ];
}
