//! Puts the page together: opens the drawings and the recommender, routes between views, and turns taps into events.

import { Cards, focusCard } from './card.js';
import { Catalog } from './catalog.js';
import { el, settings, size } from './dom.js';
import { announce, dropNotice, notice, sentence, toast } from './messages.js';
import { fly, pop, swap } from './motion.js';
import { createLook } from './look.js';
import { Network } from './network.js';
import { Offline } from './offline.js';
import { createSheet } from './sheet.js';
import { Shop } from './shop.js';
import { startTheme } from './theme.js';
import { Tune } from './tune.js';
import { createBrowse } from './views/browse.js';
import { createFeed } from './views/feed.js';
import { createPrivacy } from './views/privacy.js';
import { createResults } from './views/results.js';
import { createTaste } from './views/taste.js';

const main = document.getElementById('main');
const form = document.querySelector('.search');
const input = document.getElementById('query');
const clear = form.querySelector('.clear');
const meter = document.querySelector('.meter');

startTheme();
const beenHere = settings.get('here', false);
const network = new Network();
const offline = new Offline();
const shop = new Shop();
const tune = new Tune();

const loadingText = el('span', {}, 'Getting the shelf ready');
const loadingBytes = el('span');
const loadingBar = el('div', { class: 'loading-bar', role: 'progressbar', 'aria-label': 'Getting the shelf ready', 'aria-valuemin': 0, 'aria-valuemax': 100 }, el('i'));
const loading = el('div', { class: 'loading' }, loadingBar, el('div', { class: 'loading-text' }, loadingText, loadingBytes));

function showLoading(loaded, total, text) {
  const done = total ? Math.min(1, loaded / total) : 0;
  loadingBar.classList.toggle('unknown', !total);
  loadingBar.style.setProperty('--done', done);
  if (total) loadingBar.setAttribute('aria-valuenow', Math.round(done * 100));
  else loadingBar.removeAttribute('aria-valuenow');
  loadingText.textContent = text;
  loadingBytes.textContent = total ? `${size(loaded)} of ${size(total)}` : loaded ? size(loaded) : '';
}

function showMeter() {
  const { requestsAfter } = network.totals();
  const opened = network.openedAt !== null;
  meter.hidden = shop.state === 'failed';
  meter.dataset.state = !opened ? 'opening' : requestsAfter ? 'some' : 'none';
  meter.querySelector('.meter-text').replaceChildren(opened ? String(requestsAfter) : '…', el('span', { class: 'meter-word' }, opened ? ` ${requestsAfter === 1 ? 'request' : 'requests'}` : ' opening'));
  meter.setAttribute('aria-label', opened ? `${requestsAfter} requests since the shelf opened. See Privacy` : 'The shelf is opening. See Privacy');
}

main.append(loading);
const starting = offline.start();
let catalog;
try {
  catalog = await Catalog.open((loaded, total) => showLoading(loaded, total, 'Unpacking the drawings'));
} catch (error) {
  loading.remove();
  notice('catalog', sentence(error), { kind: 'error', actions: [['Reload', () => location.reload()]] });
  throw error;
}

const cards = new Cards(catalog, shop);
const app = { catalog, shop, cards, tune, network, offline, loading, search: searchFor, reasons: (key) => views.feed.reasons(key) };
const views = {};
views.feed = createFeed(app);
views.browse = createBrowse(app);
views.results = createResults(app);
views.taste = createTaste(app);
views.privacy = createPrivacy(app);
const sheet = createSheet(app);
let current = null;

// Routes. The query is not one of them: what is searched for stays out of the address.

function route() {
  const [, name = '', rest] = location.hash.split('/');
  return [Object.hasOwn(views, name) && name !== 'results' ? name : 'feed', rest];
}

function show(name, { focus = false, rest = null } = {}) {
  const view = views[name];
  const same = current === name;
  current = name;
  return swap(() => {
    if (!same) main.replaceChildren(view.element);
    const inner = view.show?.(rest);
    if (!same || name === 'browse') view.refresh?.();
    document.title = name === 'feed' ? 'palate: stickers to your taste' : `${view.title} · palate`;
    for (const link of document.querySelectorAll('.nav a')) {
      if (link.dataset.view === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    if (inner && same) view.aisle.scrollIntoView({ block: 'start' });
    else if (!same && focus) scrollTo(0, 0);
    if (focus) view.focus(inner && same);
  });
}

/** To the view that the address names; a search ends with it. */
function turn() {
  sheet.close();
  input.value = '';
  clear.hidden = true;
  views.results.type('');
  const [name, rest] = route();
  show(name, { focus: true, rest });
}

addEventListener('hashchange', turn);
// A search has no address of its own: the links to the page beneath it change nothing in the address, but lead there all the same.
addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="#/"]');
  if (link && current === 'results' && link.hash === location.hash && !event.ctrlKey && !event.metaKey && !event.shiftKey) turn();
});
// By hand: as an address of its own the link would lead to another view.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});

// Search.

