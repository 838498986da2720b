/// The script of ``DiffPage``: filtering, sorting and folding. Without it the page is complete, as plain tables.
enum DiffPageScript {
  static let text = #"""

    "use strict";
    (() => {
      const make = (name, text, attributes) => {
        const element = document.createElement(name);
        if (text) element.textContent = text;
        for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
        return element;
      };
      const tables = [...document.querySelectorAll("table")].filter(t => !t.classList.contains("grid"));
      const rows = new Map(tables.map(t => [t, [...t.tBodies[0].rows]]));
      const key = row => row.cells[0].textContent.toLowerCase();
      const number = text => Number(text.replace(/,/g, "").replace(/ %$/, "").replace(/^[<>]/, ""));
      const value = (row, column) => {
        const cell = row.cells[column];
        const inner = cell.querySelector("[data-v]");
        const text = (inner ? inner.dataset.v : cell.textContent).trim();
        return text === "" || Number.isNaN(number(text)) ? text : number(text);
      };
      const compare = (a, b, sign) => {
        if (a === "" || b === "") return (a === "") - (b === "");
        if (typeof a === "number" && typeof b === "number") return sign * (a - b);
        if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
        return sign * a.localeCompare(b, "en", { numeric: true });
      };

      // Tools above the tables.
      const tools = make("div", "", { class: "tools" });
      const label = make("label", "Filter keys ");
      const filter = make("input", "", { type: "search", placeholder: "words of a key", autocomplete: "off" });
      label.append(filter);
      const fold = make("button", "Fold layers", { type: "button", "aria-pressed": "false" });
      const status = make("span", "", { role: "status" });
      tools.append(label);
      const folding = tables.find(t => t.classList.contains("folds"));
      const hasGroups = folding && rows.get(folding).some(r => r.classList.contains("group"));
      if (hasGroups) tools.append(fold);
      tools.append(status);
      document.querySelector("details").before(tools);

      const open = new Set();
      let folded = hasGroups && rows.get(folding).length > 60;
      const show = () => {
        const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
        let shown = 0, all = 0;
        for (const [table, list] of rows) {
          if (!table.classList.contains("sorts")) continue;
          const found = new Set();
          for (const row of list) {
            if (row.classList.contains("group")) continue;
            const matches = words.every(word => key(row).includes(word));
            all += 1;
            shown += matches;
            if (matches && row.dataset.g) found.add(row.dataset.g);
            row.hidden = !matches || (folded && row.dataset.g && !open.has(row.dataset.g));
            row.classList.toggle("open", Boolean(folded && row.dataset.g));
          }
          for (const row of list) {
            if (row.classList.contains("group")) row.hidden = !folded || !found.has(row.dataset.g);
          }
          if (words.length && list.some(row => !row.hidden)) table.closest("details").open = true;
        }
        fold.setAttribute("aria-pressed", folded);
        status.textContent = words.length ? `${shown} of ${all} rows` : "";
      };
      filter.addEventListener("input", show);
      fold.addEventListener("click", () => { folded = !folded; show(); });

      // A row of a group opens and closes its tensors.
      for (const row of hasGroups ? rows.get(folding) : []) {
        if (!row.classList.contains("group")) continue;
        const button = make("button", "", { type: "button", "aria-expanded": "false" });
        button.append(...row.cells[0].childNodes);
        row.cells[0].append(button);
        button.addEventListener("click", () => {
          const group = row.dataset.g;
          open.has(group) ? open.delete(group) : open.add(group);
          button.setAttribute("aria-expanded", open.has(group));
          show();
        });
      }

      // Headings sort. Tensors stay below the row of their group.
      const sort = (table, column, sign) => {
        const list = rows.get(table);
        const isFolded = folded && table === folding;
        const heads = new Map();
        for (const row of list) if (row.classList.contains("group")) heads.set(row.dataset.g, row);
        const order = (a, b) => compare(value(a, column), value(b, column), sign);
        const lead = row => (isFolded && heads.get(row.dataset.g)) || row;
        list.sort((a, b) => {
          const [p, q] = [lead(a), lead(b)];
          if (p !== q) return order(p, q) || (key(p) < key(q) ? -1 : 1);
          return b.classList.contains("group") - a.classList.contains("group") || order(a, b);
        });
        table.tBodies[0].append(...list);
      };
      for (const table of tables) {
        if (!table.classList.contains("sorts")) continue;
        const heads = [...table.tHead.rows[0].cells];
        heads.forEach((head, column) => {
          const button = make("button", head.textContent, { type: "button" });
          head.replaceChildren(button);
          button.addEventListener("click", () => {
            const ascending = head.getAttribute("aria-sort") === "descending" ||
              (!head.hasAttribute("aria-sort") && head.classList.contains("t"));
            for (const other of heads) other.removeAttribute("aria-sort");
            head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
            sort(table, column, ascending ? 1 : -1);
          });
        });
      }
      show();
    })();

    """#
}
