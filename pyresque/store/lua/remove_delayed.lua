-- Remove every copy of delayed jobs from the lists named, and from the sets of their timestamps.
--
-- KEYS  1 delayed_queue_schedule   then for each job: delayed:<timestamp>, timestamps:<payload>
-- ARGV  1 "1" removes a timestamp that has no jobs left   then for each job: its timestamp, its payload
-- Returns how many were removed; a key that is no list is skipped

local removed = 0
for number = 1, (#ARGV - 1) / 2 do
  local list, set = KEYS[2 * number], KEYS[2 * number + 1]
  local timestamp, payload = ARGV[2 * number], ARGV[2 * number + 1]
  local count = redis.pcall("LREM", list, 0, payload)
  if type(count) == "number" then
    removed = removed + count
    redis.pcall("SREM", set, "delayed:" .. timestamp)
    if ARGV[1] == "1" and redis.call("LLEN", list) == 0 then redis.pcall("ZREM", KEYS[1], timestamp) end
  elseif not string.find(count.err, "WRONGTYPE", 1, true) then
    return count
  end
end
return removed