function searchFor(text) {
  input.value = text;
  typed(0);
  input.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function typed(after) {
  const text = input.value.trim();
  clear.hidden = input.value === '';
  views.results.type(text, after);
  if (text && current !== 'results') show('results').then(() => scrollTo(0, 0));
  if (!text && current === 'results') {
    const [name, rest] = route();
    show(name, { rest });
  }
}

createLook({
  found(picture, name) {
    sheet.close();
    input.value = '';
    clear.hidden = false;
    views.results.see(picture, name);
    show('results', { focus: true }).then(() => scrollTo(0, 0));
  },
});

input.addEventListener('input', () => typed());
input.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown' && current === 'results') {
    const card = views.results.first();
    if (card) {
      event.preventDefault();
      focusCard(card);
    }
  }
  if (event.key === 'Escape' && input.value) {
    event.preventDefault();
    form.reset();
  }
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  typed(0);
});
// At once, and not after the browser has emptied the box: by then another search may be on.
form.addEventListener('reset', (event) => {
  event.preventDefault();
  input.value = '';
  typed();
  input.focus({ preventScroll: true });
});
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, dialog')) return;
  event.preventDefault();
  input.focus();
  input.select();
});

// Taps.

const acts = {
  async like(key, button) {
    const { title } = catalog.get(key);
    if (shop.liked.has(key)) {
      await shop.forget([key]);
      await refresh(`Took back your like of ${title}.`);
      return;
    }
    const picture = button.matches('.tile') ? button : document.querySelector('.sheet-tile');
    pop(button);
    if (current === 'feed' && !document.querySelector('.sheet').open) fly(picture, views.feed.traySlot(), catalog.picture(key));
    await shop.act(key, 'like');
    await refresh(`Liked ${title}.`);
  },
  async hide(key) {
    const { title } = catalog.get(key);
    const liked = shop.liked.has(key);
    if (sheet.key === key) sheet.close();
    if (shop.hidden.has(key)) {
      await shop.forget([key]);
      await refresh(`${title} is welcome again.`);
      return;
    }
    await shop.act(key, 'dismiss');
    const undo = async () => {
      await shop.forget([key]);
      if (liked) await shop.act(key, 'like');
      await refresh(`${title} is welcome again.`);
    };
    toast(`Less like ${title}.`, [['Undo', () => undo().catch(complain)]]);
    await refresh();
  },
  async alike(key, button) {
    await sheet.open(key, button.closest('.card')?.querySelector('img'));
    if (!shop.liked.has(key) && !shop.hidden.has(key)) await shop.act(key, 'click');
  },
  async open(key, button) {
    await sheet.open(key, button.querySelector('img'));
  },
};

function complain(error) {
  toast(sentence(error));
  cards.sync();
}

addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (!button) return;
  const key = button.dataset.for ?? button.closest('[data-key]').dataset.key;
  acts[button.dataset.act](key, button).catch(complain);
});

// Answers to changes of taste: the view in sight now, the others when they are shown.

async function refresh(cause) {
  if (cause && current !== 'feed') announce(cause);
  await views[current].refresh?.(cause);
}
shop.addEventListener('taste', ({ detail }) => {
  if (detail.early) views.feed.showHead();
  else if (!['like', 'dismiss', 'click'].includes(detail.event)) refresh(); // after those the tap itself refreshes
});
tune.addEventListener('change', () => (current === 'taste' ? views.taste.dial() : refresh('Tuned.')));
let width = innerWidth;
addEventListener('resize', () => {
  if (Math.abs(innerWidth - width) < 8) return;
  width = innerWidth;
  if (current === 'feed') refresh();
});
addEventListener('scroll', () => document.documentElement.classList.toggle('scrolled', scrollY > 8), { passive: true });

let meterDue = false;
network.addEventListener('change', () => {
  if (meterDue) return;
  meterDue = true;
  requestAnimationFrame(() => {
    meterDue = false;
    showMeter();
    if (current === 'privacy') views.privacy.refresh();
  });
});

offline.addEventListener('change', () => { document.querySelector('.install').hidden = !offline.installPrompt; });
document.querySelector('.install').addEventListener('click', () => offline.install());

// Opening.

shop.addEventListener('progress', () => {
  const { loaded, total } = shop.progress;
  const text = total && loaded >= total ? 'Starting the recommender' : beenHere ? 'Opening the recommender' : 'Fetching palate, just once';
  showLoading(loaded, total, text);
});
shop.addEventListener('state', () => {
  loading.toggleAttribute('data-done', shop.meaning || shop.state === 'failed');
  dropNotice('shop');
  showMeter();
  if (shop.state === 'failed') {
    notice('shop', [el('strong', {}, 'The recommender could not open. '), sentence(shop.error), ' You can browse and search by name meanwhile.'], { kind: 'error', actions: [['Try again', () => open()]] });
  }
  if (shop.ready) {
    const { store } = shop.report();
    if (store.kind === 'memory' && !document.querySelector('[data-notice="memory"]')) notice('memory', [el('strong', {}, 'This window will forget. '), `Your likes last until you close it: ${store.why}.`]);
    views.results.again();
  }
  if (current === 'taste' || current === 'privacy') views[current].refresh();
});

async function open() {
  showLoading(0, 0, 'Getting the recommender ready');
  await shop.open();
  await starting;
  if (shop.ready) {
    settings.set('here', true);
    network.library(shop.report().traffic.received);
    loading.toggleAttribute('data-done', true);
    const { problem } = shop.report().text;
    if (problem) notice('text', [el('strong', {}, 'Search goes by name for now. '), problem.message], { actions: [['Try again', () => { dropNotice('text'); open(); }]] });
    // What the last answers fetched is reported a moment later; the count starts after that.
    await new Promise((resolve) => setTimeout(resolve, 300));
    network.opened();
  }
}

const [name, rest] = route();
await show(name, { rest });
showMeter();
document.documentElement.dataset.shelf = 'shown';
await open();
document.documentElement.dataset.shelf = shop.state;
