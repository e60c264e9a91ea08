//! Search: as you type, by meaning when the model is there, by name until then. The last query wins.

import { settle } from '../card.js';
import { count, el, settings } from '../dom.js';
import { announce, sentence } from '../messages.js';
import { glide } from '../motion.js';
import { IDEAS } from '../picks.js';

const PAUSE = 110; // milliseconds of quiet before a query goes out
const FIRST = 60;
const NEAR = 0.3; // cosine below which even the best hit is a guess
const LEAN = 0.12; // enough to settle what the words leave open, too little to answer another question

export function createResults({ catalog, shop, cards, search }) {
  const title = el('h1', { tabindex: -1 }, 'Search');
  const lead = el('p', { class: 'lead' });
  const lean = el('input', { type: 'checkbox', role: 'switch', id: 'lean' });
  lean.checked = settings.get('lean', true);
  const leaning = el('label', { class: 'switch', for: 'lean' }, lean, el('span', {}, 'Lean towards my taste'));
  const grid = cards.grid('Search results');
  const empty = el('div', { class: 'empty', hidden: true });
  const element = el('section', { class: 'results', 'data-view': 'results' }, el('header', { class: 'page-head' }, title, lead, leaning), grid, empty);
  const kept = new Map();
  let turn = 0;
  let timer;
  let query = '';

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
    const mine = (turn += 1);
    const text = query;
    title.textContent = text;
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
      clearTimeout(timer);
      if (query) timer = setTimeout(ask, at);
      else turn += 1;
    },
    again: () => query && ask(),
    first: () => grid.querySelector('.card'),
    focus: () => title.focus({ preventScroll: true }),
  };
}
