//! `npm start`: from a fresh clone to the demo's address. Each step is done once; the second start only serves.

import { fail, line } from './report.mjs';
import { npmPackages } from './npm.mjs';
import { wasmModules } from './wasm.mjs';

const DEFAULT_PORT = 8080;

async function main() {
  const asked = process.env.PORT === undefined ? DEFAULT_PORT : Number(process.env.PORT);
  if (!Number.isInteger(asked) || asked < 0 || asked > 65_535) {
    throw new Error(`PORT is ${process.env.PORT}; it must be a number from 0 to 65535.`);
  }
  await npmPackages();
  await wasmModules();
  const { demoSite, MOUNTS } = await import('./site.mjs');
  await demoSite();
  const { serve } = await import('./serve.mjs');
  const server = await serve({ mounts: MOUNTS, port: asked, host: process.env.HOST ?? '127.0.0.1', search: asked !== 0 });
  if (asked !== 0 && server.port !== asked) line(`Port ${asked} is taken, so this one serves at ${server.port}.`);
  banner(server.url);
  const stop = () => server.kill().then(() => process.exit(0));
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

function banner(url) {
  const bold = process.stdout.isTTY ? (text) => `\x1b[1m${text}\x1b[0m` : (text) => text;
  line('');
  line(`  palate   ${bold(url)}`);
  line('           The page learns from your taps, on your device. Ctrl-C stops the server;');
  line('           what was opened once goes on working without it.');
  line('');
}

main().catch(fail);
