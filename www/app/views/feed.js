//! "For you": the shelf that rearranges itself after each tap, one row for each thing it goes by.
//!
//! A row's heading is taken from the reasons that the library gives with every hit; the page never invents one.

import { columns, count, el } from '../dom.js';
import { settle } from '../card.js';
import { announce, dropNotice, notice, sentence } from '../messages.js';
import { glide, near } from '../motion.js';
import { IDEAS, PICKS, PILE } from '../picks.js';

const ROWS = 6;
const TRAY = 10;
const LIST = 240; // long enough that every like finds its own row in it
const AT_LEAST = 3; // fewer hits than this don't make a row of their own
const VERB = { like: 'liked', save: 'saved', purchase: 'took', click: 'looked at', view: 'looked at', dwell: 'looked at' };

export function createFeed({ catalog, shop, cards, tune, loading, search }) {
  const title = el('h1', { tabindex: -1 }, 'Tap what you like.');
  const lead = el('p', { class: 'lead' });
  const ideas = el('div', { class: 'chips ideas' }, IDEAS.slice(0, 4).map((idea) => el('button', { class: 'chip', type: 'button', onclick: () => search(idea) }, idea)));
  const pile = el('div', { class: 'pile', 'aria-hidden': 'true' }, PILE.map((key) => el('img', { src: catalog.picture(key), alt: '', width: 168, height: 168 })));
  const tray = el('ul', { class: 'tray', 'aria-label': 'What you like' });
  const hero = el('div', { class: 'hero' }, el('div', { class: 'hero-text' }, title, lead, loading, ideas), pile, tray);
  const dials = tune.make();
  const rows = el('div', { class: 'rows' });
  const element = el('section', { class: 'feed', 'data-view': 'feed' }, hero, dials, rows);

  const kept = new Map(); // key -> card in this view
  const sections = new Map(); // id -> row
  const reasons = new Map(); // key -> reasons of the latest list
  let turn = 0;
  let shown = [];

  const cardFor = (key) => {
    if (!kept.has(key)) kept.set(key, cards.make(key));
    return kept.get(key);
  };

  function heading(row) {
    if (row.id === 'picks') return [row.title];
    if (row.id === 'newcomers' || row.id === 'further') return [row.title];
    const names = row.sources.map((key) => el('em', {}, catalog.get(key)?.title ?? key));
    const verb = VERB[shop.kinds.get(row.sources[0])] ?? 'liked';
    const list = names.flatMap((name, i) => [i === 0 ? '' : i === names.length - 1 ? ' and ' : ', ', name]);
    return [`Because you ${verb} `, ...list];
  }

  function note(row) {
    if (row.note) return row.note;
    return row.share > 0.005 ? `${Math.round(row.share * 100)} % of why these are here` : '';
  }

  function place(row) {
    let section = sections.get(row.id);
    if (!section) {
      section = el('section', { class: 'row' }, el('header', { class: 'row-head' }, el('span', { class: 'row-thumb' }), el('h2'), el('p', { class: 'row-note' })), cards.grid(''));
      section.dataset.row = row.id;
      sections.set(row.id, section);
    }
    section.classList.toggle('lead-row', Boolean(row.lead));
    const [head, grid] = section.children;
    const [thumb, h2, small] = head.children;
    const source = row.sources?.length === 1 ? row.sources[0] : null;
    if (thumb.dataset.key !== (source ?? '')) {
      thumb.dataset.key = source ?? '';
      thumb.replaceChildren(...(source ? [cards.thumb(source)] : []));
    }
    h2.replaceChildren(...heading(row));
    small.textContent = note(row);
    grid.setAttribute('aria-label', h2.textContent);
    grid.replaceChildren(...row.keys.map(cardFor));
    settle(grid);
    return section;
  }

  /** At most `most` keys, without a last line that is only half there. `wide`: cells that the first card takes beside its own. */
  function full(hits, most, wide = 0) {
    const width = columns();
    const whole = Math.floor((Math.min(hits.length, most) + wide) / width) * width - wide;
    return hits.slice(0, whole > 0 ? Math.min(whole, most) : most).map((hit) => hit.key);
  }

  /** The library's list, in rows by what each hit goes by most. */
  function arrange(list) {
    const width = columns();
    const groups = new Map();
    const loose = [];
    for (const hit of list) {
      const [main] = hit.reasons; // what counted most, be it one of the visitor's items or something else
      const source = main?.because[0];
      if (!source || !catalog.get(source)) {
        loose.push(hit);
        continue;
      }
      if (!groups.has(source)) groups.set(source, { id: source, sources: [source], hits: [], score: 0 });
      const group = groups.get(source);
      group.hits.push(hit);
      group.share = (group.share ?? 0) + main.share;
      group.score = Math.max(group.score, hit.score);
    }
    const rest = [];
    const made = [];
    for (const group of [...groups.values()].sort((a, b) => b.score - a.score)) {
      group.share /= group.hits.length;
      if (group.hits.length >= AT_LEAST && made.length < ROWS) made.push(group);
      else rest.push(group);
    }
    const out = made.map((group, i) => {
      const lead = i === 0 && group.hits.length >= 2 * width - 3;
      const most = lead ? (width <= 3 ? 4 : 2) * width - 3 : (width <= 3 || made.length < 4 ? 2 : 1) * width;
      return { ...group, lead, keys: full(group.hits, most, lead ? 3 : 0) };
    });
    const mixed = rest.flatMap((group) => group.hits);
    if (mixed.length >= AT_LEAST) {
      out.push({ id: 'mixed', sources: rest.slice(0, 3).map((group) => group.id), keys: full(mixed, width * 2), share: 0 });
    }
    if (loose.length >= AT_LEAST) {
      const popular = loose.filter((hit) => hit.reasons[0]?.term === 'popularity').length > loose.length / 2;
      out.push(shop.liked.size
        ? { id: 'further', title: popular ? 'Popular with most' : 'Further afield', note: popular ? 'For being popular more than for your taste' : 'Not close to any one thing you liked', keys: full(loose, width * (width <= 3 ? 2 : 1)) }
        : { id: 'newcomers', title: 'From all over the shelf', note: 'What newcomers get: no taste known yet', keys: full(loose, width * 2) });
    }
    return out;
  }

  function picks(taken) {
    const width = columns();
    const keys = PICKS.filter((key) => catalog.get(key) && !taken.has(key) && !shop.hidden.has(key) && !(shop.ready && shop.liked.has(key)));
    const warm = shop.liked.size > 0;
    return { id: 'picks', title: warm ? 'A few more to taste' : 'Start anywhere', note: warm ? 'Chosen by people, the same for everyone' : 'A first handful, chosen by people', keys: keys.slice(0, width * (warm ? 1 : width < 4 ? 6 : 3)) };
  }

  function showHead() {
    const likes = shop.liked.size;
    const warm = likes > 0;
    element.classList.toggle('warm', warm);
    title.textContent = warm ? 'For you' : 'Tap what you like.';
    lead.textContent = warm
      ? `Arranged on this device from ${count(likes, 'like')}${shop.hidden.size ? ` and ${count(shop.hidden.size, 'no-thanks', 'no-thanks')}` : ''}. Tap again to take one back.`
      : `${catalog.items.length.toLocaleString('en')} stickers rearrange themselves around your taste. It is worked out on this device, and it stays here.`;
    ideas.hidden = warm;
    pile.hidden = warm;
    dials.hidden = !shop.ready || !warm;
    const latest = [...shop.liked.keys()].filter((key) => catalog.get(key)).reverse();
    tray.hidden = !warm;
    const thumbs = new Map([...tray.children].map((item) => [item.dataset.key, item]));
    tray.replaceChildren(...latest.slice(0, TRAY).map((key) => thumbs.get(key) ?? el('li', { 'data-key': key },
      el('button', { type: 'button', 'data-act': 'open', 'data-for': key, 'aria-label': `${catalog.get(key)?.title}, liked. Open` }, cards.thumb(key)))));
    if (likes > TRAY) tray.append(el('li', { 'data-key': '' }, el('a', { href: '#/taste', class: 'tray-more', 'aria-label': `${likes - TRAY} more likes, in Taste` }, `+${likes - TRAY}`)));
  }

  function show(list) {
    const focused = document.activeElement;
    const had = new Set(shown);
    const layout = list ? arrange(list) : [];
    const taken = new Set(layout.flatMap((row) => row.keys));
    if (shop.liked.size < 5) layout[shop.liked.size ? 'push' : 'unshift'](picks(taken));
    reasons.clear();
    list?.forEach((hit) => reasons.set(hit.key, hit.reasons));
    const keys = layout.flatMap((row) => row.keys);
    glide(() => near(rows.children, '.card, .row-head'), () => {
      showHead();
      rows.replaceChildren(...layout.map(place));
      for (const id of sections.keys()) if (!layout.some((row) => row.id === id)) sections.delete(id);
      const stays = new Set(keys);
      for (const key of kept.keys()) if (!stays.has(key)) kept.delete(key);
    });
    shown = keys;
    // A card that has left takes the focus with it; hand it to whatever stands in its place.
    if (focused && focused !== document.activeElement && !focused.isConnected) (rows.querySelector('.tile[tabindex="0"]') ?? title).focus({ preventScroll: true });
    return keys.filter((key) => !had.has(key)).length;
  }

  /** Asks the library again and rearranges. `cause` is what a screen reader hears first. */
  async function refresh(cause) {
    const mine = (turn += 1);
    if (!shop.ready) {
      show(null);
      return;
    }
    try {
      const list = await shop.recommend({ k: LIST, adventure: tune.adventure, niche: tune.niche });
      if (mine !== turn) return;
      dropNotice('feed');
      const fresh = show(list);
      const first = rows.querySelector('h2')?.textContent;
      if (cause) announce(`${cause} ${fresh ? `${count(fresh, 'new sticker')} on your shelf. First row: ${first}.` : 'Your shelf stays as it is.'}`);
    } catch (error) {
      if (mine === turn) notice('feed', sentence(error), { kind: 'error' });
    }
  }

  return {
    element,
    title: 'For you',
    refresh,
    showHead,
    reasons: (key) => reasons.get(key) ?? [],
    traySlot: () => tray.querySelector('li') ?? document.querySelector('.nav [data-view="taste"]'),
    focus: () => title.focus({ preventScroll: true }),
  };
}
