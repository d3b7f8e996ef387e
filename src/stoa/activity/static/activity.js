/* Stoa's activity tracker: tells the server how long this page was really looked at.
 *
 *   <script src="https://stoa.example/activity.js" defer></script>
 *
 * What counts: time in which the page is visible, has the focus and is awake. A hidden page never counts. A page that
 * is visible beside the window one works in does not count either, since one can look at one window at a time; with
 * data-count-unfocused it does. A computer or page that slept counts nothing of its sleep: time is added step by
 * step from the monotonic clock, and a step that took over 3 s counts as one. The date plays no part.
 *
 * When it tells: on visibility, focus, navigation in the page, on leaving, and every 10 s (data-every, in seconds).
 * Each report has a number (seq) within this page load (client), so that one that is sent again counts once, and
 * brings its own amount (visible_ms) and how long it waited (age_ms), so that order and delay do not matter. What could not be sent waits: for the
 * network, and in localStorage for the next page. A session that was silent for longer than the server keeps it
 * (300 s) is over, and its waiting time with it.
 *
 * Login: the Stoa cookie, or data-token="…" (read for every report, so a page may renew it). data-base is where Stoa
 * is, if not beside this file. The place is the URL's path (with a "#/…" route), or what the page says:
 *   stoaActivity.setPath([view, tab])   null gives it back to the URL
 *   stoaActivity.stop()
 */
(() => {
  "use strict";
  if (window.stoaActivity) return;
  const script = document.currentScript || document.querySelector("script[src*='activity.js']");
  const option = script ? script.dataset : {};
  const base = new URL("api/v2/", new URL(option.base || ".", script ? script.src : location.href));
  const every = 1000 * (Number(option.every) || 10);
  const TICK = 500, LONGEST_STEP = 3000, TIMEOUT = 15000, MOST_WAITING = 200, KEY = "stoa-activity";
  const client = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36)).join("");
  const listening = new AbortController();
  const now = () => performance.now();
  const instant = () => performance.timeOrigin + now();

  let seq = 0, queue = [], retryAt = 0, failures = 0;
  let counting = false, frozen = false, stopped = false;
  let counted = 0, steppedAt = now(), reportedAt = 0;
  let chosen = null, path = here();

  function here() {
    const route = /^#!?\//.test(location.hash) ? location.hash : "";
    return chosen || [(location.pathname + route).slice(0, 500)];
  }

  function looking() {
    const focused = "countUnfocused" in option || document.hasFocus();
    return !stopped && !frozen && document.visibilityState === "visible" && focused;
  }

  /* Adds the time since the last step; a step that took too long was a sleep. */
  function step() {
    const passed = now() - steppedAt;
    steppedAt += passed;
    if (counting) counted += passed > LONGEST_STEP ? TICK : passed;
  }

  /* Puts what was counted into the queue, for the place where it was spent. */
  function report(route, visible) {
    const ms = Math.floor(counted);
    counted -= ms;
    reportedAt = now();
    const last = queue[queue.length - 1];
    if (last && !last.tried && last.client === client && last.visible === visible && last.path + "" === path + "") {
      last.visible_ms += ms;
      Object.assign(last, { route, ended: instant() });
    } else {
      queue.push({ route, visible, path, visible_ms: ms, ended: instant(), seq: ++seq, client });
    }
    if (queue.length > MOST_WAITING) queue.shift();
  }

  /* Looks at how things are now, and reports a change. */
  function look() {
    step();
    const before = counting;
    counting = looking();
    if (before && !counting) {
      report("session-hide", true);
      send(true);
    } else if (counting && !before) {
      report("keepalive", true);
      send();
    }
  }

  function tick() {
    look();
    if (now() - reportedAt > every - TICK / 2) report("keepalive", counting);
    if (now() >= retryAt) send();
  }

  function moved() {
    step();
    if (stopped || path + "" === here() + "") return;
    if (counting) report("session-hide", true);
    path = here();
    if (counting) report("keepalive", true);
    send();
  }

  function post(route, body) {
    const headers = { "Content-Type": "application/json" };
    if (option.token) headers.Authorization = "Bearer " + option.token;
    const signal = AbortSignal.timeout ? AbortSignal.timeout(TIMEOUT) : undefined;
    const credentials = option.token ? "omit" : "include";
    return fetch(new URL(route, base), { method: "POST", headers, credentials, keepalive: true, signal, body });
  }

  /* One report after another; all at once when the page may be gone in a moment. */
  function send(all) {
    for (const item of queue) {
      if (!all && queue.some((other) => other.busy)) return;
      if (!item.busy) deliver(item);
    }
  }

  async function deliver(item) {
    item.busy = item.tried = true;
    const { route, visible, path, visible_ms, seq, client } = item;
    const age_ms = Math.max(0, Math.floor(instant() - item.ended));
    const body = JSON.stringify({ visible, path, visible_ms, age_ms, seq, client });
    let done = false;
    try {
      let answer = await post(route, body);
      if (answer.status === 400 && visible && /Session Not Valid/.test(await answer.text())) {
        await post("sessionstart", "{}");
        answer = await post(route, body);
      }
      done = answer.status < 500 && answer.status !== 429 && answer.status !== 408;
    } catch { /* no network: later */ }
    item.busy = false;
    failures = done ? 0 : failures + 1;
    retryAt = done ? 0 : now() + Math.min(30000, 1000 * 2 ** Math.min(failures, 5));
    if (done) {
      queue = queue.filter((other) => other !== item);
      send();
    }
  }

  function leave() {
    step();
    if (counting) report("session-hide", true);
    counting = false;
    send(true);
    try {
      if (queue.length) localStorage.setItem(KEY, JSON.stringify([...saved(), ...queue].slice(-MOST_WAITING)));
    } catch { /* no room, or not allowed */ }
  }

  /* What earlier pages could not send. */
  function saved() {
    try {
      const items = JSON.parse(localStorage.getItem(KEY) || "[]");
      localStorage.removeItem(KEY);
      return items.map((item) => ({ ...item, busy: false, tried: true }));
    } catch {
      return [];
    }
  }

  function on(target, names, run) {
    for (const name of names) target.addEventListener(name, run, { signal: listening.signal, capture: true });
  }

  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      moved();
    };
  }
  on(window, ["popstate", "hashchange"], moved);
  on(window, ["focus", "blur"], look);
  on(document, ["visibilitychange"], look);
  on(document, ["freeze"], () => { frozen = true; look(); });
  on(document, ["resume"], () => { frozen = false; look(); });
  on(window, ["pagehide"], leave);
  on(window, ["pageshow"], () => { frozen = false; moved(); look(); });
  on(window, ["online"], () => { retryAt = 0; send(); });
  const timer = setInterval(tick, TICK);

  window.stoaActivity = {
    setPath(next) {
      chosen = next && [].concat(next).slice(0, 2).map(String);
      moved();
    },
    stop() {
      leave();
      stopped = true;
      clearInterval(timer);
      listening.abort();
    },
  };
  queue = saved();
  look();
})();
