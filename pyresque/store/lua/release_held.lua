-- Take the scheduler's master lock from a holder by force, if it still holds it: another scheduler may have taken it since.
--
-- KEYS  1 the master lock   2 its owner
-- ARGV  1 host:pid of the holder that is meant
-- Returns 1 where it held the lock, else 0

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("DEL", KEYS[1], KEYS[2])
return 1
