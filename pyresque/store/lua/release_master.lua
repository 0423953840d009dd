-- Release the scheduler's master lock, if this process holds it.
--
-- KEYS  1 the master lock   2 its owner
-- ARGV  1 host:pid   2 this process's token
-- Returns 1 where this process held it, else 0

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
local owner = redis.call("GET", KEYS[2])
if owner and owner ~= ARGV[2] then return 0 end
redis.call("DEL", KEYS[1], KEYS[2])
return 1
