//! One sticker on its tile, grids of them, and the keys that move between them.

import { el, icon } from './dom.js';

/** Makes cards for one catalog and keeps every card on the page true to the shop's taste. */
export class Cards {
  #live = new Set();

  constructor(catalog, shop) {
    this.catalog = catalog;
    this.shop = shop;
    shop.addEventListener('taste', () => this.sync());
  }

  make(key) {
    const { title, tone } = this.catalog.get(key);
    const picture = el('img', { alt: '', width: 168, height: 168, decoding: 'async', draggable: 'false' });
    this.catalog.draw(picture, key);
    const card = el('li', { class: `card tone-${tone}`, 'data-key': key },
      el('button', { class: 'tile', type: 'button', 'data-act': 'like', 'aria-pressed': 'false', 'aria-label': `Like ${title}` }, picture, this.#heart()),
      el('p', { class: 'name', 'aria-hidden': 'true' }, title),
      el('button', { class: 'corner hide', type: 'button', 'data-act': 'hide', 'aria-label': `Not for me: ${title}`, title: 'Not for me' }, icon('close')),
      el('button', { class: 'corner alike', type: 'button', 'data-act': 'alike', 'aria-label': `More like ${title}`, title: 'More like this' }, icon('alike')));
    this.#show(card);
    this.#live.add(new WeakRef(card));
    return card;
  }

  #heart() {
    const heart = icon('heart');
    heart.setAttribute('class', 'heart');
    return heart;
  }

  #show(card) {
    const { key } = card.dataset;
    card.firstElementChild.setAttribute('aria-pressed', String(this.shop.liked.has(key)));
    card.classList.toggle('gone', this.shop.hidden.has(key));
  }

  sync() {
    for (const reference of this.#live) {
      const card = reference.deref();
      if (card) this.#show(card);
      else this.#live.delete(reference);
    }
  }

  thumb(key) {
    const { tone } = this.catalog.get(key);
    return el('span', { class: `thumb tone-${tone}` }, el('img', { src: this.catalog.picture(key), alt: '', width: 44, height: 44, decoding: 'async' }));
  }

  grid(label) {
    return rove(el('ul', { class: 'grid', 'aria-label': label }));
  }
}

/** Only one card of a grid is in the tab order; the arrows, Home and End move it. L, X and M act on the card in focus. */
function rove(grid) {
  grid.addEventListener('keydown', (event) => {
    const card = event.target.closest('.card');
    if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
    const act = { l: 'like', x: 'hide', Delete: 'hide', m: 'alike' }[event.key];
    if (act) {
      event.preventDefault();
      card.querySelector(`[data-act="${act}"]`).click();
      return;
    }
    const cards = [...grid.querySelectorAll('.card')];
    const at = cards.indexOf(card);
    const columns = cards.filter((other) => other.offsetTop === cards[0].offsetTop).length;
    const next = {
      ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: cards.length - 1,
    }[event.key];
    if (next === undefined) return;
    const target = cards[next] ?? neighbor(grid, event.key, at % columns);
    if (!target) return;
    event.preventDefault();
    focusCard(target);
  });
  grid.addEventListener('focusin', (event) => current(grid, event.target.closest('.card')));
  return grid;
}

/** Up and down leave one grid for the next one of the same view. */
function neighbor(grid, key, column) {
  if (key !== 'ArrowDown' && key !== 'ArrowUp') return null;
  const grids = [...grid.closest('[data-view]')?.querySelectorAll('.grid') ?? []].filter((other) => other.childElementCount);
  const next = grids[grids.indexOf(grid) + (key === 'ArrowDown' ? 1 : -1)];
  if (!next) return null;
  const cards = [...next.children];
  const columns = cards.filter((other) => other.offsetTop === cards[0].offsetTop).length;
  const line = key === 'ArrowDown' ? 0 : Math.floor((cards.length - 1) / columns) * columns;
  return cards[Math.min(line + column, cards.length - 1)];
}

export function focusCard(card) {
  const button = card.querySelector('.tile');
  button.focus();
  card.scrollIntoView({ block: 'nearest' });
}

function current(grid, card) {
  for (const other of grid.children) {
    const tab = other === card ? 0 : -1;
    for (const button of other.querySelectorAll('button')) button.tabIndex = tab;
  }
}

/** To be called when a grid's cards have changed: keeps exactly one of them in the tab order. */
export function settle(grid) {
  const cards = [...grid.children];
  const kept = cards.find((card) => card.contains(document.activeElement)) ?? cards.find((card) => card.firstElementChild.tabIndex === 0 && card.dataset.roved) ?? cards[0];
  if (kept) current(grid, kept);
}
