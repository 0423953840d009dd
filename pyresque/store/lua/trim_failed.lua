-- Remove the oldest records of a failed list, those before the newest ones. Records are appended at the tail, by Ruby too, so that
-- what is appended meanwhile is never removed.
--
-- KEYS  1 the list of failed records
-- ARGV  1 how many of the newest are kept   2 how many are removed at most
-- Returns how many were removed.
local excess = math.min(redis.call("LLEN", KEYS[1]) - tonumber(ARGV[1]), tonumber(ARGV[2]))
if excess <= 0 then return 0 end
redis.call("LTRIM", KEYS[1], excess, -1)
return excess
