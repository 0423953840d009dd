-- Release a lock, if it was taken so long ago.
--
-- KEYS  1 the lock
-- ARGV  1 milliseconds that a new lock lasts   2 milliseconds since the moment before which it must have been taken
-- Returns 1 where it was released, else 0

local left = redis.call("PTTL", KEYS[1])
if left < 0 or ARGV[1] - left < tonumber(ARGV[2]) then return 0 end
return redis.call("DEL", KEYS[1])
