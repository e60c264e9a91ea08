// Our side of the benchmark: the package as a customer imports it.

/** Imports, opens and gives the first embedding. Milliseconds from before the import to the first vector. */
async function coldStart(text) {
  const begin = performance.now();
  const { Encoder } = await import('/lib/index.js');
  const imported = performance.now();
  const encoder = await Encoder.open({ model: '/models/minilm/', device: new URLSearchParams(location.search).get('device') ?? 'wasm' });
  const opened = performance.now();
  await encoder.encode([{ text }]);
  const end = performance.now();
  window.encode = (texts) => encoder.encode(texts.map((t) => ({ text: t })));
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
