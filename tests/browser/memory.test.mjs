//! Memory: what an encoder or a session took, on the processor and the GPU, is given back; and how much one takes at most.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../../www/build/root.mjs';
import { DRAWINGS, pictureShop } from './pictures.mjs';
import { startShop } from './shop.mjs';

const made = pictureShop(after);
const site = await startShop(after, { mounts: [['/pictures/', made.root]] });
/** `OPENINGS=100` is the long run. */
const OPENINGS = Number(process.env.OPENINGS ?? 15);
/** Until caches are full and pools have their size. */
const WARM = Math.ceil(OPENINGS / 3);
const ID = Object.keys(DRAWINGS)[0];

/** Others are the browser's own: it starts some when it likes. */
const OURS = ['renderer', 'GPU'];

/**
 * Resident memory of the page's and the GPU's processes in MB, `of` each kind and in `all`: the least of some readings, as what was freed goes
 * back at its leisure.
 */
async function resident(page) {
  const cdp = await page.context().newCDPSession(page);
  const browser = await site.browser.newBrowserCDPSession();
  const own = ({ id }) => Number(/^Rss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))[1]) / 1024;
  let least = { all: Infinity };
  for (let reading = 0; reading < 6; reading += 1) {
    await cdp.send('HeapProfiler.collectGarbage');
    await new Promise((done) => setTimeout(done, 500));
    const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
    const of = OURS.map((kind) => processInfo.filter(({ type }) => type === kind).reduce((sum, process) => sum + own(process), 0));
    const all = of.reduce((sum, one) => sum + one);
    if (all < least.all) least = { all, of };
  }
  await browser.detach();
  await cdp.detach();
  return least;
}

const skip = existsSync('/proc/self/smaps_rollup') ? false : 'memory of processes is read from /proc';

/** How many are left open to see what one holds, and the part of that which may stay of one that was closed. */
const HELD = 4;
const PART = 0.1;

/** Opens, uses and closes in one page: after the warming up hardly a part stays of what an open one holds. */
async function grown(t, once, device) {
  const page = await site.blank();
  const run = async (times, keep) => {
    for (let time = 0; time < times; time += 1) assert.equal(await page.evaluate(once, { device, id: ID, keep }), device);
  };
  await run(WARM, false);
  const before = await resident(page);
  await run(OPENINGS - WARM, false);
  const after = await resident(page);
  await run(HELD, true);
  const held = ((await resident(page)).all - after.all) / HELD;
  await page.context().close();
  const each = (after.all - before.all) / (OPENINGS - WARM);
  const told = ({ of }) => OURS.map((kind, at) => `${kind} ${of[at].toFixed(0)} MB`).join(' and ');
  t.diagnostic(`${OPENINGS} openings: ${told(before)} after ${WARM}, ${told(after)} at the end; one that is open holds ${held.toFixed(1)} MB`);
  assert.ok(held > 1, `an open one holds ${held.toFixed(2)} MB: this would not be seen`);
  assert.ok(each < PART * held, `${each.toFixed(2)} MB stay of each time`);
}

async function encodeOnce({ device, id, keep }) {
  const { Encoder } = await library();
  const image = await (await fetch(`/pictures/${id}.png`)).blob();
  const encoder = await Encoder.open({ model: '/pictures/eye/', device, store: 'memory' });
  await encoder.encode([{ image }]);
  const report = encoder.report();
  if (!keep) await encoder.close();
  else (globalThis.held ??= []).push(encoder);
  return report.device;
}

async function listOnce({ device, keep }) {
  const { Recommender } = await library();
  const shop = await Recommender.open({ index: '/pictures/index/manifest.json', store: 'memory' });
  const list = await shop.recommend({ k: 3 });
  if (!keep) await shop.close();
  else (globalThis.held ??= []).push(shop);
  return list.length === 3 && device;
}

for (const device of ['wasm', 'webgpu']) {
  test(`memory: encoders on ${device} give everything back`, { skip }, (t) => grown(t, encodeOnce, device));
}

test('memory: sessions give everything back', { skip }, (t) => grown(t, listOnce, 'wasm'));

/** Tells the size of the module's memory, which never shrinks: it is the largest that it ever was. */
const TELLS = `
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const start = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const started = await start(...args);
      const { memory } = (started.instance ?? started).exports;
      new BroadcastChannel('memory').onmessage = ({ data, target }) => data === 'ask' && target.postMessage(memory.buffer.byteLength);
      return started;
    };
  }`;
/** Above the pack's own bytes. */
const ROOM = 30 * 2 ** 20;

for (const device of ['wasm', 'webgpu', 'auto']) {
  test(`memory: a page with MiniLM on ${device} takes the model and 30 MB at most`, async (t) => {
    const folder = at('models', 'minilm', 'pack');
    const pack = Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).size));
    site.inWorkers(TELLS);
    const page = await site.blank();
    const { bytes, report } = await page.evaluate(async (device) => {
      const { Encoder } = await library();
      // On the browser's disk: a store in memory would hold the pack once more.
      const encoder = await Encoder.open({ model: '/models/minilm/', device });
      await encoder.encode(Array.from({ length: 32 }, (_, row) => 'an ordinary sentence about nothing '.repeat(1 + row % 8)));
      // The devices race when nobody waits.
      for (let left = 600; left > 0 && device === 'auto' && encoder.report().deviceWhy === 'nothing else was tried yet'; left -= 1) await new Promise((done) => setTimeout(done, 100));
      const channel = new BroadcastChannel('memory');
      const bytes = await new Promise((done) => {
        channel.onmessage = ({ data }) => done(data);
        channel.postMessage('ask');
      });
      channel.close();
      const report = encoder.report();
      await encoder.close();
      return { bytes, report };
    }, device);
    await page.context().close();
    site.inWorkers(null);
    const mb = (n) => (n / 2 ** 20).toFixed(1);
    t.diagnostic(`${mb(bytes)} MB at most for a pack of ${mb(pack)} MB; ${report.device} (${report.deviceWhy})`);
    assert.notEqual(report.deviceWhy, 'nothing else was tried yet');
    assert.ok(bytes > pack && bytes <= pack + ROOM, `${mb(bytes)} MB for a pack of ${mb(pack)} MB`);
  });
}
