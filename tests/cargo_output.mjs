//! Reads what `cargo test -- --show-output` prints: counts results, and finds the tests that skipped themselves.
//!
//! libtest knows no skip at run time, so a native test that cannot run prints a line that begins with `skipped:` and
//! returns; it is counted as skipped here and its sentence is shown. Other output of passing tests is not.

const RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/;
const SKIP = /^\s*skip(ped|ping)?\b[:,]?\s*(.*)/i;

export class CargoOutput {
  #print;
  #section = 'head';
  #test = null;
  #skipped = new Set();
  #binary = '';
  #sums = { passed: 0, failed: 0, skipped: 0 };
  #results = 0;

  /** `print(line)` receives what a reader wants to see. */
  constructor(print) {
    this.#print = print;
  }

  hear(text) {
    const result = RESULT.exec(text);
    if (result) {
      const [passed, failed, ignored] = result.slice(1).map(Number);
      this.#sums.passed += passed;
      this.#sums.failed += failed;
      this.#sums.skipped += ignored;
      this.#results += 1;
      this.#section = 'head';
      return;
    }
    const running = /^\s+Running .*\((.*?)\)|^\s+Doc-tests (\S+)/.exec(text);
    if (running) this.#binary = running[1] ?? `doc ${running[2]}`;
    if (/^successes:/.test(text)) this.#section = 'successes';
    else if (/^failures:/.test(text)) this.#section = 'failures';
    else if (/^error(\[|:)/.test(text)) this.#section = 'error';

    const named = /^---- (.*) stdout ----$/.exec(text);
    if (named) this.#test = named[1];
    if (this.#section === 'successes') {
      const skip = SKIP.exec(text);
      const id = `${this.#binary} ${this.#test}`;
      if (skip && this.#test && !this.#skipped.has(id)) {
        this.#skipped.add(id);
        this.#print(`  skipped ${this.#test}: ${skip[2]}`);
      }
      return;
    }
    if (this.#section !== 'head') this.#print(`  ${text}`);
    else if (/^test .* \.\.\. /.test(text)) this.#print(`  ${text.slice(5)}`);
  }

  /** Totals. An exit code without a failed test (a compile error, a crash) is one failure. */
  counts(code) {
    const itself = this.#skipped.size;
    const { passed, failed, skipped } = this.#sums;
    const broken = (code !== 0 && failed === 0) || this.#results === 0 ? 1 : 0;
    return { passed: passed - itself, failed: failed + broken, skipped: skipped + itself };
  }
}
