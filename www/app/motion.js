//! Things that move: cards that glide to their new places, a liked sticker that flies to the tray, cross-faded views.
//!
//! All of it stands still for visitors who ask for less motion.

export const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

const EASE = 'cubic-bezier(0.2, 0.8, 0.2, 1)';
const SPRING = 'cubic-bezier(0.3, 1.4, 0.5, 1)';
const MAX_GHOSTS = 14;

function inView(rect) {
  return rect.bottom > -80 && rect.top < innerHeight + 80;
}

/** The moving things of those sections that are in view: the others are not measured, so they need no layout. */
export function near(sections, selector) {
  return [...sections].filter((section) => inView(section.getBoundingClientRect())).flatMap((section) => [...section.querySelectorAll(selector)]);
}

/** Runs `change` (which rebuilds lists out of the same elements) and animates from where things were. `all()` gives the elements. */
export function glide(all, change) {
  if (still()) return change();
  const before = new Map();
  for (const element of all()) {
    const rect = element.getBoundingClientRect();
    if (rect.width) before.set(element, rect);
  }
  const result = change();
  let arrivals = 0;
  const now = new Set(all());
  const moves = [];
  for (const element of now) {
    const to = element.getBoundingClientRect();
    const from = before.get(element);
    if (!inView(to) && !(from && inView(from))) continue;
    moves.push([element, from, to]);
  }
  for (const [element, from, to] of moves) {
    const far = from && Math.hypot(from.left - to.left, from.top - to.top) > innerHeight;
    if (from && !far) {
      if (Math.abs(from.left - to.left) + Math.abs(from.top - to.top) < 1) continue;
      element.animate([{ transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)` }, { transform: 'none' }], { duration: 420, easing: EASE });
    } else {
      element.animate([{ opacity: 0, transform: 'scale(0.7)' }, { opacity: 1, transform: 'none' }], { duration: 360, delay: Math.min(arrivals * 22, 260), easing: SPRING, fill: 'backwards' });
      arrivals += 1;
    }
  }
  let ghosts = 0;
  for (const [element, rect] of before) {
    if (now.has(element) || !inView(rect) || !element.matches('.card') || ghosts >= MAX_GHOSTS) continue;
    const picture = element.querySelector('img');
    if (!picture) continue;
    const ghost = picture.cloneNode();
    ghost.className = 'ghost';
    ghost.alt = '';
    ghost.style.viewTransitionName = ''; // of a sheet that is opening
    Object.assign(ghost.style, { left: `${rect.left + rect.width * 0.12}px`, top: `${rect.top + rect.width * 0.12}px`, width: `${rect.width * 0.76}px` });
    document.body.append(ghost);
    ghost.animate([{ opacity: 1 }, { opacity: 0, transform: 'scale(0.6)' }], { duration: 240, easing: 'ease-out' }).finished.finally(() => ghost.remove());
    ghosts += 1;
  }
  return result;
}

/** A sticker's picture arcs from one element to another. */
export function fly(from, to, address) {
  if (still() || !from || !to) return;
  const a = from.getBoundingClientRect();
  const b = to.getBoundingClientRect();
  if (!a.width || !b.width || !inView(a)) return;
  const picture = document.createElement('img');
  picture.src = address;
  picture.alt = '';
  picture.className = 'flyer';
  const size = a.width * 0.76;
  Object.assign(picture.style, { left: `${a.left + (a.width - size) / 2}px`, top: `${a.top + (a.height - size) / 2}px`, width: `${size}px` });
  document.body.append(picture);
  const dx = b.left + b.width / 2 - (a.left + a.width / 2);
  const dy = Math.max(b.top, -80) + b.height / 2 - (a.top + a.height / 2);
  const scale = Math.max(0.2, (b.width * 0.78) / size);
  picture.animate([
    { transform: 'none', offset: 0 },
    { transform: `translate(${dx * 0.12}px, ${Math.min(dy * 0.1, 0) - 26}px) scale(1.12) rotate(-7deg)`, offset: 0.28 },
    { transform: `translate(${dx}px, ${dy}px) scale(${scale})`, offset: 1 },
  ], { duration: 560, easing: 'cubic-bezier(0.5, 0, 0.2, 1)' }).finished.finally(() => picture.remove());
}

export function pop(element) {
  if (still() || !element) return;
  element.animate([{ transform: 'scale(0.86)' }, { transform: 'scale(1.07)', offset: 0.55 }, { transform: 'none' }], { duration: 380, easing: 'ease-out' });
}

/** Gives a tap that began while views cross-faded to what was meant: the browser gives it to the document, as all else is a picture then. */
function pass(event) {
  const meant = document.elementFromPoint(event.clientX, event.clientY);
  if (event.target !== document.documentElement || !meant || meant === event.target) return;
  event.stopPropagation();
  meant.focus({ preventScroll: true });
  meant.click();
}

/** Swaps views with a cross-fade where the browser can; a tap ends it. */
export function swap(change) {
  if (still() || !document.startViewTransition || document.visibilityState !== 'visible') {
    change();
    return Promise.resolve();
  }
  const transition = document.startViewTransition(change);
  transition.ready.catch(() => {}); // a newer transition took over, or a tap
  const tapped = () => {
    transition.skipTransition();
    addEventListener('click', pass, { capture: true, once: true });
  };
  addEventListener('pointerdown', tapped, true);
  transition.finished.finally(() => removeEventListener('pointerdown', tapped, true)).catch(() => {}); // what `change` throws
  return transition.updateCallbackDone;
}
