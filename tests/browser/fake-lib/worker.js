//! Runs the stand-in's engine off the page's thread, as the real library does. Knows nothing but calls and answers.

import { Recommender } from './engine.js';

let shop;

onmessage = async ({ data: { id, method, argument } }) => {
  try {
    let value;
    if (method === 'open') {
      await Recommender.open({
        ...argument,
        onProgress: (step) => postMessage({ progress: step }),
        onReady: (opened) => {
          shop = opened;
          postMessage({ ready: true, report: shop.report() });
        },
        onSave: (events) => postMessage({ save: events }),
      });
    } else {
      const [target, name] = method.startsWith('history.') ? [shop.history, method.slice(8)] : [shop, method];
      value = await target[name](...argument);
    }
    postMessage({ id, value, report: shop.report() });
  } catch (error) {
    postMessage({ id, error: { code: error.code, message: error.message } });
  }
};
