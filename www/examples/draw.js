// What the examples show and sound like, made by rules: the build makes catalogs of it, the page makes questions of it.
// No DOM, no Node: strings and numbers.

/** Numbers in [0, 1) by a seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const COLORS = { red: '#d6453d', orange: '#e8862e', yellow: '#e9c53a', green: '#4f9d4a', blue: '#3f76c4', purple: '#8457b5', brown: '#86593a', gray: '#6d7378' };

const KINDS = {
  cup: { path: 'M24 30h40v30a14 14 0 0 1-14 14H38a14 14 0 0 1-14-14ZM64 36h6a9 9 0 0 1 0 18h-6v-5h6a4 4 0 0 0 0-8h-6Z', says: 'For tea, coffee or cocoa.' },
  lamp: { path: 'M34 18h28l12 32H22ZM45 50h6v24h-6ZM32 74h32v6H32Z', says: 'Warm light for a desk or a bedside.' },
  bag: { path: 'M22 38h52l6 42H16ZM36 38a12 14 0 0 1 24 0h-5a7 9 0 0 0-14 0Z', says: 'Carries books and shopping.' },
  bowl: { path: 'M14 42h68a34 30 0 0 1-68 0ZM36 72h24v6H36Z', says: 'For soup, salad or fruit.' },
  boot: { path: 'M30 16h24v36l22 10a8 8 0 0 1 4 7v9H30Z', says: 'Keeps feet dry in rain and snow.' },
  chair: { path: 'M28 14h8v30h32v34h-7V56H36v22h-8Z', says: 'To sit on, at a table or a desk.' },
};
const PATTERNS = {
  plain: '',
  striped: '<path d="M0 8h96M0 24h96M0 40h96M0 56h96M0 72h96M0 88h96" stroke="#fff" stroke-width="6"/>',
  dotted: [...Array(36).keys()].map((at) => `<circle cx="${8 + (at % 6) * 16}" cy="${8 + Math.floor(at / 6) * 16}" r="4" fill="#fff"/>`).join(''),
};

/** Every product once: `{ kind, color, pattern }`. */
export const PRODUCTS = Object.keys(KINDS).flatMap((kind) => Object.keys(COLORS).flatMap((color) => Object.keys(PATTERNS).map((pattern) => ({ kind, color, pattern }))));

export const productTexts = ({ kind, color, pattern }) => ({ title: `${pattern} ${color} ${kind}`, description: KINDS[kind].says });

