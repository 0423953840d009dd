// The connection and the job classes that both node peers know; they report to the same lists as the Ruby peers.
"use strict";

const Redis = require("ioredis");

const url = new URL(process.env.REDIS_URL);
const connection = {
  pkg: "ioredis",
  host: url.hostname,
  port: Number(url.port),
  database: Number(url.pathname.slice(1) || 0),
  namespace: process.env.RESQUE_NAMESPACE || "resque",
};

const reports = new Redis(process.env.REDIS_URL);

const jobs = {
  // Writes its arguments down as it got them.
  EchoJob: async (...args) => {
    await reports.rpush("live:echo", JSON.stringify(args));
  },
  // Fails with its arguments in the message.
  BoomJob: async (...args) => {
    throw new TypeError(`boom ${JSON.stringify(args)}`);
  },
};

// Ten classes that both sides know: each notes its side, its class and its arguments.
for (const letter of "ABCDEFGHIJ") {
  const name = `Shared::Job${letter}`;
  jobs[name] = async (...args) => {
    await reports.rpush("live:shared", JSON.stringify(["node", name, ...args]));
  };
}

module.exports = { connection, jobs, reports };
