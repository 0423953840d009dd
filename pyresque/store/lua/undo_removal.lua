-- Put removed records back at the end of their failed list. One atomic step: each is put back once, whoever else does so.
--
-- KEYS  1 the removed records   2 the failed list
-- ARGV  1 how many at most
-- Returns how many were put back; 0 when none are left

local found = redis.call("LRANGE", KEYS[1], 0, ARGV[1] - 1)
if #found == 0 then return 0 end
redis.call("RPUSH", KEYS[2], unpack(found))
redis.call("LTRIM", KEYS[1], #found, -1)
return #found
