-- Take a worker out of the books, once, whoever asks: only while its heartbeat and its job are still as they were seen.
--
-- KEYS  1 worker:<id>   2 worker:<id>:started   3 workers   4 workers:heartbeat   5 stat:processed:<id>
--       6 stat:failed:<id>   7 list of failed records   8 failed_queues
--       or, where its job goes back into its queue: 7 the queue's list   8 queues   9 how often the job went back
-- ARGV  1 worker id
--       2 the heartbeat that was seen; "" for none, "*" for any
--       3 the worker record that was seen; "" for none
--       4 the failed record of its job to append to KEYS[7], or the job's payload; "" for none
--       5 the name to remember in KEYS[8]; "" for none
--       6 seconds that KEYS[9] lives, which is counted up; missing for a failed record
-- Returns {1, and what each deletion removed in the order workers, worker, started, heartbeat, processed, failed},
--         or {0} when something has changed and nothing was done

local beat = redis.call("HGET", KEYS[4], ARGV[1]) or ""
if ARGV[2] ~= "*" and beat ~= ARGV[2] then return {0} end
if (redis.call("GET", KEYS[1]) or "") ~= ARGV[3] then return {0} end
if ARGV[4] ~= "" then
  redis.call("RPUSH", KEYS[7], ARGV[4])
  if ARGV[5] ~= "" then redis.call("SADD", KEYS[8], ARGV[5]) end
  if ARGV[6] then
    redis.call("INCR", KEYS[9])
    redis.call("EXPIRE", KEYS[9], ARGV[6])
  end
end
return {
  1,
  redis.call("SREM", KEYS[3], ARGV[1]),
  redis.call("DEL", KEYS[1]),
  redis.call("DEL", KEYS[2]),
  redis.call("HDEL", KEYS[4], ARGV[1]),
  redis.call("DEL", KEYS[5]),
  redis.call("DEL", KEYS[6]),
}
