//! Opening and closing again and again: what an encoder or a session took, on the processor and the GPU, is given back.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { DRAWINGS, pictureShop } from './pictures.mjs';
import { startShop } from './shop.mjs';

const made = pictureShop(after);
const site = await startShop(after, { mounts: [['/pictures/', made.root]] });
/** `OPENINGS=100` is the long run. */
const OPENINGS = Number(process.env.OPENINGS ?? 15);
/** Until caches are full and pools have their size. */
const WARM = Math.ceil(OPENINGS / 3);
const ID = Object.keys(DRAWINGS)[0];

/** Resident memory of all of the browser's processes in MB, once garbage is collected. */
async function resident(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  const browser = await site.browser.newBrowserCDPSession();
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  await browser.detach();
  await cdp.detach();
  const own = ({ id }) => Number(/^Rss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))[1]) / 1024;
  return processInfo.reduce((sum, process) => sum + own(process), 0);
}

const skip = existsSync('/proc/self/smaps_rollup') ? false : 'memory of processes is read from /proc';

/** Opens, uses and closes in one page, and gives the megabytes that stay of each time after the warming up. */
async function grown(t, once, device) {
  const page = await site.blank();
  const run = async (times) => {
    for (let time = 0; time < times; time += 1) assert.equal(await page.evaluate(once, { device, id: ID }), device);
  };
  await run(WARM);
  const before = await resident(page);
  await run(OPENINGS - WARM);
  const after = await resident(page);
  await page.context().close();
  const each = (after - before) / (OPENINGS - WARM);
  t.diagnostic(`${OPENINGS} openings: ${before.toFixed(0)} MB after ${WARM}, ${after.toFixed(0)} MB at the end`);
  assert.ok(each < MOST, `${each.toFixed(2)} MB stay of each time`);
}

/** A model that stays would be a wasm memory of many megabytes each time, on a GPU a device and its weights besides. */
const MOST = 0.5;

async function encodeOnce({ device, id }) {
  const { Encoder } = await library();
  const image = await (await fetch(`/pictures/${id}.png`)).blob();
  const encoder = await Encoder.open({ model: '/pictures/eye/', device, store: 'memory' });
  await encoder.encode([{ image }]);
  const report = encoder.report();
  await encoder.close();
  return report.device;
}

async function listOnce({ device }) {
  const { Recommender } = await library();
  const shop = await Recommender.open({ index: '/pictures/index/manifest.json', store: 'memory' });
  const list = await shop.recommend({ k: 3 });
  await shop.close();
  return list.length === 3 && device;
}

for (const device of ['wasm', 'webgpu']) {
  test(`memory: encoders on ${device} give everything back`, { skip }, (t) => grown(t, encodeOnce, device));
}

test('memory: sessions give everything back', { skip }, (t) => grown(t, listOnce, 'wasm'));
