-- Push a job and set its mark, or do nothing where the mark is set.
--
-- KEYS  1 the mark   2 queues   3 the queue's list
-- ARGV  1 seconds after which the mark expires; "" never   2 name of the queue   3 the payload
-- Returns {whether the queue's name was new, the queue's new length}, or {} where the mark is set

if redis.pcall("GET", KEYS[1]) == "1" then return {} end
local length = redis.call("RPUSH", KEYS[3], ARGV[3])
local new = redis.pcall("SADD", KEYS[2], ARGV[2])
redis.call("SET", KEYS[1], "1")
if ARGV[1] ~= "" then redis.call("EXPIRE", KEYS[1], ARGV[1]) end
return {type(new) == "number" and new or 0, length}
