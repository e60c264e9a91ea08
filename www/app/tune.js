//! Two sliders that bend the shelf: familiar to adventurous, popular to niche. Every copy on the page shows the same values.

import { el, settings } from './dom.js';

export class Tune extends EventTarget {
  adventure = settings.get('adventure', 0.2);
  niche = settings.get('niche', 0);
  #inputs = [];
  #timer;

  /** One pair of sliders; there may be several. */
  make() {
    return el('div', { class: 'tune', role: 'group', 'aria-label': 'Tune the shelf' },
      this.#dial('adventure', 0, 1, ['Familiar', 'Adventurous'], 'From familiar to adventurous', (v) => `${Math.round(v * 100)} % adventurous`),
      this.#dial('niche', -1, 1, ['Popular', 'Niche'], 'From popular to niche', (v) =>
        (Math.abs(v) < 0.05 ? 'in between' : `${Math.round(Math.abs(v) * 100)} % towards ${v < 0 ? 'popular' : 'niche'}`)));
  }

  #dial(name, min, max, [low, high], label, say) {
    const input = el('input', { type: 'range', min, max, step: 0.05, 'aria-label': label, 'data-dial': name });
    const show = () => {
      input.value = this[name];
      input.setAttribute('aria-valuetext', say(this[name]));
      input.style.setProperty('--at', (this[name] - min) / (max - min));
    };
    input.addEventListener('input', () => {
      this[name] = Number(input.value);
      for (const other of this.#inputs) other();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        settings.set(name, this[name]);
        this.dispatchEvent(new Event('change'));
      }, 90);
    });
    this.#inputs.push(show);
    show();
    return el('label', { class: 'dial' }, el('span', {}, low), input, el('span', {}, high));
  }
}
