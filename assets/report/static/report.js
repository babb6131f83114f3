/* What a page does besides being read: sorting, filtering and saving tables, search, the choice of colours. Works from a disk: data comes in classic scripts. */
(function () {
  "use strict";
  var root = document.documentElement, base = root.getAttribute("data-root"), waiting = {}, ROWS = 150;

  /* a script hands over its data by name */
  window.tierledger = function (name, data) { (waiting[name] || []).forEach(function (done) { done(data); }); waiting[name] = { push: function (done) { done(data); } }; };
  function load(name, done) {
    if (waiting[name]) { waiting[name].push(done); return; }
    waiting[name] = [done];
    var script = document.createElement("script");
    script.charset = "utf-8";
    script.src = base + name.split("/").map(encodeURIComponent).join("/");
    document.head.appendChild(script);
  }
  function make(tag, text, kind) { var node = document.createElement(tag); if (text !== undefined) node.textContent = text; if (kind) node.className = kind; return node; }
  function link(text, href) { var node = make("a", text); node.href = base + href; return node; }
  window.report = { load: load, make: make, link: link, base: base, enhance: enhance };

  /* colours */
  function chosen() { try { return localStorage.getItem("tierledger-theme"); } catch (error) { return null; } }
  function choose(theme) { if (theme) root.setAttribute("data-theme", theme); else root.removeAttribute("data-theme"); }
  choose(chosen());

  /* numbers as text: never floats, so that long amounts sort right */
  var NUMBER = /^[+]?(-?)([\d,]+)(?:\.(\d+))?(?: (\S+))?$/;
  function order(a, b) {
    var x = NUMBER.exec(a), y = NUMBER.exec(b);
    if (!x || !y) return x ? -1 : y ? 1 : a.localeCompare(b, "en", { numeric: true });
    if (x[1] !== y[1]) return x[1] ? -1 : 1;
    var p = x[2].replace(/,/g, "").replace(/^0+/, ""), q = y[2].replace(/,/g, "").replace(/^0+/, ""), f = x[3] || "", g = y[3] || "", size = Math.max(f.length, g.length), found;
    if (p.length !== q.length) found = p.length - q.length;
    else { p += f + "0".repeat(size - f.length); q += g + "0".repeat(size - g.length); found = p < q ? -1 : p > q ? 1 : 0; }
    return x[1] ? -found : found;
  }
  function counted(rows) { return rows.toLocaleString("en") + (rows === 1 ? " row" : " rows"); }
  function words(cell) { return typeof cell === "string" ? cell : cell[0]; }
  function all(cell) { return typeof cell === "string" ? cell : cell[0] + " " + (cell[2] || ""); }

  function fill(node, cell, kind) {
    var text = words(cell), found;
    if (kind) node.className = kind;
    if (typeof cell !== "string") { node.appendChild(link(text, cell[1])); if (cell[2]) { node.append(" "); node.appendChild(make("small", cell[2])); } }
    else if (kind === "status") node.appendChild(make("span", text, "badge " + text.split(" ")[0].toLowerCase().replace(/[^a-z]/g, "")));
    else if (kind === "code") node.appendChild(make("code", text));
    else if (kind === "number" && (found = /^(.*\d) ([A-Z]{3}|%)$/.exec(text))) { node.append(found[1] + " "); node.appendChild(make("i", found[2])); }
    else node.textContent = text;
  }

  /* a table: its rows are in the page, and all rows of a long one in a script */
  function enhance(box) {
    var table = box.querySelector("table"), heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[0], kinds = heads.map(function (head) { return head.className; });
    var labels = heads.map(function (head) { return head.textContent; }), script = box.getAttribute("data-script"), total = Number(box.getAttribute("data-count")) || body.rows.length;
    var rows = Array.from(body.rows).map(function (row) {
      return { id: row.id, node: row, cells: Array.from(row.cells).map(function (cell) { var a = cell.querySelector("a"), more = cell.querySelector("small"); return a ? [a.textContent, a.getAttribute("href").slice(base.length), more ? more.textContent : ""] : cell.textContent.trim(); }) };
    });
    var shown = rows, by = -1, down = false, page = 0, asked = "", box_ready = !script, turn = null, count = make("span");
    function complete(then) {
      if (box_ready) { then(); return; }
      load(script, function (data) { rows = data.rows.map(function (cells, n) { return { id: data.ids[n], cells: cells }; }); box_ready = true; then(); });
    }
    function row_node(row) {
      if (row.node) return row.node;
      row.node = make("tr");
      if (row.id) row.node.id = row.id;
      row.cells.forEach(function (cell, n) { var node = make("td"); fill(node, cell, kinds[n] === "text" ? "" : kinds[n]); row.node.appendChild(node); });
      return row.node;
    }
    function draw() {
      var needles = asked.toLowerCase().split(/\s+/).filter(Boolean);
      shown = needles.length ? rows.filter(function (row) { var text = row.cells.map(all).join(" ").toLowerCase(); return needles.every(function (needle) { return text.indexOf(needle) >= 0; }); }) : rows.slice();
      if (by >= 0) shown.sort(function (a, b) { var x = words(a.cells[by]), y = words(b.cells[by]), none = (x === "–") - (y === "–"); return none || (down ? -order(x, y) : order(x, y)); });
      var pages = Math.max(Math.ceil(shown.length / ROWS), 1);
      page = Math.min(page, pages - 1);
      body.replaceChildren.apply(body, shown.slice(page * ROWS, page * ROWS + ROWS).map(row_node));
      count.textContent = shown.length === rows.length ? counted(rows.length) : shown.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en");
      if (turn) { turn.hidden = pages < 2; turn.firstChild.textContent = "Page " + (page + 1) + " of " + pages; turn.children[1].disabled = page === 0; turn.children[2].disabled = page === pages - 1; }
    }
    function again() { complete(draw); }
    heads.forEach(function (head, n) {
      var button = make("button", labels[n]);
      button.type = "button";
      button.onclick = function () {
        if (by === n) down = !down; else { by = n; down = kinds[n] === "number"; }
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        page = 0;
        again();
      };
      head.replaceChildren(button);
    });
    var tools = make("div", undefined, "tools"), save = make("button", "CSV");
    save.type = "button"; save.title = "Save the rows shown as CSV";
    save.onclick = function () { complete(function () { draw(); save_csv(box.getAttribute("data-name"), labels, kinds, shown); }); };
    if (total > 8) {
      var input = make("input");
      input.type = "search"; input.placeholder = "Filter"; input.setAttribute("aria-label", "Filter the rows");
      input.oninput = function () { asked = input.value; page = 0; again(); };
      tools.appendChild(input);
    }
    else { tools.appendChild(make("span", "", "grow")).style.flex = "1"; }
    count.textContent = counted(total);
    tools.appendChild(count); tools.appendChild(save);
    box.insertBefore(tools, box.firstChild);
    var pager = box.querySelector(".pager");
    if (script) {
      if (pager) pager.remove();
      turn = make("div", undefined, "turn");
      turn.appendChild(make("span", "Page 1 of " + Math.ceil(total / ROWS)));
      [["Previous", -1], ["Next", 1]].forEach(function (each) { var button = make("button", each[0]); button.type = "button"; button.onclick = function () { complete(function () { page += each[1]; draw(); box.scrollIntoView({ block: "start" }); }); }; turn.appendChild(button); });
      turn.children[1].disabled = true;
      box.appendChild(turn);
    }
  }

  /* amounts without separators, their currency in a column of its own; text that a spreadsheet would run begins with ' */
  function save_csv(name, labels, kinds, rows) {
    function quoted(text) { if (/^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]+$/.test(text)) text = "'" + text; return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text; }
    var head = [], lines = [], units = labels.map(function (label, n) { return kinds[n] === "number" && rows.some(function (row) { return NUMBER.exec(words(row.cells[n])) && NUMBER.exec(words(row.cells[n]))[4]; }); });
    var more = labels.map(function (label, n) { return rows.some(function (row) { return typeof row.cells[n] !== "string" && row.cells[n][2]; }); });
    labels.forEach(function (label, n) { head.push(label); if (units[n]) head.push(label + " unit"); if (more[n]) head.push(label + " id"); });
    rows.forEach(function (row) {
      var line = [];
      row.cells.forEach(function (cell, n) {
        var text = words(cell), found = kinds[n] === "number" && NUMBER.exec(text);
        line.push(found ? found[1] + found[2].replace(/,/g, "") + (found[3] ? "." + found[3] : "") : text === "–" ? "" : text);
        if (units[n]) line.push(found && found[4] ? found[4] : "");
        if (more[n]) line.push(typeof cell === "string" ? "" : cell[2] || cell[0]);
      });
      lines.push(line.map(quoted).join(","));
    });
    var href = URL.createObjectURL(new Blob(["\ufeff" + [head.map(quoted).join(",")].concat(lines).join("\r\n") + "\r\n"], { type: "text/csv" })), a = make("a");
    a.href = href; a.download = name + ".csv"; a.click();
    setTimeout(function () { URL.revokeObjectURL(href); }, 1000);
  }

  /* search over agreements, participants and payout ids */
  function search_box() {
    var dialog = make("dialog"), input = make("input"), list = make("ul"), hint = make("p", "Type the name or id of an agreement, a participant or a payout."), at = 0;
    input.type = "search"; input.placeholder = "Search"; input.setAttribute("aria-label", "Search agreements, participants and payouts");
    dialog.append(input, list, hint);
    document.body.appendChild(dialog);
    function show(found) {
      at = 0;
      list.replaceChildren.apply(list, found.map(function (each) { var item = make("li"), a = link(each[2] || each[1], each[3]); if (each[2] && each[2] !== each[1]) a.appendChild(make("small", each[1])); a.appendChild(make("span", each[0])); a.onclick = function () { dialog.close(); }; item.appendChild(a); return item; }));
      hint.hidden = found.length > 0;
      hint.textContent = input.value ? "Nothing is called so." : "Type the name or id of an agreement, a participant or a payout.";
      mark(0);
    }
    function mark(to) { var items = list.children; if (!items.length) return; at = (to + items.length) % items.length; Array.from(items).forEach(function (item, n) { item.className = n === at ? "on" : ""; }); items[at].scrollIntoView({ block: "nearest" }); }
    input.oninput = function () {
      var needles = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      if (!needles.length) { show([]); return; }
      load("data/search.js", function (names) {
        var found = names.filter(function (each) { var text = (each[1] + " " + each[2]).toLowerCase(); return needles.every(function (needle) { return text.indexOf(needle) >= 0; }); }).slice(0, 30);
        if (/^p[0-9a-f]{3,}$/.test(needles[0])) load("data/payout-ids.js", function (pages) {
          Object.keys(pages).forEach(function (page) { for (var n = 0; n < pages[page].length && found.length < 30; n += 21) if (pages[page].substr(n, needles[0].length) === needles[0]) found.push(["payout", pages[page].substr(n, 21), "", page + "#" + pages[page].substr(n, 21)]); });
          show(found);
        });
        else show(found);
      });
    };
    dialog.onkeydown = function (event) {
      if (event.key === "ArrowDown") { mark(at + 1); event.preventDefault(); }
      else if (event.key === "ArrowUp") { mark(at - 1); event.preventDefault(); }
      else if (event.key === "Enter" && list.children[at]) { list.children[at].firstChild.click(); event.preventDefault(); }
    };
    dialog.onclick = function (event) { if (event.target === dialog) dialog.close(); };
    return function () { dialog.showModal(); input.select(); show([]); if (input.value) input.oninput(); };
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll(".table[data-name]").forEach(enhance);
    var side = document.querySelector("aside"), open = search_box(), find = make("button", "Search", "find"), theme = make("button", "", "theme");
    find.type = theme.type = "button";
    find.appendChild(make("kbd", "/"));
    find.onclick = open;
    side.insertBefore(find, side.children[1]);
    function name() { theme.textContent = "Theme: " + (chosen() || "auto"); }
    theme.onclick = function () { var next = { dark: null, light: "dark" }[chosen()]; if (next === undefined) next = "light"; try { if (next) localStorage.setItem("tierledger-theme", next); else localStorage.removeItem("tierledger-theme"); } catch (error) { return; } choose(next); name(); };
    name();
    side.appendChild(theme);
    /* keys: / searches, j and k walk the rows of the first table, Enter opens */
    document.addEventListener("keydown", function (event) {
      if ((event.target.closest && event.target.closest("input, dialog, textarea")) || event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.key === "/") { open(); event.preventDefault(); return; }
      var rows = Array.from(document.querySelectorAll(".table tbody tr")).filter(function (row) { return row.offsetParent; }), at = rows.findIndex(function (row) { return row.classList.contains("on"); });
      if ((event.key === "j" || event.key === "k") && rows.length) {
        if (at >= 0) rows[at].classList.remove("on");
        at = Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)));
        rows[at].classList.add("on");
        rows[at].scrollIntoView({ block: "nearest" });
      } else if (event.key === "Enter" && at >= 0 && event.target === document.body) { var a = rows[at].querySelector("a"); if (a) a.click(); }
    });
    window.addEventListener("beforeprint", function () { document.querySelectorAll("details").forEach(function (each) { each.open = true; }); });
  });
})();
