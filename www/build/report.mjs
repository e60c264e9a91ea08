//! What the scripts print: one line per finished step, a moving line for long ones on a terminal, nothing for what is there already.

const interactive = process.stdout.isTTY && !process.env.CI;

export const seconds = (ms) => (ms < 9_950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`);
export const bytes = (n) => (n < 10_240 ? `${n} B` : n < 10_240_000 ? `${(n / 1000).toFixed(0)} KB` : `${(n / 1e6).toFixed(1)} MB`);
export const line = (text) => process.stdout.write(`${interactive ? '\r\x1b[K' : ''}${text}\n`);

/**
 * Runs `work({ progress })`, then prints `✓ name (3.2 s)`. From `{ note }`, the note is added to the line.
 * `progress(text)` moves the line on a terminal; elsewhere it prints at most once in 15 s, so that a log stays short.
 */
export async function step(name, work) {
  const begin = Date.now();
  let last = interactive ? 0 : begin;
  let text = '';
  const show = () => process.stdout.write(`\r\x1b[K  ${name} … ${seconds(Date.now() - begin)} ${text}`.slice(0, (process.stdout.columns ?? 100) + 4));
  const progress = (now) => {
    text = now ?? text;
    if (interactive) show();
    else if (Date.now() - last > 15_000) {
      last = Date.now();
      process.stdout.write(`  ${name} … ${seconds(Date.now() - begin)} ${text}\n`);
    }
  };
  const timer = setInterval(progress, interactive ? 500 : 5_000);
  try {
    const done = await work({ progress });
    line(`✓ ${name}${done?.note ? `: ${done.note}` : ''} (${seconds(Date.now() - begin)})`);
  } catch (error) {
    line(`✗ ${name} (${seconds(Date.now() - begin)})`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Ends the script: what went wrong, without a stack unless `PALATE_TRACE` is set. */
export function fail(error) {
  line(`\n${process.env.PALATE_TRACE ? error.stack : error.message}`);
  process.exit(1);
}
