// Draws the charts of the report. All texts reach the page as text nodes or canvas text, never as HTML.
(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("data").textContent);
  var root = document.documentElement;
  var drawn = new Map();
  var MORE = 6;

  function color(name) {
    return getComputedStyle(root).getPropertyValue("--" + name).trim();
  }

  function make(tag, className, text) {
    var node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function short(value) {
    if (typeof value !== "number") return "–";
    var size = Math.abs(value);
    if (size >= 1e15 || (size && size < 1e-4)) return value.toExponential(1);
    if (size >= 10000) return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
    return new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: "min2" }).format(value);
  }

  function tipNode(title, lines) {
    var box = make("div", "tip");
    box.append(make("div", "tip-title", title));
    lines.forEach(function (line) {
      var row = make("div", "tip-row");
      if (line.mark) row.append(make("span", "tip-mark " + line.mark));
      row.append(make("span", "tip-name", line.name), make("b", "", line.value));
      box.append(row);
    });
    return box;
  }

  function seriesTip(chart, params) {
    var list = Array.isArray(params) ? params : [params];
    var first = list[0];
    var title = first.name;
    if (chart.tip === "course") {
      title = chart.option.xAxis.type === "time" ? day(first.value[0]) : short(first.value[0]);
    }
    if (chart.tip === "bins") {
      var half = chart.width / 2;
      var x = first.value[0];
      var ends = chart.option.series[0].data;
      var left = Math.max(ends[0][0], x - half);
      var right = Math.min(ends[ends.length - 1][0], x + half);
      if (first.dataIndex === 0) right = left + chart.width;
      if (first.dataIndex === ends.length - 1) left = right - chart.width;
      var say = chart.option.xAxis.type === "time" ? day : short;
      if (chart.whole) right -= 1;
      title = left === right ? say(left) : say(left) + " to " + say(right);
    }
    return tipNode(title, list.map(function (p) {
      var value = Array.isArray(p.value) ? p.value[1] : p.value;
      return { mark: p.seriesIndex ? "k-drawn" : "k-real", name: p.seriesName, value: short(value) + (bare(chart) ? "" : " %") };
    }));
  }

  function bare(chart) {
    return chart.tip === "plain" || chart.tip === "course";
  }

  function day(ms) {
    return new Date(ms).toISOString().slice(0, 16).replace("T", " ").replace(" 00:00", "");
  }

  function cellTip(chart, p) {
    if (chart.tip === "density") return tipNode("Share of rows", [{ name: "in this cell", value: short(p.value[2]) + " %" }]);
    var across = chart.option.xAxis.data[p.value[0]];
    var down = chart.option.yAxis.data[p.value[1]];
    return tipNode(across + " × " + down, [{ name: "dependence", value: short(p.value[2]) }]);
  }

  function axis(own, faint, line, percent, dense) {
    var out = Object.assign({}, own);
    var category = own.type === "category";
    out.axisLine = { show: category, lineStyle: { color: line } };
    out.axisTick = { show: false };
    out.splitLine = { show: !category && percent !== null, lineStyle: { color: line } };
    out.axisLabel = { color: faint, fontSize: 11, hideOverlap: true };
    if (category) {
      out.axisLabel.width = 104;
      out.axisLabel.overflow = "truncate";
      if (dense) out.axisLabel.interval = 0;
    } else if (own.type === "value") {
      out.axisLabel.formatter = function (v) { return short(v) + (percent ? " %" : ""); };
      out.splitNumber = percent ? 3 : 4;
      if (percent) out.max = function (range) { return range.max > 80 ? 100 : null; };
    }
    return out;
  }

  function dressed(chart, box) {
    var real = color("real"), synthetic = color("drawn"), faint = color("faint"), line = color("line"), ink = color("ink");
    var source = chart.option;
    var heat = source.series[0].type === "heatmap";
    var option = {
      animation: false,
      useUTC: true,
      color: [real, synthetic],
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
      grid: { left: 2, right: 14, top: 10, bottom: 2, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      aria: { enabled: false },
      tooltip: {
        trigger: heat ? "item" : "axis",
        renderMode: "html",
        appendTo: function () { return document.body; },
        confine: true,
        padding: 0,
        borderWidth: 0,
        backgroundColor: "transparent",
        extraCssText: "box-shadow:none;z-index:20",
        transitionDuration: 0,
        axisPointer: { type: chart.tip === "bins" || chart.tip === "course" ? "line" : "shadow", lineStyle: { color: faint }, shadowStyle: { color: color("hover") } },
        formatter: function (p) { return heat ? cellTip(chart, p) : seriesTip(chart, p); }
      }
    };
    if (heat) return heatmap(option, chart, box, faint, line);
    var lying = source.yAxis.type === "category";
    var unit = !bare(chart);
    option.xAxis = axis(source.xAxis, faint, line, lying ? unit : null, !lying && chart.rows <= 12);
    option.yAxis = axis(source.yAxis, faint, line, lying ? null : unit, lying);
    option.series = source.series.map(function (s, k) {
      var tone = k ? synthetic : real;
      var out = Object.assign({}, s);
      if (s.type === "line") {
        out.lineStyle = { width: k ? 2 : 1, color: tone };
        out.itemStyle = { color: tone };
        out.emphasis = { disabled: true };
        if (s.areaStyle) out.areaStyle = { color: tone, opacity: 0.28 };
      } else {
        out.itemStyle = { color: tone, borderRadius: lying ? [0, 3, 3, 0] : [3, 3, 0, 0], opacity: k || s.label ? 1 : 0.75 };
        out.barGap = "0%";
        out.barCategoryGap = "28%";
        out.barMaxWidth = 22;
        if (s.label) {
          out.label = { show: true, position: "right", color: ink, fontSize: 12, formatter: function (p) { return short(p.value); } };
        }
      }
      return out;
    });
    if (bare(chart)) {
      option.legend = { left: 0, top: 0, textStyle: { color: faint }, itemWidth: 12, itemHeight: 12, icon: "roundRect" };
      option.grid.top = 34;
      option.grid.right = 48;
    }
    return option;
  }

  function heatmap(option, chart, box, faint, line) {
    var source = chart.option;
    var count = source.xAxis.data.length;
    var labels = chart.tip === "pair";
    var width = box.clientWidth < 420 ? 74 : 92;
    [["xAxis", 50], ["yAxis", 0]].forEach(function (pair) {
      option[pair[0]] = Object.assign({}, source[pair[0]], {
        axisLine: { show: false },
        axisTick: { show: false },
        splitArea: { show: false },
        axisLabel: {
          show: labels,
          color: faint,
          fontSize: count > 30 ? 8 : 10,
          width: width,
          overflow: "truncate",
          rotate: pair[1],
          interval: count <= 36 ? 0 : "auto"
        }
      });
    });
    var ramp = [0, 1, 2, 3, 4].map(function (k) { return color(chart.scale + k); });
    option.grid.bottom = 44;
    option.grid.right = 4;
    option.visualMap = Object.assign({}, source.visualMap, {
      type: "continuous",
      orient: "horizontal",
      left: "center",
      bottom: 0,
      itemWidth: 8,
      itemHeight: 120,
      precision: 2,
      text: [labels ? short(source.visualMap.max) : "≥ " + short(source.visualMap.max) + " %", short(source.visualMap.min)],
      textStyle: { color: faint, fontSize: 11 },
      inRange: { color: ramp }
    });
    option.series = source.series.map(function (s) {
      return Object.assign({}, s, {
        itemStyle: { borderColor: color("card"), borderWidth: labels && count <= 40 ? 1 : 0 },
        emphasis: { itemStyle: { borderColor: color("ink"), borderWidth: 1 } }
      });
    });
    return option;
  }

  function draw(box, chart) {
    var old = drawn.get(box);
    if (old) old.instance.dispose();
    box.replaceChildren();
    var instance = echarts.init(box, null, { renderer: "canvas" });
    instance.setOption(dressed(chart, box));
    if (root.dataset.paper) {
      // Several layers of canvas, some painted in later frames, do not come out on paper: print one picture.
      var picture = instance.renderToCanvas({ pixelRatio: 2, backgroundColor: color("card") });
      picture.removeAttribute("style");
      picture.className = "paper";
      box.append(picture);
    }
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", chart.text || "chart");
    drawn.set(box, { instance: instance, chart: chart });
  }

  var sizes = new ResizeObserver(function (entries) {
    entries.forEach(function (entry) {
      var known = drawn.get(entry.target);
      if (known) known.instance.resize();
    });
  });

  function place(box, chart) {
    draw(box, chart);
    sizes.observe(box);
  }

  function forget(box) {
    sizes.unobserve(box);
    if (drawn.has(box)) drawn.get(box).instance.dispose();
    drawn.delete(box);
  }

  function redraw() {
    drawn.forEach(function (known, box) { draw(box, known.chart); });
  }

  document.querySelectorAll("[data-chart]").forEach(function (box) {
    var path = box.dataset.chart.split(".");
    var chart = (data[path[0]] || {})[path[1]];
    if (!chart) return;
    if (path[0] === "learning") box.style.height = 64 + 58 * chart.rows + "px";
    place(box, chart);
  });

  var tiles = document.getElementById("tiles");
  if (tiles) columns();

  function columns() {
    var find = document.getElementById("find");
    var order = document.getElementById("order");
    var more = document.getElementById("more");
    var found = document.getElementById("found");
    var limit = MORE;

    function show() {
      var words = find.value.trim().toLowerCase();
      var list = data.columns.filter(function (c) { return c.name.toLowerCase().includes(words); });
      if (order.value === "error") list.sort(function (a, b) { return b.error - a.error; });
      if (order.value === "name") list.sort(function (a, b) { return a.name.localeCompare(b.name); });
      tiles.querySelectorAll(".chart").forEach(forget);
      tiles.replaceChildren();
      list.slice(0, limit).forEach(function (chart) {
        var tile = make("figure", "tile");
        var head = make("figcaption");
        var name = make("bdi", "", chart.name);
        name.title = chart.name;
        head.append(name, make("span", "faint", chart.head || Number(chart.error.toPrecision(3)) + " % error"));
        var box = make("div", "chart");
        tile.append(head, box);
        if (chart.note) tile.append(make("p", "note", chart.note));
        tiles.append(tile);
        place(box, chart);
      });
      more.hidden = list.length <= limit;
      more.textContent = "Show more columns (" + (list.length - limit) + ")";
      found.textContent = words ? list.length + " of " + data.columns.length + " columns" : "";
    }

    find.addEventListener("input", function () { limit = MORE; show(); });
    order.addEventListener("change", show);
    more.addEventListener("click", function () { limit += 12; show(); });
    show();
  }

  document.querySelectorAll("table.sortable").forEach(function (table) {
    var body = table.tBodies[0];
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, k) {
      if (head.classList.contains("still")) return;
      var button = make("button", "sort", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var numeric = head.classList.contains("num");
        var value = function (row) {
          var text = row.cells[k].textContent.trim();
          var n = parseFloat(text.replace(/,/g, ""));
          return numeric ? (isNaN(n) ? -1 : n) : text.toLowerCase();
        };
        Array.from(body.rows)
          .map(function (row) { return [value(row), row]; })
          .sort(function (a, b) { return (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0) * (down ? -1 : 1); })
          .forEach(function (pair) { body.append(pair[1]); });
      });
    });
  });

  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.addEventListener("beforeprint", function () {
    // Paper has a width of its own: lay out for it, then draw again.
    root.dataset.theme = "light";
    root.dataset.paper = "yes";
    redraw();
    document.querySelectorAll("details").forEach(function (d) { d.dataset.was = d.open ? "open" : ""; d.open = true; });
  });
  window.addEventListener("afterprint", function () {
    delete root.dataset.theme;
    delete root.dataset.paper;
    document.querySelectorAll("details").forEach(function (d) { d.open = d.dataset.was === "open"; });
    redraw();
  });
})();
