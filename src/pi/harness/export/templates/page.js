"use strict";
(() => {
  const root = document.documentElement;
  const by = (id) => document.getElementById(id);
  const { parents, leaf } = JSON.parse(by("data").textContent);
  const place = by("cards");
  const tree = by("tree");
  root.classList.add("js");

  // Cards of all branches by number. Those that aren't shown are out of the document, so nothing of them loads.
  const numberOf = (element) => Number(element.id.slice(1));
  const cards = new Map();
  for (const card of place.querySelectorAll("article")) cards.set(numberOf(card), card);
  for (const card of by("others").content.querySelectorAll("article")) cards.set(numberOf(card), card);
  const rows = new Map();
  for (const row of tree.querySelectorAll(".row")) rows.set(Number(row.hash.slice(2)), row);
  const children = new Map();
  parents.forEach((parent, number) => children.set(parent, [...(children.get(parent) ?? []), number]));
  const stubs = new Map();
  for (const card of cards.values())
    for (const stub of card.querySelectorAll("[data-stub]")) stubs.set(stub.dataset.stub, stub);

  // Times as the reader's clock has them.
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const holder of [document, ...cards.values()])
    for (const time of holder.querySelectorAll("time")) time.textContent = clock.format(new Date(time.dateTime));

  // Branches.
  const wayTo = (number) => {
    const way = [];
    for (let at = number; at >= 0; at = parents[at]) way.push(at);
    return way.reverse();
  };
  const newestAfter = (number) => {
    let at = number;
    for (let next = children.get(at); next; next = children.get(at)) at = next[next.length - 1];
    return at;
  };
  let way = new Set(wayTo(leaf));

  function show(last) {
    const numbers = wayTo(last);
    const shown = numbers.map((number) => cards.get(number)).filter(Boolean);
    const answered = new Set(shown.map((card) => card.dataset.answers));
    for (const [name, stub] of stubs) stub.hidden = answered.has(name);
    place.replaceChildren(...shown);
    way = new Set(numbers);
    for (const [number, row] of rows) row.classList.toggle("on", way.has(number));
    watch();
    search();
  }

  function reveal(number) {
    if (!rows.has(number) && !cards.has(number)) return;
    if (!way.has(number)) show(newestAfter(number));
    let at = number;
    while (at >= 0 && !cards.has(at)) at = parents[at];
    cards.get(at)?.scrollIntoView();
    here(at);
  }

  const asked = () => (/^#e\d+$/.test(location.hash) ? Number(location.hash.slice(2)) : -1);
  addEventListener("hashchange", () => reveal(asked()));
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#e"]');
    if (!link) return;
    tree.classList.remove("shown");
    by("menu").setAttribute("aria-expanded", "false");
    if (link.hash === location.hash) reveal(asked()); // a second click: the hash doesn't change
  });

  // The row of what is being read.
  let current = null;
  function here(number) {
    current?.classList.remove("here");
    current = rows.get(number) ?? null;
    current?.classList.add("here");
    if (current && current.offsetParent) {
      const top = current.offsetTop - tree.clientHeight / 2;
      if (current.offsetTop < tree.scrollTop || current.offsetTop > tree.scrollTop + tree.clientHeight - 40)
        tree.scrollTop = top;
    }
  }
  const seen = new IntersectionObserver(
    (entries) => {
      const entered = entries.find((entry) => entry.isIntersecting);
      if (entered) here(numberOf(entered.target));
    },
    { rootMargin: "-15% 0px -80% 0px" },
  );
  function watch() {
    seen.disconnect();
    for (const card of place.children) seen.observe(card);
  }

  // Search: the text of the cards, also where it is closed, and a count of what other branches have.
  const query = by("query");
  const MOST = 5000;
  let matches = [];
  let at = -1;
  let elsewhere = [];

  function rangesIn(card, wanted) {
    const walker = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    const nodes = [];
    let text = "";
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest("[hidden]")) continue;
      nodes.push([text.length, node]);
      text += node.data.toLowerCase();
    }
    const spot = (offset) => {
      let low = 0;
      for (let high = nodes.length - 1; low < high; ) {
        const middle = (low + high + 1) >> 1;
        if (nodes[middle][0] <= offset) low = middle;
        else high = middle - 1;
      }
      return [nodes[low][1], Math.min(offset - nodes[low][0], nodes[low][1].length)];
    };
    const found = [];
    for (let from = text.indexOf(wanted); from >= 0; from = text.indexOf(wanted, from + wanted.length)) {
      const range = document.createRange();
      range.setStart(...spot(from));
      const [node, offset] = spot(from + wanted.length - 1);
      range.setEnd(node, Math.min(offset + 1, node.length));
      found.push(range);
    }
    return found;
  }

  function search() {
    const wanted = query.value.trim().toLowerCase();
    matches = [];
    elsewhere = [];
    at = -1;
    if (wanted.length > 1)
      for (const [number, card] of cards) {
        if (!card.textContent.toLowerCase().includes(wanted)) continue;
        if (!way.has(number)) elsewhere.push(number);
        else if (matches.length < MOST) matches.push(...rangesIn(card, wanted));
      }
    matches.sort((one, other) => one.compareBoundaryPoints(Range.START_TO_START, other));
    paint();
  }

  function paint() {
    const few = matches.length < MOST ? String(matches.length) : `${MOST}+`;
    const asking = query.value.trim().length > 1;
    by("found").value = !asking ? "" : matches.length ? `${at + 1 || "–"} / ${few}` : "none";
    by("elsewhere").hidden = !elsewhere.length;
    by("elsewhere").textContent = `+${elsewhere.length} elsewhere`;
    if (!globalThis.Highlight || !CSS.highlights) return;
    CSS.highlights.set("found", new Highlight(...matches));
    CSS.highlights.set("current", new Highlight(...matches.slice(Math.max(at, 0), at < 0 ? 0 : at + 1)));
    CSS.highlights.get("current").priority = 1;
  }

  function step(by) {
    if (!matches.length) return;
    at = (at + by + matches.length) % matches.length;
    if (at < 0) at = matches.length - 1;
    const element = matches[at].startContainer.parentElement;
    for (let box = element.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    element.scrollIntoView({ block: "center" });
    paint();
  }

  let waiting = 0;
  query.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      clearTimeout(waiting);
      if (at < 0) search();
      step(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      query.value = "";
      search();
      query.blur();
    }
  });
  by("next").addEventListener("click", () => step(1));
  by("previous").addEventListener("click", () => step(-1));
  by("elsewhere").addEventListener("click", () => {
    location.hash = `e${elsewhere[0]}`;
  });
  addEventListener("keydown", (event) => {
    const writes = /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    query.focus();
  });

  // Opening and closing.
  for (const kind of ["tools", "thinking"])
    by(kind).addEventListener("click", () => {
      const selector = kind === "tools" ? "details.tool" : "details.thinking";
      const boxes = [...cards.values()].flatMap((card) => [...card.querySelectorAll(selector)]);
      const open = boxes.some((box) => !box.open);
      for (const box of boxes) box.open = open;
    });
  by("menu").addEventListener("click", () => {
    by("menu").setAttribute("aria-expanded", String(tree.classList.toggle("shown")));
  });
  by("all").addEventListener("click", () => {
    const all = tree.classList.toggle("all");
    by("all").setAttribute("aria-pressed", String(all));
    by("all").textContent = all ? "Show less" : "Show all";
  });

  // Light and dark: as the system has it until the reader chooses; browsers may refuse to remember that.
  const KEY = "pi-session-theme";
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  by("theme").addEventListener("click", () => {
    const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "")) === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem(KEY, root.dataset.theme);
    } catch {
      // it holds for this time
    }
  });

  watch();
  if (asked() >= 0) reveal(asked());
})();
