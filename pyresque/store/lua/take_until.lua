-- Take a lock whose value is the time at which it is void.
--
-- KEYS  1 the lock
-- ARGV  1 a lock with this time or a later one is held   2 the time at which the new lock is void
-- Returns 1 where the lock is taken, else 0

local value = redis.pcall("GET", KEYS[1])
local digits = type(value) == "string" and string.match(value, "^%s*([+-]?%d+)")
if digits and tonumber(digits) >= tonumber(ARGV[1]) then return 0 end
redis.call("SET", KEYS[1], ARGV[2])
return 1
