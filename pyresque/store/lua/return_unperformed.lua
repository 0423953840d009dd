-- Give a reserved job back to the head of its queue, unperformed.
--
-- KEYS  1 worker:<id>   2 the queue's list
-- ARGV  1 the worker record   2 the payload
-- Returns 1, or 0 when the worker no longer has that job and nothing was done

if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("LLEN", KEYS[2])  -- on a key of a wrong type it ends the script, before anything is deleted
redis.call("DEL", KEYS[1])
redis.call("LPUSH", KEYS[2], ARGV[2])
return 1
