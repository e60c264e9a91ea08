//! Draws the app's PNG icons from www/app/icons/icon.svg with Chromium; run by hand when the mark changes.

import { readFile, writeFile } from 'node:fs/promises';
import { launch } from './browser.mjs';

const folder = new URL('../../www/app/icons/', import.meta.url);
const svg = await readFile(new URL('icon.svg', folder), 'utf8');
// A maskable icon fills the square and keeps its mark in the middle 80 %.
const maskable = svg.replace(/rx="\d+"/, '').replace(/(<rect[^>]*>)([\s\S]*)(<\/svg>)/, '$1<g transform="translate(256 256) scale(.8) translate(-256 -256)">$2</g>$3');
const browser = await launch();
for (const [name, source] of [['icon', svg], ['maskable', maskable]]) {
  for (const size of [192, 512]) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px}</style>${source}`);
    await writeFile(new URL(`${name}-${size}.png`, folder), await page.screenshot({ omitBackground: true }));
    await page.close();
  }
}
await browser.close();
