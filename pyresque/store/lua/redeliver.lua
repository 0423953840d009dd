-- Finish a job whose process died by redelivering it: to the end of its queue, behind the others.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 the queue's list   5 queues   6 the count of redeliveries
-- ARGV  1 the worker record that is finished   2 the payload   3 the queue's name   4 seconds that KEYS[6] lives
-- Returns 1, or 0 when the worker no longer has that job and nothing was done: another worker pruned this one
--
-- Where KEYS[4] is no list, or DEL or RPUSH is denied, nothing is done. Errors of the other keys are ignored: raising them would
-- leave the job in two places.

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("LLEN", KEYS[4])  -- raises on a key of another type
redis.call("DEL", KEYS[1])
local pushed = redis.pcall("RPUSH", KEYS[4], ARGV[2])
if type(pushed) == "table" then
  redis.call("SET", KEYS[1], ARGV[1])
  return pushed
end
redis.pcall("SADD", KEYS[5], ARGV[3])
if type(redis.pcall("INCR", KEYS[6])) == "table" then redis.pcall("SET", KEYS[6], 1) end
redis.pcall("EXPIRE", KEYS[6], ARGV[4])
redis.pcall("INCR", KEYS[2])
if type(redis.pcall("INCR", KEYS[3])) == "table" then redis.pcall("SET", KEYS[3], 1) end
return 1
