//! "Browse": the whole shelf by aisle, the same for every visitor. Long aisles are built as they come into view.

import { AISLES, subgroupName } from '../aisles.js';
import { settle } from '../card.js';
import { columns, count, el } from '../dom.js';

export function createBrowse({ catalog, cards }) {
  const title = el('h1', { tabindex: -1 }, 'The whole shelf');
  const lead = el('p', { class: 'lead' }, `All ${catalog.items.length.toLocaleString('en')}, in the order they always had. What you tap still counts.`);
  const doors = el('ul', { class: 'aisles' });
  const aisle = el('div', { class: 'aisle' });
  const element = el('section', { class: 'browse', 'data-view': 'browse' }, el('header', { class: 'page-head' }, title, lead), doors, aisle);
  let shown = null;

  const groups = new Map();
  for (const item of catalog.items) {
    if (!groups.has(item.group)) groups.set(item.group, new Map());
    const subgroups = groups.get(item.group);
    if (!subgroups.has(item.subgroup)) subgroups.set(item.subgroup, []);
    subgroups.get(item.subgroup).push(item.key);
  }
  const known = AISLES.filter(([group]) => groups.has(group));
  const others = [...groups.keys()].filter((group) => !AISLES.some(([name]) => name === group)).map((group) => [group, subgroupName(group), null]);
  const all = [...known, ...others];
  const total = (group) => [...groups.get(group).values()].reduce((sum, keys) => sum + keys.length, 0);

  doors.append(...all.map(([group, name, key]) => {
    const cover = catalog.get(key) ? key : groups.get(group).values().next().value[0];
    return el('li', {}, el('a', { class: `aisle-door tone-${catalog.get(cover).tone}`, href: `#/browse/${group}`, 'data-group': group },
      el('span', { class: 'aisle-words' }, el('strong', {}, name), el('small', {}, String(total(group)))),
      el('img', { src: catalog.picture(cover), alt: '', width: 96, height: 96, decoding: 'async' })));
  }));

  const builder = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      builder.unobserve(entry.target);
      fill(entry.target);
    }
  }, { rootMargin: '900px 0px' });

  /** In slices, so that no tap waits behind a long one; to the end even while another view is in sight, for nobody would go on later. */
  async function fill(grid) {
    const keys = groups.get(shown)?.get(grid.dataset.subgroup) ?? [];
    for (let at = 0; at < keys.length && aisle.contains(grid); at += 12) {
      grid.append(...keys.slice(at, at + 12).map((key) => cards.make(key)));
      if (at === 0) settle(grid);
      else for (const card of [...grid.children].slice(at)) for (const button of card.querySelectorAll('button')) button.tabIndex = -1;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    }
    grid.style.minHeight = '';
  }

  function open(group) {
    if (!groups.has(group)) [[group]] = all;
    if (shown === group) return;
    shown = group;
    builder.disconnect();
    for (const door of doors.querySelectorAll('a')) {
      if (door.dataset.group === group) door.setAttribute('aria-current', 'true');
      else door.removeAttribute('aria-current');
    }
    const name = all.find(([other]) => other === group)[1];
    const cell = (Math.min(innerWidth, 1240) - 40) / columns();
    aisle.replaceChildren(el('h2', { tabindex: -1, id: 'aisle-name' }, name),
      ...[...groups.get(group)].map(([subgroup, keys]) => {
        const grid = cards.grid(subgroupName(subgroup));
        grid.dataset.subgroup = subgroup;
        grid.style.minHeight = `${Math.ceil(keys.length / columns()) * (cell + 24)}px`;
        builder.observe(grid);
        return el('section', { class: 'row' }, el('header', { class: 'row-head' }, el('h3', {}, subgroupName(subgroup)), el('p', { class: 'row-note' }, count(keys.length, 'sticker'))), grid);
      }));
  }

  return {
    element,
    title: 'Browse',
    /** `group` from the address; without one the first aisle stands open. */
    show(group) {
      open(group || shown || all[0][0]);
      return Boolean(group);
    },
    focus: (toAisle) => (toAisle ? aisle.querySelector('h2') : title).focus({ preventScroll: true }),
    aisle,
  };
}
