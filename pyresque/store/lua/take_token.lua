-- Take a lock that holds a token, as redlock does.
--
-- KEYS  1 the lock
-- ARGV  1 the token   2 milliseconds after which the lock expires
-- Returns 1 where it was taken, 0 where it is held
--
-- A key of another type than text is no lock, and is written anew.

if redis.call("TYPE", KEYS[1]).ok == "string" then return 0 end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
