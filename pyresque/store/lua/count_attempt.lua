-- Count an attempt at a job.
--
-- KEYS  1 the counter: the number of the attempt, 0 for the first one
-- ARGV  none
-- Returns the number of this attempt; a counter that is not a whole number, or of another type, begins anew

local value = redis.pcall("GET", KEYS[1])
if type(value) == "table" and not string.find(value.err, "WRONGTYPE", 1, true) then return value end
if type(value) == "string" and string.match(value, "^[+-]?%d+$") then
  local counted = redis.pcall("INCR", KEYS[1])
  if type(counted) == "number" then return counted end
  -- This user may not run INCR: a job must not be tried for ever for that.
  if #value <= 15 then
    redis.call("SET", KEYS[1], string.format("%.0f", value + 1), "KEEPTTL")
    return value + 1
  end
end
redis.call("SET", KEYS[1], "0")
return 0
