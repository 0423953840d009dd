-- Pop the head of a queue if it is still the payload that the caller could decode; one that it cannot decode stays.
--
-- KEYS  1 queue list
-- ARGV  1 the payload that was seen at the head
-- Returns 1 when it was popped, 0 when another one stands there now

if redis.call("LINDEX", KEYS[1], 0) ~= ARGV[1] then return 0 end
redis.call("LPOP", KEYS[1])
return 1
