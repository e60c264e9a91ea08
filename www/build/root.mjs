//! Where things are, seen from the repository's root. It holds paths only.

import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const at = (...parts) => join(ROOT, ...parts);
/** Everything the scripts download or remember; deleting it costs time only. */
export const cache = (...parts) => join(ROOT, '.cache', ...parts);
export const PKG = at('www', 'pkg');
export const CARGO_TARGET = process.env.CARGO_TARGET_DIR ?? at('target');
export const PALATE = join(CARGO_TARGET, 'release', process.platform === 'win32' ? 'palate.exe' : 'palate');
