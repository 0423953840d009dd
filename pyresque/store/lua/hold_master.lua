-- Take the scheduler's master lock, or renew it; Ruby's two scripts (acquire, locked) in one.
--
-- KEYS  1 the master lock   2 its owner, a key that Ruby does not read
-- ARGV  1 host:pid   2 this process's token   3 seconds of the lock   4 seconds of the owner
-- Returns 1 where this process is the master now, else 0
--
-- Ruby compares host:pid alone. Two containers may have the same, so between two schedulers of pyresque the owner decides. Its key
-- expires sooner than the lock: a process that restarts under the name of a dead one need not wait for the lock's whole time.

local holder = redis.call("GET", KEYS[1])
if holder == ARGV[1] then
  local owner = redis.call("GET", KEYS[2])
  if owner and owner ~= ARGV[2] then return 0 end
elseif holder then
  return 0
end
redis.call("SET", KEYS[1], ARGV[1], "EX", ARGV[3])
redis.call("SET", KEYS[2], ARGV[2], "EX", ARGV[4])
return 1
