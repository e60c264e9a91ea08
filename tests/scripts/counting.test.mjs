//! What `npm test` counts: cargo's output, node's reporter, and a file that dies before its tests end.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CargoOutput } from '../cargo_output.mjs';

const CARGO = `     Running tests/native.rs (target/release/deps/native-1)

running 4 tests
test format::reads ... ok
test films::rank ... ok
test slow ... ignored
test math::adds ... FAILED

successes:

---- films::rank stdout ----
skipped: the films are not here
skipped: said twice

---- format::reads stdout ----
some output

failures:

---- math::adds stdout ----
assertion failed

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s

   Doc-tests palate

running 1 test
test src/lib.rs - (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`;

const hear = (text, print = () => {}) => {
  const output = new CargoOutput(print);
  text.split('\n').forEach((row) => output.hear(row));
  return output;
};

test('cargo: results of all binaries are summed, and a test that skips itself counts as skipped', () => {
  const shown = [];
  const output = hear(CARGO, (row) => shown.push(row));
  assert.deepEqual(output.counts(101), { passed: 2, failed: 1, skipped: 2 });
  assert.ok(shown.some((row) => row.includes('skipped films::rank: the films are not here')));
  assert.ok(shown.some((row) => row.includes('assertion failed')));
  assert.ok(!shown.some((row) => row.includes('some output')));
});

test('cargo: a compile error is a failure, and so is no result at all', () => {
  assert.deepEqual(hear('error[E0425]: cannot find value').counts(101), { passed: 0, failed: 1, skipped: 0 });
  assert.deepEqual(hear('').counts(0), { passed: 0, failed: 1, skipped: 0 });
});

/** Runs a test file under the reporter, as tests/run.mjs does. */
function underReporter(t, source, ...args) {
  const folder = mkdtempSync(join(tmpdir(), 'palate-report-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'a.test.mjs');
  const summary = join(folder, 'summary.json');
  writeFileSync(file, source);
  const env = { ...process.env, PALATE_TEST_SUMMARY: summary };
  delete env.NODE_TEST_CONTEXT;
  const run = spawnSync(process.execPath, ['--test-reporter', new URL('../reporter.mjs', import.meta.url).href, '--test-reporter-destination', 'stdout', ...args, file], { env, encoding: 'utf8' });
  return { counts: existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : null, code: run.status, output: run.stdout };
}

test('node: passes, failures and skips are counted, in suites and subtests too', (t) => {
  const { counts, code, output } = underReporter(t, `
    import { describe, test } from 'node:test';
    test('passes', () => {});
    test('fails', () => { throw new Error('the reason'); });
    test('skips', { skip: 'no browser' }, () => {});
    test('skips later', (t) => t.skip('no data'));
    describe('a suite', () => { test('inner passes', () => {}); test('inner fails', () => { throw new Error('inner'); }); });
  `);
  assert.deepEqual(counts, { passed: 2, failed: 2, skipped: 2 });
  assert.equal(code, 1);
  assert.match(output, /FAILED fails\n\s+Error: the reason/);
  assert.match(output, /skipped skips: no browser/);
});

test('node: what a pattern leaves out is neither counted nor told', (t) => {
  const { counts, output } = underReporter(t, `
    import { describe, test } from 'node:test';
    test('wanted', () => {});
    test('other', () => {});
    describe('a suite', () => { test('another', () => {}); });
  `, '--test-name-pattern', 'wanted');
  assert.deepEqual(counts, { passed: 1, failed: 0, skipped: 0 });
  assert.doesNotMatch(output, /other/);
});

test('node: a file that cannot be loaded is a failure', (t) => {
  const { counts, code } = underReporter(t, `import 'no-such-package';`);
  assert.notEqual(code, 0);
  assert.ok(counts === null || counts.failed > 0);
});

test('node: a suite whose hook fails is a failure', (t) => {
  const { counts } = underReporter(t, `
    import { before, describe, test } from 'node:test';
    describe('a suite', () => { before(() => { throw new Error('hook'); }); test('never', () => {}); });
  `);
  assert.ok(counts.failed >= 1);
});
