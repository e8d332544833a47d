const nav = document.querySelector("nav");
if (nav && window.innerWidth < 640) {
  nav.hidden = true;
}
