//! "Taste": what the device believes, from which taps, and the way to take any of it back.

import { subgroupName } from '../aisles.js';
import { count, el, icon } from '../dom.js';
import { settle } from '../card.js';
import { sentence, toast } from '../messages.js';
import { glide } from '../motion.js';

const SAID = { like: 'You liked', save: 'You saved', purchase: 'You took', click: 'You looked at', view: 'You looked at', dwell: 'You looked at', dislike: 'You said no to', dismiss: 'You said no to' };
const WEIGHED = { liked: 'nearness to what you like counts', disliked: 'nearness to what you said no to counts', popularity: 'being popular counts' };
const EVENTS = 40;
const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

function when(time) {
  const seconds = (time - Date.now()) / 1000;
  for (const [unit, length] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (Math.abs(seconds) >= length) return ago.format(Math.round(seconds / length), unit);
  }
  return 'just now';
}

export function createTaste({ catalog, shop, cards, tune }) {
  const title = el('h1', { tabindex: -1 }, 'What this device believes');
  const lead = el('p', { class: 'lead' });
  const beliefs = el('ul', { class: 'beliefs' });
  const preview = cards.grid('What your shelf would start with');
  preview.classList.add('small');
  const bend = el('section', { class: 'panel bend' }, el('h2', {}, 'Bend it'),
    el('p', { class: 'soft' }, 'Two dials decide how boldly this taste is used; the first stickers of your shelf follow as you move them. Popular is an estimate from the kind and age of a sign: nobody’s use was counted.'), tune.make(), preview);
  const weighed = el('span', {});
  const again = el('button', { class: 'button quiet', type: 'button' }, 'Forget this');
  const learned = el('div', { class: 'learned', hidden: true }, el('p', {}, weighed), again);
  bend.append(learned);
  const log = el('ol', { class: 'log' });
  const all = el('button', { class: 'button danger', type: 'button' }, icon('trash'), 'Forget everything');
  const history = el('section', { class: 'panel' }, el('header', { class: 'row-head' }, el('h2', {}, 'From these taps'), all), log);
  const element = el('section', { class: 'taste', 'data-view': 'taste' }, el('header', { class: 'page-head' }, title, lead), beliefs, bend, history);
  let turn = 0;

  async function undoable(text, work) {
    try {
      const undo = await work();
      toast(text, undo ? [['Undo', () => undo().catch((error) => toast(sentence(error)))]] : [], 8);
    } catch (error) {
      toast(sentence(error));
    }
  }

  again.addEventListener('click', () => undoable('Every reason weighs what it did at first.', () => shop.forgetLearned()));
  all.addEventListener('click', () => undoable('Everything forgotten. This shelf knows nothing about you.', () => shop.forget(null)));

  /** What was learned of how this visitor chooses, where it has moved at all. */
  function showLearned({ observations, terms }) {
    const moved = terms.filter(({ term, factor }) => WEIGHED[term] && Math.abs(factor - 1) >= 0.05);
    learned.hidden = !moved.length;
    const parts = moved.map(({ term, factor }) => `${WEIGHED[term]} ${factor.toFixed(1)} times as much`);
    const list = parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : parts[0];
    weighed.textContent = moved.length ? `Learned from ${count(observations, 'choice')} out of your shelf’s rows: ${list} as at first.` : '';
  }

  /** The aisle names that most of an interest's evidence comes from. */
  function label(keys) {
    const tally = new Map();
    for (const key of keys) {
      const name = subgroupName(catalog.get(key)?.subgroup ?? '');
      tally.set(name, (tally.get(name) ?? 0) + 1);
    }
    return [...tally].sort((a, b) => b[1] - a[1]).slice(0, 2).map(([name]) => name).join(' & ');
  }

  function belief(interest, strongest) {
    const keys = interest.because.filter((key) => catalog.get(key));
    const against = interest.weight < 0;
    const name = label(keys);
    const near = interest.near.filter((key) => catalog.get(key) && !keys.includes(key)).slice(0, 4);
    const bar = el('span', { class: 'strength', role: 'img', 'aria-label': `Strength ${Math.round((Math.abs(interest.weight) / strongest) * 100)} of 100` }, el('i'));
    bar.style.setProperty('--strength', Math.abs(interest.weight) / strongest);
    return el('li', { class: `belief${against ? ' against' : ''}`, 'data-belief': keys.join(' ') },
      el('p', { class: 'belief-kind' }, against ? 'Less of' : 'More of'),
      el('h3', {}, name),
      bar,
      near.length ? el('div', { class: 'leads' }, el('p', { class: 'belief-kind' }, against ? 'so these come last' : 'so these come first'),
        el('ul', {}, near.map((key) => el('li', {}, el('button', { type: 'button', 'data-act': 'open', 'data-for': key, 'aria-label': `Open ${catalog.get(key).title}` }, cards.thumb(key)))))) : null,
      el('div', { class: 'belief-foot' },
        el('ul', { class: 'evidence', 'aria-label': 'Because of' }, keys.slice(0, 5).map((key) => el('li', {},
          el('button', { type: 'button', 'data-act': 'open', 'data-for': key, 'aria-label': `Open ${catalog.get(key).title}` }, cards.thumb(key)))),
        keys.length > 5 ? el('li', { class: 'soft' }, `+${keys.length - 5}`) : null),
        el('button', { class: 'button quiet', type: 'button', 'aria-label': `Forget ${name}`, onclick: () => undoable(`Forgot ${name}.`, () => shop.forget(keys)) }, 'Forget')));
  }

  function entry(event) {
    const item = catalog.get(event.item);
    if (!item) return null;
    return el('li', { class: 'log-entry', 'data-key': event.item },
      el('button', { class: 'log-open', type: 'button', 'data-act': 'open', 'data-for': event.item, 'aria-label': `Open ${item.title}` }, cards.thumb(event.item)),
      el('p', {}, `${SAID[event.event] ?? event.event} `, el('strong', {}, item.title), el('span', { class: 'soft' }, ` ${when(event.at)}`)),
      el('button', { class: 'icon-button', type: 'button', 'aria-label': `Forget ${item.title}`, title: 'Forget', onclick: () => undoable(`Forgot ${item.title}.`, () => shop.forget([event.item])) }, icon('close')));
  }

  async function showPreview(mine) {
    if (!shop.ready) return;
    const list = await shop.recommend({ k: 6, adventure: tune.adventure, niche: tune.niche });
    if (mine !== turn) return;
    const kept = new Map([...preview.children].map((card) => [card.dataset.key, card]));
    glide(() => preview.querySelectorAll('.card'), () => preview.replaceChildren(...list.map((hit) => kept.get(hit.key) ?? cards.make(hit.key))));
    settle(preview);
  }

  async function refresh() {
    const mine = (turn += 1);
    if (!shop.ready) {
      lead.textContent = shop.state === 'failed' ? 'The recommender could not open, so there is nothing to show.' : 'Opening…';
      beliefs.replaceChildren();
      bend.hidden = history.hidden = true;
      return;
    }
    try {
      const { events, interests, learned: taught } = await shop.profile();
      if (mine !== turn) return;
      const known = events.length > 0;
      lead.textContent = known
        ? `Worked out here from ${count(events.length, 'tap')}. Nobody else can see it; change your mind and it changes too.`
        : 'Nothing yet. Like a few stickers and this page shows what was made of it.';
      bend.hidden = history.hidden = !known;
      const useful = interests.filter((interest) => interest.because.some((key) => catalog.get(key)) && Math.abs(interest.weight) > 1e-6);
      const strongest = Math.max(...useful.map((interest) => Math.abs(interest.weight)), 1e-6);
      glide(() => beliefs.querySelectorAll('.belief'), () => beliefs.replaceChildren(...useful.slice(0, 12).map((interest) => belief(interest, strongest))));
      showLearned(taught);
      log.replaceChildren(...events.slice(-EVENTS).reverse().map(entry).filter(Boolean));
      if (events.length > EVENTS) log.append(el('li', { class: 'soft' }, `and ${events.length - EVENTS} earlier ones, all in the export`));
      await showPreview(mine);
    } catch (error) {
      if (mine === turn) lead.textContent = sentence(error);
    }
  }

  return { element, title: 'Taste', refresh, dial: () => showPreview((turn += 1)).catch(() => {}), focus: () => title.focus({ preventScroll: true }) };
}
