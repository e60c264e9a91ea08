//! The static server: types, caching, ranges, compression, the policy, and the hooks that tests use to hurt it.

import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTENT_SECURITY_POLICY, serve } from '../../www/build/serve.mjs';

const folder = mkdtempSync(join(tmpdir(), 'palate-serve-'));
const blob = randomBytes(300_000);
const hashed = `shard-${createHash('sha256').update(blob).digest('hex').slice(0, 16)}.bin`;
let server;

before(async () => {
  mkdirSync(join(folder, 'site', 'sub'), { recursive: true });
  writeFileSync(join(folder, 'site', 'index.html'), '<!doctype html>' + 'x'.repeat(2000));
  writeFileSync(join(folder, 'site', 'sub', 'index.html'), 'sub');
  writeFileSync(join(folder, 'site', 'module.wasm'), Buffer.alloc(5000));
  writeFileSync(join(folder, 'site', hashed), blob);
  writeFileSync(join(folder, 'site', 'empty.txt'), '');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  server = await serve({ mounts: [['/', join(folder, 'site')]] });
});
beforeEach(() => server.reset());
after(async () => {
  await server.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** A raw request: fetch would normalize the path and undo the encoding. */
function raw(path, headers = {}, method = 'GET') {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: server.port, path, headers, method }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) }));
      response.on('error', (error) => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces), error }));
    });
    call.on('error', reject);
    call.end();
  });
}

test('serve: a folder answers with its index.html, as HTML, under the policy', async () => {
  const answer = await raw('/');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(answer.headers['content-security-policy'], CONTENT_SECURITY_POLICY);
  assert.equal(answer.headers['cache-control'], 'no-cache');
  assert.equal((await raw('/sub')).headers.location, '/sub/');
});

test('serve: wasm has the type that streaming compilation needs', async () => {
  assert.equal((await raw('/module.wasm')).headers['content-type'], 'application/wasm');
});

test('serve: a name with a hash is cached for good, and an ETag answers 304', async () => {
  const first = await raw(`/${hashed}`);
  assert.match(first.headers['cache-control'], /immutable/);
  const again = await raw(`/${hashed}`, { 'If-None-Match': first.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
});

test('serve: text and wasm are compressed when asked, with an ETag of their own', async () => {
  const plain = await raw('/module.wasm');
  const packed = await raw('/module.wasm', { 'Accept-Encoding': 'gzip, br' });
  assert.equal(packed.headers['content-encoding'], 'br');
  assert.ok(packed.body.length < plain.body.length);
  assert.notEqual(packed.headers.etag, plain.headers.etag);
});

test('serve: ranges give exactly the bytes asked for', async () => {
  for (const [range, start, end] of [['bytes=0-9', 0, 10], ['bytes=299990-', 299_990, 300_000], ['bytes=-7', 299_993, 300_000], ['bytes=5-999999', 5, 300_000]]) {
    const answer = await raw(`/${hashed}`, { Range: range });
    assert.equal(answer.status, 206, range);
    assert.equal(answer.headers['content-range'], `bytes ${start}-${end - 1}/300000`);
    assert.deepEqual(answer.body, blob.subarray(start, end));
  }
  assert.equal((await raw(`/${hashed}`, { Range: 'bytes=300000-' })).status, 416);
  assert.equal((await raw(`/${hashed}`, { Range: 'bytes=1-2', 'If-Range': '"other"' })).status, 200);
});

test('serve: nothing outside the folder is served', async () => {
  for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/sub/..%2f..%2fsecret.txt', '/..%5csecret.txt', '/%00', '/%ff']) {
    const answer = await raw(path);
    assert.ok([400, 404].includes(answer.status), `${path} answered ${answer.status}`);
  }
});

test('serve: a missing file is 404, another method 405, an empty file 200', async () => {
  assert.equal((await raw('/nothing')).status, 404);
  assert.equal((await raw('/', {}, 'POST')).status, 405);
  assert.equal((await raw('/empty.txt')).body.length, 0);
  assert.equal((await raw(`/${hashed}`, {}, 'HEAD')).headers['content-length'], '300000');
});

test('hooks: a cut download ends after exactly the bytes asked for, once', async () => {
  server.cut(/shard-/, 123_457);
  const broken = await raw(`/${hashed}`);
  assert.ok(broken.error, 'the connection should have broken');
  assert.deepEqual(broken.body, blob.subarray(0, 123_457));
  const rest = await raw(`/${hashed}`, { Range: 'bytes=123457-', 'If-Range': broken.headers.etag });
  assert.equal(rest.status, 206);
  assert.deepEqual(Buffer.concat([broken.body, rest.body]), blob);
});

test('hooks: requests are counted with path, status and bytes', async () => {
  await raw(`/${hashed}`, { Range: 'bytes=0-99' });
  await raw('/nothing');
  assert.deepEqual(server.requests.map(({ path, status, range }) => [path, status, range]), [[`/${hashed}`, 206, 'bytes=0-99'], ['/nothing', 404, null]]);
  assert.equal(server.requests[0].bytes, 100);
});

test('hooks: a throttle slows the body down', async () => {
  server.throttle(1_000_000);
  const begin = Date.now();
  await raw(`/${hashed}`);
  assert.ok(Date.now() - begin >= 250, `300 KB at 1 MB/s took ${Date.now() - begin} ms`);
});

test('hooks: a path can answer something else until it is reset', async () => {
  server.replace(/^\/$/, () => ({ status: 503, body: Buffer.from('busy') }));
  assert.equal((await raw('/')).status, 503);
  server.replace(/^\/$/, null);
  assert.equal((await raw('/')).status, 200);
});

test('hooks: a killed server refuses connections, and a taken port moves on to the next', async () => {
  const other = await serve({ mounts: [['/', folder]], port: server.port, search: true });
  assert.ok(other.port > server.port);
  await other.kill();
  await assert.rejects(fetch(`http://127.0.0.1:${other.port}/secret.txt`));
  await assert.rejects(serve({ mounts: [['/', folder]], port: server.port }), { code: 'EADDRINUSE' });
});
