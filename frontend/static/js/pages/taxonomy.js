// New rows in the taxonomy editor: a copy of the template under the next free number.

for (const button of document.querySelectorAll("[data-add]")) {
  if (!(button instanceof HTMLElement)) continue;
  const kind = button.dataset.add;
  const template = document.getElementById(`new-${kind}`);
  const body = document.querySelector(`#table-${kind} tbody`);
  button.addEventListener("click", () => {
    if (!(template instanceof HTMLTemplateElement) || !body) return;
    const row = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const at = body.querySelectorAll("tr").length;
    for (const cell of row.querySelectorAll("[name]")) {
      cell.setAttribute("name", (cell.getAttribute("name") ?? "").replace("-0000-", `-${at}-`));
    }
    body.append(row);
    const key = body.lastElementChild?.querySelector("input.key");
    if (key instanceof HTMLElement) key.focus();
  });
}
