(() => {
  const PRINT_WIDTH = 690; // A4 less its margins, in pixels of 1/96 inch
  const charts = [...document.querySelectorAll("[data-chart]")];

  function draw(node) {
    const { data, layout } = JSON.parse(document.getElementById(`data-${node.dataset.chart}`).textContent);
    if (window.innerWidth <= 600) {
      // A finger that scrolls the page must not zoom a chart.
      layout.dragmode = false;
      layout.font.size = 11;
      layout.margin = { ...layout.margin, l: 46, r: 6 };
      layout.xaxis.nticks = 5;
    }
    Plotly.newPlot(node, data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }

  charts.forEach(draw);
  window.addEventListener("beforeprint", () => {
    charts.forEach((node) => Plotly.relayout(node, { width: PRINT_WIDTH }));
    document.querySelectorAll("details").forEach((node) => node.setAttribute("open", ""));
  });
  window.addEventListener("afterprint", () => {
    charts.forEach((node) => Plotly.relayout(node, { width: null, autosize: true }));
  });
})();
