//! A small static file server for the demo, the tests and the benchmarks.
//!
//! It knows files and HTTP, nothing about palate: which folders are mounted where is the caller's business (`site.mjs`).
//! Tests reach in through the returned handle: cut a download, slow it down, break a path, count requests, kill the server.

import { createServer } from 'node:http';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, normalize, extname, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip, constants } from 'node:zlib';

const MIME = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8', '.json': 'application/json', '.map': 'application/json', '.jsonl': 'application/x-ndjson',
  '.webmanifest': 'application/manifest+json', '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.webp': 'image/webp', '.gif': 'image/gif', '.ico': 'image/x-icon',
  '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8', '.md': 'text/markdown; charset=utf-8',
  '.ts': 'text/plain; charset=utf-8', '.wav': 'audio/wav', '.mp3': 'audio/mpeg', '.mp4': 'video/mp4',
};
const COMPRESSIBLE = new Set(['.html', '.js', '.mjs', '.css', '.json', '.map', '.webmanifest', '.wasm', '.svg', '.txt', '.md']);
const COMPRESS_AT_MOST = 64 << 20;

/** What the customer's page may be limited to; the demo is served with it, so a violation shows at once. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'", "img-src 'self' blob: data:", 'media-src blob:',
  "style-src 'self'", "manifest-src 'self'", "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ');

/** A name that carries a content hash of at least 16 hex digits never changes its bytes. */
const HASHED = /(^|[^0-9a-f])[0-9a-f]{16,64}([^0-9a-f]|$)/;

const compressors = {
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  gzip: (bytes) => promisify(gzip)(bytes),
};

/**
 * Starts a server.
 *
 * `mounts`: `[[urlPrefix, folder], ...]`, the longest matching prefix wins; a folder may be a function of the rest of the path.
 * `port`: 0 picks a free one. With `search`, the next free port up to 20 higher is taken when `port` is in use.
 * `csp`: the Content-Security-Policy header, or false. `headers`: further headers on every answer.
 *
 * Resolves to a handle:
 * - `url`, `port`
 * - `requests`: `[{ method, path, status, bytes, range }]` since the last `reset()`; `bytes` is filled in as they are sent
 * - `cut(pattern, bytes, times = 1)`: the next `times` matching downloads end with a broken connection after `bytes` of body
 * - `throttle(bytesPerSecond | 0)`: slows every body down
 * - `replace(pattern, answer | null)`: `answer(path)` gives `{ status, body, headers }` in place of the file
 * - `reset()`: forgets requests and all of the above
 * - `kill()`: drops every connection at once, as when the machine goes away; `close()`: the polite way
 */
