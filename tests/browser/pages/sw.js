//! A service worker as small as can be: keeps the page and the package, so that a reload works without a server.

addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url);
  if (!/^\/(t|lib|pkg)\//.test(pathname)) return;
  event.respondWith((async () => {
    const cache = await caches.open('test');
    try {
      const response = await fetch(event.request);
      if (response.ok) await cache.put(event.request, response.clone());
      return response;
    } catch (error) {
      return (await cache.match(event.request)) ?? Promise.reject(error);
    }
  })());
});
