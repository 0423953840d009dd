-- Put the job of a failed record back into its queue and mark the record, both or neither.
--
-- KEYS  1 list of failed records   2 queues   3 the queue's list
-- ARGV  1 index   2 the record that was seen there   3 the record to put there   4 name of the queue   5 the payload
-- Returns {whether the queue's name was new, the queue's new length}, or {} when another record stands there now

if redis.call("LINDEX", KEYS[1], ARGV[1]) ~= ARGV[2] then return {} end
-- The push comes first: on a key of a wrong type it ends the script, and nothing is marked.
local length = redis.call("RPUSH", KEYS[3], ARGV[5])
local new = redis.pcall("SADD", KEYS[2], ARGV[4])
redis.call("LSET", KEYS[1], ARGV[1], ARGV[3])
return {type(new) == "number" and new or 0, length}
