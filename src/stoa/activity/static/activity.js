/* Stoa's activity tracker: how long was this page looked at?   <script src=".../activity.js" defer></script>
 * Counted: time in which the page is visible, has the focus and is awake. Hidden never counts; visible beside the
 * window one works in does not, except with data-count-unfocused. Time is added in small steps of the monotonic clock;
 * one of over 3 s was a sleep and counts as one.
 * Told: on visibility, focus, navigation, leaving, and every 10 s (data-every). A report has a number (seq) in its page
 * load (client), its own amount (visible_ms) and how long it waited (age_ms), so that it counts once, whenever it comes.
 * What can't be sent waits, in localStorage for the next page. A session silent for 300 s is over, with what waits.
 * Login: the cookie, or data-token (read each time). data-base: where Stoa is, if not here. Place: the URL's path with
 * a "#/" route, or stoaActivity.setPath([view, tab]); null: the URL again. stoaActivity.stop() ends it. */
(() => {
  if (window.stoaActivity) return;
  const script = document.currentScript || document.querySelector("script[src*='activity.js']");
  const option = script.dataset;
  const base = new URL("api/v2/", new URL(option.base || ".", script.src));
  const every = 1000 * (option.every || 10), TICK = 500, SLEEP = 3000, MOST = 200, KEY = "stoa-activity";
  const client = crypto.getRandomValues(new Uint32Array(3)).join("-");
  const end = new AbortController();
  const now = () => performance.timeOrigin + performance.now();

  let seq = 0, queue = [], retryAt = 0, failures = 0;
  let counting = false, frozen = false, counted = 0, steppedAt = now(), reportedAt = 0;
  let chosen = null, path = here();

  function here() {
    const route = /^#!?\//.test(location.hash) ? location.hash : "";
    return chosen || [(location.pathname + route).slice(0, 500)];
  }

  function looking() {
    return !frozen && !document.hidden && ("countUnfocused" in option || document.hasFocus());
  }

  function step() {
    const passed = now() - steppedAt;
    steppedAt += passed;
    if (counting) counted += passed > SLEEP ? TICK : passed;
  }

  /* Queues what was counted; joins a report that was never sent. */
  function report(route, visible) {
    const ms = Math.floor(counted), last = queue[queue.length - 1];
    counted -= ms;
    reportedAt = now();
    if (last && !last.tried && last.visible === visible && last.path + "" === path + "") {
      last.visible_ms += ms;
      last.ended = now();
    } else {
      queue.push({ route, visible, path, visible_ms: ms, ended: now(), seq: ++seq, client });
    }
    queue = queue.slice(-MOST);
  }

  function look() {
    step();
    const before = counting;
    counting = looking();
    if (before === counting) return;
    report(before ? "session-hide" : "keepalive", true);
    send(before);
  }

  function tick() {
    look();
    if (now() - reportedAt > every - TICK / 2) report("keepalive", counting);
    if (now() >= retryAt) send();
  }

  function moved() {
    step();
    if (path + "" === here() + "") return;
    if (counting) report("session-hide", true);
    path = here();
    if (counting) report("keepalive", true);
    send();
  }

  function post(route, body) {
    const headers = { "Content-Type": "application/json" };
    if (option.token) headers.Authorization = "Bearer " + option.token;
    const credentials = option.token ? "omit" : "include", signal = AbortSignal.timeout(15000);
    return fetch(new URL(route, base), { method: "POST", headers, credentials, signal, keepalive: true, body });
  }

  /* One by one; all at once when the page may soon be gone. */
  function send(all) {
    for (const item of queue) {
      if (!all && queue.some((other) => other.busy)) return;
      if (!item.busy) deliver(item);
    }
  }

  async function deliver(item) {
    item.busy = item.tried = true;
    const { route, ended, busy, tried, ...told } = item;
    const body = JSON.stringify({ ...told, age_ms: Math.max(0, Math.floor(now() - ended)) });
    let done = false;
    try {
      let answer = await post(route, body);
      if (answer.status === 400 && item.visible && /Session Not Valid/.test(await answer.text())) {
        await post("sessionstart", "{}");
        answer = await post(route, body);
      }
      done = answer.status < 500 && answer.status !== 429;
    } catch {}
    item.busy = false;
    failures = done ? 0 : failures + 1;
    retryAt = done ? 0 : now() + Math.min(30000, 1000 * 2 ** failures);
    if (!done) return;
    queue = queue.filter((other) => other !== item);
    send();
  }

  function leave() {
    step();
    if (counting) report("session-hide", true);
    counting = false;
    send(true);
    try {
      if (queue.length) localStorage[KEY] = JSON.stringify([...saved(), ...queue].slice(-MOST));
    } catch { /* not allowed */ }
  }

  function saved() {
    try {
      const items = JSON.parse(localStorage[KEY] || "[]");
      delete localStorage[KEY];
      return items.map((item) => ({ ...item, busy: false, tried: true }));
    } catch {
      return [];
    }
  }

  const on = (target, names, run) =>
    names.split(" ").forEach((name) => target.addEventListener(name, run, { signal: end.signal }));

  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      if (!end.signal.aborted) moved();
    };
  }
  on(window, "popstate hashchange", moved);
  on(window, "focus blur", look);
  on(document, "visibilitychange", look);
  on(document, "freeze", () => { frozen = true; look(); });
  on(document, "resume", () => { frozen = false; look(); });
  on(window, "pagehide", leave);
  on(window, "pageshow", () => { frozen = false; moved(); look(); });
  on(window, "online", () => { retryAt = 0; send(); });
  const timer = setInterval(tick, TICK);

  window.stoaActivity = {
    setPath(next) {
      chosen = next && [].concat(next).slice(0, 2).map(String);
      moved();
    },
    stop() {
      leave();
      clearInterval(timer);
      end.abort();
    },
  };
  queue = saved();
  look();
})();
