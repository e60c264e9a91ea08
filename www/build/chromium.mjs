//! Finds a Chromium for the browser tests and benchmarks, or gets Debian's.
//!
//! It starts nothing: launching is the tests' business (`tests/browser/browser.mjs`).

import { existsSync } from 'node:fs';
import { aptInstall } from './apt.mjs';

const PLACES = [
  '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Path of a Chromium, or null: `CHROMIUM`, then the usual places, then `apt-get install chromium` where we may. */
export async function findChromium({ install = true } = {}) {
  const asked = process.env.CHROMIUM;
  if (asked) {
    if (existsSync(asked)) return asked;
    throw new Error(`CHROMIUM is ${asked}, and there is no such file. Point it at a Chromium or Chrome binary, or unset it.`);
  }
  const found = PLACES.find((path) => existsSync(path));
  if (found) return found;
  if (install) {
    await aptInstall('Chromium', 'chromium');
    if (existsSync('/usr/bin/chromium')) return '/usr/bin/chromium';
  }
  return null;
}

/** The sentence that stands beside every skipped browser test. */
export const NO_CHROMIUM = 'no Chromium here: install one (Debian: apt-get install chromium) or set CHROMIUM to its path';
