//! How `node:test` results are shown, and counted into the file that `PALATE_TEST_SUMMARY` names for `tests/run.mjs`.

import { writeFileSync } from 'node:fs';

/** What some versions of Node say of tests that `--grep` left out: they were not to be run, so they are not told. */
const LEFT_OUT = 'test name does not match pattern';

export default async function* report(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (type === 'test:diagnostic' && !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)) yield `    ${data.message}\n`;
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if ((type !== 'test:pass' && type !== 'test:fail') || data.skip === LEFT_OUT) continue;
    if (data.details?.type === 'suite' && type === 'test:pass') continue;
    // A suite fails when a test in it does; it counts only when its own hook failed.
    if (data.details?.type === 'suite' && data.details.error?.failureType === 'subtestsFailed') continue;
    const indent = '  '.repeat(data.nesting + 1);
    const skipped = data.skip !== undefined || data.todo !== undefined;
    if (skipped) {
      counts.skipped += 1;
      const why = [data.skip, data.todo].find((reason) => typeof reason === 'string') ?? '';
      yield `${indent}skipped ${data.name}${why ? `: ${why}` : ''}\n`;
    } else if (type === 'test:pass') {
      counts.passed += 1;
      yield `${indent}ok ${data.name} (${Math.round(data.details.duration_ms)} ms)\n`;
    } else {
      counts.failed += 1;
      const { error } = data.details;
      const text = error.cause?.stack ?? error.cause ?? error.stack ?? String(error);
      yield `${indent}FAILED ${data.name}\n${String(text).split('\n').slice(0, 25).map((row) => `${indent}  ${row}\n`).join('')}`;
    }
  }
  if (process.env.PALATE_TEST_SUMMARY) writeFileSync(process.env.PALATE_TEST_SUMMARY, JSON.stringify(counts));
}
