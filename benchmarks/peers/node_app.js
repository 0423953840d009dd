// node-resque's side: the verbs of pushing.py, and "work"; NODE_PATH says where node-resque is.
"use strict";

const fs = require("fs");
const { setTimeout: sleep } = require("timers/promises");
const { Queue, Worker } = require("node-resque");

const url = new URL(process.env.BENCH_URL);
const connection = {
  pkg: "ioredis",
  host: url.hostname,
  port: Number(url.port),
  database: 0,
  namespace: "resque",
};

const time = () => (performance.timeOrigin + performance.now()) / 1000;
const stamp = (path) => fs.appendFileSync(path, `${time()} ${process.pid} ${process.ppid}\n`);
const jobs = {
  noop: async () => {},
  spin: async (milliseconds) => {
    const start = process.cpuUsage();
    for (;;) {
      const used = process.cpuUsage(start);
      if (used.user + used.system >= milliseconds * 1000) return;
    }
  },
  nap: async (seconds, path) => {
    await sleep(1000 * seconds);
    stamp(path);
  },
  stamp: async (path) => stamp(path),
};

async function bulk(queue, job, rows) {
  // ioredis writes the commands of one turn of the loop together: this is as fast as it gets.
  for (let start = 0; start < rows.length; start += 1000) {
    await Promise.all(rows.slice(start, start + 1000).map((args) => queue.enqueue("bench", job, args)));
  }
}

async function work() {
  const worker = new Worker({ connection, queues: ["bench"], timeout: 100 }, jobs);
  worker.on("error", (error) => console.error(error));
  await worker.connect();
  await worker.start();
}

async function push(verb, rest) {
  const queue = new Queue({ connection }, jobs);
  await queue.connect();
  if (verb === "fill") {
    for (const [job, args, many] of JSON.parse(fs.readFileSync(0, "utf8"))) {
      await bulk(queue, job, Array(many).fill(args));
    }
  } else if (verb === "push") {
    for (let number = 0; number < Number(rest[0]); number += 1) {
      await sleep(30 + 100 * Math.random());
      console.log(time());
      await queue.enqueue("bench", "stamp", [rest[1]]);
    }
  } else {
    const many = Number(rest[0]);
    await queue.enqueue("bench", "noop", [0, "x"]);
    const rows = Array.from({ length: many }, (_, number) => [number, "x"]);
    const start = performance.now();
    if (verb === "bulk") await bulk(queue, "noop", rows);
    else for (const args of rows) await queue.enqueue("bench", "noop", args);
    console.log((performance.now() - start) / 1000);
  }
  await queue.end();
}

const [verb, ...rest] = process.argv.slice(2);
(verb === "work" ? work() : push(verb, rest)).catch((error) => {
  console.error(error);
  process.exit(1);
});
