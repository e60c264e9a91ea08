// The peer's side of the benchmark: transformers.js as its documentation shows it, all files from this origin.

const path = new URLSearchParams(location.search);

/** Imports, opens and gives the first embedding. Milliseconds from before the import to the first vector. */
async function coldStart(text) {
  const begin = performance.now();
  const { pipeline, env } = await import('/peer/lib/transformers.min.js');
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = '/peer/models/';
  env.backends.onnx.wasm.wasmPaths = '/peer/ort/';
  env.backends.onnx.wasm.numThreads = Number(path.get('threads') ?? 1);
  const imported = performance.now();
  const extractor = await pipeline('feature-extraction', 'all-MiniLM-L6-v2', {
    dtype: path.get('dtype') ?? 'q8', device: path.get('device') ?? 'wasm',
  });
  const opened = performance.now();
  const encode = async (texts) => {
    const output = await extractor(texts, { pooling: 'mean', normalize: true });
    const [rows, width] = output.dims;
    return Array.from({ length: rows }, (_, row) => output.data.slice(row * width, (row + 1) * width));
  };
  await encode([text]);
  const end = performance.now();
  window.encode = encode;
  window.tokens = async (texts) => texts.map((t) => extractor.tokenizer.encode(t).length);
  return { total: end - begin, import: imported - begin, open: opened - imported, first: end - opened };
}

/** Milliseconds of each of `repeats` calls. */
async function time(texts, repeats) {
  const out = [];
  for (let i = 0; i < repeats; i += 1) {
    const begin = performance.now();
    await window.encode(texts);
    out.push(performance.now() - begin);
  }
  return out;
}

Object.assign(window, { coldStart, time, vectors: async (texts) => (await window.encode(texts)).map((v) => Array.from(v)) });
document.title = 'ready';
