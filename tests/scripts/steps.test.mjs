//! Steps are done once: stamps, input hashes, and the sizes of the demo's catalog.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { at, cache } from '../../www/build/root.mjs';
import { inputHash, isDone, once } from '../../www/build/stamp.mjs';
import { run, CommandFailed } from '../../www/build/run.mjs';
import { demoItems, DEMO } from '../../www/build/items.mjs';

test('stamp: a step runs once, again when its inputs change, and again when its output is gone', async (t) => {
  const folder = cache('tests', 'stamp');
  const output = cache('tests', 'stamp', 'out');
  mkdirSync(folder, { recursive: true });
  t.after(() => [folder, cache('stamps', 'test-step')].forEach((path) => rmSync(path, { recursive: true, force: true })));
  let runs = 0;
  const work = () => { runs += 1; writeFileSync(output, 'x'); };
  assert.equal(await once('test-step', 'a', [output], work), true);
  assert.equal(await once('test-step', 'a', [output], work), false);
  assert.equal(await once('test-step', 'b', [output], work), true);
  rmSync(output);
  assert.equal(await once('test-step', 'b', [output], work), true);
  assert.equal(runs, 3);
});

test('stamp: a step that fails, or writes nothing, is not done', async (t) => {
  t.after(() => rmSync(cache('stamps', 'test-failing'), { force: true }));
  await assert.rejects(once('test-failing', 'a', [], () => { throw new Error('broken'); }), /broken/);
  assert.equal(isDone('test-failing', 'a', []), false);
  await assert.rejects(once('test-failing', 'a', [cache('tests', 'nowhere')], () => {}), /did not write/);
});

test('stamp: the input hash sees contents, names and facts, and not what is skipped', (t) => {
  const folder = cache('tests', 'inputs');
  const name = '.cache/tests/inputs';
  mkdirSync(folder, { recursive: true });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(cache('tests', 'inputs', 'a'), '1');
  const first = inputHash([name]);
  assert.equal(inputHash([name]), first);
  assert.notEqual(inputHash([name], { facts: ['x'] }), first);
  writeFileSync(cache('tests', 'inputs', 'b'), '');
  assert.notEqual(inputHash([name]), first);
  assert.equal(inputHash([name], { skip: (path) => path.endsWith('b') }), first);
});

test('run: a failing program is named with its exit code and last words', async () => {
  await assert.rejects(run(process.execPath, ['-e', "console.error('last words'); process.exit(3)"]), (error) =>
    error instanceof CommandFailed && error.code === 3 && /last words/.test(error.message));
  await assert.rejects(run('no-such-program', []), CommandFailed);
});

test("items: the demo's catalog is 2,465 drawings, each with a picture, a title and tags of its own", async () => {
  const lines = readFileSync(await demoItems(), 'utf8').trimEnd().split('\n').map((row) => JSON.parse(row));
  assert.equal(lines.length, 2465);
  assert.equal(new Set(lines.map(({ id }) => id)).size, 2465);
  for (const item of lines) {
    assert.match(item.id, /^[0-9A-F]+(-[0-9A-F]+)*$/);
    assert.ok(item.title.length > 0 && item.categories.length === 2, JSON.stringify(item));
    assert.equal(new Set(item.tags).size, item.tags.length);
    assert.ok(existsSync(`${DEMO}/${item.image}`), item.image);
  }
  assert.ok(existsSync(at('www', 'demo', 'ATTRIBUTION.txt')));
});
