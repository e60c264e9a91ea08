//! The one error class of the package. Its messages end with what to do and never hold an item key or an event.

/**
 * What a call of palate rejects with.
 *
 * `code` is stable: 'bad-input', 'not-found', 'corrupt', 'version', 'mismatch', 'network', 'quota', 'storage',
 * 'aborted', 'closed', 'device', 'crashed', 'internal'.
 */
export class PalateError extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'PalateError';
    this.code = code;
  }
}

/** A caller's mistake; `message` ends with what to do. */
export const badInput = (message) => new PalateError('bad-input', message);

/** What a call rejects with once its signal is aborted. */
export const aborted = () => new PalateError('aborted', 'The call was aborted. Call again if that was not meant.');

/** What calls after `close()` reject with. */
export const closed = () => new PalateError('closed', 'The session is closed. Open a new one.');

/**
 * Checks that `options` is a plain object with known names only: a misspelt option that is silently ignored costs hours.
 * Names are ours; values are never quoted.
 */
export function checkOptions(call, options, names) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw badInput(`${call} takes an object of options. Pass { ${names.slice(0, 3).join(', ')}, ... }.`);
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw badInput(`${call} has no option "${String(unknown).slice(0, 40)}". Pass only: ${names.join(', ')}.`);
  }
  return options;
}
