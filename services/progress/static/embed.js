// Inside a widget's frame: tells the page around it how tall the widget is.
// The content policy has let only permitted origins show this frame; the word goes to that one.

if (parent !== window && document.referrer) {
  const around = new URL(document.referrer).origin;
  const measure = () => Math.ceil(document.getElementById("main").getBoundingClientRect().height);
  const tell = () => parent.postMessage({ type: "milepost:height", height: measure() }, around);
  new ResizeObserver(tell).observe(document.getElementById("main"));
  tell();
}
