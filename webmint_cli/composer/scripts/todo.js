
(() => {
  const app = document.querySelector("[data-todo]");
  const part = (name) => app.querySelector(`[data-todo-${name}]`);
  const field = app.querySelector("input");
  const key = "tasks";
  let shown = "all";

  const load = () => {
    try {
      const stored = JSON.parse(localStorage.getItem(key));
      if (Array.isArray(stored)) return stored.filter((task) => typeof task?.text === "string");
    } catch { /* unreadable: begin again */ }
    return app.dataset.samples.split("|").map((text, at) => ({ text, done: at === 1 }));
  };
  let tasks = load();

  const save = () => {
    try {
      localStorage.setItem(key, JSON.stringify(tasks));
    } catch { /* a private window keeps the list in memory only */ }
    draw();
  };

  const row = (task) => {
    const item = document.createElement("li");
    const label = document.createElement("label");
    const box = document.createElement("input");
    const text = document.createElement("span");
    const remove = document.createElement("button");
    box.type = "checkbox";
    box.checked = task.done;
    box.addEventListener("change", () => {
      task.done = box.checked;
      save();
    });
    text.textContent = task.text;
    label.append(box, text);
    remove.type = "button";
    remove.className = "plain";
    remove.textContent = app.dataset.remove;
    remove.setAttribute("aria-label", `${app.dataset.remove}: ${task.text}`);
    remove.addEventListener("click", () => {
      tasks = tasks.filter((other) => other !== task);
      save();
      field.focus();
    });
    item.append(label, remove);
    return item;
  };

  const draw = () => {
    const visible = tasks.filter((task) => shown === "all" || task.done === (shown === "done"));
    part("list").replaceChildren(...visible.map(row));
    part("empty").hidden = tasks.length > 0;
    part("count").textContent = `${tasks.filter((task) => !task.done).length} ${app.dataset.left}`;
    for (const button of app.querySelectorAll("[data-filter]")) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === shown));
    }
  };

  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    tasks.push({ text, done: false });
    field.value = "";
    save();
  });
  app.addEventListener("click", (event) => {
    const filter = event.target.closest("[data-filter]");
    if (!filter) return;
    shown = filter.dataset.filter;
    draw();
  });
  part("clear").addEventListener("click", () => {
    tasks = tasks.filter((task) => !task.done);
    save();
  });

  draw();
})();
