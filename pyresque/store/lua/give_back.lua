-- Give back what a job took of limits, none of which grows beyond itself.
--
-- KEYS  counters of what is left of each limit
-- ARGV  the limits
-- Returns how many were given back

local given = 0
for at, key in ipairs(KEYS) do
  local found = redis.pcall("GET", key)
  local left = type(found) == "string" and #found <= 18 and string.find(found, "^%-?%d+$") and tonumber(found)
  if left and left < tonumber(ARGV[at]) then
    redis.call("INCR", key)
    given = given + 1
  end
end
return given
