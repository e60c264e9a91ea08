//! Progress of long calls, as the page hears it.

/**
 * A listener that never hurts the call it listens to: whatever it throws is reported as an uncaught error of the page.
 * It hears `{ phase, loaded, total }`, bytes, both 0 where there are none to count.
 */
export function listener(onProgress) {
  if (typeof onProgress !== 'function') return () => {};
  return (step) => {
    try {
      onProgress(step);
    } catch (error) {
      queueMicrotask(() => { throw error; });
    }
  };
}