/** A picture as SVG: `body` on a ground of one color. */
const drawing = (ground, body) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="192" height="192"><rect width="96" height="96" fill="${ground}"/>${body}</svg>`;

/** A product as SVG; another seed, another place, size and background. */
export function product({ kind, color, pattern }, seed) {
  const next = random(seed);
  const [scale, turn, x, y, ground] = [0.75 + next() * 0.35, (next() - 0.5) * 24, (next() - 0.5) * 12, (next() - 0.5) * 12, Math.round(232 + next() * 23)];
  return drawing(`rgb(${ground},${ground},${ground - 6})`, `<clipPath id="shape"><path d="${KINDS[kind].path}"/></clipPath><g transform="translate(${(48 + x).toFixed(2)} ${(48 + y).toFixed(2)}) rotate(${turn.toFixed(2)}) scale(${scale.toFixed(3)}) translate(-48 -48)">`
    + `<path d="${KINDS[kind].path}" fill="${COLORS[color]}"/><g clip-path="url(#shape)">${PATTERNS[pattern]}</g></g>`);
}

const SHAPES = {
  ball: '<circle r="13"/>',
  square: '<rect x="-12" y="-12" width="24" height="24"/>',
  triangle: '<path d="M0-15 14 11H-14Z"/>',
  star: '<path d="M0-16 4-5 15-5 6 3 10 14 0 7-10 14-6 3-15-5-4-5Z"/>',
};
const MOVES = { rises: (t) => [0.5, 0.9 - 0.8 * t], 'rolls across': (t) => [0.1 + 0.8 * t, 0.55], bounces: (t) => [0.2 + 0.6 * t, 0.8 - 0.6 * Math.abs(Math.sin(t * Math.PI * 2))] };
const SCENES = { day: ['#cfe6f7', '#9cc585'], night: ['#1c2440', '#2f3b2e'] };

/** Every film once: `{ shape, color, move, scene }`. */
export const FILMS = Object.keys(SHAPES).flatMap((shape) => ['red', 'yellow', 'blue', 'green'].flatMap((color) => Object.keys(MOVES).flatMap((move) => Object.keys(SCENES).map((scene) => ({ shape, color, move, scene })))));

export const filmTexts = ({ shape, color, move, scene }) => ({ title: `a ${color} ${shape} ${move} by ${scene}` });

/** One frame of a film as SVG, `t` from 0 to 1. */
export function frame({ shape, color, move, scene }, t, seed) {
  const next = random(seed);
  const [x, y] = MOVES[move](t);
  const [sky, ground] = SCENES[scene];
  const size = 0.9 + next() * 0.4;
  return drawing(sky, `<rect y="${70 + Math.round(next() * 8)}" width="96" height="30" fill="${ground}"/>`
    + `<g transform="translate(${(x * 96).toFixed(2)} ${(y * 96).toFixed(2)}) scale(${size.toFixed(3)}) rotate(${Math.round(t * 90)})" fill="${COLORS[color]}">${SHAPES[shape]}</g>`);
}

/** Samples a second. */
export const RATE = 16_000;
const SECONDS = 2;
const VOICES = { flute: [1, 0.15, 0.05], organ: [1, 0.8, 0.6, 0.5, 0.4], bell: [1, 0, 0.6, 0, 0, 0.4], drum: null };
const PITCHES = { deep: 110, middle: 330, high: 990 };
const TEMPOS = { slow: 1, quick: 4 };
const TUNES = { rising: 1, falling: -1 };

/** Every tune once: `{ voice, pitch, tempo, tune }`. */
export const MUSIC = Object.keys(VOICES).flatMap((voice) => Object.keys(PITCHES).flatMap((pitch) => Object.keys(TEMPOS).flatMap((tempo) => Object.keys(TUNES).map((tune) => ({ voice, pitch, tempo, tune })))));

export const musicTexts = ({ voice, pitch, tempo, tune }) => ({ title: `${tempo} ${pitch} ${voice}, ${tune}` });

/** A tune's samples, -1 to 1; another seed, another key and some noise. */
export function music({ voice, pitch, tempo, tune }, seed) {
  const next = random(seed);
  const beats = 2 * TEMPOS[tempo];
  const [key, loud] = [PITCHES[pitch] * 2 ** ((next() - 0.5) / 3), 0.25 + 0.2 * next()];
  const out = new Float32Array(RATE * SECONDS);
  let low = 0;
  for (let at = 0; at < out.length; at += 1) {
    const t = at / RATE;
    const beat = Math.floor((t / SECONDS) * beats);
    const since = t - (beat * SECONDS) / beats;
    const tone = key * 2 ** ((TUNES[tune] * beat * (12 / beats)) / 12);
    const fade = Math.min(1, since / 0.01) * Math.exp(-since * (voice === 'bell' ? 4 : voice === 'drum' ? 18 : 1));
    let value = 0;
    if (VOICES[voice]) VOICES[voice].forEach((part, n) => { if (tone * (n + 1) < RATE / 2) value += part * Math.sin(2 * Math.PI * tone * (n + 1) * t); });
    else {
      low += (next() * 2 - 1 - low) * Math.min(1, tone / 1500);
      value = 3 * low + Math.sin(2 * Math.PI * tone * since * Math.exp(-since * 8));
    }
    out[at] = Math.max(-1, Math.min(1, loud * fade * value + 0.002 * (next() - 0.5)));
  }
  return out;
}

/** Samples as a WAV file: one channel, 16 bits. */
export function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF'); view.setUint32(4, 36 + samples.length * 2, true); text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true); view.setUint32(28, RATE * 2, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, 'data'); view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, at) => view.setInt16(44 + at * 2, Math.round(sample * 32767), true));
  return new Uint8Array(view.buffer);
}
