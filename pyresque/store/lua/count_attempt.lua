-- Count an attempt at a job.
--
-- KEYS  1 the counter: the number of the attempt, 0 for the first one
-- ARGV  none
-- Returns the number of this attempt; a counter that is not a whole number, or of another type, begins anew

local value = redis.pcall("GET", KEYS[1])
if type(value) == "string" and string.match(value, "^[+-]?%d+$") then
  local counted = redis.pcall("INCR", KEYS[1])
  if type(counted) == "number" then return counted end
end
redis.call("SET", KEYS[1], "0")
return 0
