// A real node-resque worker on the queues of QUEUE (a comma list), asking every INTERVAL seconds; says its name on stdout.
"use strict";

const { Worker } = require("node-resque");
const { connection, jobs, reports } = require("./jobs");

const queues = (process.env.QUEUE || "*").split(",");
const timeout = 1000 * Number(process.env.INTERVAL || 5);
const worker = new Worker({ connection, queues, timeout }, jobs);
worker.on("error", (error) => console.error(error));

async function leave() {
  await worker.end();
  reports.disconnect();
}

async function work() {
  await worker.connect();
  await worker.start();
  console.log(`${worker.name}:${worker.stringQueues()}`);
}

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"]) process.once(signal, leave);
work();
