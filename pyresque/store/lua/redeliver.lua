-- Finish a job whose process died by putting it back into its queue, at the end: others go first.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 the queue's list   5 queues   6 how often it went back
-- ARGV  1 the worker record that is finished   2 the payload   3 the queue's name   4 seconds that KEYS[6] lives
-- Returns 1, or 0 when the worker no longer has that job and nothing was done: whoever pruned it has dealt with it

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("RPUSH", KEYS[4], ARGV[2])
redis.call("SADD", KEYS[5], ARGV[3])
redis.call("INCR", KEYS[6])
redis.call("EXPIRE", KEYS[6], ARGV[4])
redis.call("DEL", KEYS[1])
redis.call("INCR", KEYS[2])
redis.call("INCR", KEYS[3])
return 1
