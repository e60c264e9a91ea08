//! What the page says: a polite voice for screen readers, toasts with an undo, notices that stay, one question at a time.

import { el } from './dom.js';
import { still } from './motion.js';

const live = document.getElementById('live');
let timer;

/** Read out by a screen reader. The last one within a moment wins. */
export function announce(text) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    live.textContent = '';
    requestAnimationFrame(() => { live.textContent = text; });
  }, 120);
}

/** A message at the foot. `actions`: `[[label, handler], ...]`. Goes after `seconds`, not while focused or pointed at; 0 stays. */
export function toast(text, actions = [], seconds = 6) {
  const host = document.querySelector('.toasts');
  while (host.childElementCount > 1) host.firstElementChild.remove();
  let timeout;
  const close = () => {
    clearTimeout(timeout);
    if (still()) message.remove();
    else message.animate({ opacity: [1, 0], transform: ['none', 'translateY(8px)'] }, 160).finished.finally(() => message.remove());
  };
  const rest = () => {
    clearTimeout(timeout);
    if (seconds) timeout = setTimeout(close, seconds * 1000);
  };
  const message = el('div', { class: 'toast', onmouseenter: () => clearTimeout(timeout), onmouseleave: rest, onfocusin: () => clearTimeout(timeout), onfocusout: rest },
    el('span', {}, text),
    actions.map(([label, handler]) => el('button', { type: 'button', onclick: () => { close(); handler(); } }, label)));
  host.append(message);
  if (!still()) message.animate({ opacity: [0, 1], transform: ['translateY(16px)', 'none'] }, { duration: 260, easing: 'cubic-bezier(0.2, 0.8, 0.2, 1)' });
  announce(text);
  rest();
  return close;
}

/** A line under the head that stays until it is taken back. One for each `id`. */
export function notice(id, content, { kind = 'plain', actions = [] } = {}) {
  dropNotice(id);
  const line = el('div', { class: 'notice', 'data-notice': id, 'data-kind': kind, role: kind === 'error' ? 'alert' : 'note' },
    el('p', {}, content),
    actions.map(([label, handler]) => el('button', { type: 'button', class: 'button', onclick: handler }, label)));
  document.querySelector('.notices').append(line);
}

export function dropNotice(id) {
  document.querySelector(`[data-notice="${id}"]`)?.remove();
}

/** Asks before something that can't be undone. Resolves to true or false. */
export function ask({ title, text, yes, no = 'Keep it' }) {
  const dialog = document.querySelector('.ask');
  dialog.replaceChildren(
    el('form', { method: 'dialog' },
      el('h2', { id: 'ask-title' }, title),
      el('p', {}, text),
      el('div', { class: 'ask-actions' },
        el('button', { class: 'button', value: 'no', autofocus: true }, no),
        el('button', { class: 'button danger', value: 'yes' }, yes))));
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }));
}

/** The sentence to show for an error of any kind. */
export const sentence = (error) => error?.message || 'Something went wrong. Reload the page.';
