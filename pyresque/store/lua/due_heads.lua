-- Look at the first jobs that are due, in the order of their timestamps, without taking them.
--
-- KEYS  1 delayed_queue_schedule
-- ARGV  1 the latest timestamp that is due; "+inf" for all   2 how many jobs at most   3 what the name of each list begins with
-- Returns {{timestamp, {payload...}}..., {timestamps whose key is no list}}; an empty list has lost its jobs, and counts as one
--
-- The lists are found by what the sorted set holds, so they cannot be given in KEYS; they bear the same namespace.

local found, stuck = {}, {}
local left, seen = tonumber(ARGV[2]), 0
while left > 0 do
  local page = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", ARGV[1], "LIMIT", seen, left)
  if #page == 0 then break end
  for _, timestamp in ipairs(page) do
    if left < 1 then break end
    local payloads = redis.pcall("LRANGE", ARGV[3] .. timestamp, 0, left - 1)
    if payloads.err then
      if not string.find(payloads.err, "WRONGTYPE", 1, true) then return payloads end
      stuck[#stuck + 1] = timestamp
    else
      found[#found + 1] = {timestamp, payloads}
      left = left - math.max(#payloads, 1)
    end
  end
  seen = seen + #page
end
found[#found + 1] = stuck
return found
