// What a customer writes: open, record, recommend, search.
import { Recommender, PalateError } from 'palate';

try {
  const shop = await Recommender.open({ index: '/data/index/manifest.json', device: 'wasm', store: 'memory' });
  await shop.record({ item: '1F98A', event: 'like' });
  const list = await shop.recommend({ k: 5, explain: true });
  const hits = await shop.search({ text: 'birthday cake', k: 5 });
  const unknown = await shop.similar('no such item', { k: 3 }).catch((error) => error);
  globalThis.result = {
    list: list.map(({ key, score }) => ({ key, score })),
    hits: hits.map(({ key }) => key),
    error: { typed: unknown instanceof PalateError, code: unknown.code },
    report: shop.report(),
  };
  await shop.close();
  document.querySelector('#result').textContent = list.map(({ key }) => key).join(' ');
  document.title = 'done';
} catch (error) {
  globalThis.result = { failed: `${error.code ?? error.name}: ${error.message}` };
  document.title = 'failed';
}
