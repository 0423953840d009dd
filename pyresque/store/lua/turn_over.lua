-- Put a reserved job, unperformed, behind its queue, and then the next ones, so that another job is at the head.
--
-- KEYS  1 worker:<id>   2 the queue's list
-- ARGV  1 the worker record   2 the payload   3 how many more jobs follow it
-- Returns 1, or 0 where the worker no longer has that job and nothing was done
--
-- DEL comes before RPUSH: after a DEL a server whose memory is full allows the RPUSH. Where either is denied nothing is done.

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("LLEN", KEYS[2])  -- raises on a key of another type, before anything is deleted
redis.call("DEL", KEYS[1])
local pushed = redis.pcall("RPUSH", KEYS[2], ARGV[2])
if type(pushed) == "table" then
  redis.call("SET", KEYS[1], ARGV[1])
  return pushed
end
for _ = 1, math.min(ARGV[3], pushed - 1) do
  redis.call("RPUSH", KEYS[2], redis.call("LPOP", KEYS[2]))
end
return 1
