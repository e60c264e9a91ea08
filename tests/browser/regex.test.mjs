//! Regular expressions of tokenizers by the browser's own engine, against what the native one finds (`tests/platform/regex.rs`).

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { at } from '../../www/build/root.mjs';
import { OPS, opsModule } from './ops_module.mjs';
import { startSite } from './site.mjs';

await opsModule();
const site = await startSite(after, { mounts: [['/ops/', OPS]] });
const page = await site.open('/app/icons/icon.svg');
await page.evaluate(async () => {
  globalThis.glue = await import('/ops/ops.js');
  await glue.default({ module_or_path: '/ops/ops_bg.wasm' });
});

test('regex: the browser finds what the native engine finds', async () => {
  const cases = JSON.parse(readFileSync(at('tests', 'fixtures', 'patterns.json'), 'utf8'));
  assert.ok(cases.length > 100);
  const found = await page.evaluate((cases) => cases.map(({ pattern, text }) => [...glue.find_all(pattern, text)]), cases);
  cases.forEach(({ pattern, text, found: expected }, at) => {
    assert.deepEqual(found[at], expected.flat(), `${pattern} in ${JSON.stringify(text)}`);
  });
  assert.deepEqual(page.problems, []);
});

test('regex: what the browser cannot match is an error in words', async () => {
  const errors = await page.evaluate(() => ['(', 'a++', '\\p{Nonsense}'].map((pattern) => {
    try {
      glue.find_all(pattern, 'a');
      return '';
    } catch (error) {
      return String(error);
    }
  }));
  assert.match(errors[0], /does not take the pattern "\("/);
  assert.match(errors[1], /possessive/);
  assert.match(errors[2], /Nonsense/);
  assert.deepEqual(page.problems, []);
});
