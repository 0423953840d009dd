-- Take several locks, all or none.
--
-- KEYS  the locks
-- ARGV  1 seconds after which they expire
-- Returns 1 where they were taken, 0 where one was held

if redis.call("EXISTS", unpack(KEYS)) > 0 then return 0 end
for _, key in ipairs(KEYS) do
  redis.call("SET", key, "true")
  redis.call("EXPIRE", key, ARGV[1])
end
return 1
