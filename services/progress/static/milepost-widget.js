// Shows a partner's Success Plan in a page of another origin, in a sandboxed frame:
//   <script src="https://PORTAL/static/milepost-widget.js" data-token="…" data-view="plan" async></script>
// data-view: plan, or quarters; data-plan: the id of another plan than the current one.
(() => {
  const script = document.currentScript;
  const home = new URL(script.src).origin;
  const view = script.dataset.view === "quarters" ? "quarters" : "plan";
  const query = new URLSearchParams({ token: script.dataset.token ?? "" });
  if (script.dataset.plan) query.set("plan", script.dataset.plan);

  const frame = document.createElement("iframe");
  frame.title = script.dataset.title ?? "Success Plan";
  // Its own origin is not this page's, so that it stays shut out of this page; no forms, popups or
  // navigation of the page around it.
  frame.setAttribute("sandbox", "allow-scripts allow-same-origin");
  frame.referrerPolicy = "origin";
  frame.width = "100%";
  frame.height = "320";
  frame.style.border = "0";
  frame.style.display = "block";

  addEventListener("message", (event) => {
    if (event.origin !== home || event.source !== frame.contentWindow) return;
    const { type, height } = event.data ?? {};
    if (type === "milepost:height" && Number.isFinite(height)) frame.height = String(Math.min(Math.max(height, 80), 20000));
  });
  frame.src = `${home}/embed/${view}?${query}`;
  script.after(frame);
})();
