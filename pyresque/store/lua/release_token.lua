-- Release a lock, if it holds this token.
--
-- KEYS  1 the lock
-- ARGV  1 the token
-- Returns 1 where it was released, else 0

if redis.pcall("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
