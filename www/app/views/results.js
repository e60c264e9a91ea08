//! Search: as you type, by meaning when the model is there, by name until then; or with a picture. The last query wins.

import { settle } from '../card.js';
import { count, el, settings } from '../dom.js';
import { announce, sentence } from '../messages.js';
import { glide } from '../motion.js';
import { IDEAS } from '../picks.js';

const PAUSE = 110; // milliseconds of quiet before a query goes out
const FIRST = 60;
const NEAR = 0.3; // cosine below which even the best hit is a guess
const SEEN = 0.35; // the same for a picture
const LEAN = 0.12; // enough to settle what the words leave open, too little to answer another question

export function createResults({ catalog, shop, cards, search }) {
  const title = el('h1', { tabindex: -1 }, 'Search');
  const lead = el('p', { class: 'lead' });
  const lean = el('input', { type: 'checkbox', role: 'switch', id: 'lean' });
  lean.checked = settings.get('lean', true);
  const leaning = el('label', { class: 'switch', for: 'lean' }, lean, el('span', {}, 'Lean towards my taste'));
  const grid = cards.grid('Search results');
  const empty = el('div', { class: 'empty', hidden: true });
  const seen = el('img', { class: 'seen', alt: '', width: 96, height: 96, hidden: true });
  const element = el('section', { class: 'results', 'data-view': 'results' }, el('header', { class: 'page-head' }, seen, title, lead, leaning), grid, empty);
  const kept = new Map();
  let turn = 0;
  let timer;
  let query = '';
  let picture = null; // {file, name, address}

  function show(keys) {
    grid.dataset.answers = title.textContent;
    glide(() => grid.querySelectorAll('.card'), () => {
      grid.replaceChildren(...keys.map((key) => {
        if (!kept.has(key)) kept.set(key, cards.make(key));
        return kept.get(key);
      }));
      const stays = new Set(keys);
      for (const key of kept.keys()) if (!stays.has(key)) kept.delete(key);
    });
    settle(grid);
    empty.hidden = keys.length > 0;
    if (!keys.length) {
      empty.replaceChildren(
        el('p', {}, 'Nothing on the shelf answers to that. Try fewer or plainer words, or one of these:'),
        el('div', { class: 'chips' }, IDEAS.map((idea) => el('button', { class: 'chip', type: 'button', onclick: () => search(idea) }, idea))));
    }
  }

  async function ask() {
    if (picture) return look();
    const mine = (turn += 1);
    const text = query;
    title.textContent = text;
    title.classList.remove('plain-title');
    leaning.hidden = !shop.meaning || shop.liked.size === 0;
    if (!shop.meaning) {
      const keys = catalog.byName(text, FIRST);
      lead.textContent = shop.state === 'failed' ? 'By name only: search by meaning could not start.' : 'By name for now. Search by meaning starts when the model has arrived.';
      show(keys);
      announce(`${count(keys.length, 'sticker')} by name for ${text}`);
      return;
    }
    try {
      const hits = await shop.search(text, { k: FIRST, personal: lean.checked && shop.liked.size ? LEAN : 0 });
      if (mine !== turn) return;
      lead.textContent = !hits.length ? ''
        : hits[0].score < NEAR ? 'Nothing here means quite that; these come nearest.'
          : 'Closest in meaning first. Your words were read on this device only.';
      show(hits.map((hit) => hit.key));
      announce(hits.length ? `${count(hits.length, 'sticker')} for ${text}. Closest: ${hits.slice(0, 3).map((hit) => catalog.get(hit.key)?.title).join(', ')}.` : `Nothing for ${text}.`);
    } catch (error) {
      if (mine !== turn) return;
      lead.textContent = sentence(error);
      show(catalog.byName(text, FIRST));
    }
  }

  function drop() {
    if (!picture) return;
    turn += 1; // its answer may still be on the way
    URL.revokeObjectURL(picture.address);
    picture = null;
    seen.hidden = true;
  }

  async function look() {
    const mine = (turn += 1);
    const { file, name, address } = picture;
    title.textContent = name;
    title.classList.add('plain-title'); // no quotation marks: nobody wrote that
    leaning.hidden = shop.liked.size === 0;
    seen.hidden = true;
    if (!shop.seeing) {
      lead.textContent = shop.state === 'failed' ? 'Search with pictures could not start.' : 'The recommender is still opening; your picture is looked at when it is there.';
      show([]);
      empty.hidden = true;
      return;
    }
    lead.textContent = 'Looking …';
    try {
      const hits = await shop.look(file, { k: FIRST, personal: lean.checked && shop.liked.size ? LEAN : 0 });
      if (mine !== turn) return;
      seen.src = address;
      seen.hidden = false;
      lead.textContent = `${hits.length && hits[0].score < SEEN ? 'Nothing here is quite that; these come nearest.' : 'Most alike first.'} It was looked at on this device only.`;
      show(hits.map((hit) => hit.key));
      announce(hits.length ? `${count(hits.length, 'sticker')} for ${name.toLowerCase()}. Closest: ${hits.slice(0, 3).map((hit) => catalog.get(hit.key)?.title).join(', ')}.` : `Nothing for ${name.toLowerCase()}.`);
    } catch (error) {
      if (mine !== turn) return;
      lead.textContent = sentence(error);
      show([]);
      empty.hidden = true;
      announce(sentence(error));
    }
  }

  lean.addEventListener('change', () => {
    settings.set('lean', lean.checked);
    ask();
  });

  return {
    element,
    title: 'Search',
    /** Called at every keystroke. */
    type(text, at = PAUSE) {
      query = text.trim();
      drop();
      clearTimeout(timer);
      if (query) timer = setTimeout(ask, at);
      else turn += 1;
    },
    /** A picture instead of words. */
    see(file, name) {
      drop();
      clearTimeout(timer);
      query = '';
      picture = { file, name, address: URL.createObjectURL(file) };
      return look();
    },
    again: () => (query || picture) && ask(),
    first: () => grid.querySelector('.card'),
    focus: () => title.focus({ preventScroll: true }),
  };
}
