-- Requeue the job of a failed record and mark the record, both or neither.
--
-- KEYS  1 list of failed records   2 queues   3 the queue's list   4 the job's own mark, where it has one
-- ARGV  1 index   2 the record that was seen there   3 the marked record   4 name of the queue   5 the payload
--       6 seconds after which the job's own mark expires; "" never
-- Returns {whether the queue's name was new, the queue's new length}, or {} when another record stands there now.
--         Where the job's own mark is set, an equal job is queued: the record is marked, and nothing is pushed

if redis.call("LINDEX", KEYS[1], ARGV[1]) ~= ARGV[2] then return {} end
redis.call("LSET", KEYS[1], ARGV[1], ARGV[3])
if KEYS[4] and redis.pcall("GET", KEYS[4]) == "1" then return {0, redis.call("LLEN", KEYS[3])} end
local length = redis.pcall("RPUSH", KEYS[3], ARGV[5])
if type(length) == "table" then
  redis.call("LSET", KEYS[1], ARGV[1], ARGV[2])
  return length
end
if KEYS[4] then
  redis.call("SET", KEYS[4], "1")
  if ARGV[6] ~= "" then redis.call("EXPIRE", KEYS[4], ARGV[6]) end
end
local new = redis.pcall("SADD", KEYS[2], ARGV[4])
return {type(new) == "number" and new or 0, length}
