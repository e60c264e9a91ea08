//! How fast the exact scan goes in Chromium, against a plain streaming read of the same bytes in the same module, one thread; and iALS's
//! exact fold-in of 1,000 events.
//!
//!     node tests/bench/scan.mjs [--json FILE] [--rounds N] [--only fold]
//!
//! The bars are a ratio of at most 1.3 for 1M x 384, and 2 ms. Natively: `cargo bench --bench scan`, `-- fold`.

import { cpus, loadavg } from 'node:os';
import { serve } from '../../www/build/serve.mjs';
import { MOUNTS } from '../../www/build/site.mjs';
import { at, cache } from '../../www/build/root.mjs';
import { line } from '../../www/build/report.mjs';
import { exampleModule } from '../../www/build/wasm.mjs';
import { launch, NO_CHROMIUM } from '../browser/browser.mjs';
import { keep, option } from './report.mjs';

const folder = cache('scan');
await exampleModule('scan', folder, 'web');
const browser = await launch();
if (!browser) throw new Error(NO_CHROMIUM);
const server = await serve({ mounts: [...MOUNTS, ['/t/', at('tests', 'browser', 'pages')], ['/scan/', folder]], csp: false });
try {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/t/blank.html`);
  const sizes = await page.evaluate(async () => {
    globalThis.glue = await import('/scan/scan.js');
    await glue.default({ module_or_path: '/scan/scan_bg.wasm' });
    return [...glue.sizes()];
  });
  const foldIn = [];
  for (const dim of await page.evaluate(() => [...glue.dims()])) {
    // The page's clock ticks in 0.1 ms (5 us where it is isolated): the median of many says more than one.
    const times = await page.evaluate((dim) => [...glue.folds(dim, 400, () => performance.now())], dim);
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    const at = (share) => Number(times[Math.floor(share * (times.length - 1))].toFixed(3));
    foldIn.push({ events: 1000, dim, least_ms: at(0), ms: at(0.5), p95_ms: at(0.95), mean_ms: Number(mean.toFixed(3)), times: times.length });
    line(`fold-in of 1000 events, ${dim} dimensions: median ${at(0.5)} ms, p95 ${at(0.95)} ms, mean ${mean.toFixed(3)} ms`);
  }
  const results = [];
  for (const rows of option('--only') === 'fold' ? [] : sizes) {
    const [read, scan, ratio] = await page.evaluate(([rows, rounds]) => [...glue.times(rows, rounds, () => performance.now())], [rows, Number(option('--rounds', 15))]);
    const result = { rows, dim: 384, read_ms: Number(read.toFixed(2)), scan_ms: Number(scan.toFixed(2)), ratio: Number(ratio.toFixed(3)), read_gb_s: Number((rows * 384 / read / 1e6).toFixed(1)) };
    results.push(result);
    line(`${`${rows} x 384`.padEnd(16)} read ${result.read_ms} ms, scan ${result.scan_ms} ms, ratio ${result.ratio}`);
  }
  const reached = results.length ? results.at(-1).ratio <= 1.3 : undefined;
  if (results.length) line(`the bar of 1.3 for ${sizes.at(-1)} rows is ${reached ? 'met' : 'NOT met'}`);
  if (option('--json')) keep(option('--json'), { machine: { cpu: cpus()[0].model, cores: cpus().length, chromium: browser.version(), load: loadavg() }, date: new Date().toISOString().slice(0, 10), results, bar: 1.3, reached, foldIn });
} finally {
  await browser.close();
  await server.kill();
}
