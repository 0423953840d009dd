-- Requeue the job of a failed record and mark the record, both or neither.
--
-- KEYS  1 list of failed records   2 queues   3 the queue's list
-- ARGV  1 index   2 the record that was seen there   3 the marked record   4 name of the queue   5 the payload
-- Returns {whether the queue's name was new, the queue's new length}, or {} when another record stands there now

if redis.call("LINDEX", KEYS[1], ARGV[1]) ~= ARGV[2] then return {} end
redis.call("LSET", KEYS[1], ARGV[1], ARGV[3])
local length = redis.pcall("RPUSH", KEYS[3], ARGV[5])
if type(length) == "table" then
  redis.call("LSET", KEYS[1], ARGV[1], ARGV[2])
  return length
end
local new = redis.pcall("SADD", KEYS[2], ARGV[4])
return {type(new) == "number" and new or 0, length}
