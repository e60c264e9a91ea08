//! What the benchmarks share: their options, quantiles of times, and the file that they leave.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What stands behind `name` on the command line. */
export function option(name, otherwise) {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
}

/** Median, 95 %, least and largest of times in milliseconds, and how many there are, under the name of what was timed. */
export function quantiles(times, what) {
  const sorted = [...times].sort((a, b) => a - b);
  const of = (share) => Number(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(2));
  return { median: of(0.5), p95: of(0.95), min: of(0), max: of(1), [what]: sorted.length };
}

/** Writes a report to `file`, in a folder that need not be there. */
export function keep(file, report) {
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
