-- Return a reserved job, unperformed, to the head of its queue.
--
-- KEYS  1 worker:<id>   2 the queue's list
-- ARGV  1 the worker record   2 the payload
-- Returns 1, or 0 when the worker no longer has that job and nothing was done
--
-- DEL comes before LPUSH: after a DEL a server whose memory is full allows the LPUSH. Where either is denied nothing is done.

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("LLEN", KEYS[2])  -- raises on a key of another type, before anything is deleted
redis.call("DEL", KEYS[1])
local pushed = redis.pcall("LPUSH", KEYS[2], ARGV[2])
if type(pushed) == "table" then
  redis.call("SET", KEYS[1], ARGV[1])
  return pushed
end
return 1
