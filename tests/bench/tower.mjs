//! How long the demo's image model takes for a picture in Chromium, on one wasm thread.
//!
//!     node tests/bench/tower.mjs [--json FILE] [--pictures N] [--model NAME]
//!
//! Two times: of pixels (256 x 256 ImageData: resize, normalize, run, message to the worker and back) and of a 640 x 480 JPEG, which
//! the browser decodes first. Records: `tests/bench/record/`.

import { cpus, loadavg } from 'node:os';
import { serve } from '../../www/build/serve.mjs';
import { MOUNTS } from '../../www/build/site.mjs';
import { at } from '../../www/build/root.mjs';
import { launch, NO_CHROMIUM } from '../browser/browser.mjs';
import { keep, option, quantiles } from './report.mjs';

const BAR = 15;
const model = option('--model', 'openmoji-tower');

const browser = await launch();
if (!browser) throw new Error(NO_CHROMIUM);
const server = await serve({ mounts: [...MOUNTS, ['/t/', at('tests', 'browser', 'pages')]] });
try {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/t/blank.html`);
  const { times, ...rest } = await page.evaluate(async ({ model, pictures }) => {
    const { Encoder } = await import('/lib/index.js');
    const encoder = await Encoder.open({ model: `/models/${model}/`, device: 'wasm', store: 'memory' });
    const draw = (width, height, seed) => {
      const canvas = new OffscreenCanvas(width, height);
      const pen = canvas.getContext('2d');
      for (let i = 0; i < 40; i += 1) {
        pen.fillStyle = `hsl(${(seed * 47 + i * 31) % 360} 70% 55%)`;
        pen.fillRect((i * 37 + seed * 11) % width, (i * 53) % height, width / 5, height / 6);
      }
      return canvas;
    };
    const time = async (make) => {
      const all = [];
      for (let i = 0; i < pictures + 5; i += 1) {
        const image = await make(i);
        const start = performance.now();
        await encoder.encode([{ image }]);
        if (i >= 5) all.push(performance.now() - start);
      }
      return all;
    };
    const times = {
      pixels: await time((i) => draw(256, 256, i).getContext('2d').getImageData(0, 0, 256, 256)),
      jpeg: await time((i) => draw(640, 480, i).convertToBlob({ type: 'image/jpeg' })),
    };
    const { module, kernels, dim } = encoder.report();
    await encoder.close();
    return { times, module, kernels, dim };
  }, { model, pictures: Number(option('--pictures', 60)) });
  const report = {
    machine: { cpu: cpus()[0].model, cores: cpus().length, chromium: browser.version(), load: loadavg() },
    model, ...rest, bar: BAR, ms: Object.fromEntries(Object.entries(times).map(([what, all]) => [what, quantiles(all, 'pictures')])),
  };
  for (const [what, { median, p95, min }] of Object.entries(report.ms)) console.log(`${what.padEnd(8)} median ${median} ms   p95 ${p95} ms   least ${min} ms   (bar ${BAR})`);
  if (option('--json')) keep(option('--json'), report);
} finally {
  await browser.close();
  await server.kill();
}
