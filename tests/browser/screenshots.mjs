//! Takes pictures of every view in light and dark at three widths, into a folder given as the first argument; for eyes, not for CI.
//!
//! `--real` uses the library itself; `--only feed,taste` and `--width 360` narrow it down.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { launch } from './browser.mjs';
import { servePage } from './page-site.mjs';

const folder = path.resolve(process.argv[2] ?? 'screenshots');
const option = (name) => (process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : null);
const only = option('only')?.split(',');
const widths = option('width') ? [Number(option('width'))] : [360, 768, 1440];
const schemes = option('scheme') ? [option('scheme')] : ['light', 'dark'];
const LIKES = ['1F98A', '1F353', '1F680', '1F419', '1F33B'];

await mkdir(folder, { recursive: true });
const server = await servePage({ real: process.argv.includes('--real') });
const browser = await launch();
for (const colorScheme of schemes) {
  for (const width of widths) {
    const context = await browser.newContext({ viewport: { width, height: width < 500 ? 780 : 900 }, colorScheme, deviceScaleFactor: 1, hasTouch: width < 500, isMobile: width < 500 });
    const page = await context.newPage();
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && console.log(`${width} ${colorScheme}: ${message.text()}`));
    page.on('pageerror', (error) => console.log(`${width} ${colorScheme}: ${error.message}`));
    const shot = async (name, fullPage = false) => {
      if (only && !only.includes(name)) return;
      await page.waitForTimeout(900);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) console.log(`${name} ${width}: ${wide} px too wide`);
      await page.screenshot({ path: path.join(folder, `${name}-${width}-${colorScheme}.png`), fullPage });
    };
    await page.goto(server.url);
    await page.waitForSelector('[data-shelf="ready"]', { timeout: 90_000 });
    await shot('cold');
    for (const key of LIKES) {
      await page.evaluate((k) => document.querySelector(`[data-row="picks"] [data-key="${k}"] .tile`)?.click(), key);
      await page.waitForTimeout(300);
    }
    await page.evaluate(() => scrollTo(0, 0));
    await shot('feed');
    await shot('feed-full', true);
    await page.locator('.rows .card .alike').first().evaluate((button) => button.click());
    await page.waitForSelector('.sheet[open] .grid .card');
    await shot('sheet');
    await page.keyboard.press('Escape');
    for (const view of ['browse', 'taste', 'privacy']) {
      await page.evaluate((v) => { location.hash = `#/${v}`; }, view);
      await page.waitForTimeout(400);
      await shot(view);
      await shot(`${view}-full`, true);
    }
    await page.fill('#query', 'hot drink');
    await page.waitForTimeout(500);
    await shot('results');
    await page.fill('#query', 'qqqq');
    await page.waitForTimeout(500);
    await shot('nothing');
    await context.close();
  }
}
await browser.close();
await server.kill();
