
(() => {
  const shop = document.querySelector("[data-shop]");
  const part = (name) => shop.querySelector(`[data-cart-${name}]`);
  const key = "basket";
  const goods = new Map();
  for (const item of shop.querySelectorAll("[data-cents]")) goods.set(item.dataset.name, Number(item.dataset.cents));
  const money = (cents) => (cents / 100).toFixed(2).replace(".", shop.dataset.point);

  const load = () => {
    try {
      const stored = Object.entries(JSON.parse(localStorage.getItem(key)) ?? {});
      return new Map(stored.filter(([name, count]) => goods.has(name) && count > 0));
    } catch {
      return new Map();
    }
  };
  const basket = load();

  const change = (name, step) => {
    const count = (basket.get(name) ?? 0) + step;
    if (count > 0) basket.set(name, count);
    else basket.delete(name);
    try {
      localStorage.setItem(key, JSON.stringify(Object.fromEntries(basket)));
    } catch { /* a private window keeps the basket in memory only */ }
    draw();
  };

  const button = (face, label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = face;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  };

  const line = ([name, count]) => {
    const item = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = `${count} × ${name}`;
    item.append(
      button("−", `${shop.dataset.less}: ${name}`, () => change(name, -1)),
      text,
      button("+", `${shop.dataset.add}: ${name}`, () => change(name, 1)),
    );
    return item;
  };

  const total = () => money([...basket].reduce((sum, [name, count]) => sum + goods.get(name) * count, 0));

  const draw = () => {
    part("lines").replaceChildren(...[...basket].map(line));
    part("empty").hidden = basket.size > 0;
    part("order").disabled = basket.size === 0;
    part("total").textContent = total();
  };

  shop.addEventListener("click", (event) => {
    const item = event.target.closest("[data-add-item]")?.closest("[data-name]");
    if (item) change(item.dataset.name, 1);
  });

  part("order").addEventListener("click", () => {
    const { mailto, setup, opened } = shop.dataset;
    const body = [...basket].map(([name, count]) => `${count} × ${name}`).concat(total()).join("\n");
    if (mailto) location.href = `mailto:${mailto}?body=${encodeURIComponent(body)}`;
    part("status").textContent = mailto ? opened : setup;
  });

  draw();
})();
