//! "Privacy": what was fetched, where the history is, how to check it, and how to take it away.

import { count, el, icon, size } from '../dom.js';
import { ask, sentence, toast } from '../messages.js';

const PLACES = {
  opfs: 'in this browser’s private file store for this site (OPFS)',
  indexeddb: 'in this browser’s database for this site (IndexedDB)',
  memory: 'in this window’s memory only',
};

export function createPrivacy({ catalog, shop, network, offline }) {
  const title = el('h1', { tabindex: -1 }, 'Nothing leaves.');
  const lead = el('p', { class: 'lead' }, 'A list made for you usually means that somebody keeps a file about you. Here the list is made by your own device, out of goods that were the same for everyone.');
  const big = el('p', { class: 'big', 'data-figure': 'requests' });
  const since = el('p', { class: 'soft' });
  const kinds = el('dl', { class: 'facts' });
  const ledger = el('ol', { class: 'ledger', tabindex: 0, 'aria-label': 'Everything fetched' });
  const more = el('details', {}, el('summary', {}, 'Every request, one by one'), ledger);
  const where = el('dl', { class: 'facts', 'data-figure': 'store' });
  const cut = el('input', { type: 'checkbox', role: 'switch', id: 'cut' });
  const cutNote = el('p', { class: 'soft' });
  const install = el('button', { class: 'button primary', type: 'button', hidden: true, onclick: () => offline.install() }, icon('save'), 'Install palate');
  const file = el('input', { type: 'file', accept: '.palate,.json,application/json,application/octet-stream', id: 'import-file', hidden: true, 'aria-label': 'A file with an exported taste' });
  const element = el('section', { class: 'privacy', 'data-view': 'privacy' },
    el('header', { class: 'page-head' }, title, lead),
    el('section', { class: 'panel meter-panel' }, el('div', {}, big, since), kinds, more),
    el('div', { class: 'two' },
      el('section', { class: 'panel' }, el('h2', {}, 'Where your taste is kept'), where,
        el('div', { class: 'actions' },
          el('button', { class: 'button', type: 'button', onclick: download }, icon('save'), 'Export'),
          el('button', { class: 'button', type: 'button', onclick: () => file.click() }, icon('load'), 'Import'),
          el('button', { class: 'button danger', type: 'button', onclick: erase }, icon('trash'), 'Erase')), file),
      el('section', { class: 'panel' }, el('h2', {}, 'Check it yourself'),
        el('ol', { class: 'steps' },
          el('li', {}, 'Open your browser’s developer tools, tab “Network”, and clear the list. Then like, search and scroll as much as you want: it stays empty.'),
          el('li', {}, 'Go offline, in the tools or with the switch below, and reload. Everything still works.'),
          el('li', {}, 'Look at what was fetched: one file with all the drawings, one with all the vectors. A picture asked for by itself would tell which one you look at.'),
          el('li', {}, 'Read the page’s security policy: ', el('code', {}, 'connect-src \'self\''), ' lets it talk to no other server, even by mistake.')),
        el('label', { class: 'switch', for: 'cut' }, cut, el('span', {}, 'Pull the plug: refuse this page the network')),
        cutNote, install)));

  async function download() {
    try {
      const address = URL.createObjectURL(new Blob([await shop.export()], { type: 'application/json' }));
      el('a', { href: address, download: `palate-taste-${new Date().toISOString().slice(0, 10)}.json` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      toast('Your taste is in your downloads now, readable by anyone who has the file.');
    } catch (error) {
      toast(sentence(error));
    }
  }

  file.addEventListener('change', async () => {
    const [chosen] = file.files;
    file.value = '';
    if (!chosen) return;
    try {
      const { added, known, unknownItems } = await shop.import(await chosen.text());
      toast(`${count(added, 'tap')} brought in${known ? `, ${known} were here already` : ''}${unknownItems ? `, ${unknownItems} of stickers that this shelf does not have` : ''}.`);
    } catch (error) {
      toast(sentence(error));
    }
  });

  async function erase() {
    const sure = await ask({ title: 'Erase your taste?', text: 'Every like, every no-thanks and everything made of them goes from this device. Export it first if you may want it back.', yes: 'Erase it' });
    if (!sure) return;
    try {
      await shop.forget(null);
      toast('Erased.');
    } catch (error) {
      toast(sentence(error));
    }
  }

  cut.addEventListener('change', () => offline.setCut(cut.checked));

  const fact = (name, ...value) => [el('dt', {}, name), el('dd', {}, ...value)];

  function showNetwork() {
    const t = network.totals();
    const opened = network.openedAt !== null;
    big.replaceChildren(el('strong', {}, opened ? t.requestsAfter.toLocaleString('en') : '…'), ` ${t.requestsAfter === 1 ? 'request' : 'requests'}`);
    since.textContent = opened ? `and ${size(t.after)} over the network since this shelf opened` : 'The shelf is still opening';
    const drawings = network.entries.filter((entry) => /\.pack$/.test(entry.name) && entry.source === 'network').reduce((sum, entry) => sum + entry.bytes, 0);
    kinds.replaceChildren(
      ...fact('Before that, this visit', size(t.before), t.before ? ': the page, the drawings, the model and the index, the same for every visitor' : ': everything was on this device already'),
      ...(t.library ? fact('of that, model and index', size(t.library)) : []),
      ...(drawings ? fact(`of that, ${count(catalog.items.length, 'drawing')}`, size(drawings)) : []),
      ...fact('To other servers', t.foreign ? count(t.foreign, 'request') : 'none'),
      ...fact('Policy violations', network.violations ? String(network.violations) : 'none'),
      ...(t.blocked ? fact('Refused while unplugged', count(t.blocked, 'request')) : []));
    if (more.open) {
      ledger.replaceChildren(...network.entries.slice(-300).map((entry) => el('li', { 'data-source': entry.source },
        el('span', { class: 'ledger-name' }, entry.name), el('span', {}, entry.source === 'network' ? size(entry.bytes) : entry.source === 'blocked' ? 'refused' : 'from this device'))));
    }
  }
  more.addEventListener('toggle', showNetwork);

  function showStore() {
    const report = shop.report();
    if (!report) {
      where.replaceChildren(...fact('Place', shop.state === 'failed' ? 'nowhere: the recommender could not open' : 'opening…'));
      return;
    }
    const { kind, why } = report.store;
    where.replaceChildren(
      ...fact('Place', PLACES[kind] ?? kind),
      ...(kind === 'opfs' ? [] : fact('Why there', `${why}.`)),
      ...fact('Encrypted', kind === 'memory' ? 'not needed: it is never written down' : 'yes, AES-GCM, under a key that this browser made and gives to nobody, this page included'),
      ...fact('Holds', `${count(report.history.events, 'tap')}, ${size(report.history.bytes)}`),
      ...fact('Ranked by', report.device === 'webgpu' ? 'this device’s graphics processor' : 'this device’s processor', report.text.kernels ? ` (${report.text.kernels})` : ''),
      ...fact('Also kept', 'your choice of colors and the two dials, unencrypted; no account, no cookie'));
  }

  function showOffline() {
    cut.checked = offline.cut;
    cut.disabled = !offline.controlled;
    cutNote.textContent = !offline.supported ? 'This browser keeps no pages for offline use in this window.'
      : !offline.controlled ? 'Ready after the next reload.'
        : offline.cut ? 'Unplugged. Reload if you like: the page, the drawings, search and your shelf come from this device.' : '';
    install.hidden = !offline.installPrompt;
  }

  offline.addEventListener('change', showOffline);

  return {
    element,
    title: 'Privacy',
    refresh() {
      showNetwork();
      showStore();
      showOffline();
    },
    focus: () => title.focus({ preventScroll: true }),
  };
}
