//! Light or dark: the system's choice until the visitor makes one.

export function startTheme() {
  const button = document.querySelector('.theme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
  const show = () => {
    button.setAttribute('aria-pressed', String(dark()));
    button.querySelector('use').setAttribute('href', dark() ? '#i-sun' : '#i-moon');
  };
  button.addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    try {
      localStorage.setItem('palate-shelf:theme', root.dataset.theme);
    } catch { /* it lasts as long as the page */ }
    show();
  });
  system.addEventListener('change', show);
  show();
}
