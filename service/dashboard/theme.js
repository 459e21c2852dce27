// Sets the theme before the first paint, so that a dark page never flashes white. A classic script.
(function () {
  try {
    const theme = localStorage.getItem("nas.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden (private mode): the system's theme is used.
  }
})();
