-- Replaces the routing table, if nobody has changed it meanwhile, and notes the change in the log.
--
-- KEYS  1 migrate:routes   2 migrate:routes:log
-- ARGV  1 the table that the change began with; "" for none   2 the new table   3 the entry of the log
--       4 how many entries the log keeps
-- Returns 1, or 0 if the table is another one by now; then nothing is changed.

local found = redis.call("GET", KEYS[1]) or ""
if found ~= ARGV[1] then return 0 end
redis.call("LPUSH", KEYS[2], ARGV[3])
redis.call("LTRIM", KEYS[2], 0, tonumber(ARGV[4]) - 1)
redis.call("SET", KEYS[1], ARGV[2])
return 1
