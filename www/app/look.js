//! Ways to ask with a picture: drop or paste one anywhere, choose a file or take a photo, or draw a doodle.
//!
//! What is found with it is shown by views/results.js. A picture never leaves the page: it goes to the library's worker and is let go.

import { el, icon } from './dom.js';
import { announce, toast } from './messages.js';

const SIDE = 480; // of the paper, in its own pixels
const INKS = [['Black', '#1c1714'], ['Red', '#d22f27'], ['Orange', '#e27022'], ['Yellow', '#f1b31c'], ['Green', '#5c9e31'], ['Blue', '#1e50a0'], ['Pink', '#e67a94'], ['Brown', '#6a462f']];
const PENS = { line: 9, fill: 44 };
const MARGIN = 28; // around what is drawn

/** `found(picture, name)` is called with a Blob and what to call it. */
export function createLook({ found }) {
  const dialog = document.querySelector('.look');
  const button = el('button', { class: 'icon-button look-open', type: 'button', 'aria-label': 'Search with a picture or a doodle', 'aria-haspopup': 'dialog', onclick: () => open() }, icon('picture'));
  document.querySelector('.search-tools').append(button);

  const paper = el('canvas', { class: 'paper', width: SIDE, height: SIDE, role: 'img', 'aria-label': 'Paper to draw on with a mouse, a pen or a finger. Without one, choose a picture below.' });
  const pen = paper.getContext('2d', { willReadFrequently: true });
  let strokes = []; // [{ink, width, points: [[x, y], ...]}]
  let ink = INKS[0][1];
  let width = PENS.line;

  const file = (attributes, label, kind) => el('label', { class: 'button file' }, icon(kind), label,
    el('input', { class: 'sr', type: 'file', accept: 'image/png,image/jpeg,image/webp,image/gif,image/avif,image/bmp', ...attributes, onchange: ({ target }) => { take(target.files[0]); target.value = ''; } }));
  const radio = (name, label, checked, pick, inner) => el('label', { class: `ink ${name}` }, el('input', { class: 'sr', type: 'radio', name, checked, 'aria-label': label, onchange: pick }), inner);
  const swatches = el('fieldset', { class: 'inks' }, el('legend', { class: 'sr' }, 'Color'), INKS.map(([label, color], at) => {
    const dot = el('i');
    dot.style.setProperty('--ink-color', color);
    return radio('look-ink', label, at === 0, () => { ink = color; }, dot);
  }));
  const pens = el('fieldset', { class: 'inks' }, el('legend', { class: 'sr' }, 'Pen'), Object.entries(PENS).map(([label, size]) =>
    radio('look-pen', label === 'line' ? 'Thin pen' : 'Broad pen', label === 'line', () => { width = size; }, el('i', { class: `pen-${label}` }))));
  const undo = el('button', { class: 'button quiet', type: 'button', onclick: () => { strokes.pop(); redraw(); } }, 'Undo');
  const clear = el('button', { class: 'button quiet', type: 'button', onclick: () => { strokes = []; redraw(); } }, 'Start over');
  const find = el('button', { class: 'button primary', type: 'button', onclick: () => doodle() }, icon('search'), 'Find stickers like it');
  dialog.append(el('div', { class: 'look-body' },
    el('button', { class: 'icon-button look-close', type: 'button', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close')),
    el('h2', { id: 'look-title', tabindex: -1 }, 'Draw it, or show it'),
    paper,
    el('div', { class: 'look-tools' }, swatches, pens, el('span', { class: 'look-undo' }, undo, clear)),
    find,
    el('div', { class: 'look-files' }, file({}, 'Choose a picture', 'load'), matchMedia('(pointer: coarse)').matches ? file({ capture: 'environment' }, 'Take a photo', 'picture') : null),
    el('p', { class: 'soft' }, 'You can also drop or paste a picture anywhere on the page. It is looked at on this device and goes nowhere.')));
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  let asked = false; // closed by asking: what is found takes the focus
  dialog.addEventListener('close', () => asked || button.focus({ preventScroll: true }));

  // Drawing.

  const at = (event) => {
    const box = paper.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  paper.addEventListener('pointerdown', (event) => {
    if (event.button > 0) return;
    paper.setPointerCapture(event.pointerId);
    strokes.push({ ink, width, points: [at(event)] });
    redraw();
  });
  paper.addEventListener('pointermove', (event) => {
    if (!paper.hasPointerCapture(event.pointerId)) return;
    strokes.at(-1)?.points.push(...(event.getCoalescedEvents?.() ?? [event]).map(at));
    redraw();
  });

  function redraw() {
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, SIDE, SIDE);
    pen.lineCap = 'round';
    pen.lineJoin = 'round';
    for (const stroke of strokes) {
      pen.strokeStyle = stroke.ink;
      pen.lineWidth = stroke.width;
      pen.beginPath();
      pen.moveTo(...stroke.points[0]);
      for (const point of stroke.points.length > 1 ? stroke.points.slice(1) : stroke.points) pen.lineTo(...point);
      pen.stroke();
    }
    find.disabled = strokes.length === 0;
    undo.disabled = strokes.length === 0;
    clear.disabled = strokes.length === 0;
  }

  /** What is drawn, cut to a square around it: stickers fill theirs too. */
  async function doodle() {
    const all = strokes.flatMap(({ points, width: wide }) => points.flatMap(([x, y]) => [[x - wide / 2, y - wide / 2], [x + wide / 2, y + wide / 2]]));
    const [left, top] = [0, 1].map((axis) => Math.min(...all.map((point) => point[axis])));
    const [right, bottom] = [0, 1].map((axis) => Math.max(...all.map((point) => point[axis])));
    const side = Math.max(right - left, bottom - top) + 2 * MARGIN;
    const cut = el('canvas', { width: 256, height: 256 });
    const context = cut.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, 256, 256);
    context.drawImage(paper, (left + right - side) / 2, (top + bottom - side) / 2, side, side, 0, 0, 256, 256);
    const blob = await new Promise((resolve) => cut.toBlob(resolve, 'image/png'));
    if (!dialog.open) return; // closed meanwhile, or another picture was handed over
    asked = true;
    dialog.close();
    found(new File([blob], 'doodle.png', { type: 'image/png' }), 'Your doodle');
  }

  function take(picture) {
    if (!picture) return;
    asked = true;
    if (dialog.open) dialog.close();
    found(picture, 'Your picture');
  }

  function open() {
    if (dialog.open) return;
    asked = false;
    redraw();
    dialog.showModal();
    dialog.querySelector('h2').focus({ preventScroll: true });
  }

  // Drop and paste, anywhere.

  const carries = (transfer) => [...(transfer?.types ?? [])].includes('Files');
  let inside = 0;
  const dropping = (on) => document.documentElement.classList.toggle('dropping', on);
  addEventListener('dragenter', (event) => {
    if (!carries(event.dataTransfer)) return;
    event.preventDefault();
    inside += 1;
    dropping(true);
  });
  addEventListener('dragleave', (event) => {
    if (!carries(event.dataTransfer)) return;
    inside = Math.max(0, inside - 1);
    dropping(inside > 0);
  });
  addEventListener('dragover', (event) => carries(event.dataTransfer) && event.preventDefault());
  addEventListener('drop', (event) => {
    if (!carries(event.dataTransfer)) return;
    event.preventDefault();
    inside = 0;
    dropping(false);
    const files = [...event.dataTransfer.files];
    if (files.length > 1) announce('Only the first of the files is searched with.');
    take(files[0]);
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const picture = files.find(({ type }) => type.startsWith('image/')) ?? files[0];
    if (!picture) return;
    event.preventDefault();
    if (!picture.type.startsWith('image/')) {
      toast(`${picture.name || 'What you pasted'} is no picture. Paste or drop a PNG, JPEG or WebP.`);
      return;
    }
    take(picture);
  });

  return { open };
}
