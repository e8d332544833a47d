document.querySelectorAll('[data-tab]').forEach((b) => {
  b.addEventListener('click', () => b.classList.toggle('on'));
});
