/* The payout that the address names (#p…): its explanation, from the scripts of its agreement. Figures stay text: they are never turned into floats. */
(function () {
  "use strict";
  var meta = JSON.parse(document.getElementById("meta").textContent), list = document.getElementById("list"), place = document.getElementById("payout"), title = document.title;
  var make = report.make, FACTORS = ["tier", "quantity", "multiply", "require", "prorate", "part"], STATUS = { open: "the window is still running, the amount may change", final: "the window has ended", closed: "its period is closed", blocked: "something it needs is missing" };

  /* "1234.5" → "1,234.50"; at most `most` decimals (ties to the even digit, as explain rounds), at least `least` */
  function number(value, least, most) {
    if (value === null || value === undefined) return "–";
    var found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(value), whole = found[2], part = found[3] || "";
    if (most !== undefined && part.length > most) {
      var kept = BigInt(whole + part.slice(0, most)), rest = part.slice(most), isTie = /^50*$/.test(rest);
      var rounded = String(kept + (isTie ? kept % 2n : rest[0] >= "5" ? 1n : 0n)).padStart(most + 1, "0");
      whole = most ? rounded.slice(0, -most) : rounded; part = most ? rounded.slice(-most) : "";
    }
    part = part.replace(/0+$/, "").padEnd(least || 0, "0");
    var sign = /^0*$/.test(whole + part) ? "" : found[1];
    return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? "." + part : "");
  }
  function money(value, currency) { return value === null || value === undefined ? "–" : number(value, currency in meta.minorUnits ? meta.minorUnits[currency] : 2, 4) + " " + currency; }
  function percent(value) {
    if (value === null || value === undefined) return "–";
    var sign = value[0] === "-" ? "-" : "", parts = value.replace("-", "").split("."), part = (parts[1] || "").padEnd(2, "0"), whole = (parts[0] + part.slice(0, 2)).replace(/^0+(?=\d)/, "");
    return number(sign + whole + (part.length > 2 ? "." + part.slice(2) : ""), 0, 2) + " %";
  }
  function inUnit(value, unit, currency) { return unit === "money" ? money(value, currency) : unit === "percent" ? percent(value) : number(value, 0, 6); }

  function put(node, text) { var found = /^(.*\d) ([A-Z]{3}|%)$/.exec(text); if (found) { node.append(found[1] + " "); node.appendChild(make("i", found[2])); } else node.textContent = text; return node; }
  function pairs(rows, kind) { var dl = make("dl", undefined, kind); rows.forEach(function (row) { var div = make("div"), dd = make("dd"); div.appendChild(make("dt", row[0])); if (row[1] instanceof Node) dd.appendChild(row[1]); else put(dd, row[1]); div.appendChild(dd); dl.appendChild(div); }); return dl; }
  function table(name, heads, rows, right, kind) {
    var box = make("div", undefined, "table"), scroll = make("div", undefined, "scroll"), node = make("table", undefined, kind || ""), head = node.createTHead().insertRow(), body = node.createTBody();
    box.setAttribute("data-name", name);
    scroll.tabIndex = 0;
    heads.forEach(function (text, n) { var th = make("th", text, right.indexOf(n) >= 0 ? "number" : "text"); th.scope = "col"; head.appendChild(th); });
    rows.forEach(function (row) { var tr = body.insertRow(); row.forEach(function (cell, n) { var td = tr.insertCell(); if (right.indexOf(n) >= 0) { td.className = "number"; put(td, cell); } else if (cell instanceof Node) td.appendChild(cell); else td.textContent = cell; }); });
    scroll.appendChild(node); box.appendChild(scroll);
    report.enhance(box);
    return box;
  }
  function section(name) { var node = make("section"); node.appendChild(make("h2", name)); Array.from(arguments).slice(1).forEach(function (each) { if (each) node.appendChild(each); }); return node; }

  function stepUnit(benefit, step, formula) { return step === "axis" ? benefit.axes[formula] || "count" : benefit.steps[step] || "money"; }
  function readable(text) { return (text || "").replace(/(?<![\w.\-])-?(?:\d{4,}(?:\.\d+)?|\d+\.\d{7,})(?![\w\-])/g, function (found) { return number(found, 0, 6); }); }
  function fileName(path) { return path ? path.split("/").pop() : "–"; }

  function explain(id, p) {
    var benefit = meta.benefits[p.b] || { steps: {}, axes: {}, clause: "", note: "" }, cur = p.cur, who = p.name || p.who, parts = [];
    var head = make("header", undefined, "head payout-head"), left = make("div"), crumbs = make("p", undefined, "crumbs");
    crumbs.append(report.link("Agreements", "agreements/index.html"), report.link(place.dataset.id, place.dataset.agreement), Object.assign(make("a", "Payouts"), { href: "#" }));
    left.append(crumbs, make("h1", p.dir === "receivable" ? who + " owes us" : "We owe " + who), make("p", "Clause " + benefit.clause + " · " + place.dataset.title + " · " + p.win[0] + " to " + p.win[1], "lead"));
    head.append(left, put(make("p", undefined, "total"), money(p.payout, cur)));
    parts.push(head);
    if (p.status === "blocked") {
      var box = make("div", undefined, "callout"), missing = (p.steps || []).filter(function (s) { return s[0] === "blocked"; }).map(function (s) { return s[2] || s[1]; }).join("; ");
      box.append(make("b", "Blocked: " + (missing || p.why)), make("p", meta.waysOut[p.why] || ""));
      parts.push(box);
    }
    var sums = [["Payout", money(p.payout, cur)]];
    if (+p.adjusted) sums.push(["Adjusted", money(p.adjusted, cur)], ["Payable", money(p.payable, cur)]);
    sums.push(["Released", money(p.released, cur)]);
    if (+p.held) sums.push(["Held", money(p.held, cur)]);
    parts.push(pairs(sums.concat([["Settled", money(p.settled, cur)], ["Open", money(p.open, cur)], ["Due", p.due || "waits"]]), "figures"));
    if (benefit.quote) { var quote = make("blockquote", benefit.quote); quote.style.marginTop = "24px"; parts.push(quote); }

    var person = report.link(who === p.who ? who : who + " (" + p.who + ")", p.page), facts = [["Participant", person], ["Status", p.status + ": " + (STATUS[p.status] || "") + (p.why ? " (" + p.why.replace(/_/g, " ") + ")" : "")]];
    if (p.win[2] !== p.win[0]) facts.push(["Measured from", p.win[2]]);
    facts.push(["Measure", inUnit(p.measure, benefit.measureUnit, cur)]);
    if (benefit.base !== "measure" && p.base !== null) facts.push(["Base", inUnit(p.base, benefit.baseUnit, cur)]);
    if (p.quantity !== null) facts.push(["Quantity", number(p.quantity, 0, 6)]);
    [["target", "Target", benefit.measureUnit], ["baseline", "Baseline", benefit.measureUnit], ["incentive", "Incentive", "money"]].forEach(function (each) { if (p[each[0]] !== null) facts.push([each[1], inUnit(p[each[0]], each[2], cur)]); });
    if (p.axis !== null && benefit.axis !== "measure") facts.push(["Place (" + String(benefit.axis).replace(/_/g, " ") + ")", inUnit(p.axis, benefit.axisUnit, cur)]);
    facts.push(["Tier", p.tier ? String(p.tier) : p.tier === 0 ? "none reached" : "–"]);
    if (p.multiplier !== null && p.multiplier !== "1") facts.push(["Multiplier", number(p.multiplier, 0, 6)]);
    if (p.gate !== null && p.gate !== "1") facts.push(["Gates let through", percent(p.gate)]);
    if (p.earned !== p.payout) facts.push(["Earned in the span", money(p.earned, cur)]);
    if (p.prior && p.prior !== "0") facts.push(["Earned before", money(p.prior, cur)]);
    if (p.carried && p.carried !== "0") facts.push(["Still to set off", money(p.carried, cur)]);
    if (p.reporting !== null && p.reporting !== p.payout) facts.push(["Reported", number(p.reporting, 2, 4)]);
    if (p.waiting && p.waiting !== "0") facts.push(["Not due yet", money(p.waiting, cur)]);
    if (p.writtenOff && p.writtenOff !== "0") facts.push(["Written off", money(p.writtenOff, cur)]);
    if (p.status === "open" && p.ahead) {
      facts.push(["Days", p.ahead[0] + " of " + p.ahead[1]]);
      if (p.ahead[3] !== null) facts.push(["Next tier", "from " + inUnit(p.ahead[2], benefit.axisUnit, cur) + ", " + inUnit(p.ahead[3], benefit.measureUnit, cur) + " to go"]);
      if (p.ahead[4] !== null) facts.push(["Forecast", inUnit(p.ahead[4], benefit.measureUnit, cur) + ", tier " + p.ahead[5]]);
    }
    facts.push(["Payout id", make("code", id)]);
    parts.push(section("Figures", pairs(facts, "pairs")));

    var steps = (p.steps || []).map(function (s) { return [s[0].replace(/_/g, " "), s[1], readable(s[2]), inUnit(s[3], stepUnit(benefit, s[0], s[1]), cur)]; });
    parts.push(section("Calculation", make("p", benefit.note ? benefit.note[0].toUpperCase() + benefit.note.slice(1) + "." : "", "note"), picture(p, benefit, cur), table("calculation-" + id.slice(0, 9), ["Step", "Formula", "With", "Result"], steps, [3], "steps")));

    if (p.lines) {
      var rows = p.lines.map(function (l) {
        return [l[0] || "–", l[1] || "–", named(l[2], l[3]), named(l[4], l[5]), l[6] === null ? "–" : money(l[6], l[7] || cur), l[9] === null ? "–" : l[9], inUnit(l[10], benefit.lineUnit, cur), money(l[11], cur),
          l[12] ? fileName(l[12]) + ", " + (l[14] ? (/\.xlsx$/i.test(l[12]) ? "sheet row " : "line ") + number(l[14]) : "row " + number(l[13])) : "–"];
      });
      var all = rows.length === p.lineCount, sum = make("div", undefined, "sum"), lines = table("lines-" + id.slice(0, 9), ["Date", "Transaction", "Partner", "Product", "Amount", "Tier", "Credited", "Share", "File and line"], rows, [4, 5, 6, 7], "lines");
      sum.append(make("span", "Sum of all " + number(String(p.lineCount)) + " shares"), put(make("span"), money(p.payout, cur)));
      lines.appendChild(sum);
      parts.push(section("Lines", make("p", all ? "One row per line and tier; the shares add up to the payout." : "The " + number(String(rows.length)) + " largest shares of " + number(String(p.lineCount)) + " rows. All of them: tierledger explain " + id.slice(0, 12) + " --lines " + p.lineCount, "note"), lines));
    }
    if (p.files) parts.push(section("Files", table("files-" + id.slice(0, 9), ["File", "Lines", "Share"], p.files.map(function (f) { return [f[0] || "no transaction", number(f[1]), money(f[2], cur)]; }), [1, 2])));
    if (p.accruals) parts.push(section("Accruals", table("accruals-" + id.slice(0, 9), ["Period", "Accrued", "To date", "State"], p.accruals.map(function (a) { return [a[0], money(a[1], cur), money(a[2], cur), a[3]]; }), [1, 2])));
    if (p.releases && p.releases.length > 1) parts.push(section("Paid in parts", table("parts-" + id.slice(0, 9), ["Due", "Part", "Amount", "Settled", "State"], p.releases.map(function (r) { return [r[0] || "waits", percent(r[1]), money(r[2], cur), money(r[3], cur), r[4]]; }), [1, 2, 3])));
    if (p.payments) parts.push(section("Payments", table("payments-" + id.slice(0, 9), ["Paid on", "Reference", "Paid", "Settles", "Exchange difference"], p.payments.map(function (e) { return [e[0], e[1], money(e[2], e[3]), money(e[4], cur), e[5] === null ? "–" : number(e[5], 2, 4)]; }), [2, 3, 4])));
    if (p.disputes) parts.push(section("Disputed", table("disputes-" + id.slice(0, 9), ["Dispute", "Raised", "By", "Amount", "Of", "Component", "Reason", "State", "Note"], p.disputes.map(function (d) { return [d[0], d[1], d[2], d[3] === null ? "–" : money(d[3], cur), d[4] || "the payout", d[5] || "–", d[6], d[7].replace(/_/g, " ") + (d[8] ? " on " + d[8] : ""), d[9] || ""]; }), [3])));
    place.replaceChildren.apply(place, parts);
    document.title = (p.name || p.who) + ", " + money(p.payout, cur) + " · " + title;
  }
  function named(id, name) { return id === null ? "–" : name && name !== id ? id + " " + name : id; }

  function picture(p, benefit, cur) {
    var found = document.querySelector('template[data-curve="' + CSS.escape(p.b) + '"]');
    if (!found) return null;
    var box = make("div", undefined, "picture"), svg = found.content.firstElementChild.cloneNode(true), low = Number(found.dataset.low), high = Number(found.dataset.high);
    box.tabIndex = 0;
    box.appendChild(svg);
    if (found.dataset.low && p.axis !== null) {
      var space = "http://www.w3.org/2000/svg", bounds = svg.viewBox.baseVal, at = 66 + Math.max(0, Math.min(1, (Number(p.axis) - low) / (high - low))) * (bounds.width - 66 - 32), line = document.createElementNS(space, "line"), text = document.createElementNS(space, "text");
      line.setAttribute("class", "here"); line.setAttribute("x1", at); line.setAttribute("x2", at); line.setAttribute("y1", 33); line.setAttribute("y2", bounds.height - 42);
      text.setAttribute("class", "here-text"); text.setAttribute("x", at); text.setAttribute("y", 25); text.setAttribute("text-anchor", at > bounds.width - 110 ? "end" : at < 130 ? "start" : "middle"); text.textContent = "here: " + inUnit(p.axis, benefit.axisUnit, cur);
      svg.append(line, text);
    }
    return box;
  }

  function show() {
    var id = location.hash.slice(1), is = /^p[0-9a-f]{20}$/.test(id);
    list.hidden = is; place.hidden = !is;
    if (!is) { document.title = title; return; }
    var name = meta.scripts + "." + (id.slice(1, 1 + meta.digits) || "0") + ".js";
    place.replaceChildren(make("p", "Loading …", "lead"));
    report.load(name, function (data) {
      if (data[id]) explain(id, data[id]);
      else place.replaceChildren(make("h1", "There is no such payout"), make("p", "The newest report has no payout " + id + " in this agreement.", "lead"));
      window.scrollTo(0, 0);
    });
  }
  window.addEventListener("hashchange", show);
  document.addEventListener("DOMContentLoaded", show);
})();
