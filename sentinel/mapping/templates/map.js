"use strict";
(() => {
  const svg = document.getElementById("map");
  const view = document.getElementById("view");
  const tip = document.getElementById("tip");
  const [W, H] = [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height];
  const longest = Number(svg.dataset.longest);
  let k = 1, tx = 0, ty = 0, round = "0";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const numbers = (text) => text.split(" ").map(Number);

  // The geometry of sentinel/mapping/curves.py, at the present zoom.
  function curve(x0, y0, x1, y1, gap0, gap1, width, unit) {
    const dx = x1 - x0, dy = y1 - y0, length = Math.hypot(dx, dy) || 1e-9;
    const bend = 0.10 + 0.10 * Math.min(1, length / longest);
    const cx = (x0 + x1) / 2 - bend * dy, cy = (y0 + y1) / 2 + bend * dx;
    const half = Math.max(2.6, 1.15 * width) * unit;
    const head = Math.min(Math.max(5 * unit, 1.9 * half), 0.6 * Math.max(length - gap0 - gap1, 0.01 * length));
    const at = (t) => [(1 - t) * (1 - t) * x0 + 2 * t * (1 - t) * cx + t * t * x1,
                       (1 - t) * (1 - t) * y0 + 2 * t * (1 - t) * cy + t * t * y1];
    const reach = (limit, px, py, up) => {
      let low = 0, high = 1;
      for (let i = 0; i < 26; i += 1) {
        const t = (low + high) / 2, [x, y] = at(t);
        const far = Math.hypot(x - px, y - py) >= limit;
        if (far === up) { high = t; } else { low = t; }
      }
      return (low + high) / 2;
    };
    const first = reach(Math.min(gap0, 0.4 * length), x0, y0, true);
    const stop = Math.min(gap1, 0.4 * length);
    const tip1 = reach(stop, x1, y1, false);
    const base = Math.max(reach(stop + head, x1, y1, false), first + 0.005);
    const blossom = (s, t) => {
      const nx = (1 - s) * x0 + s * cx, ny = (1 - s) * y0 + s * cy;
      const fx = (1 - s) * cx + s * x1, fy = (1 - s) * cy + s * y1;
      return [(1 - t) * nx + t * fx, (1 - t) * ny + t * fy];
    };
    const a = blossom(first, first), b = blossom(first, base), c = blossom(base, base);
    const p = at(Math.max(tip1, base + 0.003));
    const ux = p[0] - c[0], uy = p[1] - c[1], size = Math.hypot(ux, uy) || 1e-9;
    const nx = -uy / size * half, ny = ux / size * half;
    return [`M${a}Q${b} ${c}`, `M${c[0] + nx} ${c[1] + ny}L${p}L${c[0] - nx} ${c[1] - ny}Z`];
  }

  function scales() {
    const box = svg.getBoundingClientRect();
    // The drawing keeps its proportions inside the box.
    const s = Math.min(box.width / W, box.height / H) * k;
    const f = Math.max(0.62, Math.min(1, box.width / 860));
    return { s, f, box, unit: f / s };
  }

  function letters(group, scale) {
    const taken = [];
    const marks = all(".node:not(.off)", group).map((n) => {
      const [x, y] = numbers(n.dataset.p);
      return { x, y, r: Number(n.dataset.r) * scale.unit };
    });
    const size = 13 * Math.max(scale.f, 0.86) / scale.s;
    const show = document.querySelector("[data-switch=names]").checked;
    const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    const [x0, y0, x1, y1] = [-tx / k, -ty / k, (W - tx) / k, (H - ty) / k];
    all(".names text", group).forEach((text) => {
      const [x, y] = numbers(text.dataset.p), r = Number(text.dataset.r) * scale.unit;
      const width = 0.56 * size * text.textContent.length + 0.3 * size, height = 1.15 * size;
      const gap = r + 0.3 * size, slant = 0.75 * gap, rise = slant + height / 3;
      const places = [[gap, 0, "start"], [-gap, 0, "end"], [0, -gap - height / 2, "middle"], [0, gap + height / 2, "middle"],
        [slant, -rise, "start"], [slant, rise, "start"], [-slant, -rise, "end"], [-slant, rise, "end"]];
      if (Number(text.dataset.r) === 0) { places.unshift([0, 0, "middle"]); }
      const must = text.dataset.layer === "crossing";
      let best = null;
      if (show && !text.classList.contains("off")) {
        places.forEach(([dx, dy, side], order) => {
          const left = x + dx - (side === "end" ? width : side === "middle" ? width / 2 : 0);
          const box = [left, y + dy - height / 2, left + width, y + dy + height / 2];
          if (box[0] < x0 || box[2] > x1 || box[1] < y0 || box[3] > y1) { return; }
          if (taken.some((other) => overlap(other, box))) { return; }
          const covered = marks.filter((o) => (o.x !== x || o.y !== y) && overlap(box, [o.x - o.r, o.y - o.r, o.x + o.r, o.y + o.r])).length;
          const score = covered + 0.1 * order;
          if ((must || covered === 0) && (best === null || score < best.score)) { best = { score, dx, dy, side, box }; }
        });
      }
      text.classList.toggle("unplaced", best === null);
      ["start", "end", "middle"].forEach((side) => text.classList.toggle(side, best !== null && best.side === side));
      if (best !== null) {
        text.setAttribute("transform", `translate(${x + best.dx} ${y + best.dy}) scale(${size / 13})`);
        taken.push(best.box);
      }
    });
    const places = all(`.round[data-round="${round}"] > .place:not(.node):not(.off)`).map((p) => {
      const [x, y] = numbers(p.dataset.p), e = 12 / scale.s;
      return [x - e, y - e, x + e, y + e];
    });
    const fills = all(`.round[data-round="${round}"] > .place:not(.node):not(.off) > .area`);
    const filled = (x, y) => fills.some((fill) => fill.isPointInFill(new DOMPoint(x, y)));
    const boxes = marks.map((o) => [o.x - o.r, o.y - o.r, o.x + o.r, o.y + o.r]).concat(places);
    all(".countries text").forEach((text) => {
      const e = size / 13, half = 0.42 * size * text.textContent.length, high = 0.7 * size;
      const free = text.dataset.p.split(";").map(numbers).find(([x, y]) => {
        const box = [x - half, y - high, x + half, y + high];
        return box[0] >= x0 && box[2] <= x1 && box[1] >= y0 && box[3] <= y1
          && !taken.some((o) => overlap(o, box)) && !boxes.some((o) => overlap(o, box))
          && ![-half, -half / 2, 0, half / 2, half].some((dx) => filled(x + dx, y));
      });
      text.classList.toggle("unplaced", !free);
      if (free) {
        const [x, y] = free;
        text.setAttribute("transform", `translate(${x} ${y}) scale(${e})`);
        taken.push([x - half, y - high, x + half, y + high]);
      }
    });
  }

  // The line round symbols keeps off them at any zoom: the hull of circles about them.
  function around(points, reach) {
    const spots = points.flatMap(([x, y]) => Array.from({ length: 16 }, (_, i) =>
      [x + reach * Math.cos(i * Math.PI / 8), y + reach * Math.sin(i * Math.PI / 8)]));
    spots.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const half = (list) => list.reduce((hull, p) => {
      const turns = ([a, b]) => (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0;
      while (hull.length > 1 && !turns(hull.slice(-2))) { hull.pop(); }
      return [...hull, p];
    }, []);
    return [...half(spots), ...half([...spots].reverse())];
  }
  function outlines(group, unit) {
    all(".cluster", group).forEach((cluster) => {
      if (!cluster.dataset.points) { return; }
      const hull = around(cluster.dataset.points.split(";").map(numbers), 19 * unit);
      cluster.querySelector(".loose").setAttribute("d", `M${hull.map((p) => p.join(" ")).join("L")}Z`);
      const corner = hull.reduce((a, b) => (b[0] + b[1] < a[0] + a[1] ? b : a));
      cluster.nextElementSibling.dataset.p = corner.join(" ");
    });
  }

  function draw() {
    const scale = scales(), { unit } = scale;
    view.setAttribute("transform", `translate(${tx} ${ty}) scale(${k})`);
    svg.classList.toggle("near", k > 1.001);
    const group = document.querySelector(`.round[data-round="${round}"]`);
    all(".leg", group).forEach((leg) => {
      const [x0, y0, x1, y1] = numbers(leg.dataset.p), [r0, r1] = numbers(leg.dataset.r), w = Number(leg.dataset.w);
      const [line, head] = curve(x0, y0, x1, y1, (r0 + 1) * unit, (r1 + 2.5) * unit, w, unit);
      all(".case, .line, .hit", leg).forEach((path) => path.setAttribute("d", line));
      leg.querySelector(".head").setAttribute("d", head);
      leg.querySelector(".line").setAttribute("stroke-width", w * scale.f);
      leg.querySelector(".case").setAttribute("stroke-width", w * scale.f + 2.4);
    });
    outlines(group, unit);
    all(".node", group).forEach((node) => {
      const [x, y] = numbers(node.dataset.p);
      node.setAttribute("transform", `translate(${x} ${y}) scale(${unit})`);
    });
    all(".dots circle").forEach((dot) => dot.setAttribute("r", 1.7 * unit));
    letters(group, scale);
    const km = 0.22 * W / k * Number(svg.dataset.km);
    const power = 10 ** Math.floor(Math.log10(km));
    const nice = [5, 2, 1].map((m) => m * power).find((v) => v <= km);
    document.getElementById("bar-line").style.width = `${nice / Number(svg.dataset.km) * scale.s}px`;
    document.getElementById("bar-text").textContent = `${nice.toLocaleString("en")} km`;
    all(".legend .sized").forEach((part) => part.setAttribute("transform", `${part.dataset.at} scale(${scale.f})`));
    all(".legend .wide").forEach((line) => line.setAttribute("stroke-width", Number(line.dataset.w) * scale.f));
  }

  function place(x, y) {
    const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  }
  function move(nx, ny, nk) {
    k = Math.min(14, Math.max(1, nk));
    tx = Math.min(0, Math.max(W - W * k, nx));
    ty = Math.min(0, Math.max(H - H * k, ny));
    draw();
  }
  function zoom(by, x = W / 2, y = H / 2) {
    const next = Math.min(14, Math.max(1, k * by)), ratio = next / k;
    move(x - (x - tx) * ratio, y - (y - ty) * ratio, next);
  }
  function fit() {
    const points = all(`.round[data-round="${round}"] :is(.node, .place)`).map((node) => numbers(node.dataset.p));
    if (!points.length) { return; }
    const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
    const [l, r, t, b] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const next = Math.min(W / (1.3 * (r - l) + 40), H / (1.3 * (b - t) + 40), 12);
    move(W / 2 - (l + r) / 2 * next, H / 2 - (t + b) / 2 * next, next);
  }

  const touches = new Map();
  let pinch = null;
  svg.addEventListener("pointerdown", (event) => {
    touches.set(event.pointerId, place(event.clientX, event.clientY));
    pinch = null;
    if (event.pointerType === "mouse") { svg.setPointerCapture(event.pointerId); svg.classList.add("moving"); }
  });
  svg.addEventListener("pointermove", (event) => {
    if (!touches.has(event.pointerId)) { return; }
    const now = place(event.clientX, event.clientY), before = touches.get(event.pointerId);
    touches.set(event.pointerId, now);
    if (touches.size === 1) {
      if (event.pointerType === "mouse" || k > 1) { move(tx + now[0] - before[0], ty + now[1] - before[1], k); }
    } else if (touches.size === 2) {
      const [a, b] = [...touches.values()], gap = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) { zoom(gap / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2); }
      pinch = gap;
    }
  });
  ["pointerup", "pointercancel", "pointerleave"].forEach((name) => svg.addEventListener(name, (event) => {
    touches.delete(event.pointerId);
    pinch = null;
    svg.classList.remove("moving");
  }));
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !svg.contains(document.activeElement)) { return; }
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...place(event.clientX, event.clientY));
  }, { passive: false });
  svg.addEventListener("keydown", (event) => {
    const step = 60;
    const keys = {
      ArrowLeft: () => move(tx + step, ty, k), ArrowRight: () => move(tx - step, ty, k),
      ArrowUp: () => move(tx, ty + step, k), ArrowDown: () => move(tx, ty - step, k),
      "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: () => move(0, 0, 1),
      Escape: () => hide(),
    };
    if (!event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  function tell(target, x, y) {
    tip.textContent = target.dataset.tip;
    tip.classList.add("on");
    const frame = svg.parentNode.getBoundingClientRect();
    const left = Math.min(Math.max(4, x - frame.left + 14), frame.width - tip.offsetWidth - 4);
    const above = y - frame.top - tip.offsetHeight - 12;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 0 ? above : y - frame.top + 18}px`;
  }
  function hide() { tip.classList.remove("on"); }
  svg.addEventListener("pointerover", (event) => {
    const target = event.target.closest("[data-tip]");
    if (target) { tell(target, event.clientX, event.clientY); } else { hide(); }
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("focusin", (event) => {
    const target = event.target.closest("[data-tip]");
    if (!target) { hide(); return; }
    const box = target.getBoundingClientRect();
    tell(target, box.left + box.width / 2, box.top + box.height / 2);
  });
  svg.addEventListener("focusout", hide);

  // A map whose places fill a corner of the frame, or lie outside what is seen, is fitted.
  function is_lost() {
    const points = all(`.round[data-round="${round}"] :is(.node, .place)`).map((node) => numbers(node.dataset.p));
    if (!points.length) { return false; }
    const xs = points.map((p) => p[0] * k + tx), ys = points.map((p) => p[1] * k + ty);
    const [l, r, t, b] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    return l < 0 || t < 0 || r > W || b > H || Math.max((r - l) / W, (b - t) / H) < 0.4;
  }
  function choose(value) {
    round = value;
    all("[data-round]").forEach((part) => { part.toggleAttribute("hidden", part.dataset.round !== round); });
    const group = document.querySelector(`.round[data-round="${round}"]`);
    all("[data-switch]").forEach((input) => {
      const name = input.dataset.switch;
      input.closest("label").hidden = !["names", "dots"].includes(name) && !group.querySelector(`[data-layer="${name}"]`);
    });
    hide();
    if (is_lost()) { fit(); } else { draw(); }
  }
  const choice = document.getElementById("round");
  choice.addEventListener("change", () => choose(choice.value));
  all("[data-switch]").forEach((input) => input.addEventListener("change", () => {
    all(`[data-layer="${input.dataset.switch}"]`).forEach((part) => part.classList.toggle("off", !input.checked));
    draw();
  }));
  const actions = { in: () => zoom(1.4), out: () => zoom(1 / 1.4), fit, all: () => move(0, 0, 1) };
  all("[data-do]").forEach((button) => button.addEventListener("click", () => actions[button.dataset.do]()));
  // No wider than the window is high: the whole map is seen at once, without bands beside it.
  const bound = () => { svg.parentNode.style.maxWidth = `${0.92 * innerHeight * W / H}px`; };
  window.addEventListener("resize", bound);
  bound();
  new ResizeObserver(draw).observe(svg);
  window.addEventListener("beforeprint", draw);
  choose(choice.value);
  if (svg.clientWidth < 600) { fit(); }
})();
