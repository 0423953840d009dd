-- Finish a job whose process died by putting it back into its queue, at the end: others go first.
--
-- KEYS  1 worker:<id>   2 stat:processed   3 stat:processed:<id>   4 the queue's list   5 queues   6 how often it went back
-- ARGV  1 the worker record that is finished   2 the payload   3 the queue's name   4 seconds that KEYS[6] lives
-- Returns 1, or 0 when the worker no longer has that job and nothing was done: whoever pruned it has dealt with it

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
-- The push comes first: on a key of a wrong type it ends the script, and nothing is done. What others hold that they should not
-- is done without, else the job would go back twice.
redis.call("RPUSH", KEYS[4], ARGV[2])
redis.pcall("SADD", KEYS[5], ARGV[3])
if type(redis.pcall("INCR", KEYS[6])) == "table" then redis.pcall("SET", KEYS[6], 1) end
redis.pcall("EXPIRE", KEYS[6], ARGV[4])
redis.call("DEL", KEYS[1])
redis.pcall("INCR", KEYS[2])
if type(redis.pcall("INCR", KEYS[3])) == "table" then redis.pcall("SET", KEYS[3], 1) end
return 1
