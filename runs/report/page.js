"use strict";
(() => {
  // Of plotly's buttons only those that stay on the page: one of its own shares charts on a server.
  const buttons = ["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"];
  const config = { responsive: true, displaylogo: false, modeBarButtons: [buttons], plotlyServerURL: "" };
  const plots = [];
  const draw = (source) => {
    const place = document.getElementById(source.dataset.for);
    const spec = JSON.parse(source.textContent);
    if (place.clientWidth < 560) {  // names of baselines would lie over each other; a pointer still tells them
      spec.data.filter((trace) => trace.name === "baselines").forEach((trace) => { trace.mode = trace.mode.replace("+text", ""); });
    }
    Plotly.newPlot(place, spec.data, spec.layout, config);
    plots.push(place);
  };
  document.querySelectorAll("script[data-for]").forEach(draw);

  // Paper is narrower than most screens, and has no pointer.
  const widen = (paper) => plots.forEach((place) => {
    const width = Math.min(place.clientWidth || 660, paper ? 660 : Infinity);
    Plotly.relayout(place, paper ? { width, autosize: false } : { width: null, autosize: true });
  });
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
    widen(true);
  });
  window.addEventListener("afterprint", () => widen(false));

  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (head) => {
    const table = head.closest("table");
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => (a === "" || b === "" ? compare(a, b) : down ? compare(b, a) : compare(a, b)));
    rows.forEach(([, row]) => table.tBodies[0].append(row));
  };
  document.querySelectorAll("th button").forEach((button) => {
    button.addEventListener("click", () => sort(button.closest("th")));
  });

  const seconds = Number(document.body.dataset.reload);
  if (seconds > 0) setTimeout(() => location.reload(), 1000 * seconds);
})();
