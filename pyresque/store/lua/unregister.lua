-- Unregister a worker once, however many prune at the same time: only while its heartbeat and its job are still as they were seen.
--
-- KEYS  1 worker:<id>   2 worker:<id>:started   3 workers   4 workers:heartbeat   5 stat:processed:<id>
--       6 stat:failed:<id>   7 worker:<id>:note   8 worker:<id>:quit   9 list of failed records   10 failed_queues
--       or, where its job is redelivered: 9 the queue's list   10 queues   11 the count of redeliveries
--       last, where its job has plugins: lost_jobs
-- ARGV  1 worker id
--       2 the heartbeat that was seen; "" for none, "*" for any
--       3 the worker record that was seen; "" for none
--       4 the failed record of its job to append to KEYS[9], or the job's payload; "" for none
--       5 the name to add to KEYS[10]; "" for none
--       6 seconds that KEYS[11] lives, which is increased; "" for a failed record
--       7 the field of lost_jobs that gets the worker record; missing for a job without plugins
-- Returns {1, and what each deletion removed in the order workers, worker, started, heartbeat, processed, failed},
--         or {0} when the heartbeat or the job has changed, and nothing was done. Where KEYS[9] is no list, or DEL or RPUSH is
--         denied, the script returns that error, and nothing was done. Other keys of a wrong type are skipped.
--
-- DEL of worker:<id> comes before RPUSH: a user without DEL would append the same record at each pruning. By the DEL the script
-- also has written, and a server whose memory is full allows it the RPUSH.

if ARGV[2] ~= "*" then
  local heartbeat = redis.pcall("HGET", KEYS[4], ARGV[1]) or ""
  if heartbeat ~= ARGV[2] then return {0} end
end
local record = redis.pcall("GET", KEYS[1]) or ""
if type(record) == "table" then
  if not string.find(record.err, "WRONGTYPE", 1, true) then return record end
  record = ""  -- no job; the key is deleted, as Ruby does without looking
end
if record ~= ARGV[3] then return {0} end
if ARGV[4] ~= "" and type(redis.pcall("LLEN", KEYS[9])) == "table" then
  return redis.error_reply("WRONGTYPE " .. KEYS[9] .. " holds no list")
end

local deleted = redis.pcall("DEL", KEYS[1])
if type(deleted) == "table" then return deleted end
if ARGV[4] ~= "" then
  local pushed = redis.pcall("RPUSH", KEYS[9], ARGV[4])
  if type(pushed) == "table" then
    if record ~= "" then redis.call("SET", KEYS[1], record) end
    return pushed
  end
  if ARGV[5] ~= "" then redis.pcall("SADD", KEYS[10], ARGV[5]) end
  if (ARGV[6] or "") ~= "" then
    if type(redis.pcall("INCR", KEYS[11])) == "table" then redis.pcall("SET", KEYS[11], 1) end
    redis.pcall("EXPIRE", KEYS[11], ARGV[6])
  end
end

if ARGV[7] then redis.pcall("HSET", KEYS[#KEYS], ARGV[7], record) end

local function removed(...)
  local count = redis.pcall(...)
  return type(count) == "number" and count or 0
end

redis.call("DEL", KEYS[7], KEYS[8])

return {
  1,
  removed("SREM", KEYS[3], ARGV[1]),
  deleted,
  redis.call("DEL", KEYS[2]),
  removed("HDEL", KEYS[4], ARGV[1]),
  redis.call("DEL", KEYS[5]),
  redis.call("DEL", KEYS[6]),
}
