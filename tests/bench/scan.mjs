//! How fast the exact scan goes in Chromium, against a plain streaming read of the same bytes in the same module, one thread.
//!
//!     node tests/bench/scan.mjs [--json FILE] [--rounds N]
//!
//! The bar is a ratio of at most 1.3 for 1M x 384. Natively: `cargo bench --bench scan`.

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
  const results = [];
  for (const rows of sizes) {
    const [read, scan, ratio] = await page.evaluate(([rows, rounds]) => [...glue.times(rows, rounds, () => performance.now())], [rows, Number(option('--rounds', 15))]);
    const result = { rows, dim: 384, read_ms: Number(read.toFixed(2)), scan_ms: Number(scan.toFixed(2)), ratio: Number(ratio.toFixed(3)), read_gb_s: Number((rows * 384 / read / 1e6).toFixed(1)) };
    results.push(result);
    line(`${`${rows} x 384`.padEnd(16)} read ${result.read_ms} ms, scan ${result.scan_ms} ms, ratio ${result.ratio}`);
  }
  const reached = results.at(-1).ratio <= 1.3;
  line(`the bar of 1.3 for ${sizes.at(-1)} rows is ${reached ? 'met' : 'NOT met'}`);
  if (option('--json')) keep(option('--json'), { machine: { cpu: cpus()[0].model, cores: cpus().length, chromium: browser.version(), load: loadavg() }, date: new Date().toISOString().slice(0, 10), results, bar: 1.3, reached });
} finally {
  await browser.close();
  await server.kill();
}
