-- Take a requeued job out of its queue again and make its record what it was, if the job still waits there. A record that was removed
-- meanwhile comes back at the end of its list: the job is in its queue or in a record, never in neither.
--
-- KEYS  1 the requeued records as they were   2 the failed list   3 the queue's list
-- ARGV  1 the element of the first list that tells of this record   2 the record as it was   3 the record as it is now; "" when it
--       was not found   4 its index   5 the payload
-- Returns 1 undone, 0 the job has left its queue, -1 another process undoes this, -2 the record has left its index: look for it again

if redis.call("LINDEX", KEYS[1], 0) ~= ARGV[1] then return -1 end
redis.call("LLEN", KEYS[3])  -- raises on a key of another type, before anything is written
if ARGV[3] ~= "" and redis.call("LINDEX", KEYS[2], ARGV[4]) ~= ARGV[3] then return -2 end
redis.call("LLEN", KEYS[2])
redis.call("LPOP", KEYS[1])
if redis.call("LREM", KEYS[3], -1, ARGV[5]) == 0 then return 0 end
if ARGV[3] ~= "" then
  redis.call("LSET", KEYS[2], ARGV[4], ARGV[2])
else
  redis.call("RPUSH", KEYS[2], ARGV[2])
end
return 1
