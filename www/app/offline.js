//! The service worker's other half: registration, new versions, the plug that can be pulled, and installing the page.

import { toast } from './messages.js';

export class Offline extends EventTarget {
  supported = 'serviceWorker' in navigator;
  registration = null;
  cut = false;
  installPrompt = null;
  #reloading = false;

  constructor() {
    super();
    addEventListener('beforeinstallprompt', (event) => {
      event.preventDefault();
      this.installPrompt = event;
      this.#tell();
    });
    addEventListener('appinstalled', () => {
      this.installPrompt = null;
      this.#tell();
      toast('palate is on your device now.');
    });
  }

  /** Resolves when the page can be reloaded without a network, or when this browser will never allow that. */
  async start() {
    if (!this.supported) return;
    const first = !navigator.serviceWorker.controller;
    navigator.serviceWorker.addEventListener('controllerchange', () => {
      this.#tell();
      if (this.#reloading) location.reload();
    });
    navigator.serviceWorker.addEventListener('message', ({ data }) => {
      if (data?.type !== 'cut') return;
      this.cut = data.on;
      this.#tell();
    });
    try {
      this.registration = await navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' });
    } catch {
      this.supported = false;
      this.#tell();
      return;
    }
    this.#watch();
    await Promise.race([this.#active(first), new Promise((resolve) => setTimeout(resolve, 20_000))]);
    this.#post({ type: 'cut?' });
    this.#tell();
  }

  async #active(first) {
    const worker = this.registration.installing;
    if (first && worker) {
      await new Promise((resolve) => worker.addEventListener('statechange', () => ['activated', 'redundant'].includes(worker.state) && resolve()));
      if (worker.state === 'redundant') return;
    }
    if (!navigator.serviceWorker.controller && this.registration.active) {
      await new Promise((resolve) => {
        navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true });
        setTimeout(resolve, 1500); // a forced reload is never controlled
      });
    }
  }

  #watch() {
    const offer = (worker) => worker && toast('A new version of this shelf is ready.', [['Reload', () => this.#update(worker)]], 0);
    if (this.registration.waiting && navigator.serviceWorker.controller) offer(this.registration.waiting);
    this.registration.addEventListener('updatefound', () => {
      const worker = this.registration.installing;
      worker?.addEventListener('statechange', () => {
        if (worker.state === 'installed' && navigator.serviceWorker.controller) offer(worker);
      });
    });
  }

  #update(worker) {
    this.#reloading = true;
    worker.postMessage({ type: 'take over' });
  }

  #post(message) {
    navigator.serviceWorker.controller?.postMessage(message);
  }

  get controlled() {
    return Boolean(navigator.serviceWorker?.controller);
  }

  /** Pulls the plug, or puts it back: the service worker then refuses the network to this page. */
  setCut(on) {
    this.#post({ type: 'cut', on });
  }

  async install() {
    await this.installPrompt?.prompt();
    this.installPrompt = null;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}
