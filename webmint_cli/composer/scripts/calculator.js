
(() => {
  const app = document.querySelector("[data-calc]");
  const result = app.querySelector("[data-calc-result]");
  const line = app.querySelector("[data-calc-line]");
  const list = document.querySelector("[data-calc-history]");
  const empty = document.querySelector("[data-calc-empty]");
  const key = "results";
  const signs = { "+": "+", "-": "−", "*": "×", "/": "÷" };
  const work = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b };
  let entry = "0";
  let first = null;
  let sign = "";
  let fresh = true;
  let past = [];
  try {
    past = (JSON.parse(localStorage.getItem(key)) ?? []).filter((text) => typeof text === "string").slice(0, 8);
  } catch { /* unreadable: begin without */ }

  const local = (text) => text.replace(".", app.dataset.point);
  const tidy = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(12))) : "–");

  const draw = () => {
    result.textContent = local(entry);
    line.textContent = sign ? `${local(tidy(first))} ${signs[sign]}` : "";
    empty.hidden = past.length > 0;
    list.replaceChildren(...past.map((text) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = local(text);
      button.addEventListener("click", () => {
        entry = text.split("= ")[1];
        fresh = true;
        draw();
      });
      item.append(button);
      return item;
    }));
  };

  const remember = (text) => {
    past = [text, ...past].slice(0, 8);
    try {
      localStorage.setItem(key, JSON.stringify(past));
    } catch { /* a private window keeps them in memory only */ }
  };

  const finish = () => {
    const second = Number(entry);
    const value = tidy(work[sign](first, second));
    if (value !== "–") remember(`${tidy(first)} ${signs[sign]} ${tidy(second)} = ${value}`);
    entry = value;
    sign = "";
    fresh = true;
  };

  const digit = (pressed) => {
    if (fresh) entry = pressed === "." ? "0." : pressed;
    else if (pressed !== "." || !entry.includes(".")) entry = entry === "0" && pressed !== "." ? pressed : entry + pressed;
    entry = entry.slice(0, 14);
    fresh = false;
  };

  const press = (pressed) => {
    if (entry === "–" && pressed !== "clear") entry = "0";
    if (/^[\d.]$/.test(pressed)) digit(pressed);
    else if (pressed in work) {
      if (sign && !fresh) finish();
      first = Number(entry);
      sign = pressed;
      fresh = true;
    } else if (pressed === "=" && sign) finish();
    else if (pressed === "%") entry = tidy(sign ? (first * Number(entry)) / 100 : Number(entry) / 100);
    else if (pressed === "back") entry = fresh || entry.length < 2 ? "0" : entry.slice(0, -1);
    else if (pressed === "clear") [entry, first, sign, fresh] = ["0", null, "", true];
    draw();
  };

  const keys = { Enter: "=", Escape: "clear", Backspace: "back", ",": "." };
  app.addEventListener("click", (event) => {
    const button = event.target.closest("[data-key]");
    if (button) press(button.dataset.key);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    const pressed = keys[event.key] ?? event.key;
    if (!app.querySelector(`[data-key="${CSS.escape(pressed)}"]`)) return;
    event.preventDefault();
    press(pressed);
  });

  draw();
})();
