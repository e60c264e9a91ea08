//! Runs the stand-in's engine off the page's thread, as the real library does. Knows nothing but calls and answers.

import { Recommender } from './engine.js';

let shop;
const send = (message) => postMessage(message);

onmessage = async ({ data: { id, method, argument } }) => {
  try {
    let value;
    if (method === 'open') {
      shop = await Recommender.open({ ...argument, onProgress: (step) => send({ progress: step }), onSave: (events) => send({ save: events }) });
    } else {
      const [target, name] = method.startsWith('history.') ? [shop.history, method.slice(8)] : [shop, method];
      value = await target[name](...argument);
    }
    send({ id, value, report: shop.report() });
  } catch (error) {
    send({ id, error: { code: error.code, message: error.message } });
  }
};
