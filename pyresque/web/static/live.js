// Numbers change in place, ages go on, and a search looks further by itself. Without this file all pages work.
"use strict";
(() => {
  const base = document.body.dataset.base || "";
  const format = (value) => (value === null ? "–" : String(value).replace(/\B(?=(\d{3})+$)/g, ","));

  function show(numbers) {
    for (const one of document.querySelectorAll("[data-live]")) {
      const name = one.dataset.live;
      if (!(name in numbers)) continue;
      const text = format(numbers[name]);
      if (one.textContent === text) continue;
      one.textContent = text;
      one.classList.remove("changed");
      void one.offsetWidth;
      one.classList.add("changed");
    }
    for (const one of document.querySelectorAll("[data-watch]")) {
      const now = numbers[one.dataset.watch];
      if (now === undefined) continue;
      one.hidden = String(now) === one.dataset.seen;
      if (one.hidden || one.dataset.told === String(now)) continue;
      one.dataset.told = String(now);
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = "Show them";
      one.replaceChildren(`Now ${format(now)} ${one.dataset.noun}. `, link);
    }
  }

  // -- live numbers: events of the server; polling where they do not come through

  const state = document.getElementById("live-state");
  const button = document.getElementById("live-pause");
  const said = state.querySelector("span");
  let source = null, timer = null, failures = 0, paused = false;

  function ask() {
    fetch(`${base}/live.json`, { headers: { accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
      .then((numbers) => { said.textContent = ""; show(numbers); })
      .catch(() => { said.textContent = "The dashboard does not answer."; });
  }

  function poll() {
    clearInterval(timer);
    timer = setInterval(ask, 5000);
    ask();
  }

  function listen() {
    if (!window.EventSource) return poll();
    source = new EventSource(`${base}/live`);
    source.onmessage = (event) => {
      failures = 0;
      said.textContent = "";
      show(JSON.parse(event.data));
    };
    source.addEventListener("away", () => { said.textContent = "Redis does not answer."; });
    source.onerror = () => {
      failures += 1;
      if (failures < 3 && source.readyState !== EventSource.CLOSED) return;
      source.close();
      poll();
    };
  }

  function stop() {
    clearInterval(timer);
    if (source) source.close();
    source = timer = null;
  }

  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on with live numbers" : "Pause live numbers";
    if (paused) stop(); else listen();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop(); else if (!paused && !source) listen();
  });
  window.addEventListener("pagehide", stop);
  state.hidden = false;
  if (!document.hidden) listen();

  // -- ages

  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  setInterval(() => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const ago = time.nextElementSibling;
      if (!ago || !ago.classList.contains("ago")) continue;
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      const unit = units.find(([, length]) => Math.abs(seconds) >= length);
      if (!unit) { ago.textContent = "now"; continue; }
      const number = `${Math.floor(Math.abs(seconds) / unit[1])} ${unit[0]}`;
      ago.textContent = seconds > 0 ? `${number} ago` : `in ${number}`;
    }
  }, 10000);

  // -- a search looks further by itself, until it has a page full

  const MOST = 100;
  async function lookFurther() {
    for (;;) {
      const looked = document.getElementById("looked");
      const more = looked && looked.querySelector("a[data-more]");
      const rows = document.getElementById("rows");
      if (!more || !rows || rows.querySelectorAll(":scope > :not(.none)").length >= MOST) return;
      const answer = await fetch(more.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelectorAll("#rows > :not(.none)");
      if (found.length) rows.querySelectorAll(":scope > .none").forEach((one) => one.remove());
      rows.append(...found);
      const next = page.getElementById("looked");
      if (!next) return;
      looked.replaceWith(next);
    }
  }
  lookFurther();
})();
