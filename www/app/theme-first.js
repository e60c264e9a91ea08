//! Sets the chosen colors before the first paint; a module would come too late and flash.
try {
  const theme = localStorage.getItem('palate-shelf:theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is denied to this window: the system's choice stands.
}
