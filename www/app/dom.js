//! Makes elements; the only place that creates SVG icons.

const SVG = 'http://www.w3.org/2000/svg';

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** `el('button', {class: 'x', 'aria-label': 'y', onclick: f}, child, ...)`; null attributes and children are left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let across = 0;
addEventListener('resize', () => { across = 0; });

/** How many tiles stand side by side; measured once a window size, for measuring makes the browser lay out. */
export function columns() {
  across ||= Number(getComputedStyle(document.documentElement).getPropertyValue('--cols')) || 4;
  return across;
}

const units = [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'KB']];
export function size(bytes) {
  const [scale, unit] = units.find(([limit]) => bytes >= limit) ?? [1, 'bytes'];
  const value = bytes / scale;
  return `${scale === 1 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** Keeps a small choice (never the history) across visits; silent where storage is denied. */
export const settings = {
  get(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(`palate-shelf:${name}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`palate-shelf:${name}`, JSON.stringify(value));
    } catch { /* it lasts as long as the page */ }
  },
};
