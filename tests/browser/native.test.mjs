//! The same index and the same history give the same list in the page and on the command line.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at, PALATE } from '../../www/build/root.mjs';
import { random } from './catalog.mjs';
import { startShop } from './shop.mjs';

const folder = mkdtempSync(join(tmpdir(), 'palate-native-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const site = await startShop(after, { mounts: [['/native/', folder]] });

const SCORE = 1e-4;
const CLUBS = ['tea', 'boots', 'lamps', 'films', 'bread', 'bikes'];
const KINDS = ['green', 'small', 'old', 'warm', 'plain', 'fine', 'round', 'light', 'long', 'red'];

/** Sixty items of six clubs; people mostly stay within a club, every other one along its order. */
function publish() {
  const uniform = random(7);
  const items = CLUBS.flatMap((club, c) => KINDS.map((kind, n) => ({ id: `${club}-${n}`, title: `${kind} ${club}`, club, seller: `s${(c + n) % 4}`, tags: [kind] })));
  writeFileSync(join(folder, 'items.jsonl'), items.map((item) => JSON.stringify(item)).join('\n'));
  const rows = ['user,item,timestamp'];
  for (let user = 0; user < 400; user += 1) {
    const start = Math.floor(uniform() * 60);
    for (let step = 0; step < 6; step += 1) {
      const within = user % 2 ? (start + step) % 10 : Math.floor(uniform() * 10);
      const item = uniform() < 0.15 ? Math.floor(uniform() * 60) : Math.floor(start / 10) * 10 + within;
      rows.push(`u${user},${items[item].id},${1000 + step}`);
    }
  }
  writeFileSync(join(folder, 'crowd.csv'), rows.join('\n'));
  execFileSync(PALATE, ['build', '--items', 'items.jsonl', '--interactions', 'crowd.csv', '--text-model', at('models/minilm/pack'), '--no-model', '--out', 'index'], { cwd: folder, stdio: 'pipe' });
}

publish();

const now = Date.now();
const HISTORY = [
  ['tea-3', 'view', 40], ['tea-3', 'like', 39], ['boots-1', 'like', 20], ['films-2', 'dislike', 12], ['tea-4', 'save', 6], ['lamps-8', 'click', 3],
  ['boots-2', 'purchase', 2], ['bread-5', 'dismiss', 1],
].map(([item, event, days], i) => ({ item, event, time: now - days * 86_400_000, ...(i === 1 ? { context: { place: 'home' }, shown: { liked: 0.2, trained: -0.1, popularity: 0.05 } } : {}) }));

const ASKED = {
  plain: {},
  'by score, explained': { k: 40, diversity: 0, explain: true },
  'with everything that bends a list': {
    k: 15, diversity: 0.4, variety: 'dpp', calibrate: { field: 'club', weight: 0.6 }, fair: { field: 'seller', weight: 0.3 }, cap: { field: 'club', most: 4 },
    popularity: -0.3, explore: 0.2, seed: 3,
  },
  'in a situation': { k: 10, context: { place: 'home' } },
  'exploring a lot': { k: 20, explore: 0.5, seed: 8 },
};

/** The seed of the page is a number's bits; the command takes these. */
function bits(seed) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, seed);
  return view.getBigUint64(0).toString();
}

function natively({ k = 20, diversity, variety, calibrate, fair, cap, popularity, explore, seed = 1, context }) {
  writeFileSync(join(folder, 'history.jsonl'), HISTORY.map((event) => JSON.stringify(event)).join('\n'));
  const flags = ['recommend', '--index', 'index', '--history', 'history.jsonl', '--now', `${now}`, '-k', `${k}`, '--seed', bits(seed), '--json'];
  const add = (name, value) => value !== undefined && flags.push(`--${name}=${value}`);
  add('diversity', diversity);
  add('variety', variety);
  add('calibrate', calibrate && `${calibrate.field}:${calibrate.weight}`);
  add('fair', fair && `${fair.field}:${fair.weight}`);
  add('cap', cap && `${cap.field}:${cap.most}`);
  add('popularity', popularity);
  add('explore', explore);
  if (context) {
    writeFileSync(join(folder, 'context.json'), JSON.stringify(context));
    flags.push('--context', 'context.json');
  }
  return JSON.parse(execFileSync(PALATE, flags, { cwd: folder, encoding: 'utf8' })).hits;
}

test('native: the page and the command line give the same lists from the same history', async () => {
  const page = await site.blank();
  const found = await page.evaluate(async ({ history, asked }) => {
    const { Recommender } = await library();
    const shop = await Recommender.open({ index: '/native/index/manifest.json', textModel: false, store: 'memory' });
    await shop.history.import(JSON.stringify({ format: 'palate-history', version: 1, events: history }));
    const lists = {};
    for (const [name, options] of Object.entries(asked)) lists[name] = await shop.recommend({ seed: 1, ...options });
    const learned = (await shop.profile()).learned;
    const { ranker } = shop.report().index;
    await shop.close();
    return { lists, learned, ranker };
  }, { history: HISTORY, asked: ASKED });
  assert.ok(found.ranker.terms.length >= 2, JSON.stringify(found.ranker));
  assert.equal(found.learned.observations, 1);
  for (const [name, options] of Object.entries(ASKED)) {
    const [page, command] = [found.lists[name], natively(options)];
    assert.deepEqual(page.map(({ key }) => key), command.map(({ key }) => key), name);
    page.forEach(({ key, score }, place) => assert.ok(Math.abs(score - command[place].score) < SCORE, `${name}: ${key} has ${score} in the page, ${command[place].score} natively`));
    if (options.explain) {
      const trained = (hit) => hit.reasons.find(({ term }) => term === 'trained')?.weight ?? 0;
      assert.ok(page.some((hit) => trained(hit) > 0.05));
      page.forEach((hit, place) => assert.ok(Math.abs(trained(hit) - trained(command[place])) < SCORE));
    }
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
