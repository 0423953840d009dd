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
--         or {0} when something has changed and nothing was done. Where KEYS[7] is no list that is the error, and nothing was
--         done; other keys that hold what they should not are done without.

if ARGV[2] ~= "*" then
  local beat = redis.pcall("HGET", KEYS[4], ARGV[1]) or ""
  if beat ~= ARGV[2] then return {0} end
end
local held = redis.pcall("GET", KEYS[1]) or ""
if type(held) == "table" then
  if not string.find(held.err, "WRONGTYPE", 1, true) then return held end
  held = ""  -- no job; it is deleted, as Ruby does without looking
end
if held ~= ARGV[3] then return {0} end
if ARGV[4] ~= "" then
  if type(redis.pcall("LLEN", KEYS[7])) == "table" then
    return redis.error_reply("WRONGTYPE " .. KEYS[7] .. " holds no list")
  end
  redis.call("RPUSH", KEYS[7], ARGV[4])
  if ARGV[5] ~= "" then redis.pcall("SADD", KEYS[8], ARGV[5]) end
  if ARGV[6] then
    if type(redis.pcall("INCR", KEYS[9])) == "table" then redis.pcall("SET", KEYS[9], 1) end
    redis.pcall("EXPIRE", KEYS[9], ARGV[6])
  end
end

local function removed(...)
  local count = redis.pcall(...)
  return type(count) == "number" and count or 0
end

return {
  1,
  removed("SREM", KEYS[3], ARGV[1]),
  redis.call("DEL", KEYS[1]),
  redis.call("DEL", KEYS[2]),
  removed("HDEL", KEYS[4], ARGV[1]),
  redis.call("DEL", KEYS[5]),
  redis.call("DEL", KEYS[6]),
}
