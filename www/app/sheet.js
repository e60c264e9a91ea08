//! One sticker up close: its drawing large, why it was on the shelf, what is like it, and ways to take it along.

import { subgroupName } from './aisles.js';
import { settle } from './card.js';
import { el, icon } from './dom.js';
import { announce, sentence, toast } from './messages.js';
import { swap } from './motion.js';

const VERB = { like: 'You liked', save: 'You saved', purchase: 'You took', click: 'You looked at', view: 'You looked at', dwell: 'You looked at' };

export function createSheet({ catalog, shop, cards, search, reasons }) {
  const dialog = document.querySelector('.sheet');
  let key = null;
  let opener = null;

  dialog.addEventListener('click', (event) => event.target === dialog && close());
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });
  shop.addEventListener('taste', showState);

  /** PNG bytes of the drawing, drawn by the browser from the SVG at hand. */
  async function png() {
    const picture = new Image();
    picture.src = URL.createObjectURL(new Blob([catalog.svg(key, 512)], { type: 'image/svg+xml' }));
    await picture.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: 512, height: 512 });
    canvas.getContext('2d').drawImage(picture, 0, 0, 512, 512);
    URL.revokeObjectURL(picture.src);
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  }

  async function take(work, done) {
    const mine = key; // the sheet may be closed before the work is done
    try {
      await work();
      toast(done);
      await shop.act(mine, 'save');
    } catch (error) {
      toast(error?.name === 'NotAllowedError' ? 'The browser did not allow copying. Save it instead.' : sentence(error));
    }
  }

  const copy = () => take(() => navigator.clipboard.write([new ClipboardItem({ 'image/png': png() })]), 'Copied. Paste it anywhere; credit OpenMoji, CC BY-SA 4.0.');
  const save = () => take(async () => {
    const address = URL.createObjectURL(new Blob([catalog.svg(key, 618)], { type: 'image/svg+xml' }));
    el('a', { href: address, download: `${catalog.get(key).title.replace(/[^\p{L}\p{N}]+/gu, '-')}.svg` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }, 'Saved. OpenMoji, CC BY-SA 4.0: say so where you use it.');

  function showState() {
    if (!key || !dialog.open) return;
    const like = dialog.querySelector('.sheet-like');
    const liked = shop.liked.has(key);
    like?.setAttribute('aria-pressed', String(liked));
    like?.lastChild.replaceWith(liked ? 'Liked' : 'Like');
  }

  function why() {
    const given = reasons(key).filter((reason) => reason.because.length && catalog.get(reason.because[0]));
    if (!given.length) return null;
    const parts = given.slice(0, 4).map((reason) => [reason.because[0], reason.share]);
    const rest = 1 - parts.reduce((sum, [, weight]) => sum + weight, 0);
    const bar = (weight) => {
      const i = el('i');
      i.style.setProperty('--strength', Math.min(1, weight));
      return el('span', { class: 'strength' }, i);
    };
    return el('section', { class: 'why' }, el('h3', {}, 'Why it was on your shelf'),
      el('ul', {}, parts.map(([source, weight]) => el('li', {}, cards.thumb(source), el('span', {}, `${VERB[shop.kinds.get(source)] ?? 'You liked'} ${catalog.get(source).title}`), bar(weight), el('b', {}, `${Math.round(weight * 100)} %`))),
        rest > 0.015 ? el('li', {}, el('span', { class: 'thumb' }), el('span', {}, 'Everything else'), bar(rest), el('b', {}, `${Math.round(rest * 100)} %`)) : null));
  }

  function fill() {
    const item = catalog.get(key);
    const alike = cards.grid(`More like ${item.title}`);
    alike.classList.add('small');
    const picture = el('img', { src: catalog.picture(key), alt: item.title, width: 320, height: 320 });
    dialog.replaceChildren(el('div', { class: 'sheet-body' },
      el('button', { class: 'icon-button sheet-close', type: 'button', 'aria-label': 'Close', onclick: () => close() }, icon('close')),
      el('div', { class: 'sheet-main' },
        el('figure', { class: `sheet-tile tone-${item.tone}` }, picture),
        el('div', { class: 'sheet-words' },
          el('p', { class: 'soft' }, subgroupName(item.subgroup)),
          el('h2', { id: 'sheet-title', tabindex: -1 }, item.title),
          el('div', { class: 'actions' },
            el('button', { class: 'button primary sheet-like', type: 'button', 'data-act': 'like', 'data-for': key, 'aria-pressed': 'false' }, icon('heart'), 'Like'),
            el('button', { class: 'button', type: 'button', onclick: copy }, icon('copy'), 'Copy'),
            el('button', { class: 'button', type: 'button', onclick: save }, icon('save'), 'Save'),
            el('button', { class: 'button quiet', type: 'button', 'data-act': 'hide', 'data-for': key }, icon('close'), 'Not for me')),
          el('div', { class: 'chips tags', role: 'group', 'aria-label': 'Search for' }, item.tags.slice(0, 8).map((tag) => el('button', { class: 'chip', type: 'button', onclick: () => { close(); search(tag); } }, tag))),
          why())),
      el('section', { class: 'sheet-alike' }, el('h3', {}, 'More like this'), alike)));
    showState();
    showAlike(alike, key);
    return picture;
  }

  async function showAlike(grid, mine) {
    const around = catalog.items.filter((other) => other.subgroup === catalog.get(mine).subgroup && other.key !== mine).slice(0, 12).map((other) => other.key);
    try {
      const keys = shop.ready ? (await shop.similar(mine, 12)).map((hit) => hit.key) : around;
      if (mine !== key) return;
      grid.replaceChildren(...keys.map((other) => cards.make(other)));
      settle(grid);
      announce(`${catalog.get(mine).title}. ${keys.length} stickers like it.`);
    } catch (error) {
      grid.before(el('p', { class: 'soft' }, sentence(error)));
    }
  }

  let drawing = null; // the one picture of that name: two of one name end a transition
  function call(picture) {
    if (drawing) drawing.style.viewTransitionName = '';
    drawing = picture;
    if (picture) picture.style.viewTransitionName = 'drawing';
  }

  /** Opens on one key; `from` is the picture that grows into the sheet's. */
  function open(next, from = null) {
    if (!dialog.open) opener = document.activeElement;
    key = next;
    call(from);
    return swap(() => {
      if (drawing === from) call(null);
      if (key !== next) return; // closed, or opened on another, before the change began
      const picture = fill();
      if (!dialog.open) dialog.showModal();
      dialog.scrollTop = 0;
      if (from) {
        call(picture);
        setTimeout(() => { if (drawing === picture) call(null); }, 500);
      }
      dialog.querySelector('h2').focus({ preventScroll: true });
    });
  }

  function close() {
    key = null;
    if (!dialog.open) return;
    dialog.close();
    dialog.replaceChildren();
    if (opener?.isConnected) opener.focus({ preventScroll: true });
  }

  return { open, close, get key() { return key; } };
}
