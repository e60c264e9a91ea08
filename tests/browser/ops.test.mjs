//! Every op on the GPU in Chromium (SwiftShader plays it), against plain loops and the wasm executor: the native tests' own cases.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { OPS, opsModule } from './ops_module.mjs';
import { noAdapter, startSite } from './site.mjs';

await opsModule();
const site = await startSite(after, { mounts: [['/ops/', OPS]] });
const page = await site.open('/app/icons/icon.svg');
const { cases, ops } = await page.evaluate(async () => {
  // As the package's worker does it: without, tilings that need them would not be tried.
  (await import('/lib/subgroups.js')).askForSubgroups();
  globalThis.glue = await import('/ops/ops.js');
  await glue.default({ module_or_path: '/ops/ops_bg.wasm' });
  return { cases: glue.gpu_cases(), ops: glue.gpu_ops() };
});
const skip = await noAdapter(page);
const ran = new Set();

/** The ops that a case ran, or what is wrong. */
const run = (name) => page.evaluate((name) => Promise.race([
  glue.run_gpu_case(name).then((found) => ({ found }), (wrong) => ({ wrong: String(wrong) })),
  // A panic ends the module, and its promise with it.
  new Promise((done) => addEventListener('error', ({ message }) => done({ wrong: message }), { once: true })),
]), name);

test('ops: SwiftShader has what every tiling needs, so all are run', { skip }, async (t) => {
  const [architecture, extras] = await page.evaluate(async () => [(await navigator.gpu.requestAdapter()).info.architecture, await glue.gpu_extras()]);
  if (architecture !== 'swiftshader') {
    t.skip(`another GPU plays: ${architecture}, with ${extras}`);
    return;
  }
  assert.deepEqual(extras, ['subgroups', 'dot4']);
});

for (const name of cases) {
  test(`ops: ${name}`, { skip }, async () => {
    const { found, wrong } = await run(name);
    assert.equal(wrong, undefined);
    assert.deepEqual(page.problems, []);
    found.forEach((op) => ran.add(op));
  });
}

test('ops: there is a case for every one', { skip }, () => {
  assert.ok(ops.length >= 12, `${ops}`);
  assert.deepEqual(ops.filter((op) => !ran.has(op)), []);
});

test('ops: a shader that computes something else fails its case', { skip }, async () => {
  await page.evaluate(() => {
    const create = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      return create.call(this, { ...descriptor, code: descriptor.code.replace('0.254829592', '0.254929592') });
    };
  });
  assert.match((await run('webgpu_linear_f32_is_right')).wrong, /^linear 1x1x1 Gelu .*: error /);
});
