//! Runs other programs: quietly, with the last line as progress, and with the end of their output when they fail.

import { spawn, spawnSync } from 'node:child_process';

/** What a program that failed leaves behind: its command, exit code and last lines. */
export class CommandFailed extends Error {
  constructor(command, code, tail) {
    super(`${command} failed (${code === null ? 'stopped' : `exit code ${code}`})${tail ? `:\n${tail}` : ''}`);
    this.code = code;
    this.tail = tail;
  }
}

/** Where `name` is on the PATH, or null. */
export function which(name) {
  const found = spawnSync(process.platform === 'win32' ? 'where' : 'which', [name], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.split(/\r?\n/)[0].trim() : null;
}

/** Output of a quick command, trimmed, or null when it fails or is not there. */
export function capture(command, args = [], options = {}) {
  const run = spawnSync(command, args, { encoding: 'utf8', ...options });
  return run.status === 0 ? run.stdout.trim() : null;
}

/**
 * Runs to the end; rejects with `CommandFailed` on a failure or after `timeout` ms. `progress(line)` hears every output line.
 * With `inherit` the program writes to our terminal itself. Resolves to its stdout.
 */
export function run(command, args, { cwd, env = process.env, progress, timeout, inherit = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'], shell: needsShell(command) });
    const tail = [];
    let stdout = '';
    let timer = null;
    const hear = (text) => {
      for (const line of text.split(/[\r\n]+/)) {
        if (!line.trim()) continue;
        tail.push(line);
        if (tail.length > 60) tail.shift();
        progress?.(line.trim());
      }
    };
    child.stdout?.setEncoding('utf8').on('data', (text) => { stdout += text; hear(text); });
    child.stderr?.setEncoding('utf8').on('data', hear);
    if (timeout) timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    child.on('error', (error) => { clearTimeout(timer); reject(new CommandFailed(command, null, error.message)); });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(stdout);
      else reject(new CommandFailed(`${command} ${args.slice(0, 4).join(' ')}`, code, tail.join('\n')));
    });
  });
}

/** npm and npx are scripts on Windows. */
const needsShell = (command) => process.platform === 'win32' && /^(npm|npx)$/.test(command);
