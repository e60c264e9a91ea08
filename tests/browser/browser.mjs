//! Starts Chromium for tests and benchmarks, always with the same flags.
//!
//! Finding or installing it is `www/build/chromium.mjs`; what a test does with a page is the test's business.

import { chromium } from 'playwright-core';
import { findChromium, NO_CHROMIUM } from '../../www/build/chromium.mjs';

const FLAGS = [
  '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--enable-unsafe-webgpu',
  // A page behind another one is measured like the one in front.
  '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
];

/**
 * A browser, or null with the reason printed where there is none (an error under `REQUIRE_BROWSER=1`).
 * `profile`: a folder for a lasting profile (service workers, OPFS and installed apps survive); gives a context then.
 */
export async function launch({ profile, flags = [], ...options } = {}) {
  const executablePath = await findChromium();
  if (!executablePath) {
    if (process.env.REQUIRE_BROWSER === '1') throw new Error(`REQUIRE_BROWSER=1, and ${NO_CHROMIUM}`);
    return null;
  }
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const settings = { executablePath, headless: true, args: [...FLAGS, ...root, ...flags], ...options };
  return profile ? chromium.launchPersistentContext(profile, settings) : chromium.launch(settings);
}

export { NO_CHROMIUM };
