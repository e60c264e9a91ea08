//! Writes the demo's catalog: `.cache/demo/items.jsonl` and the drawings in `www/demo/pictures`, from the npm packages
//! `openmoji` (drawings, names, tags, groups) and `emojibase-data` (further names and tags).
//!
//! The 2,465 base drawings are the entries of `openmoji.json` whose `skintone` is empty: 4,495 entries less 2,030 that
//! repeat a drawing in another skin color. Embedding them is `palate build`'s work, packing them for the page `shelf.mjs`'s.

import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, cache } from './root.mjs';
import { step } from './report.mjs';
import { inputHash, once } from './stamp.mjs';

export const ITEMS = cache('demo', 'items.jsonl');
export const DEMO = at('www', 'demo');
const PICTURES = join(DEMO, 'pictures');
const BASE_DRAWINGS = 2465;

const ATTRIBUTION = `All drawings are designed by OpenMoji, the open-source emoji and icon project (https://openmoji.org).
License: CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/). They are changed only in white space, and
shown with a border. Names and tags: OpenMoji 17.0.0, and emojibase-data 17.0.0 by Miles Johnson (MIT).
`;

/** Writes the items and drawings once per version of the packages. */
export async function demoItems() {
  const hash = inputHash(['www/build/items.mjs', 'node_modules/openmoji/package.json', 'node_modules/emojibase-data/package.json']);
  await once('items', hash, [ITEMS, PICTURES, join(DEMO, 'LICENSE.txt')], () => step("the demo's items", async () => {
    const items = catalog();
    mkdirSync(cache('demo'), { recursive: true });
    const part = `${PICTURES}.part`;
    rmSync(part, { recursive: true, force: true });
    mkdirSync(part, { recursive: true });
    for (const { id } of items) writeFileSync(join(part, `${id}.svg`), plainSvg(readFileSync(at('node_modules', 'openmoji', 'color', 'svg', `${id}.svg`), 'utf8')));
    rmSync(PICTURES, { recursive: true, force: true });
    renameSync(part, PICTURES);
    cpSync(at('node_modules', 'openmoji', 'LICENSE.txt'), join(DEMO, 'LICENSE.txt'));
    writeFileSync(join(DEMO, 'ATTRIBUTION.txt'), ATTRIBUTION);
    writeFileSync(`${ITEMS}.part`, items.map((item) => JSON.stringify(item) + '\n').join(''));
    renameSync(`${ITEMS}.part`, ITEMS);
    return { note: `${items.length} drawings` };
  }));
  return ITEMS;
}

const read = (...path) => JSON.parse(readFileSync(at('node_modules', ...path), 'utf8'));
/** emojibase writes the variation selector, OpenMoji mostly does not. */
const bare = (hexcode) => hexcode.replaceAll('-FE0F', '');
const words = (text) => text.replaceAll(/[-_]/g, ' ').trim();

function catalog() {
  const base = read('openmoji', 'data', 'openmoji.json').filter((entry) => entry.skintone === '');
  if (base.length !== BASE_DRAWINGS) {
    throw new Error(`openmoji.json holds ${base.length} drawings without a skin tone, expected ${BASE_DRAWINGS}: is it version 17.0.0?`);
  }
  const more = new Map(read('emojibase-data', 'en', 'data.json').map((entry) => [bare(entry.hexcode), entry]));
  const codes = new Map(Object.entries(read('emojibase-data', 'en', 'shortcodes', 'emojibase.json')).map(([hexcode, names]) => [bare(hexcode), [names].flat()]));
  const messages = read('emojibase-data', 'en', 'messages.json');
  const names = new Map([...messages.groups, ...messages.subgroups].map(({ key, message }) => [key, message]));
  const name = (key) => names.get(key) ?? words(key);
  const place = ({ group, subgroups }) => (group.startsWith('extras-') ? name(subgroups) : `${name(subgroups)}, ${name(group)}`);

  return base.map((entry) => {
    const known = more.get(bare(entry.hexcode));
    const title = entry.annotation;
    const tags = new Map();
    const candidates = [entry.tags, entry.openmoji_tags].flatMap((list) => list.split(','));
    for (const tag of [...candidates, ...(known?.tags ?? []), known?.label ?? '', ...(codes.get(bare(entry.hexcode)) ?? [])]) {
      const text = words(tag).toLowerCase();
      if (text.length > 1 && text !== title.toLowerCase() && !tags.has(text)) tags.set(text, text);
    }
    return {
      id: entry.hexcode,
      title,
      description: `${place(entry)}.`,
      tags: [...tags.keys()],
      categories: [entry.group, entry.subgroups],
      image: `pictures/${entry.hexcode}.svg`,
      popularity: popularity(entry),
    };
  });
}

/** Relative use of a group's signs, after the order of categories in "The Most Frequently Used Emoji" (Unicode Consortium, 2021). */
const USE = { 'smileys-emotion': 40, 'people-body': 8, 'animals-nature': 8, 'food-drink': 6, activities: 6, objects: 3, 'travel-places': 3, symbols: 1, flags: 0.3 };
/** Of people's signs the hands lead; everybody's hearts lead everything. */
const USE_OF_PART = { heart: 80, 'hand-fingers-open': 30, 'hand-fingers-partial': 30, 'hand-single-finger': 25, 'hand-fingers-closed': 30, hands: 30, 'country-flag': 0.3 };

/**
 * A stand-in for how often a sign is used, for nobody's use was counted here: its group's share, halved with every two
 * versions of the emoji standard since the first, and next to nothing for what is in no keyboard.
 */
function popularity({ group, subgroups, unicode }) {
  if (group.startsWith('extras-') || typeof unicode !== 'number') return 0.05;
  return Number(((USE_OF_PART[subgroups] ?? USE[group] ?? 0.1) * 0.5 ** (Math.max(0, unicode - 0.6) / 2)).toFixed(3));
}

/** The same drawing without comments and the white space between its elements. */
const plainSvg = (text) => text.replace(/<\?xml[^>]*\?>|<!--[\s\S]*?-->/g, '').replace(/>\s+</g, '><').replace(/\s+/g, ' ').trim() + '\n';
