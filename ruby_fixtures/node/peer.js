// A real node-resque queue that does as it is told: one JSON command a line on stdin, one JSON answer a line on stdout.
//
//   {"op": "enqueue", "queue": "echo", "class": "EchoJob", "args": [1]}   ->   {"ok": true}
//
// Leaves when its stdin ends. Times are milliseconds, as node-resque takes them.
"use strict";

const readline = require("readline");
const { Queue } = require("node-resque");
const { connection, jobs, reports } = require("./jobs");

const queue = new Queue({ connection }, jobs);

const ops = {
  versions: () => ({
    node: process.versions.node,
    "node-resque": require("node-resque/package.json").version,
  }),
  enqueue: (c) => queue.enqueue(c.queue, c.class, c.args),
  enqueue_at: (c) => queue.enqueueAt(c.at, c.queue, c.class, c.args),
  enqueue_in: (c) => queue.enqueueIn(c.in, c.queue, c.class, c.args),
  queues: () => queue.queues(),
  size: (c) => queue.length(c.queue),
  queued: (c) => queue.queued(c.queue, 0, -1),
  del: (c) => queue.del(c.queue, c.class, c.args),
  del_delayed: (c) => queue.delDelayed(c.queue, c.class, c.args),
  scheduled_at: (c) => queue.scheduledAt(c.queue, c.class, c.args),
  all_delayed: () => queue.allDelayed(),
  workers: () => queue.workers(),
  all_working_on: () => queue.allWorkingOn(),
  failed_count: () => queue.failedCount(),
  failed: () => queue.failed(0, -1),
  retry_first_failed: async () => queue.retryAndRemoveFailed((await queue.failed(0, 0))[0]),
  remove_first_failed: async () => queue.removeFailed((await queue.failed(0, 0))[0]),
  stats: () => queue.stats(),
};

async function answer(command) {
  try {
    if (!Object.hasOwn(ops, command.op)) throw new TypeError(`no such op: ${command.op}`);
    const value = await ops[command.op](command);
    return { ok: value === undefined ? null : value };
  } catch (error) {
    return { error: error.name, message: error.message };
  }
}

async function serve() {
  await queue.connect();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
  }
  await queue.end();
  reports.disconnect();
}

serve();
