// What every page does where scripts run. Pages work without it.
import "./overlays.js";
import "./fields.js";
import "./theme.js";

document.documentElement.classList.add("js");
