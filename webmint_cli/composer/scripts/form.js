
(() => {
  const check = (form, field) => {
    const { valueMissing, valid } = field.validity;
    const text = valid && field.value.trim() ? "" : valueMissing || !field.value.trim() ? form.dataset.required : form.dataset.bad;
    field.toggleAttribute("aria-invalid", false);
    if (text) field.setAttribute("aria-invalid", "true");
    document.getElementById(`${field.id}-error`).textContent = text;
    return !text;
  };

  const mail = (form, fields) => {
    const body = fields.map((field) => `${field.labels[0].textContent}: ${field.value}`).join("\n");
    return `mailto:${form.dataset.mailto}?subject=${encodeURIComponent(form.dataset.subject)}&body=${encodeURIComponent(body)}`;
  };

  const deliver = async (form, fields) => {
    const { endpoint, mailto, opened, sent, failed, setup } = form.dataset;
    if (endpoint) {
      try {
        const answer = await fetch(endpoint, { method: "POST", body: new FormData(form) });
        if (answer.ok) form.reset();
        return answer.ok ? sent : failed;
      } catch {
        return failed;
      }
    }
    if (!mailto) return setup;
    location.href = mail(form, fields);
    return opened;
  };

  for (const form of document.querySelectorAll("[data-form]")) {
    const fields = [...form.querySelectorAll("input, textarea")];
    form.noValidate = true;
    for (const field of fields) {
      field.addEventListener("change", () => check(form, field));
    }
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const wrong = fields.filter((field) => !check(form, field));
      if (wrong.length) return wrong[0].focus();
      form.querySelector(".status").textContent = await deliver(form, fields);
    });
  }
})();
