-- Delete a lock that was taken since some moment; its value is the time at which it is void.
--
-- KEYS  1 the lock
-- ARGV  1 a lock with this time or a later one is deleted
-- Returns 1 where it was deleted, else 0

local value = redis.pcall("GET", KEYS[1])
local digits = type(value) == "string" and string.match(value, "^%s*([+-]?%d+)")
if not digits or tonumber(digits) < tonumber(ARGV[1]) then return 0 end
return redis.call("DEL", KEYS[1])