export async function serve({ mounts, port = 0, host = '127.0.0.1', search = false, csp = CONTENT_SECURITY_POLICY, headers = {} }) {
  const ordered = [...mounts].sort((a, b) => b[0].length - a[0].length);
  const compressed = new Map();
  const state = { requests: [], cuts: [], replaced: [], rate: 0 };
  const sockets = new Set();

  async function locate(path) {
    for (const [prefix, folder] of ordered) {
      if (!path.startsWith(prefix)) continue;
      const rest = normalize(path.slice(prefix.length)).replace(/^[/\\]+/, '');
      if (rest.split(/[/\\]/).includes('..') || rest.includes('\0')) return null;
      const file = typeof folder === 'function' ? folder(rest) : join(folder, rest);
      if (!file) continue;
      const info = await stat(file).catch(() => null);
      if (info?.isFile()) return { file, info };
      if (info?.isDirectory()) {
        if (path !== '' && !path.endsWith('/')) return { redirect: path + '/' };
        const index = join(file, 'index.html');
        const found = await stat(index).catch(() => null);
        if (found?.isFile()) return { file: index, info: found };
      }
    }
    return null;
  }

  async function encoded(file, info, accept) {
    if (!COMPRESSIBLE.has(extname(file)) || info.size < 512 || info.size > COMPRESS_AT_MOST) return null;
    const encoding = /\bbr\b/.test(accept) ? 'br' : /\bgzip\b/.test(accept) ? 'gzip' : null;
    if (!encoding) return null;
    const key = `${encoding} ${file} ${info.size} ${info.mtimeMs}`;
    if (!compressed.has(key)) compressed.set(key, readFile(file).then(compressors[encoding]));
    return { encoding, body: await compressed.get(key) };
  }

  async function answer(request, response) {
    const url = new URL(request.url, 'http://localhost');
    let path;
    try { path = decodeURIComponent(url.pathname); } catch { path = null; }
    const entry = { method: request.method, path: path ?? url.pathname, range: request.headers.range ?? null, status: 0, bytes: 0 };
    state.requests.push(entry);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    if (csp) response.setHeader('Content-Security-Policy', csp);

    const plain = (status, text) => {
      entry.status = status;
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : text + '\n');
    };
    if (path === null) return plain(400, 'The address is not valid percent-encoded UTF-8.');

    const swap = state.replaced.find((r) => r.pattern.test(path));
    if (swap) {
      const given = await swap.answer(path, request);
      entry.status = given.status ?? 200;
      response.writeHead(entry.status, { 'Cache-Control': 'no-store', 'Content-Type': MIME[extname(path)] ?? 'application/octet-stream', ...given.headers });
      response.end(given.body);
      entry.bytes = given.body?.length ?? 0;
      return undefined;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'Only GET and HEAD are served here.');

    const found = await locate(path);
    if (!found) return plain(404, `Nothing is served at ${path}.`);
    if (found.redirect) {
      entry.status = 301;
      response.writeHead(301, { Location: found.redirect + url.search });
      return response.end();
    }

    const { file, info } = found;
    const packed = request.headers.range ? null : await encoded(file, info, request.headers['accept-encoding'] ?? '');
    const etag = `"${info.size.toString(16)}-${Math.round(info.mtimeMs).toString(16)}${packed ? '-' + packed.encoding : ''}"`;
    response.setHeader('ETag', etag);
    response.setHeader('Last-Modified', info.mtime.toUTCString());
    response.setHeader('Accept-Ranges', 'bytes');
    response.setHeader('Vary', 'Accept-Encoding');
    response.setHeader('Cache-Control', HASHED.test(file.split(sep).pop()) ? 'public, max-age=31536000, immutable' : 'no-cache');
    const wanted = request.headers['if-none-match'];
    if (wanted && (wanted === '*' || wanted.split(/\s*,\s*/).some((tag) => tag.replace(/^W\//, '') === etag))) {
      entry.status = 304;
      response.writeHead(304);
      return response.end();
    }

    response.setHeader('Content-Type', MIME[extname(file)] ?? 'application/octet-stream');
    let start = 0;
    let end = (packed ? packed.body.length : info.size) - 1;
    entry.status = 200;
    const range = rangeOf(request.headers.range, info.size);
    const unchanged = !request.headers['if-range'] || [etag, info.mtime.toUTCString()].includes(request.headers['if-range']);
    if (range && unchanged) {
      if (range === 'unsatisfiable') {
        response.setHeader('Content-Range', `bytes */${info.size}`);
        return plain(416, `The file has ${info.size} bytes.`);
      }
      [start, end] = range;
      entry.status = 206;
      response.setHeader('Content-Range', `bytes ${start}-${end}/${info.size}`);
    }
    if (packed) response.setHeader('Content-Encoding', packed.encoding);
    response.setHeader('Content-Length', Math.max(0, end - start + 1));
    response.writeHead(entry.status);
    if (request.method === 'HEAD' || end < start) return response.end();
    const source = packed ? [packed.body] : createReadStream(file, { start, end });
    return send(source, path, entry, response);
  }

  /** Writes the body in pieces, so that a cut lands on the exact byte and a throttle can pause. */
  async function send(source, path, entry, response) {
    const cut = state.cuts.find((c) => c.times > 0 && c.pattern.test(path));
    if (cut) cut.times -= 1;
    const limit = cut ? cut.bytes : Infinity;
    for await (let piece of source) {
      while (piece.length > 0) {
        const step = Math.min(piece.length, limit - entry.bytes, state.rate ? Math.max(1, Math.ceil(state.rate / 20)) : piece.length);
        if (step <= 0 || response.destroyed) break;
        const more = response.write(piece.subarray(0, step));
        entry.bytes += step;
        piece = piece.subarray(step);
        if (state.rate) await new Promise((r) => setTimeout(r, (1000 * step) / state.rate));
        else if (!more) await drained(response);
      }
      if (response.destroyed) return;
      if (entry.bytes >= limit) {
        await new Promise((r) => response.write('', r));
        // Give the kernel a moment to deliver what was written before the connection breaks.
        setTimeout(() => response.destroy(), 30);
        return;
      }
    }
    response.end();
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(`The server failed: ${error.message}\n`);
    });
  });
  server.keepAliveTimeout = 5_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  const bound = await listen(server, port, host, search ? 20 : 0);
  return {
    url: `http://localhost:${bound}`,
    port: bound,
    get requests() { return state.requests; },
    cut(pattern, bytes, times = 1) { state.cuts.push({ pattern, bytes, times }); },
    throttle(bytesPerSecond) { state.rate = bytesPerSecond; },
    replace(pattern, reply) {
      state.replaced = state.replaced.filter((r) => String(r.pattern) !== String(pattern));
      if (reply) state.replaced.push({ pattern, answer: reply });
    },
    reset() { Object.assign(state, { requests: [], cuts: [], replaced: [], rate: 0 }); },
    kill() {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(done));
    },
    close() {
      server.closeIdleConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

/** `bytes=a-b` with one range; anything else is ignored, as RFC 9110 14.2 allows. Gives `[start, end]` inclusive. */
function rangeOf(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? size - 1 : Math.min(size - 1, Number(match[2]));
  return start > end || start >= size ? 'unsatisfiable' : [start, end];
}

/** Binds to `port`, or to one of the next `tries` if it is taken. Resolves to the port. */
async function listen(server, port, host, tries) {
  for (let offset = 0; ; offset += 1) {
    const error = await new Promise((done) => {
      server.once('error', done);
      server.listen(port + offset, host, () => { server.off('error', done); done(null); });
    });
    if (!error) return server.address().port;
    if (error.code !== 'EADDRINUSE' || offset >= tries) throw error;
  }
}

/** Resolves when the response takes more, or has gone. */
function drained(response) {
  return new Promise((done) => {
    const settle = () => {
      response.off('drain', settle);
      response.off('close', settle);
      done();
    };
    response.once('drain', settle);
    response.once('close', settle);
  });
}
